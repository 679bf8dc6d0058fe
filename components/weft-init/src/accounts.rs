//! `/etc/passwd` and `/etc/group`: which number a name stands for. See `passwd(5)` and `group(5)`.

/// One user of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// One group of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

/// The accounts of the device. Lines that do not parse are left out: a broken account must not stop the boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

impl Accounts {
    pub fn parse(passwd: &str, group: &str) -> Self {
        Self {
            users: passwd.lines().filter_map(parse_user).collect(),
            groups: group.lines().filter_map(parse_group).collect(),
        }
    }

    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub fn gid(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|group| group.name == name).map(|group| group.gid)
    }

    /// Supplementary groups of a user: every group that lists it as a member.
    pub fn groups_of(&self, user: &str) -> Vec<u32> {
        let lists_user = |group: &&Group| group.members.iter().any(|member| member == user);
        self.groups.iter().filter(lists_user).map(|group| group.gid).collect()
    }

    /// Whether a process of this uid and primary gid belongs to the group of that name.
    pub fn belongs(&self, uid: u32, gid: u32, group: &str) -> bool {
        let Some(wanted) = self.gid(group) else {
            return false;
        };
        let member = |user: &User| user.uid == uid && self.groups_of(&user.name).contains(&wanted);
        gid == wanted || self.users.iter().any(member)
    }
}

fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1)?.to_owned();
    Some(User { name, uid, gid, home })
}

fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next().unwrap_or_default();
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name, gid, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = include_str!("../../../rootfs-overlay/etc/passwd");
    const GROUP: &str = include_str!("../../../rootfs-overlay/etc/group");

    #[test]
    fn knows_the_accounts_of_the_image() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        let appd = accounts.user("weft-appd").unwrap();
        assert_eq!((appd.uid, appd.home.as_str()), (102, "/state/appd"));
        assert_eq!(accounts.gid("weft-display"), Some(110));
        assert_eq!(accounts.groups_of("weft-shell"), [110, 111]);
        assert_eq!(accounts.user("nobody-knows"), None);
    }

    #[test]
    fn membership_counts_primary_and_supplementary_groups() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        assert!(accounts.belongs(102, 102, "weft-control"), "supplementary");
        assert!(accounts.belongs(9999, 111, "weft-control"), "primary");
        assert!(!accounts.belongs(101, 101, "weft-control"));
        assert!(!accounts.belongs(102, 102, "no-such-group"));
    }

    #[test]
    fn broken_lines_are_left_out() {
        let accounts =
            Accounts::parse("root:x:0\n:x:1:1::/:\nbad:x:ten:1::/:\nok:x:7:8::/home:\n", "g:x\ng:x:5\n");
        assert_eq!(accounts.users.len(), 1);
        assert_eq!(accounts.gid("g"), Some(5));
    }
}

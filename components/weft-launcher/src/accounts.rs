//! The numbers of named users and groups (passwd(5), group(5)).

use std::collections::BTreeMap;

/// Names and numbers of `/etc/passwd` and `/etc/group`.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: BTreeMap<String, (u32, u32)>,
    groups: BTreeMap<String, u32>,
}

impl Accounts {
    pub fn parse(passwd: &str, group: &str) -> Self {
        let number = |line: &str, field: usize| line.split(':').nth(field)?.parse().ok();
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
        Self {
            users: passwd
                .lines()
                .filter_map(|line| Some((name(line), (number(line, 2)?, number(line, 3)?))))
                .collect(),
            groups: group.lines().filter_map(|line| Some((name(line), number(line, 2)?))).collect(),
        }
    }

    /// User and primary group.
    pub fn user(&self, name: &str) -> Option<(u32, u32)> {
        self.users.get(name).copied()
    }

    pub fn group(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied()
    }
}

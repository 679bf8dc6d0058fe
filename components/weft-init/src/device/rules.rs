//! Who owns which device node.

/// Nodes below `/dev` that belong to a service's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Subsystem in sysfs, and its folder in `/sys/class`.
    pub subsystem: &'static str,
    /// How the node's name begins, before its number.
    pub prefix: &'static str,
    pub owner: &'static str,
    pub mode: u32,
}

/// Everything else stays root's with the mode that the kernel gave it.
pub const RULES: &[Rule] = &[
    Rule { subsystem: "drm", prefix: "dri/card", owner: "weft-compositor", mode: 0o600 },
    Rule { subsystem: "input", prefix: "input/event", owner: "weft-compositor", mode: 0o600 },
];

/// The rule for a node, given by the kernel's DEVNAME (relative to `/dev`).
pub fn rule_for(subsystem: &str, devname: &str) -> Option<&'static Rule> {
    let numbered = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    RULES
        .iter()
        .find(|rule| rule.subsystem == subsystem && devname.strip_prefix(rule.prefix).is_some_and(numbered))
}

/// Text of `/run/udev/data/c<major>:<minor>`: initialised, and its properties.
pub fn database_entry(initialised_usec: u128, properties: &[(String, String)]) -> String {
    let mut text = format!("I:{initialised_usec}\n");
    for (key, value) in properties {
        text.push_str(&format!("E:{key}={value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_numbered_nodes() {
        assert!(rule_for("drm", "dri/card0").is_some());
        assert!(rule_for("input", "input/event12").is_some());
        for (subsystem, devname) in [
            ("drm", "dri/renderD128"),
            ("input", "input/mice"),
            ("block", "input/event1"),
            ("drm", "dri/card"),
        ] {
            assert_eq!(rule_for(subsystem, devname), None, "{devname}");
        }
    }

    #[test]
    fn database_entry_is_initialised() {
        let properties = [("ID_INPUT".to_owned(), "1".to_owned())];
        assert_eq!(database_entry(7, &properties), "I:7\nE:ID_INPUT=1\n");
    }
}

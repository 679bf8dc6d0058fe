//! Messages of `sd_notify(3)`: assignments, one a line; unknown ones are left to whoever knows them.

/// What one datagram says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notification {
    pub ready: bool,
    pub stopping: bool,
    /// The service is alive; feeds its watchdog.
    pub alive: bool,
    /// A line for the person at the console.
    pub status: Option<String>,
}

/// Longest status that is printed, in characters.
const STATUS_LIMIT: usize = 200;

pub fn parse(datagram: &[u8]) -> Notification {
    let mut seen = Notification::default();
    for line in String::from_utf8_lossy(datagram).lines() {
        match line.split_once('=') {
            Some(("READY", "1")) => seen.ready = true,
            Some(("STOPPING", "1")) => seen.stopping = true,
            Some(("WATCHDOG", "1")) => seen.alive = true,
            Some(("STATUS", text)) => seen.status = Some(printable(text)),
            _ => {}
        }
    }
    seen
}

/// A service may write anything into its status; the console gets one line without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(STATUS_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_several_assignments() {
        let seen = parse(b"READY=1\nSTATUS=session 1 org.weft.demo.counter ready\nMAINPID=4\nWATCHDOG=1");
        assert!(seen.ready && seen.alive && !seen.stopping);
        assert_eq!(seen.status.as_deref(), Some("session 1 org.weft.demo.counter ready"));
    }

    #[test]
    fn other_values_are_not_readiness() {
        assert_eq!(parse(b"READY=0\nREADY\nready=1\n=1\n"), Notification::default());
    }

    #[test]
    fn a_status_cannot_forge_console_lines() {
        assert_eq!(parse(b"STATUS=a\rb\x1b[2Jc").status.as_deref(), Some("a b [2Jc"));
    }

    proptest! {
        #[test]
        fn never_panics(datagram in prop::collection::vec(any::<u8>(), 0..300)) {
            let status = parse(&datagram).status.unwrap_or_default();
            prop_assert!(status.chars().count() <= STATUS_LIMIT && !status.contains('\n'));
        }
    }
}

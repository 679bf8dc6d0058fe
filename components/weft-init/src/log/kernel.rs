//! Records of `/dev/kmsg` (the kernel's ABI document `dev-kmsg`): `priority,sequence,microseconds,flags;text`.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Since the kernel was entered.
    pub time: Duration,
    pub text: String,
}

/// `None` for what is no record.
pub fn parse_record(bytes: &[u8]) -> Option<Record> {
    let text = String::from_utf8_lossy(bytes);
    let (heading, message) = text.split_once(';')?;
    let micros = heading.split(',').nth(2)?.parse().ok()?;
    // What follows the first line are properties of the device, one a line.
    let first = message.lines().next().unwrap_or_default();
    Some(Record { time: Duration::from_micros(micros), text: first.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_time_and_first_line() {
        let record =
            parse_record(b"6,339,5140900,-;NET: Registered protocol; family 10\n SUBSYSTEM=net\n").unwrap();
        assert_eq!(record.time, Duration::from_micros(5_140_900));
        assert_eq!(record.text, "NET: Registered protocol; family 10");
        assert_eq!(parse_record(b"no record"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse_record(&bytes);
        }
    }
}

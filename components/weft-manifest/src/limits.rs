//! `[runtime.limits]`: every limit has a finite default and a ceiling.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// What a component may use up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory: u64,
    /// How long the component may compute before it waits for the host again.
    pub wall: Duration,
    /// Share of one processor in percent, for all processes of the session together.
    pub cpu: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 * MIB, wall: Duration::from_secs(5), cpu: 200 }
    }
}

impl Limits {
    /// The largest values a manifest may ask for.
    pub const CEILING: Self = Self { memory: 1024 * MIB, wall: Duration::from_secs(60), cpu: 800 };
    /// The smallest ones.
    pub const FLOOR: Self = Self { memory: MIB, wall: Duration::from_millis(10), cpu: 1 };
}

/// A size such as `64MiB` or `512KiB`, in bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor = match unit {
        "KiB" => 1 << 10,
        "MiB" => MIB,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A time such as `500ms` or `5s`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    match split_unit(text)? {
        (number, "ms") => Some(Duration::from_millis(number)),
        (number, "s") => Some(Duration::from_secs(number)),
        _ => None,
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_times_need_a_number_and_a_unit() {
        assert_eq!(parse_size("64MiB"), Some(64 * MIB));
        assert_eq!(parse_size("512KiB"), Some(512 << 10));
        assert_eq!(parse_duration("1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("5s"), Some(Duration::from_secs(5)));
        for bad in
            ["", "64", "MiB", "-1MiB", "64 MiB", "64MB", "99999999999999999999GiB", "18446744073709551615GiB"]
        {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        for bad in ["", "5", "s", "5m", "1.5s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,24}") {
            let _ = (parse_size(&text), parse_duration(&text));
        }
    }
}

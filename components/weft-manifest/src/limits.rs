//! `[runtime.limits]`: every limit has a finite default and a ceiling.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// What a component may use up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory: u64,
    /// Elements of all its tables together.
    pub table: u64,
    /// Its core instances, and also its memories and tables, each.
    pub instances: u64,
    /// Bytes of its call stack.
    pub stack: u64,
    /// Wasm instructions, about, that it may execute before it waits for the host again.
    pub fuel: u64,
    /// What it holds open at the same time: files, folders, sockets, streams, pollables.
    pub descriptors: u64,
    /// How long it may compute before it waits for the host again.
    pub wall: Duration,
    /// Bytes that its folder `/data` may hold; every file counts as whole blocks of 4 KiB, and one at least.
    pub storage: u64,
    /// It is ended when it called nothing of `weft:app` for this long after it was ready; `None`: it may be silent for ever.
    pub watchdog: Option<Duration>,
    /// Share of one processor in percent, for all processes of the session together.
    pub cpu: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 * MIB,
            table: 1_000_000,
            instances: 1_000,
            stack: 512 << 10,
            fuel: 20_000_000_000,
            descriptors: 256,
            wall: Duration::from_secs(5),
            storage: 64 * MIB,
            watchdog: None,
            cpu: 200,
        }
    }
}

impl Limits {
    /// The largest values a manifest may ask for.
    pub const CEILING: Self = Self {
        memory: 1024 * MIB,
        table: 10_000_000,
        instances: 10_000,
        stack: MIB,
        fuel: 1_000_000_000_000,
        descriptors: 4096,
        wall: Duration::from_secs(60),
        storage: 16 * 1024 * MIB,
        watchdog: Some(Duration::from_secs(3600)),
        cpu: 800,
    };
    /// The smallest ones.
    pub const FLOOR: Self = Self {
        memory: MIB,
        table: 1,
        instances: 1,
        stack: 64 << 10,
        fuel: 1_000_000,
        descriptors: 16,
        wall: Duration::from_millis(10),
        storage: 4096,
        watchdog: Some(Duration::from_secs(1)),
        cpu: 1,
    };
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

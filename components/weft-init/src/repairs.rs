//! What dm-verity repaired, as the kernel's log tells it: nothing else does, and what it repairs it does not write back.

use std::collections::BTreeSet;

/// More are not told apart: by then the storage is known to fail.
const LIMIT: usize = 4096;
/// As the kernel's `dm-verity-fec` begins its messages.
const PREFIX: &str = "device-mapper: verity-fec: ";

/// Blocks of the root that were repaired since the kernel's start.
///
/// A block is repaired again whenever it is read again, and known here by the position of its code words, which it shares with every block
/// that lies a whole number of rows further on: those count once.
#[derive(Debug, Default)]
pub struct Repairs(BTreeSet<u64>);

impl Repairs {
    /// Takes in a message of the kernel's; whether it told of the first block.
    pub fn hear(&mut self, message: &str) -> bool {
        let Some(position) = repaired(message).filter(|_| self.0.len() < LIMIT) else {
            return false;
        };
        self.0.insert(position) && self.0.len() == 1
    }

    pub fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// The number in `device-mapper: verity-fec: 254:2: FEC 12288: corrected 4096 errors`.
fn repaired(message: &str) -> Option<u64> {
    let (_, told) = message.strip_prefix(PREFIX)?.split_once(": FEC ")?;
    let (position, outcome) = told.split_once(": ")?;
    outcome.starts_with("corrected ").then(|| position.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_repaired_again_and_again_is_one_and_told_once() {
        let mut repairs = Repairs::default();
        assert!(repairs.hear("device-mapper: verity-fec: 254:2: FEC 12288: corrected 1 errors"));
        assert!(!repairs.hear("device-mapper: verity-fec: 254:2: FEC 12288: corrected 4081 errors"));
        assert_eq!(repairs.count(), 1);
        assert!(!repairs.hear("device-mapper: verity-fec: 254:2: FEC 0: corrected 7 errors"));
        assert_eq!(repairs.count(), 2);
    }

    #[test]
    fn what_was_not_repaired_and_what_others_say_does_not_count() {
        let mut repairs = Repairs::default();
        for message in [
            "device-mapper: verity-fec: 254:2: FEC 0: failed to correct: -74",
            "device-mapper: verity-fec: 254:2: FEC: recursion too deep",
            "device-mapper: verity: 254:2: data block 0 is corrupted",
            "app: device-mapper: verity-fec: 254:2: FEC 0: corrected 1 errors",
            "device-mapper: verity-fec: 254:2: FEC many: corrected 1 errors",
        ] {
            assert!(!repairs.hear(message), "{message}");
        }
        assert_eq!(repairs.count(), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut repairs = Repairs::default();
        for block in 0..10_000 {
            repairs
                .hear(&format!("device-mapper: verity-fec: 254:2: FEC {}: corrected 1 errors", block * 4096));
        }
        assert_eq!(repairs.count(), 4096);
    }
}

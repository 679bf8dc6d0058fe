//! Waves: a release reaches a growing part of all devices.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// From `after` on, this part of all devices installs the release by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// RFC 3339.
    pub after: Timestamp,
    /// 1 to 100.
    pub percent: u8,
}

/// Where a device stands among all: a number that it draws once and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Place(u16);

impl Place {
    /// Places there are.
    pub const COUNT: u16 = 10_000;

    /// A place drawn by a random number. The bias of the remainder is below one part in 10^15.
    pub fn draw(random: u64) -> Self {
        Self((random % u64::from(Self::COUNT)) as u16)
    }

    fn is_within(self, percent: u8) -> bool {
        self.0 < u16::from(percent) * (Self::COUNT / 100)
    }
}

impl TryFrom<u16> for Place {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if number < Self::COUNT {
            Ok(Self(number))
        } else {
            Err(format!("{number} is no place in a rollout: places go from 0 to {}", Self::COUNT - 1))
        }
    }
}

impl From<Place> for u16 {
    fn from(place: Place) -> Self {
        place.0
    }
}

/// When a device's turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Now,
    /// At this time, if nothing newer is released until then.
    At(Timestamp),
    /// No wave so far reaches this device.
    NotYetPlanned,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaveError {
    #[error("the wave of {after} reaches {percent} % of the devices: write 1 to 100")]
    Percent { after: Timestamp, percent: u8 },
    #[error(
        "the wave of {after} is not after the one before it, or reaches no more devices: write waves in order of time, each with more per cent"
    )]
    Order { after: Timestamp },
}

/// Checks that waves grow with time.
pub fn check(waves: &[Wave]) -> Result<(), WaveError> {
    if let Some(wave) = waves.iter().find(|wave| !(1..=100).contains(&wave.percent)) {
        return Err(WaveError::Percent { after: wave.after, percent: wave.percent });
    }
    let falls = |pair: &&[Wave]| match pair {
        [earlier, later] => later.after <= earlier.after || later.percent <= earlier.percent,
        _ => false,
    };
    match waves.windows(2).find(falls) {
        Some([_, later]) => Err(WaveError::Order { after: later.after }),
        _ => Ok(()),
    }
}

/// When the device of that place has its turn. Without waves everybody has it at once.
pub fn turn(waves: &[Wave], place: Place, now: Timestamp) -> Turn {
    if waves.is_empty() {
        return Turn::Now;
    }
    match waves.iter().find(|wave| place.is_within(wave.percent)) {
        Some(wave) if wave.after <= now => Turn::Now,
        Some(wave) => Turn::At(wave.after),
        None => Turn::NotYetPlanned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(after: &str, percent: u8) -> Wave {
        Wave { after: after.parse().unwrap(), percent }
    }

    #[test]
    fn a_device_waits_for_the_first_wave_that_reaches_it() {
        let waves = [wave("2026-01-01T00:00:00Z", 10), wave("2026-01-02T00:00:00Z", 60)];
        let at = |place: u16, now: &str| turn(&waves, Place(place), now.parse().unwrap());
        assert_eq!(at(999, "2026-01-01T00:00:00Z"), Turn::Now);
        assert_eq!(at(999, "2025-12-31T23:59:59Z"), Turn::At(waves[0].after));
        assert_eq!(at(1000, "2026-01-01T00:00:00Z"), Turn::At(waves[1].after));
        assert_eq!(at(5999, "2026-01-03T00:00:00Z"), Turn::Now);
        assert_eq!(at(6000, "2099-01-01T00:00:00Z"), Turn::NotYetPlanned);
        assert_eq!(turn(&[], Place(9999), waves[0].after), Turn::Now);
    }

    #[test]
    fn every_device_is_within_one_hundred_per_cent() {
        assert!(Place::draw(u64::MAX).is_within(100) && Place(9999).is_within(100));
        assert!(!Place(0).is_within(0));
        assert!(Place::try_from(10_000).unwrap_err().contains("0 to 9999"));
    }

    #[test]
    fn waves_out_of_order_are_refused() {
        let (first, second) = (wave("2026-01-01T00:00:00Z", 10), wave("2026-01-02T00:00:00Z", 60));
        assert_eq!(check(&[first.clone(), second.clone()]), Ok(()));
        assert_eq!(check(&[second, first.clone()]), Err(WaveError::Order { after: first.after }));
        let same = Wave { percent: 10, ..wave("2026-01-03T00:00:00Z", 0) };
        assert_eq!(check(&[first, same.clone()]), Err(WaveError::Order { after: same.after }));
        assert!(matches!(check(&[wave("2026-01-01T00:00:00Z", 101)]), Err(WaveError::Percent { .. })));
        assert!(matches!(check(&[wave("2026-01-01T00:00:00Z", 0)]), Err(WaveError::Percent { .. })));
    }
}

//! What to do with what time servers say.

use super::floor::Floor;
use super::sntp::Sample;
use std::time::Duration;

const SECOND: i64 = 1_000_000;
/// Below it the clock is made faster or slower, so that no program sees time jump; the kernel takes no more (adjtimex(2)).
const SLEW: i64 = SECOND / 2;
/// Beyond it one answer is not enough.
const BIG: i64 = 15 * 60 * SECOND;
/// Answers that differ by less say the same.
const AGREE: u64 = SECOND.unsigned_abs();

/// What becomes of the clock. Offsets are microseconds that it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Slew(i64),
    Step {
        offset: i64,
        to: Duration,
    },
    /// Ask again, to compare.
    Confirm,
    Refuse(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the time servers do not agree with each other")]
    Disagree,
    #[error("their time lies before one that this device has seen already")]
    Before,
    #[error("their time lies in a far future")]
    After,
}

/// Judges the answers of one round, or of two where one asked for a second.
pub fn judge(now: Duration, samples: &[Sample], floor: &Floor) -> Verdict {
    let Some((best, votes)) = majority(samples) else {
        return Verdict::Refuse(Refusal::Disagree);
    };
    let offset = best.offset;
    let distance = Duration::from_micros(offset.unsigned_abs());
    let to = if offset < 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) };
    match () {
        // A clock at the floor that is a moment ahead may be put right.
        () if to + Duration::from_secs(1) < floor.earliest() => Verdict::Refuse(Refusal::Before),
        () if to > floor.ceiling() => Verdict::Refuse(Refusal::After),
        () if offset.abs() < SLEW => Verdict::Slew(offset),
        () if offset.abs() > BIG && votes < 2 => Verdict::Confirm,
        () => Verdict::Step { offset, to },
    }
}

/// The answers that count after [`Verdict::Confirm`] and a second round, of so many servers. A server confirms itself only where there is no
/// other: somebody may keep the others from answering, once or for ever.
pub fn confirmed(servers: usize, mut first: Vec<Sample>, second: Vec<Sample>) -> Vec<Sample> {
    if servers > 1 {
        return second;
    }
    first.extend(second);
    first
}

/// Of more than half of the answers, which agree, that with the shortest way; and how many they are.
fn majority(samples: &[Sample]) -> Option<(Sample, usize)> {
    let agreeing = |one: &Sample| -> Vec<Sample> {
        samples.iter().filter(|other| other.offset.abs_diff(one.offset) < AGREE).copied().collect()
    };
    let group = samples.iter().map(agreeing).max_by_key(Vec::len)?;
    let best = group.iter().min_by_key(|sample| sample.roundtrip)?;
    (group.len() * 2 > samples.len()).then_some((*best, group.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_790_000_100;

    fn floor() -> Floor {
        let folder = tempfile::tempdir().unwrap();
        let built = folder.path().join("built");
        std::fs::write(&built, "1790000000").unwrap();
        Floor::read(&built, &folder.path().join("seen"))
    }

    fn judge_seconds(offsets: &[f64]) -> Verdict {
        let sample = |offset: &f64| Sample { offset: (offset * 1e6) as i64, roundtrip: 1000 };
        let samples: Vec<Sample> = offsets.iter().map(sample).collect();
        judge(Duration::from_secs(NOW), &samples, &floor())
    }

    #[test]
    fn small_offsets_are_worn_down_and_larger_ones_jumped() {
        assert_eq!(judge_seconds(&[0.25]), Verdict::Slew(250_000));
        assert_eq!(judge_seconds(&[-0.25]), Verdict::Slew(-250_000));
        let to = Duration::from_secs(NOW - 20);
        assert_eq!(judge_seconds(&[-20.0]), Verdict::Step { offset: -20_000_000, to });
    }

    #[test]
    fn a_big_jump_needs_two_who_agree() {
        assert_eq!(judge_seconds(&[86_400.0]), Verdict::Confirm);
        assert!(matches!(judge_seconds(&[86_400.0, 86_400.5]), Verdict::Step { .. }));
        assert_eq!(judge_seconds(&[86_400.0, 2.0]), Verdict::Refuse(Refusal::Disagree));
        assert!(matches!(judge_seconds(&[86_400.0, 2.0, 2.1]), Verdict::Step { offset: 2_000_000, .. }));
        assert_eq!(judge_seconds(&[]), Verdict::Refuse(Refusal::Disagree));
    }

    #[test]
    fn one_of_several_is_not_confirmed_by_what_it_said_before() {
        let sample = |seconds: i64| Sample { offset: seconds * SECOND, roundtrip: 1000 };
        let after = |servers, second: &[i64]| {
            let second = second.iter().map(|seconds| sample(*seconds)).collect();
            judge(Duration::from_secs(NOW), &confirmed(servers, vec![sample(441_504_000)], second), &floor())
        };
        assert!(matches!(after(1, &[441_504_000]), Verdict::Step { .. }));
        assert_eq!(after(2, &[441_504_000]), Verdict::Confirm);
        assert_eq!(after(2, &[441_504_000, 0]), Verdict::Refuse(Refusal::Disagree));
        assert!(matches!(after(2, &[441_504_000, 441_504_000]), Verdict::Step { .. }));
    }

    #[test]
    fn nobody_takes_the_clock_before_the_floor_or_into_a_far_future() {
        assert_eq!(judge_seconds(&[-102.0, -102.0]), Verdict::Refuse(Refusal::Before));
        assert!(matches!(judge_seconds(&[-99.0]), Verdict::Step { .. }));
        assert_eq!(judge_seconds(&[2.3e9, 2.3e9]), Verdict::Refuse(Refusal::After));
        assert_eq!(judge_seconds(&[-1.79e9, -1.79e9]), Verdict::Refuse(Refusal::Before));
    }

    proptest! {
        #[test]
        fn whatever_is_answered_the_clock_stays_between_its_bounds(
            offsets in prop::collection::vec((any::<i64>(), any::<u64>()), 0..5), now in 0..5_000_000_000_u64,
        ) {
            let samples: Vec<Sample> =
                offsets.into_iter().map(|(offset, roundtrip)| Sample { offset, roundtrip }).collect();
            if let Verdict::Step { to, .. } = judge(Duration::from_secs(now), &samples, &floor()) {
                prop_assert!(to + Duration::from_secs(1) >= floor().earliest() && to <= floor().ceiling());
            }
        }
    }
}

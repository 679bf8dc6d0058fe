//! When the next frame may be drawn: pure, the clock is an argument.
//!
//! A frame is drawn as soon as something changed, and counts as done when its page flip completed, but not sooner than one refresh
//! interval after the frame before it. Real displays complete flips at that rate by themselves; virtio-gpu completes them at once, and
//! without the second rule an animation would draw as fast as the processor can.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is under way.
    Idle,
    /// The device has a frame that it did not show yet.
    Flip,
    /// The frame is shown; its refresh interval is not over.
    Rest,
}

/// What to do with a frame that the device has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// It is done.
    Now,
    /// Call [`Pacer::complete`] after this time.
    After(Duration),
}

/// Paces the frames of one output. Times are of `CLOCK_MONOTONIC`.
#[derive(Debug)]
pub struct Pacer {
    interval: Duration,
    phase: Phase,
    wanted: bool,
    /// When the frame before was done, by schedule.
    last: Option<Duration>,
}

impl Pacer {
    pub fn new(interval: Duration) -> Self {
        Self { interval, phase: Phase::Idle, wanted: false, last: None }
    }

    /// The output's refresh interval.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Something changed.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Takes the wish for a frame, if there is one and it is time to draw.
    pub fn begin(&mut self) -> bool {
        self.phase == Phase::Idle && std::mem::take(&mut self.wanted)
    }

    /// A frame was handed to the device, which will say when it is shown.
    pub fn submitted(&mut self) {
        self.phase = Phase::Flip;
    }

    /// The frame is on the screen, or there was nothing to show.
    pub fn shown(&mut self, now: Duration) -> Completion {
        let due = self.last.map_or(now, |last| last + self.interval);
        self.phase = Phase::Rest;
        if due <= now { Completion::Now } else { Completion::After(due - now) }
    }

    /// The frame is done: the next one may be drawn.
    pub fn complete(&mut self, now: Duration) {
        // A timer fires late by what it likes; counting from the schedule keeps the rate.
        let due = self.last.map_or(now, |last| last + self.interval);
        let on_schedule = now >= due && now - due < self.interval;
        self.last = Some(if on_schedule { due } else { now });
        self.phase = Phase::Idle;
    }

    /// The device refused a frame: nothing is drawn until [`Pacer::reset`].
    pub fn postpone(&mut self) {
        self.phase = Phase::Flip;
    }

    /// The device was reset: a frame that it had will never be shown.
    pub fn reset(&mut self) {
        self.phase = Phase::Idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(16);

    fn at(ms: u64) -> Duration {
        Duration::from_millis(1000 + ms)
    }

    #[test]
    fn a_device_that_shows_at_once_is_held_to_the_refresh_rate() {
        let mut pacer = Pacer::new(INTERVAL);
        let mut now = at(0);
        let mut frames = 0;
        pacer.want();
        while now < at(1600) {
            assert!(pacer.begin());
            pacer.submitted();
            frames += 1;
            pacer.want();
            assert!(!pacer.begin(), "the next frame waits");
            if let Completion::After(pause) = pacer.shown(now) {
                now += pause + Duration::from_micros(300);
            }
            pacer.complete(now);
        }
        assert!((99..=102).contains(&frames), "{frames} frames in 100 intervals");
    }

    #[test]
    fn a_device_that_flips_at_its_own_rate_is_not_slowed_down() {
        let mut pacer = Pacer::new(INTERVAL);
        for frame in 0..100 {
            pacer.want();
            assert!(pacer.begin());
            pacer.submitted();
            let flip = at(16 * frame);
            assert_eq!(pacer.shown(flip), Completion::Now);
            pacer.complete(flip);
            assert!(!pacer.begin());
        }
    }

    #[test]
    fn after_a_rest_the_first_change_is_drawn_and_done_at_once() {
        let mut pacer = Pacer::new(INTERVAL);
        pacer.want();
        assert!(pacer.begin());
        assert_eq!(pacer.shown(at(0)), Completion::Now);
        pacer.complete(at(0));
        assert!(!pacer.begin(), "nothing changed");
        pacer.want();
        assert!(pacer.begin());
        assert_eq!(pacer.shown(at(500)), Completion::Now);
    }
}

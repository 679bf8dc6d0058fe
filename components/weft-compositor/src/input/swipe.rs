//! When fingers mean the system: a swipe of three or more, on a touchpad or a touchscreen. Plain data.

use std::collections::BTreeMap;

/// Fingers that a navigation swipe has at least.
const MIN_FINGERS: u32 = 3;
/// The way of it, along one axis, in logical pixels.
const MIN_WAY: f64 = 100.0;

/// A finished navigation swipe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Navigation {
    pub fingers: u32,
    pub dx: f64,
    pub dy: f64,
}

/// A touchpad's swipe under way.
#[derive(Debug, Default)]
pub struct Swipe {
    fingers: u32,
    dx: f64,
    dy: f64,
}

impl Swipe {
    pub fn begin(&mut self, fingers: u32) {
        *self = Self { fingers, dx: 0.0, dy: 0.0 };
    }

    pub fn update(&mut self, dx: f64, dy: f64) {
        self.dx += dx;
        self.dy += dy;
    }

    /// What the swipe was, if it was navigation.
    pub fn end(&mut self, cancelled: bool) -> Option<Navigation> {
        let Swipe { fingers, dx, dy } = std::mem::take(self);
        navigation(fingers, dx, dy).filter(|_| !cancelled)
    }
}

fn navigation(fingers: u32, dx: f64, dy: f64) -> Option<Navigation> {
    let far = dx.abs() >= MIN_WAY || dy.abs() >= MIN_WAY;
    (fingers >= MIN_FINGERS && far).then_some(Navigation { fingers, dx, dy })
}

#[derive(Debug, Clone, Copy)]
struct Finger {
    start: (f64, f64),
    now: (f64, f64),
}

/// The fingers on a touchscreen. Three at a time make it a gesture of the system, until all are up.
#[derive(Debug, Default)]
pub struct Fingers {
    down: BTreeMap<u32, Finger>,
    /// Ways of fingers that were lifted in this gesture.
    lifted: Vec<(f64, f64)>,
    navigation: bool,
}

impl Fingers {
    /// A finger came down. `true` when this one makes it a gesture of the system.
    pub fn down(&mut self, slot: u32, x: f64, y: f64) -> bool {
        self.down.insert(slot, Finger { start: (x, y), now: (x, y) });
        let begins = !self.navigation && self.down.len() >= MIN_FINGERS as usize;
        self.navigation |= begins;
        begins
    }

    pub fn moved(&mut self, slot: u32, x: f64, y: f64) {
        if let Some(finger) = self.down.get_mut(&slot) {
            finger.now = (x, y);
        }
    }

    /// Whether the fingers belong to the system.
    pub fn is_navigation(&self) -> bool {
        self.navigation
    }

    /// A finger was lifted. With the last one of a gesture of the system: what it was, if it was long enough.
    pub fn up(&mut self, slot: u32) -> Option<Navigation> {
        if let Some(Finger { start, now }) = self.down.remove(&slot) {
            self.lifted.push((now.0 - start.0, now.1 - start.1));
        }
        if !self.down.is_empty() {
            return None;
        }
        let ways = std::mem::take(&mut self.lifted);
        if !std::mem::take(&mut self.navigation) || ways.is_empty() {
            return None;
        }
        // The mean way: fingers that spread or close cancel each other out, as they should.
        let mean = |way: fn(&(f64, f64)) -> f64| ways.iter().map(way).sum::<f64>() / ways.len() as f64;
        navigation(ways.len() as u32, mean(|way| way.0), mean(|way| way.1))
    }

    pub fn cancel(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Point = (f64, f64);

    fn swipe(fingers: &[(Point, Point)]) -> Option<Navigation> {
        let mut state = Fingers::default();
        for (slot, (from, _)) in (0..).zip(fingers) {
            state.down(slot, from.0, from.1);
        }
        for (slot, (_, to)) in (0..).zip(fingers) {
            state.moved(slot, to.0, to.1);
        }
        (0..).zip(fingers).filter_map(|(slot, _)| state.up(slot)).last()
    }

    #[test]
    fn three_fingers_over_100_pixels_navigate() {
        let by = |x: f64| ((x, 700.0), (x, 600.0));
        assert_eq!(
            swipe(&[by(1.0), by(90.0), by(200.0)]),
            Some(Navigation { fingers: 3, dx: 0.0, dy: -100.0 })
        );
        assert_eq!(swipe(&[by(1.0), by(90.0)]), None, "two are the app's");
        let short = |x: f64| ((x, 700.0), (x, 601.0));
        assert_eq!(swipe(&[short(1.0), short(90.0), short(200.0)]), None);
    }

    #[test]
    fn spreading_fingers_is_no_swipe() {
        assert_eq!(
            swipe(&[((0.0, 0.0), (-300.0, 0.0)), ((5.0, 0.0), (305.0, 0.0)), ((2.0, 0.0), (2.0, 0.0))]),
            None
        );
    }

    #[test]
    fn a_cancelled_gesture_leaves_nothing() {
        let mut fingers = Fingers::default();
        for slot in 0..3 {
            fingers.down(slot, 0.0, 0.0);
            fingers.moved(slot, 500.0, 0.0);
        }
        fingers.cancel();
        assert!(!fingers.is_navigation());
        assert_eq!(fingers.up(0), None);
    }

    #[test]
    fn a_touchpad_swipe_navigates_unless_cancelled() {
        let mut swipe = Swipe::default();
        let mut end = |fingers, cancelled| {
            swipe.begin(fingers);
            swipe.update(-60.0, 1.0);
            swipe.update(-60.0, 1.0);
            swipe.end(cancelled)
        };
        assert_eq!(end(3, false), Some(Navigation { fingers: 3, dx: -120.0, dy: 2.0 }));
        assert_eq!(end(3, true), None);
        assert_eq!(end(2, false), None);
    }
}

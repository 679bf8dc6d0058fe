//! A touchpad's gestures: forwarded to the client under the pointer; a long swipe of three fingers also to the panel.

use crate::state::Weft;
use smithay::input::pointer::{
    GestureHoldBeginEvent, GestureHoldEndEvent, GesturePinchBeginEvent, GesturePinchEndEvent,
    GesturePinchUpdateEvent, GestureSwipeBeginEvent, GestureSwipeEndEvent, GestureSwipeUpdateEvent,
};
use smithay::utils::SERIAL_COUNTER;

/// A step of a gesture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gesture {
    SwipeBegin {
        fingers: u32,
    },
    SwipeUpdate {
        dx: f64,
        dy: f64,
    },
    SwipeEnd {
        cancelled: bool,
    },
    PinchBegin {
        fingers: u32,
    },
    /// `scale` since the beginning, `rotation` in degrees clockwise since the last step.
    PinchUpdate {
        dx: f64,
        dy: f64,
        scale: f64,
        rotation: f64,
    },
    PinchEnd {
        cancelled: bool,
    },
    HoldBegin {
        fingers: u32,
    },
    HoldEnd {
        cancelled: bool,
    },
}

impl Weft {
    pub(super) fn gesture(&mut self, gesture: Gesture, time: u32) {
        let Some(pointer) = self.seat.get_pointer() else {
            return;
        };
        let serial = SERIAL_COUNTER.next_serial();
        match gesture {
            Gesture::SwipeBegin { fingers } => {
                self.swipe.begin(fingers);
                pointer.gesture_swipe_begin(self, &GestureSwipeBeginEvent { serial, time, fingers });
            }
            Gesture::SwipeUpdate { dx, dy } => {
                self.swipe.update(dx, dy);
                pointer.gesture_swipe_update(self, &GestureSwipeUpdateEvent { time, delta: (dx, dy).into() });
            }
            Gesture::SwipeEnd { cancelled } => {
                pointer.gesture_swipe_end(self, &GestureSwipeEndEvent { serial, time, cancelled });
                if let Some(swipe) = self.swipe.end(cancelled) {
                    self.tell_navigation(swipe.fingers, swipe.dx, swipe.dy);
                }
            }
            Gesture::PinchBegin { fingers } => {
                pointer.gesture_pinch_begin(self, &GesturePinchBeginEvent { serial, time, fingers });
            }
            Gesture::PinchUpdate { dx, dy, scale, rotation } => {
                let delta = (dx, dy).into();
                pointer.gesture_pinch_update(self, &GesturePinchUpdateEvent { time, delta, scale, rotation });
            }
            Gesture::PinchEnd { cancelled } => {
                pointer.gesture_pinch_end(self, &GesturePinchEndEvent { serial, time, cancelled });
            }
            Gesture::HoldBegin { fingers } => {
                pointer.gesture_hold_begin(self, &GestureHoldBeginEvent { serial, time, fingers });
            }
            Gesture::HoldEnd { cancelled } => {
                pointer.gesture_hold_end(self, &GestureHoldEndEvent { serial, time, cancelled });
            }
        }
    }
}

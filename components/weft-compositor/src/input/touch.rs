//! Fingers on a touchscreen.

use crate::state::Weft;
use smithay::backend::input::TouchSlot;
use smithay::input::touch::{DownEvent, MotionEvent, UpEvent};
use smithay::utils::{Logical, Point, SERIAL_COUNTER};

fn slot_of(slot: u32) -> TouchSlot {
    Some(slot).into()
}

impl Weft {
    pub(super) fn touch_down(&mut self, slot: u32, location: Point<f64, Logical>, time: u32) {
        let Some(touch) = self.seat.get_touch() else {
            return;
        };
        self.cursor.hide();
        self.want_frame();
        if self.fingers.down(slot, location.x, location.y) {
            // From here on it is a gesture of the system: the client must not take its fingers for taps.
            touch.cancel(self);
            return;
        }
        if self.fingers.is_navigation() {
            return;
        }
        self.press_at(location);
        let under = self.surface_at(location);
        let event = DownEvent { slot: slot_of(slot), location, serial: SERIAL_COUNTER.next_serial(), time };
        touch.down(self, under, &event);
    }

    pub(super) fn touch_to(&mut self, slot: u32, location: Point<f64, Logical>, time: u32) {
        let Some(touch) = self.seat.get_touch() else {
            return;
        };
        self.fingers.moved(slot, location.x, location.y);
        if self.fingers.is_navigation() {
            return;
        }
        let under = self.surface_at(location);
        touch.motion(self, under, &MotionEvent { slot: slot_of(slot), location, time });
    }

    pub(super) fn touch_up(&mut self, slot: u32, time: u32) {
        let Some(touch) = self.seat.get_touch() else {
            return;
        };
        let was_navigation = self.fingers.is_navigation();
        if let Some(swipe) = self.fingers.up(slot) {
            self.tell_navigation(swipe.fingers, swipe.dx, swipe.dy);
        }
        if !was_navigation {
            let event = UpEvent { slot: slot_of(slot), serial: SERIAL_COUNTER.next_serial(), time };
            touch.up(self, &event);
        }
    }

    pub(super) fn touch_frame(&mut self) {
        if let Some(touch) = self.seat.get_touch()
            && !self.fingers.is_navigation()
        {
            touch.frame(self);
        }
    }

    pub(super) fn touch_cancel(&mut self) {
        self.fingers.cancel();
        if let Some(touch) = self.seat.get_touch() {
            touch.cancel(self);
        }
    }
}

//! Pointer motion, buttons and wheels.

use super::AxisMove;
use crate::state::Weft;
use smithay::backend::input::{Axis, AxisSource, ButtonState};
use smithay::input::pointer::{AxisFrame, ButtonEvent, MotionEvent};
use smithay::utils::{Logical, Point, SERIAL_COUNTER};

/// Logical pixels that one detent of a wheel scrolls where the device does not say.
const DETENT: f64 = 15.0;

impl Weft {
    pub(super) fn pointer_by(&mut self, dx: f64, dy: f64, time: u32) {
        if let Some(pointer) = self.seat.get_pointer() {
            let to = self.within(pointer.current_location() + Point::from((dx, dy)));
            self.pointer_to(to, time);
        }
    }

    pub(super) fn pointer_to(&mut self, location: Point<f64, Logical>, time: u32) {
        let Some(pointer) = self.seat.get_pointer() else {
            return;
        };
        let under = self.surface_at(location);
        let event = MotionEvent { location, serial: SERIAL_COUNTER.next_serial(), time };
        pointer.motion(self, under, &event);
        pointer.frame(self);
        self.cursor.show();
        self.want_frame();
    }

    pub(super) fn button(&mut self, button: u32, pressed: bool, time: u32) {
        let Some(pointer) = self.seat.get_pointer() else {
            return;
        };
        if pressed && !pointer.is_grabbed() {
            self.press_at(pointer.current_location());
        }
        let state = if pressed { ButtonState::Pressed } else { ButtonState::Released };
        let event = ButtonEvent { serial: SERIAL_COUNTER.next_serial(), time, button, state };
        pointer.button(self, &event);
        pointer.frame(self);
    }

    pub(super) fn axis(&mut self, source: AxisSource, horizontal: AxisMove, vertical: AxisMove, time: u32) {
        let Some(pointer) = self.seat.get_pointer() else {
            return;
        };
        let mut frame = AxisFrame::new(time).source(source);
        for (axis, moved) in [(Axis::Horizontal, horizontal), (Axis::Vertical, vertical)] {
            let amount = moved.amount.or(moved.v120.map(|v120| v120 / 120.0 * DETENT));
            let Some(amount) = amount else {
                continue;
            };
            if amount != 0.0 {
                frame = frame.relative_direction(axis, moved.direction).value(axis, amount);
                if let Some(v120) = moved.v120 {
                    frame = frame.v120(axis, v120 as i32);
                }
            } else if source == AxisSource::Finger {
                frame = frame.stop(axis);
            }
        }
        pointer.axis(self, frame);
        pointer.frame(self);
    }

    /// The windows moved under a resting pointer, or it is hidden: tells who has it now. A hidden pointer is nowhere.
    pub fn refresh_pointer(&mut self) {
        let Some(pointer) = self.seat.get_pointer() else {
            return;
        };
        let location = pointer.current_location();
        let under = if self.cursor.is_shown() { self.surface_at(location) } else { None };
        if pointer.is_grabbed()
            || pointer.current_focus() == under.as_ref().map(|(surface, _)| surface.clone())
        {
            return;
        }
        let time = self.now().as_millis() as u32;
        pointer.motion(self, under, &MotionEvent { location, serial: SERIAL_COUNTER.next_serial(), time });
        pointer.frame(self);
    }
}

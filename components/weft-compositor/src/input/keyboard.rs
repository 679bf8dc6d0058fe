//! Keys.

use crate::state::Weft;
use smithay::backend::input::KeyState;
use smithay::input::keyboard::FilterResult;
use smithay::utils::SERIAL_COUNTER;

/// xkb counts keys from 8 where evdev counts from 0.
const XKB_OFFSET: u32 = 8;

impl Weft {
    pub(super) fn key(&mut self, code: u32, pressed: bool, time: u32) {
        let Some(keyboard) = self.seat.get_keyboard() else {
            return;
        };
        let state = if pressed { KeyState::Pressed } else { KeyState::Released };
        let serial = SERIAL_COUNTER.next_serial();
        keyboard.input::<(), _>(
            self,
            (code.saturating_add(XKB_OFFSET)).into(),
            state,
            serial,
            time,
            |_, _, _| FilterResult::Forward,
        );
    }
}

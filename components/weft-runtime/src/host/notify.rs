//! `weft:app/notify`.

use super::{v0_1, v0_2};
use crate::state::State;

impl v0_2::weft::app::notify::Host for State {
    fn ready(&mut self) {
        self.readiness.say();
    }
}

impl v0_1::weft::app::notify::Host for State {
    fn ready(&mut self) {
        self.readiness.say();
    }
}

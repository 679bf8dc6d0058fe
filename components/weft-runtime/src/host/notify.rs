//! `weft:app/notify`.

use super::{v0_1, v0_2};
use crate::state::State;

impl State {
    fn get_ready(&mut self) {
        self.readiness.say();
        self.watchdog.start();
    }
}

impl v0_2::weft::app::notify::Host for State {
    fn ready(&mut self) {
        self.get_ready();
    }
}

impl v0_1::weft::app::notify::Host for State {
    fn ready(&mut self) {
        self.get_ready();
    }
}

//! When Servo may begin its next frame: when the compositor says that it is a good time.

use servo::RefreshDriver;
use std::cell::RefCell;

/// Keeps what Servo wants to do at the next frame.
#[derive(Default)]
pub struct FrameClock {
    waiting: RefCell<Vec<Box<dyn Fn() + Send>>>,
}

impl FrameClock {
    /// A frame begins.
    pub fn tick(&self) {
        for begin in self.waiting.take() {
            begin();
        }
    }

    /// Whether Servo waits for a frame.
    pub fn is_awaited(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }
}

impl RefreshDriver for FrameClock {
    fn observe_next_frame(&self, begin: Box<dyn Fn() + Send + 'static>) {
        self.waiting.borrow_mut().push(begin);
    }
}

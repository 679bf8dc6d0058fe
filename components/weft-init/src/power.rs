//! Power buttons: evdev devices with the key KEY_POWER, see the kernel's "Input event codes".

use crate::device::capabilities::KEY_POWER;
use crate::sys;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::path::Path;

/// An open device that delivers only its power key.
#[derive(Debug)]
pub struct PowerKey {
    pub fd: OwnedFd,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Press {
    Pressed,
    Nothing,
    /// The device is gone.
    Gone,
}

/// `struct input_event` on machines of 64 bits: two longs of time, then type, code and value.
const EVENT_SIZE: usize = 24;

impl PowerKey {
    pub fn open(node: &Path) -> Result<Self, Errno> {
        let fd = rustix::fs::open(node, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
        // Without the mask a keyboard with a power key wakes PID 1 at every key, nothing worse.
        let _ = sys::only_key(&fd, KEY_POWER);
        Ok(Self { fd })
    }

    pub fn read(&self) -> Press {
        let mut buffer = [0; EVENT_SIZE * 16];
        match rustix::io::read(&self.fd, &mut buffer) {
            Ok(0) => Press::Gone,
            Ok(length) if buffer.get(..length).is_some_and(is_pressed) => Press::Pressed,
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Press::Nothing,
            Err(_) => Press::Gone,
        }
    }
}

fn is_pressed(events: &[u8]) -> bool {
    const EV_KEY: u16 = 1;
    events.chunks_exact(EVENT_SIZE).any(|event| {
        let short = |at: usize| {
            event.get(at..at + 2).and_then(|bytes| Some(u16::from_ne_bytes(bytes.try_into().ok()?)))
        };
        let value = event.get(20..24).and_then(|bytes| Some(i32::from_ne_bytes(bytes.try_into().ok()?)));
        (short(16), short(18), value) == (Some(EV_KEY), Some(KEY_POWER), Some(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        [&[0; 16][..], &kind.to_ne_bytes(), &code.to_ne_bytes(), &value.to_ne_bytes()].concat()
    }

    #[test]
    fn only_a_press_of_the_power_key_counts() {
        assert!(is_pressed(&[event(1, 30, 1), event(1, KEY_POWER, 1), event(0, 0, 0)].concat()));
        assert!(!is_pressed(&event(1, KEY_POWER, 0)), "release");
        assert!(!is_pressed(&event(1, 30, 1)), "another key");
        assert!(!is_pressed(&event(4, KEY_POWER, 1)), "another kind");
        assert!(!is_pressed(&[1; 23]), "a part of an event");
    }
}

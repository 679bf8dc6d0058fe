//! The hardware watchdog, see the kernel's "Linux Watchdog driver API".

use crate::sys;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use std::time::Duration;

const LIMIT_SECONDS: i32 = 30;
/// `WDIOF_CARDRESET`, include/uapi/linux/watchdog.h.
const CARD_RESET: i32 = 0x20;

/// An armed watchdog: the machine restarts when it is not fed.
#[derive(Debug)]
pub struct Watchdog {
    fd: OwnedFd,
    interval: Duration,
    due: Duration,
    /// It was the one that started this boot.
    pub restarted: bool,
}

impl Watchdog {
    /// Opens and so arms it. `None` where the machine has none.
    pub fn open(now: Duration) -> Option<Self> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::open(c"/dev/watchdog", flags, Mode::empty()).ok()?;
        // A device with a fixed limit refuses; it is then fed often enough for any limit of the field.
        let limit = sys::watchdog_limit(&fd, LIMIT_SECONDS).unwrap_or(LIMIT_SECONDS / 3);
        let interval = Duration::from_secs(u64::try_from(limit / 3).unwrap_or(1).max(1));
        let restarted = sys::watchdog_boot_status(&fd).is_ok_and(|status| status & CARD_RESET != 0);
        let mut watchdog = Self { fd, interval, due: now, restarted };
        watchdog.feed(now);
        Some(watchdog)
    }

    pub fn due(&self) -> Duration {
        self.due
    }

    pub fn limit(&self) -> Duration {
        self.interval * 3
    }

    /// Feeds it where it is time.
    pub fn tick(&mut self, now: Duration) {
        if self.due <= now {
            self.feed(now);
        }
    }

    fn feed(&mut self, now: Duration) {
        let _ = rustix::io::write(&self.fd, b"\0");
        self.due = now + self.interval;
    }

    /// Disarms it ("Magic Close") where the kernel lets that happen. One that cannot be stopped (`nowayout`) stays open and watches over the
    /// rest of the way down; the kernel deals with it in `reboot(2)`.
    pub fn close(self) {
        let stoppable = std::fs::read_to_string("/sys/class/watchdog/watchdog0/nowayout");
        if stoppable.is_ok_and(|text| text.trim() == "0") {
            let _ = rustix::io::write(&self.fd, b"V");
        } else {
            std::mem::forget(self.fd);
        }
    }
}

//! The device's clock: read, set, worn down.

use crate::sys;
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use std::io;
use std::time::Duration;

/// A clock, as a seam: tests have one of their own. Times are those since 1970-01-01 00:00 UTC.
pub trait WallClock {
    fn now(&self) -> Duration;

    /// Sets it at once.
    fn step(&mut self, to: Duration) -> io::Result<()>;

    /// Makes it faster or slower until the offset (microseconds, positive where it is behind) is gone.
    fn slew(&mut self, offset: i64) -> io::Result<()>;
}

/// The kernel's.
#[derive(Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Duration {
        let time = clock_gettime(ClockId::Realtime);
        // Before 1970 it is as wrong as in 1970.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    fn step(&mut self, to: Duration) -> io::Result<()> {
        let time = Timespec {
            tv_sec: i64::try_from(to.as_secs()).map_err(io::Error::other)?,
            tv_nsec: to.subsec_nanos().into(),
        };
        clock_settime(ClockId::Realtime, time)?;
        sys::synchronized()
    }

    fn slew(&mut self, offset: i64) -> io::Result<()> {
        sys::slew(offset)
    }
}

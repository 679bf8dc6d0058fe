//! A body that must keep coming.

use super::Limits;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Ends with [`io::ErrorKind::TimedOut`] once a window of waiting brought too little. Time that the reader takes itself does not count.
pub struct Paced<R> {
    inner: R,
    window: Duration,
    /// Bytes in a window.
    least: u64,
    waited: Duration,
    came: u64,
}

impl<R: Read> Paced<R> {
    pub fn new(inner: R, limits: &Limits) -> Self {
        let millis = u64::try_from(limits.window.as_millis()).unwrap_or(u64::MAX);
        let least = limits.least_speed.saturating_mul(millis) / 1000;
        Self { inner, window: limits.window, least, waited: Duration::ZERO, came: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let len = self.inner.read(buffer)?;
        self.waited += start.elapsed();
        self.came += len as u64;
        if len > 0 && self.waited >= self.window {
            if self.came < self.least {
                return Err(io::ErrorKind::TimedOut.into());
            }
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        Ok(len)
    }
}

//! Loop devices: block devices over files (loop(4)).

use crate::sys;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Somebody else may take the free device first; that does not happen often.
const ATTEMPTS: usize = 16;

/// A read-only loop device. The kernel frees it when it is closed here and by the mapping over it.
#[derive(Debug)]
pub struct LoopDevice {
    number: u32,
    _device: OwnedFd,
}

impl LoopDevice {
    pub fn over(file: impl AsFd) -> Result<Self, Errno> {
        let control = open("/dev/loop-control", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        for _ in 0..ATTEMPTS {
            let number = sys::free_loop_device(control.as_fd())?;
            let device = open(format!("/dev/loop{number}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            match sys::configure_loop_device(device.as_fd(), file.as_fd()) {
                Ok(()) => return Ok(Self { number, _device: device }),
                Err(Errno::BUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::BUSY)
    }

    /// `major:minor`; the major number of loop devices is 7 (Documentation/admin-guide/devices.txt).
    pub fn numbers(&self) -> String {
        format!("7:{}", self.number)
    }
}

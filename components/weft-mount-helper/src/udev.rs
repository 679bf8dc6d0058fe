//! Keeps `devicemapper` from waiting for udev.
//!
//! Where `/run/udev/control` is there the crate takes udev for running, and waits on a System V semaphore until udev has handled the
//! new device. Our PID 1 makes that file for libinput, which asks the same question, but nobody plays udev's part for device-mapper: the
//! nodes come from devtmpfs. Without such semaphores in the kernel the crate does not wait, so this process is made to see none.

use seccompiler::{BackendError, SeccompAction, SeccompFilter, TargetArch};
use std::collections::BTreeMap;

/// Refuses System V semaphores to this process with `ENOSYS`, for good.
pub fn do_not_wait() -> Result<(), seccompiler::Error> {
    let calls = [libc::SYS_semget, libc::SYS_semctl, libc::SYS_semop, libc::SYS_semtimedop];
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        calls.into_iter().map(|call| (call, Vec::new())).collect();
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(libc::ENOSYS as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
    let program: Result<seccompiler::BpfProgram, BackendError> = filter.try_into();
    seccompiler::apply_filter(&program?)
}

//! Attacks that turn data into code.
#![allow(unsafe_code)]

use crate::Outcome;
use crate::calls::raw;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;

const PAGE: usize = 4096;

fn map(protection: i32) -> io::Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    raw(libc::SYS_mmap, [0, PAGE, protection as usize, flags as usize, usize::MAX, 0])
}

pub fn map_both() -> Outcome {
    map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).map(|page| format!("{page:#x}"))
}

pub fn protect_both() -> Outcome {
    let page = map(libc::PROT_READ | libc::PROT_WRITE)?;
    let both = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    raw(libc::SYS_mprotect, [page, PAGE, both as usize, 0, 0, 0]).map(|_| format!("{page:#x}"))
}

/// Writes first, makes it executable afterwards.
pub fn gain_code() -> Outcome {
    let page = map(libc::PROT_READ | libc::PROT_WRITE)?;
    let code = libc::PROT_READ | libc::PROT_EXEC;
    raw(libc::SYS_mprotect, [page, PAGE, code as usize, 0, 0, 0]).map(|_| format!("{page:#x}"))
}

/// A program in a file that lies in no file system.
pub fn run_memory_file() -> Outcome {
    let number = raw(libc::SYS_memfd_create, [c"code".as_ptr().addr(), 0, 0, 0, 0, 0])?;
    // SAFETY: the kernel has just made this descriptor for us.
    let file = unsafe { OwnedFd::from_raw_fd(i32::try_from(number).map_err(io::Error::other)?) };
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::File::from(file.try_clone()?).write_all(&std::fs::read("/proc/self/exe")?)?;
    let output = Command::new(path).arg("core").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `/proc/self/mem` writes to pages whatever their protection says, unless it is kept shut.
pub fn write_through_proc() -> Outcome {
    let code = map_both as fn() -> Outcome as usize;
    let mut memory = std::fs::File::options().read(true).write(true).open("/proc/self/mem")?;
    memory.seek(SeekFrom::Start(code as u64))?;
    memory.write_all(&[0x90])?;
    Ok(format!("{code:#x}"))
}

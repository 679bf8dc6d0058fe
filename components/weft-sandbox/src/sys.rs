//! The calls that rustix does not offer: clone3, mount_setattr, exec, prctl.
#![allow(unsafe_code)]

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use std::ffi::{CString, c_char};
use std::os::fd::RawFd;

/// Which side of a clone this is.
pub enum Side {
    Child,
    Parent { pid: u32, pidfd: OwnedFd },
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// include/uapi/linux/sched.h; libc's constant has a type too narrow for it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Duplicates this process into new namespaces and, with one, into a cgroup (clone3(2)). The caller must be the only thread: the child
/// goes on to allocate.
pub fn clone(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    let mut pidfd: RawFd = -1;
    // SAFETY: clone_args holds integers only, for which zeroes are values.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = namespaces | libc::CLONE_PIDFD as u64;
    arguments.pidfd = (&raw mut pidfd).expose_provenance() as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(|_| Errno::BADF)?;
    }
    // SAFETY: without CLONE_VM the child has a copy of all memory, and this is its only thread, so the copy is consistent; the kernel
    // writes the descriptor to `pidfd`, which outlives the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of_val(&arguments)) };
    match pid {
        0 => Ok(Side::Child),
        1.. => {
            // SAFETY: the kernel has just made this descriptor for us.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Side::Parent { pid: u32::try_from(pid).map_err(|_| Errno::OVERFLOW)?, pidfd })
        }
        _ => Err(last_error()),
    }
}

/// Leaves namespaces for new ones (unshare(2)); the caller must be the only thread.
pub fn unshare(namespaces: i32) -> Result<(), Errno> {
    // SAFETY: takes flags and no pointers; CLONE_FILES and CLONE_FS, which would matter to other threads, are not among the callers'.
    if unsafe { libc::unshare(namespaces) } < 0 { Err(last_error()) } else { Ok(()) }
}

/// Ends this process at once, without running destructors: for children of [`clone`].
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` takes any status and touches no memory.
    unsafe { libc::_exit(status) }
}

/// Adds `MOUNT_ATTR_*` to a mount and everything mounted below it (mount_setattr(2)).
pub fn mount_attributes(tree: impl AsFd, attributes: u64) -> Result<(), Errno> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is an empty C string, the structure is read during the call and its size is given.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const change,
            size_of_val(&change),
        )
    };
    if outcome < 0 { Err(last_error()) } else { Ok(()) }
}

/// From here on no memory of this process that was writable, or not executable, becomes executable (PR_SET_MDWE(2const)).
pub fn never_gain_code() -> Result<(), Errno> {
    const PR_SET_MDWE: i32 = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: u64 = 1;
    // SAFETY: the operation takes one number and no pointers.
    let outcome = unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0_u64, 0_u64, 0_u64) };
    if outcome < 0 { Err(last_error()) } else { Ok(()) }
}

/// Gives the process the signals as a new program expects them: none blocked, every one at its default.
pub fn reset_signals() {
    // SAFETY: sigemptyset initialises the set; signal takes any number and refuses wrong ones.
    unsafe {
        let mut none = std::mem::MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// Makes `from` the descriptor of that number, inheritable.
pub fn place(from: RawFd, number: RawFd) -> Result<(), Errno> {
    // SAFETY: dup2 takes any two numbers; only called on the way to exec, after which nobody owns descriptors here.
    if unsafe { libc::dup2(from, number) } < 0 { Err(last_error()) } else { Ok(()) }
}

/// A copy of a descriptor that was inherited under a known number, close-on-exec.
pub fn duplicate(number: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: fcntl refuses numbers that are not open; the copy is ours alone.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        return Err(last_error());
    }
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Everything from `first` on is closed by exec (close_range(2)).
pub fn close_on_exec_from(first: RawFd) -> Result<(), Errno> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    let first = libc::c_uint::try_from(first).map_err(|_| Errno::BADF)?;
    // SAFETY: changes a flag of descriptors, closes none.
    let outcome =
        unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
    if outcome < 0 { Err(last_error()) } else { Ok(()) }
}

/// Replaces the program of this process. Returns only the error.
pub fn exec(program: &CString, arguments: &[CString], environment: &[CString]) -> Errno {
    let pointers = |texts: &[CString]| -> Vec<*const c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end with a null pointer, and every other pointer is to a C string that outlives the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    last_error()
}

//! The calls that rustix does not offer, and nothing else: fork, exec, signalfd, four ioctls.
#![allow(unsafe_code)]

use rustix::fd::{AsFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::ioctl::{Getter, Opcode, Setter, Updater, ioctl, opcode};
use std::ffi::{CString, c_char};
use std::os::fd::RawFd;

/// Which side of a fork this is.
pub enum Fork {
    Child,
    Parent(u32),
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Duplicates this process.
pub fn fork() -> Result<Fork, Errno> {
    // SAFETY: PID 1 has one thread, so the child owns a consistent copy of everything, the allocator's state included.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid => u32::try_from(pid).map(Fork::Parent).map_err(|_| last_error()),
    }
}

/// Ends this process at once, without running destructors: for children of `fork`.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` takes any status and touches no memory.
    unsafe { libc::_exit(status) }
}

/// A program with its arguments and environment, laid out for `execve` before a fork, so that the child allocates nothing.
pub struct Program {
    /// Owns what the pointers point to; never grows after they were taken.
    strings: Vec<Vec<u8>>,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// Which string ends with room for the child's pid.
    pid_digits: Option<usize>,
}

impl Program {
    /// With `tell_pid`, a variable of that name gets the child's pid.
    pub fn new(arguments: Vec<CString>, environment: Vec<CString>, tell_pid: Option<&str>) -> Self {
        let count = arguments.len();
        let mut strings: Vec<Vec<u8>> =
            arguments.into_iter().chain(environment).map(CString::into_bytes_with_nul).collect();
        let pid_digits = tell_pid.map(|name| {
            strings.push(format!("{name}={}", "\0".repeat(PID_ROOM)).into_bytes());
            strings.len() - 1
        });
        let pointers = |strings: &mut dyn Iterator<Item = &Vec<u8>>| {
            strings.map(|text| text.as_ptr().cast()).chain(std::iter::once(std::ptr::null())).collect()
        };
        let arguments = pointers(&mut strings.iter().take(count));
        let environment = pointers(&mut strings.iter().skip(count));
        Self { strings, arguments, environment, pid_digits }
    }

    /// Replaces the program of this process. Returns only the error.
    pub fn exec(&mut self, pid: u32) -> Errno {
        if let Some(variable) = self.pid_digits.and_then(|at| self.strings.get_mut(at)) {
            write_number(variable, pid);
        }
        let Some(program) = self.arguments.first() else {
            return Errno::INVAL;
        };
        // SAFETY: both arrays end with a null pointer, and every other pointer is to a string that ends with a zero byte and lives in `strings`.
        unsafe { libc::execve(*program, self.arguments.as_ptr(), self.environment.as_ptr()) };
        last_error()
    }
}

/// Ten digits and the closing zero.
const PID_ROOM: usize = 11;

/// Writes a number in decimal over the zeros at the end of a C string. Allocates nothing.
pub fn write_number(string: &mut [u8], number: u32) {
    let width = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let room = string.iter_mut().rev().take(PID_ROOM).rev();
    let mut rest = number;
    for digit in room.take(width).rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// Makes `from` the descriptor of that number, inheritable.
pub fn place(from: RawFd, number: RawFd) -> Result<(), Errno> {
    // SAFETY: dup2 takes any two numbers; whoever owned `number` is a copy in a forked child about to exec.
    if unsafe { libc::dup2(from, number) } < 0 { Err(last_error()) } else { Ok(()) }
}

/// Closes every descriptor from `first` on.
pub fn close_from(first: RawFd) -> Result<(), Errno> {
    let first = libc::c_uint::try_from(first).map_err(|_| Errno::BADF)?;
    // SAFETY: only called in a forked child about to exec, which uses no owned descriptor afterwards.
    let outcome = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    if outcome < 0 { Err(last_error()) } else { Ok(()) }
}

fn signal_set(signals: &[i32]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set; sigaddset takes any number and fails on a wrong one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Blocks the signals and hands out a descriptor to read them from, see `signalfd(2)`.
pub fn signal_descriptor(signals: &[i32]) -> Result<OwnedFd, Errno> {
    let set = signal_set(signals);
    // SAFETY: the set is initialised; a new descriptor is ours alone.
    unsafe {
        if libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) < 0 {
            return Err(last_error());
        }
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            fd if fd < 0 => Err(last_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// Gives a child the signals as a new program expects them: none blocked, SIGPIPE not ignored.
pub fn reset_signals() {
    let none = signal_set(&[]);
    // SAFETY: the set is initialised; the default action is always allowed for SIGPIPE.
    unsafe {
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// SIGKILL to every process but PID 1 itself, which calls this, see `kill(2)`.
pub fn kill_everybody() {
    // SAFETY: kill takes any numbers and touches no memory.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

const EXT4_IOC_RESIZE_FS: Opcode = opcode::write::<u64>(b'f', 16);
const WDIOC_GETBOOTSTATUS: Opcode = opcode::read::<i32>(b'W', 2);
const WDIOC_SETTIMEOUT: Opcode = opcode::read_write::<i32>(b'W', 6);
const EVIOCSMASK: Opcode = opcode::write::<InputMask>(b'E', 0x93);

/// Grows the mounted ext4 filesystem that `folder` lies in to so many blocks.
pub fn ext4_resize(folder: impl AsFd, blocks: u64) -> Result<(), Errno> {
    // SAFETY: the operation reads one u64 (fs/ext4/ioctl.c).
    unsafe { ioctl(folder, Setter::<EXT4_IOC_RESIZE_FS, u64>::new(blocks)) }
}

/// Sets the watchdog's time limit; returns what the device made of it, in seconds.
pub fn watchdog_limit(watchdog: impl AsFd, seconds: i32) -> Result<i32, Errno> {
    let mut value = seconds;
    // SAFETY: the operation reads and writes one int (include/uapi/linux/watchdog.h).
    unsafe { ioctl(watchdog, Updater::<WDIOC_SETTIMEOUT, i32>::new(&mut value)) }?;
    Ok(value)
}

/// Why the machine started, as far as the watchdog knows: bits of `WDIOF_*`.
pub fn watchdog_boot_status(watchdog: impl AsFd) -> Result<i32, Errno> {
    // SAFETY: the operation writes one int (include/uapi/linux/watchdog.h).
    unsafe { ioctl(watchdog, Getter::<WDIOC_GETBOOTSTATUS, i32>::new()) }
}

/// `struct input_mask` (include/uapi/linux/input.h).
#[repr(C)]
struct InputMask {
    kind: u32,
    length: u32,
    codes: u64,
}

/// Lets an evdev descriptor deliver only one key, so that typing on a keyboard that has it wakes nobody here.
pub fn only_key(device: impl AsFd, key: u16) -> Result<(), Errno> {
    const EV_KEY: u32 = 1;
    const EV_COUNT: u32 = 0x20;
    for kind in 1..EV_COUNT {
        let mut bits = [0_u64; 12];
        if let (EV_KEY, Some(word)) = (kind, bits.get_mut(usize::from(key / 64))) {
            *word = 1 << (key % 64);
        }
        let length = u32::try_from(size_of_val(&bits)).unwrap_or(0);
        let mask = InputMask { kind, length, codes: bits.as_ptr().addr() as u64 };
        // SAFETY: the mask names `bits` and its length in bytes; the kernel only reads them during the call.
        let outcome = unsafe { ioctl(device.as_fd(), Setter::<EVIOCSMASK, InputMask>::new(mask)) };
        // The kernel refuses kinds that carry no codes.
        if kind == EV_KEY {
            outcome?;
        }
    }
    Ok(())
}

/// Switches a network interface on; `name` has at most 15 bytes.
pub fn interface_up(socket: impl AsFd, name: &str) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    // SAFETY: an all-zero ifreq is valid, it holds integers and byte arrays.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(15).zip(name.bytes()) {
        *to = c_char::from_ne_bytes([from]);
    }
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: both operations take an ifreq, and the first one fills the flags that the second one changes (netdevice(7)).
    unsafe {
        if libc::ioctl(socket, libc::SIOCGIFFLAGS as _, &raw mut request) < 0 {
            return Err(last_error());
        }
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        if libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request) < 0 {
            return Err(last_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_variable_is_a_plain_number() {
        for pid in [1, 69, 100, 4_194_303, u32::MAX] {
            let mut variable = format!("LISTEN_PID={}", "\0".repeat(PID_ROOM)).into_bytes();
            write_number(&mut variable, pid);
            let text = std::ffi::CStr::from_bytes_until_nul(&variable).unwrap().to_str().unwrap();
            assert_eq!(text, format!("LISTEN_PID={pid}"));
        }
    }
}

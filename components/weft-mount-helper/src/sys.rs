//! The unsafe calls of this crate: the ioctls of loop(4).
#![allow(unsafe_code)]

use rustix::io::Errno;
use rustix::ioctl::{Setter, ioctl};
use std::ffi::c_void;
use std::os::fd::{AsRawFd, BorrowedFd};

const LOOP_CTL_GET_FREE: rustix::ioctl::Opcode = 0x4c82;
const LOOP_CONFIGURE: rustix::ioctl::Opcode = 0x4c0a;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

/// `struct loop_info64` of `linux/loop.h`.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of `linux/loop.h`.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

/// As the kernel's header has it.
const _: () = assert!(size_of::<LoopConfig>() == 304);

/// An ioctl without an argument whose result is a number.
struct GetFree;

// SAFETY: LOOP_CTL_GET_FREE takes no argument, writes no memory and returns a number or an error (loop(4)).
unsafe impl rustix::ioctl::Ioctl for GetFree {
    type Output = u32;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> rustix::ioctl::Opcode {
        LOOP_CTL_GET_FREE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::null_mut()
    }

    unsafe fn output_from_ptr(out: rustix::ioctl::IoctlOutput, _: *mut c_void) -> rustix::io::Result<u32> {
        u32::try_from(out).map_err(|_| Errno::RANGE)
    }
}

/// The number of a loop device that nobody uses now; the kernel makes one where there is none.
pub fn free_loop_device(control: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SAFETY: see the implementation of the trait; on a descriptor of another kind the kernel answers ENOTTY.
    unsafe { ioctl(control, GetFree) }
}

/// Puts a file behind a loop device: read-only, and freed by the kernel with its last user.
pub fn configure_loop_device(device: BorrowedFd<'_>, file: BorrowedFd<'_>) -> Result<(), Errno> {
    let info = LoopInfo {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    };
    let fd = u32::try_from(file.as_raw_fd()).map_err(|_| Errno::BADF)?;
    let config = LoopConfig { fd, block_size: 4096, info, reserved: [0; 8] };
    // SAFETY: LOOP_CONFIGURE reads a `struct loop_config`, which is what this is; it keeps a reference of its own to the file.
    unsafe { ioctl(device, Setter::<LOOP_CONFIGURE, LoopConfig>::new(config)) }
}

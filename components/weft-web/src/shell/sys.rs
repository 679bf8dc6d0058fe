//! The unsafe code of the shells: memory that SWGL draws into, the descriptor that appd passed, how many heaps there are, and which pages
//! are mapped ahead.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The picture that SWGL draws, rows bottom-up, pixels B, G, R, A.
pub struct Canvas {
    context: swgl::Context,
    /// The memory behind SWGL's default framebuffer. It is replaced only together with that framebuffer.
    pixels: Vec<u32>,
}

impl Canvas {
    pub fn new(context: swgl::Context, width: u32, height: u32) -> Self {
        let mut canvas = Self { context, pixels: Vec::new() };
        canvas.resize(width, height);
        canvas
    }

    /// Gives SWGL new memory of this size, all zero.
    pub fn resize(&mut self, width: u32, height: u32) {
        let mut pixels = vec![0; width as usize * height as usize];
        self.context.make_current();
        let (width, height) = (width.cast_signed(), height.cast_signed());
        self.context.init_default_framebuffer(0, 0, width, height, width * 4, pixels.as_mut_ptr().cast());
        // The old memory goes only now that SWGL does not point to it any more.
        self.pixels = pixels;
    }

    /// The picture, with everything drawn that was asked for.
    pub fn bytes(&mut self) -> &[u8] {
        self.context.make_current();
        // SWGL puts clears off; reading its buffer makes it do them.
        self.context.get_color_buffer(0, true);
        // SAFETY: `u32` has no padding and a stricter alignment than `u8`, the length is that of the same memory, and SWGL writes to it
        // only inside calls from this thread, none of which can run while the borrow of `self` lasts.
        unsafe { std::slice::from_raw_parts(self.pixels.as_ptr().cast(), self.pixels.len() * 4) }
    }
}

unsafe extern "C" {
    /// `mallopt(3)` of glibc.
    fn mallopt(parameter: c_int, value: c_int) -> c_int;
}

/// Makes the threads of this process share few heaps. glibc gives each its own, and the engine's two dozen leave most of theirs empty.
pub fn share_heaps() {
    const M_ARENA_MAX: c_int = -8;
    const HEAPS: c_int = 2;
    // SAFETY: the function takes two numbers, and does nothing where it does not know the first.
    unsafe { mallopt(M_ARENA_MAX, HEAPS) };
}

/// Reads the pages of this part of the address space in and maps them (`MADV_POPULATE_READ`, madvise(2)). Both in bytes, multiples of a page.
pub fn populate(start: usize, length: usize) -> io::Result<()> {
    let advice = rustix::mm::Advice::LinuxPopulateRead;
    // SAFETY: the advice changes no content: it does what reading each page would do, and gives an error where that is not possible.
    unsafe { rustix::mm::madvise(std::ptr::with_exposed_provenance_mut(start), length, advice) }?;
    Ok(())
}

/// Takes over an inherited stream socket, close-on-exec from now on.
pub fn adopt_socket(fd: RawFd) -> io::Result<UnixStream> {
    // A number that is no open descriptor is found here, before anything owns it.
    std::fs::metadata(format!("/proc/self/fd/{fd}"))?;
    // SAFETY: the descriptor is open, appd made it for this process alone (--ipc-fd), and this is called once, before any other
    // descriptor is opened here, so nothing else owns the number.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let socket = UnixStream::from(socket);
    socket.peer_addr()?;
    Ok(socket)
}

//! Descriptors that a parent process hands over by their number on the command line.

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Takes over the descriptor that the command line names, close-on-exec from now on; `None` where no such descriptor is open.
///
/// Each number can be taken once in a process: take it before anything else may close or open descriptors.
pub fn inherited_fd(raw: RawFd) -> Option<OwnedFd> {
    // Standard input, output and error have their owners in this process.
    if raw <= 2 {
        return None;
    }
    // SAFETY: the number is only asked about, by fcntl(2), which answers EBADF where nothing is open; it is not kept.
    #[allow(unsafe_code)]
    let fd = unsafe { BorrowedFd::borrow_raw(raw) };
    rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC).ok()?;
    // SAFETY: it is open, see above, and was passed to be owned here; nothing else in this process knows the number.
    #[allow(unsafe_code)]
    Some(unsafe { OwnedFd::from_raw_fd(raw) })
}

#[cfg(test)]
mod tests {
    use super::inherited_fd;

    #[test]
    fn only_open_descriptors_beyond_the_standard_ones_are_taken() {
        for raw in [-1, 0, 1, 2, 100_000] {
            assert!(inherited_fd(raw).is_none(), "{raw}");
        }
    }
}

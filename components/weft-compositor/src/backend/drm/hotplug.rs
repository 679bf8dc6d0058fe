//! Displays that come and go, as the kernel announces them on its uevent socket.

use crate::state::Weft;
use smithay::reexports::calloop::generic::Generic;
use smithay::reexports::calloop::{Interest, LoopHandle, Mode, PostAction};
use smithay::reexports::udev::MonitorBuilder;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Rescans the connectors at every event of a display device.
pub fn watch(events: &LoopHandle<'static, Weft>) -> io::Result<()> {
    let monitor = MonitorBuilder::new_kernel()?.match_subsystem("drm")?.listen()?;
    let fd: OwnedFd = monitor.as_fd().try_clone_to_owned()?;
    let source = Generic::new(fd, Interest::READ, Mode::Level);
    let rescan = move |_, _: &mut _, state: &mut Weft| {
        if monitor.iter().count() > 0 {
            state.displays_changed();
        }
        Ok(PostAction::Continue)
    };
    events.insert_source(source, rescan).map_err(|error| io::Error::other(error.error))?;
    Ok(())
}

//! Finds and opens the display device.

use super::Error;
use smithay::backend::drm::{DrmDevice, DrmDeviceFd, DrmDeviceNotifier};
use smithay::backend::session::Session;
use smithay::backend::session::libseat::LibSeatSession;
use smithay::reexports::drm::control::{Device as _, connector};
use smithay::reexports::rustix::fs::OFlags;
use smithay::utils::DeviceFd;
use std::path::{Path, PathBuf};

/// Opens the device that `WEFT_DRM_DEVICE` names, else the first with a connected display, else the first at all.
pub fn open(session: &mut LibSeatSession) -> Result<(DrmDevice, DrmDeviceNotifier), Error> {
    let candidates = match std::env::var_os("WEFT_DRM_DEVICE") {
        Some(path) => vec![PathBuf::from(path)],
        None => cards(),
    };
    let mut spare = None;
    let mut failure = Error::NoDevice;
    for path in candidates {
        let fd = match open_card(session, &path) {
            Ok(fd) => fd,
            Err(error) => {
                failure = error;
                continue;
            }
        };
        if has_display(&fd) {
            return drive(path, fd);
        }
        spare = spare.or(Some((path, fd)));
    }
    match spare {
        Some((path, fd)) => drive(path, fd),
        None => Err(failure),
    }
}

fn cards() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/dev/dri") else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.path());
    let is_card = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("card"))
    };
    let mut cards: Vec<PathBuf> = names.filter(is_card).collect();
    cards.sort();
    cards
}

fn open_card(session: &mut LibSeatSession, path: &Path) -> Result<DrmDeviceFd, Error> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let fd = session.open(path, flags).map_err(|source| Error::Open { path: path.into(), source })?;
    Ok(DrmDeviceFd::new(DeviceFd::from(fd)))
}

fn has_display(fd: &DrmDeviceFd) -> bool {
    let connectors =
        fd.resource_handles().map(|resources| resources.connectors().to_vec()).unwrap_or_default();
    let mut infos = connectors.into_iter().filter_map(|handle| fd.get_connector(handle, false).ok());
    infos.any(|info| info.state() == connector::State::Connected)
}

fn drive(path: PathBuf, fd: DrmDeviceFd) -> Result<(DrmDevice, DrmDeviceNotifier), Error> {
    DrmDevice::new(fd, true).map_err(|source| Error::Device { path, source })
}

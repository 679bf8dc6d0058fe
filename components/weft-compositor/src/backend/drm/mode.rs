//! Which connector, which CRTC and which mode.

use super::Error;
use crate::state::OutputInfo;
use crate::windows::Extent;
use smithay::backend::drm::DrmDevice;
use smithay::reexports::drm::control::{Device as _, Mode, ModeTypeFlags, connector, crtc};

/// What a device without a display pretends to have, so that clients can start.
pub fn imagined() -> OutputInfo {
    tracing::warn!("no display is connected: waiting for one");
    let size = Extent { width: 1280, height: 800 };
    OutputInfo { name: "none".into(), size, refresh: 60_000, physical: (0, 0) }
}

/// A connected display, and how to drive it.
#[derive(Debug, Clone)]
pub struct Choice {
    pub connector: connector::Handle,
    pub crtc: crtc::Handle,
    pub mode: Mode,
    name: String,
    physical: (u32, u32),
}

impl Choice {
    /// Whether the display shows the same picture with this choice.
    pub fn is_same(&self, other: &Choice) -> bool {
        (self.connector, self.crtc, self.mode) == (other.connector, other.crtc, other.mode)
    }

    pub fn info(&self) -> OutputInfo {
        let side = |millimetres| i32::try_from(millimetres).unwrap_or(0);
        OutputInfo {
            name: self.name.clone(),
            size: super::extent(&self.mode),
            refresh: millihertz(&self.mode),
            physical: (side(self.physical.0), side(self.physical.1)),
        }
    }
}

/// The display in use as long as it is connected, else the first connected one that a CRTC can drive.
pub fn choose(device: &DrmDevice, in_use: Option<connector::Handle>) -> Result<Option<Choice>, Error> {
    let resources = device.resource_handles().map_err(Error::Connectors)?;
    let mut handles = resources.connectors().to_vec();
    handles.sort_by_key(|handle| Some(*handle) != in_use);
    for handle in handles {
        // Asking the display itself is what finds a change.
        let Ok(info) = device.get_connector(handle, true) else {
            continue;
        };
        if info.state() != connector::State::Connected {
            continue;
        }
        let preferred = info.modes().iter().find(|mode| mode.mode_type().contains(ModeTypeFlags::PREFERRED));
        let Some(mode) = preferred.or(info.modes().first()).copied() else {
            continue;
        };
        let encoders = info.encoders().iter().filter_map(|encoder| device.get_encoder(*encoder).ok());
        let mut crtcs = encoders.flat_map(|encoder| resources.filter_crtcs(encoder.possible_crtcs()));
        if let Some(crtc) = crtcs.next() {
            return Ok(Some(Choice {
                connector: handle,
                crtc,
                mode,
                name: format!("{}-{}", info.interface().as_str(), info.interface_id()),
                physical: info.size().unwrap_or((0, 0)),
            }));
        }
    }
    Ok(None)
}

/// The mode's own refresh rate is whole hertz; its timings say it exactly.
fn millihertz(mode: &Mode) -> i32 {
    let (_, _, htotal) = mode.hsync();
    let (_, _, vtotal) = mode.vsync();
    let pixels = u64::from(htotal) * u64::from(vtotal);
    let exact =
        (u64::from(mode.clock()) * 1_000_000).checked_div(pixels).and_then(|rate| i32::try_from(rate).ok());
    match exact {
        Some(rate) if (1_000..1_000_000).contains(&rate) => rate,
        _ => i32::try_from(mode.vrefresh()).unwrap_or(60) * 1000,
    }
}

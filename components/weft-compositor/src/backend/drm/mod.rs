//! A display of the kernel's mode setting: dumb buffers, drawn with pixman, shown by page flips.

mod device;
mod hotplug;
mod mode;

use super::Submitted;
use crate::scene::{BACKDROP, Element, Scene};
use crate::state::{OutputInfo, Weft};
use crate::windows::Extent;
use mode::Choice;
use smithay::backend::allocator::Fourcc;
use smithay::backend::allocator::dumb::DumbAllocator;
use smithay::backend::drm::compositor::{DrmCompositor, FrameFlags};
use smithay::backend::drm::{
    DrmDevice, DrmDeviceFd, DrmDeviceNotifier, DrmEvent, DrmEventMetadata, DrmEventTime,
};
use smithay::backend::renderer::ImportDma;
use smithay::backend::renderer::element::RenderElementStates;
use smithay::backend::renderer::pixman::PixmanRenderer;
use smithay::backend::session::Event as SessionEvent;
use smithay::backend::session::libseat::{LibSeatSession, LibSeatSessionNotifier};
use smithay::output::OutputModeSource;
use smithay::reexports::calloop::LoopHandle;
use smithay::reexports::drm::control::{Mode, crtc};
use smithay::reexports::gbm;
use smithay::reexports::input::Libinput;
use smithay::reexports::wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::Kind;
use smithay::utils::{Scale, Transform};
use std::path::PathBuf;

/// Why the display cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("libseat gives no seat; on a device LIBSEAT_BACKEND is `noop`")]
    Seat(#[source] smithay::backend::session::libseat::Error),
    #[error("there is no display device in /dev/dri: is its driver in the kernel?")]
    NoDevice,
    #[error("cannot open {path}; it must belong to the compositor's user, and no other program may drive it")]
    Open { path: PathBuf, source: smithay::backend::session::libseat::Error },
    #[error("{path} cannot set display modes")]
    Device { path: PathBuf, source: smithay::backend::drm::DrmError },
    #[error("the pixman renderer does not start")]
    Renderer(#[source] smithay::backend::renderer::pixman::PixmanError),
    #[error("the display's connectors cannot be read")]
    Connectors(#[source] std::io::Error),
    #[error("the display does not take the mode {width}x{height}: {reason}")]
    Mode { width: u16, height: u16, reason: String },
    #[error("the display does not take the frame: {0}")]
    Frame(String),
    #[error("the display is not connected")]
    NotConnected,
    #[error("the device's events cannot be watched: {0}")]
    Watch(String),
}

type Compositor = DrmCompositor<DumbAllocator, DrmDeviceFd, (), DrmDeviceFd>;

/// One connected display.
struct Connected {
    choice: Choice,
    compositor: Compositor,
}

/// The display device with at most one display.
pub struct Drm {
    device: DrmDevice,
    renderer: PixmanRenderer,
    session: LibSeatSession,
    input: Option<Libinput>,
    connected: Option<Connected>,
}

impl std::fmt::Debug for Drm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mode = self.connected.as_ref().map(|connected| connected.choice.mode.size());
        formatter.debug_struct("Drm").field("mode", &mode).finish_non_exhaustive()
    }
}

/// What the event loop watches for this backend.
#[derive(Debug)]
pub struct Sources {
    seat: LibSeatSessionNotifier,
    device: DrmDeviceNotifier,
}

impl Drm {
    /// Opens the device and lights the display up. Without a connected display the output is imagined until there is one.
    pub fn open() -> Result<(Self, Sources, OutputInfo), Error> {
        let (mut session, seat) = LibSeatSession::new().map_err(Error::Seat)?;
        let (device, notifier) = device::open(&mut session)?;
        let renderer = PixmanRenderer::new().map_err(Error::Renderer)?;
        let mut drm = Self { device, renderer, session, input: None, connected: None };
        let info = drm.connect()?.unwrap_or_else(mode::imagined);
        Ok((drm, Sources { seat, device: notifier }, info))
    }

    pub fn is_connected(&self) -> bool {
        self.connected.is_some()
    }

    /// Whether a display is connected and ours.
    pub fn is_active(&self) -> bool {
        self.is_connected() && self.device.is_active()
    }

    /// Gives the device back. What was shown before this program started is not restored: it was nothing.
    pub fn release(&mut self) {
        self.device.pause();
        // The end of the process closes the device; closing it now would give up a second time what `pause` gave up.
        std::mem::forget(self.device.device_fd().clone());
    }

    /// Draws what differs from the last frame and flips to it.
    pub fn draw(&mut self, scene: &Scene) -> Result<(Submitted, RenderElementStates), Error> {
        let connected = self.connected.as_mut().ok_or(Error::NotConnected)?;
        let elements: Vec<Element<PixmanRenderer>> = scene.elements(&mut self.renderer);
        let frame = connected
            .compositor
            .render_frame(&mut self.renderer, &elements, BACKDROP, FrameFlags::empty())
            .map_err(|error| Error::Frame(error.to_string()))?;
        let (is_empty, states) = (frame.is_empty, frame.states);
        if is_empty {
            return Ok((Submitted::Unchanged, states));
        }
        connected.compositor.queue_frame(()).map_err(|error| Error::Frame(error.to_string()))?;
        Ok((Submitted::Flip, states))
    }

    /// Chooses display and mode anew. `Some` when they differ from those in use.
    fn connect(&mut self) -> Result<Option<OutputInfo>, Error> {
        let choice =
            mode::choose(&self.device, self.connected.as_ref().map(|connected| connected.choice.connector))?;
        let Some(choice) = choice else {
            if self.connected.take().is_some() {
                tracing::warn!("the display is unplugged");
            }
            return Ok(None);
        };
        if self.connected.as_ref().is_some_and(|connected| connected.choice.is_same(&choice)) {
            return Ok(None);
        }
        // The planes of the surface before must be free for the new one.
        self.connected = None;
        let compositor = self.light_up(&choice)?;
        let info = choice.info();
        tracing::info!(output = info.name, width = info.size.width, height = info.size.height, "display");
        self.connected = Some(Connected { choice, compositor });
        Ok(Some(info))
    }

    fn light_up(&mut self, choice: &Choice) -> Result<Compositor, Error> {
        let (width, height) = choice.mode.size();
        let refused = |reason: String| Error::Mode { width, height, reason };
        let surface = self
            .device
            .create_surface(choice.crtc, choice.mode, &[choice.connector])
            .map_err(|error| refused(error.to_string()))?;
        let fd = self.device.device_fd().clone();
        let size = (i32::from(width), i32::from(height)).into();
        let mode = OutputModeSource::Static { size, scale: Scale::from(1.0), transform: Transform::Normal };
        DrmCompositor::new(
            mode,
            surface,
            None,
            DumbAllocator::new(fd.clone()),
            fd,
            [Fourcc::Xrgb8888, Fourcc::Argb8888],
            self.renderer.dmabuf_formats(),
            self.device.cursor_size(),
            // A cursor plane would need GBM to allocate for it; drawing the cursor is cheap.
            None::<gbm::Device<DrmDeviceFd>>,
        )
        .map_err(|error| refused(error.to_string()))
    }

    fn flipped(&mut self, crtc: crtc::Handle) -> Result<bool, Error> {
        match self.connected.as_mut().filter(|connected| connected.choice.crtc == crtc) {
            Some(connected) => {
                let submitted = connected.compositor.frame_submitted();
                Ok(submitted.map_err(|error| Error::Frame(error.to_string()))?.is_some())
            }
            None => Ok(false),
        }
    }
}

/// Watches the device; to be called before the first frame.
pub fn watch(sources: Sources, events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    events
        .insert_source(sources.device, |event, metadata, state: &mut Weft| match event {
            DrmEvent::VBlank(crtc) => state.drm_flipped(crtc, metadata.as_ref()),
            DrmEvent::Error(error) => tracing::error!("the display device fails: {error}"),
        })
        .map_err(|error| Error::Watch(error.error.to_string()))?;
    events
        .insert_source(sources.seat, |event, _, state: &mut Weft| state.seat_changed(&event))
        .map_err(|error| Error::Watch(error.error.to_string()))?;
    Ok(())
}

/// Starts what may wait until the first frame is on the screen: input devices and hotplug of displays.
pub fn after_first_frame(state: &mut Weft) {
    let events = state.events.clone();
    if let crate::backend::Backend::Drm(drm) = &mut state.backend {
        match super::libinput::start(drm.session.clone(), &events) {
            Ok(context) => drm.input = Some(context),
            Err(error) => tracing::error!("there is no input: {error}"),
        }
        if let Err(error) = hotplug::watch(&events) {
            tracing::error!("a display that is plugged in later stays dark: {error}");
        }
    }
}

impl Weft {
    fn drm(&mut self) -> Option<&mut Drm> {
        match &mut self.backend {
            crate::backend::Backend::Drm(drm) => Some(drm),
            _ => None,
        }
    }

    fn drm_flipped(&mut self, crtc: crtc::Handle, metadata: Option<&DrmEventMetadata>) {
        let flipped = match self.drm().map(|drm| drm.flipped(crtc)) {
            Some(Ok(flipped)) => flipped,
            Some(Err(error)) => {
                tracing::warn!("{error}, ignoring");
                true
            }
            None => false,
        };
        if !flipped {
            return;
        }
        let (time, how) = match metadata.map(|metadata| metadata.time) {
            Some(DrmEventTime::Monotonic(time)) if !time.is_zero() => {
                (time, Kind::Vsync | Kind::HwClock | Kind::HwCompletion)
            }
            _ => (self.now(), Kind::Vsync),
        };
        self.shown(time, how);
    }

    /// A display may have been plugged or unplugged, or prefers another mode.
    fn displays_changed(&mut self) {
        let connected = match self.drm().map(Drm::connect) {
            Some(Ok(Some(info))) => info,
            Some(Err(error)) => {
                tracing::error!("the display stays dark: {error}");
                return;
            }
            Some(Ok(None)) | None => return,
        };
        self.pacer.reset();
        self.set_output(&connected);
        self.want_frame();
    }

    fn seat_changed(&mut self, event: &SessionEvent) {
        let Some(drm) = self.drm() else {
            return;
        };
        match event {
            SessionEvent::PauseSession => {
                drm.device.pause();
                if let Some(input) = &drm.input {
                    input.suspend();
                }
            }
            SessionEvent::ActivateSession => {
                if let Some(input) = &mut drm.input
                    && input.resume().is_err()
                {
                    tracing::error!("the input devices do not come back");
                }
                if let Err(error) = drm.device.activate(true) {
                    tracing::error!("the display does not come back: {error}");
                }
                if let Some(connected) = &mut drm.connected
                    && let Err(error) = connected.compositor.reset_state()
                {
                    tracing::warn!("the display's state is unknown, ignoring: {error}");
                }
                self.pacer.reset();
                self.want_frame();
            }
        }
    }
}

/// The mode's size in pixels.
fn extent(mode: &Mode) -> Extent {
    let (width, height) = mode.size();
    Extent { width: width.into(), height: height.into() }
}

//! Connecting, and the state behind all Wayland objects.

use super::WindowEvent;
use super::frames::Frames;
use super::role::{APPLICATION, PANEL, RoleData};
use crate::damage::Size;
use smithay_client_toolkit::compositor::{CompositorHandler, CompositorState};
use smithay_client_toolkit::dispatch2::Dispatch2;
use smithay_client_toolkit::output::{OutputHandler, OutputState};
use smithay_client_toolkit::registry::{ProvidesRegistryState, RegistryState};
use smithay_client_toolkit::seat::SeatState;
use smithay_client_toolkit::seat::pointer::cursor_shape::CursorShapeManager;
use smithay_client_toolkit::shell::WaylandSurface;
use smithay_client_toolkit::shell::xdg::XdgShell;
use smithay_client_toolkit::shell::xdg::window::{Window, WindowConfigure, WindowDecorations, WindowHandler};
use smithay_client_toolkit::shm::{Shm, ShmHandler};
use smithay_client_toolkit::{delegate_dispatch2, delegate_registry, registry_handlers};
use std::num::NonZeroU32;
use wayland_client::globals::{BindError, GlobalError, GlobalList, registry_queue_init};
use wayland_client::protocol::wl_output::{Transform, WlOutput};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{ConnectError, Connection, EventQueue, QueueHandle};
use wayland_protocols::wp::presentation_time::client::wp_presentation::{self, WpPresentation};
use weft_protocol::client::zweft_shell_manager_v1::ZweftShellManagerV1;
use weft_protocol::client::zweft_shell_window_v1::ZweftShellWindowV1;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot connect to the compositor at WAYLAND_DISPLAY={display}")]
    Connect { display: String, source: ConnectError },
    #[error("the compositor did not tell what it can do")]
    Globals(#[from] GlobalError),
    #[error("the compositor lacks {0}")]
    Lacks(&'static str, #[source] BindError),
}

/// A connection whose compositor has answered.
pub struct Connected {
    pub connection: Connection,
    pub globals: GlobalList,
    pub events: EventQueue<Display>,
}

/// Connects to the compositor and waits for its first answer, which can take until the compositor runs.
pub fn connect() -> Result<Connected, Error> {
    let connection = Connection::connect_to_env().map_err(|source| Error::Connect {
        display: std::env::var("WAYLAND_DISPLAY").unwrap_or_default(),
        source,
    })?;
    let (globals, events) = registry_queue_init(&connection)?;
    Ok(Connected { connection, globals, events })
}

/// The window and everything that belongs to it.
pub struct Display {
    registry: RegistryState,
    outputs: OutputState,
    pub(super) seats: SeatState,
    shm: Shm,
    pub(super) queue: QueueHandle<Display>,
    pub(super) presentation: Option<WpPresentation>,
    pub(super) cursor_shapes: Option<CursorShapeManager>,
    pub(super) window: Window,
    pub(super) surface: WlSurface,
    pub(super) role: Option<ZweftShellWindowV1>,
    pub(super) role_name: &'static str,
    pub(super) title: String,
    pub(super) frames: Option<Frames>,
    /// Frames given to the compositor so far.
    pub(super) frame: u64,
    /// A frame was given and the compositor has not yet asked for the next.
    pub(super) awaits_frame: bool,
    pub(super) input: super::pointer::Devices,
    /// The size to take where the compositor leaves it to the window.
    wished: (u32, u32),
    events: Vec<WindowEvent>,
}

/// User data of globals that tell nothing of interest.
struct Silent;

impl Display {
    /// Makes the window. `panel` is the system UI; otherwise it is the app's.
    pub fn new(
        globals: &GlobalList,
        queue: &QueueHandle<Self>,
        app_id: &str,
        panel: bool,
        wished: (u32, u32),
    ) -> Result<Self, Error> {
        let compositor =
            CompositorState::bind(globals, queue).map_err(|e| Error::Lacks("wl_compositor", e))?;
        let xdg_shell = XdgShell::bind(globals, queue).map_err(|e| Error::Lacks("xdg_wm_base", e))?;
        let shm = Shm::bind(globals, queue).map_err(|e| Error::Lacks("wl_shm", e))?;
        let surface = compositor.create_surface(queue);
        let role_name = if panel { PANEL } else { APPLICATION };
        let manager: Option<ZweftShellManagerV1> = globals.bind(queue, 1..=3, RoleData).ok();
        if manager.is_none() {
            tracing::warn!("the compositor has no zweft_shell_manager_v1: the window has no role, ignoring");
        }
        let (width, height) = (wished.0.cast_signed(), wished.1.cast_signed());
        let role = manager.map(|manager| {
            let (app_id, role) = (app_id.to_owned(), role_name.to_owned());
            manager.create_window(
                app_id.clone(),
                app_id,
                role,
                Some(&surface),
                0,
                0,
                width,
                height,
                queue,
                RoleData,
            )
        });
        let window = xdg_shell.create_window(surface.clone(), WindowDecorations::None, queue);
        window.set_app_id(app_id);
        window.set_title(app_id);
        // The commit without a buffer asks the compositor for the window's size.
        window.commit();
        Ok(Self {
            registry: RegistryState::new(globals),
            outputs: OutputState::new(globals, queue),
            seats: SeatState::new(globals, queue),
            shm,
            queue: queue.clone(),
            presentation: globals.bind(queue, 1..=1, Silent).ok(),
            cursor_shapes: CursorShapeManager::bind(globals, queue).ok(),
            window,
            surface,
            role,
            role_name,
            title: app_id.to_owned(),
            frames: None,
            frame: 0,
            awaits_frame: false,
            input: super::pointer::Devices::default(),
            wished,
            events: Vec::new(),
        })
    }

    /// What happened since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<WindowEvent> {
        std::mem::take(&mut self.events)
    }

    /// Whether a picture would be taken now: the window has a size and the compositor is done with the last frame.
    pub fn wants_frame(&self) -> bool {
        self.frames.is_some() && !self.awaits_frame
    }

    /// Whether the compositor will ask for a frame.
    pub fn awaits_frame(&self) -> bool {
        self.awaits_frame
    }

    pub(super) fn tell(&mut self, event: WindowEvent) {
        self.events.push(event);
    }

    fn set_size(&mut self, width: u32, height: u32) {
        let size = Size { width: width as usize, height: height as usize };
        if self.frames.as_ref().is_some_and(|frames| frames.size() == size) {
            return;
        }
        let generation = self.frames.take().map_or(0, |frames| frames.generation() + 1);
        match Frames::new(&self.shm, &self.queue, size, generation) {
            Ok(frames) => {
                self.frames = Some(frames);
                self.tell(WindowEvent::Resized(width, height));
            }
            Err(error) => {
                tracing::error!("no memory for a window of {width}x{height}: {error}");
                self.tell(WindowEvent::CloseRequested);
            }
        }
    }
}

impl WindowHandler for Display {
    fn request_close(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &Window) {
        self.tell(WindowEvent::CloseRequested);
    }

    fn configure(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &Window,
        configure: WindowConfigure,
        _: u32,
    ) {
        let (width, height) = configure.new_size;
        // The limit keeps the pool's size, three pictures, within the protocol's i32.
        let side =
            |given: Option<NonZeroU32>, wished: u32| given.map_or(wished, NonZeroU32::get).clamp(1, 8192);
        self.set_size(side(width, self.wished.0), side(height, self.wished.1));
    }
}

impl CompositorHandler for Display {
    fn scale_factor_changed(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlSurface, _: i32) {}
    fn transform_changed(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlSurface, _: Transform) {}
    fn frame(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlSurface, _: u32) {}
    fn surface_enter(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlSurface, _: &WlOutput) {}
    fn surface_leave(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlSurface, _: &WlOutput) {}
}

impl OutputHandler for Display {
    fn output_state(&mut self) -> &mut OutputState {
        &mut self.outputs
    }
    fn new_output(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}
    fn update_output(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}
    fn output_destroyed(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}
}

impl ShmHandler for Display {
    fn shm_state(&mut self) -> &mut Shm {
        &mut self.shm
    }
}

impl ProvidesRegistryState for Display {
    fn registry(&mut self) -> &mut RegistryState {
        &mut self.registry
    }
    registry_handlers![OutputState, SeatState];
}

impl Dispatch2<WpPresentation, Display> for Silent {
    fn event(
        &self,
        _: &mut Display,
        _: &WpPresentation,
        _: wp_presentation::Event,
        _: &Connection,
        _: &QueueHandle<Display>,
    ) {
    }
}

delegate_registry!(Display);
delegate_dispatch2!(Display);

//! Everything the compositor holds.

use crate::appd::Appd;
use crate::backend::Backend;
use crate::clients::{Departed, Peer};
use crate::cursor::Cursor;
use crate::frames::Frame;
use crate::input::{Fingers, Swipe};
use crate::options::{KEY_REPEAT_DELAY, KEY_REPEAT_RATE};
use crate::pacer::Pacer;
use crate::sessions::Sessions;
use crate::shell::{Description, ShellWindow};
use crate::windows::{Extent, Windows};
use smithay::desktop::PopupManager;
use smithay::input::keyboard::XkbConfig;
use smithay::input::{Seat, SeatState};
use smithay::output::{Mode, Output, PhysicalProperties, Subpixel};
use smithay::reexports::calloop::{LoopHandle, LoopSignal};
use smithay::reexports::wayland_server::DisplayHandle;
use smithay::utils::{Clock, Monotonic, Transform};
use smithay::wayland::compositor::CompositorState;
use smithay::wayland::pointer_gestures::PointerGesturesState;
use smithay::wayland::presentation::PresentationState;
use smithay::wayland::shell::xdg::{WmCapabilitySet, XdgShellState};
use smithay::wayland::shm::ShmState;
use smithay::wayland::viewporter::ViewporterState;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use weft_protocol::server::zweft_shell_manager_v1::ZweftShellManagerV1;

/// The globals' states.
#[derive(Debug)]
pub struct Protocols {
    pub compositor: CompositorState,
    pub shm: ShmState,
    pub xdg_shell: XdgShellState,
    pub seat: SeatState<Weft>,
    _viewporter: ViewporterState,
    _presentation: PresentationState,
    _gestures: PointerGesturesState,
}

/// The output's name, size and rate, as a backend found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputInfo {
    pub name: String,
    pub size: Extent,
    /// Millihertz.
    pub refresh: i32,
    /// Millimetres, 0 where unknown.
    pub physical: (i32, i32),
}

/// The compositor.
pub struct Weft {
    pub display: DisplayHandle,
    pub events: LoopHandle<'static, Weft>,
    pub stop: LoopSignal,
    pub protocols: Protocols,
    pub seat: Seat<Weft>,
    pub output: Output,
    pub backend: Backend,
    pub windows: Windows,
    pub shell_windows: Vec<ShellWindow>,
    pub descriptions: Vec<Description>,
    pub popups: PopupManager,
    pub sessions: Sessions,
    pub appd: Appd,
    /// Clients by their number.
    pub clients: BTreeMap<u64, Peer>,
    pub departed: Arc<Mutex<Vec<Departed>>>,
    /// The user that the system UI runs as; any where it is not said.
    pub panel_uid: Option<u32>,
    pub cursor: Cursor,
    pub swipe: Swipe,
    pub fingers: Fingers,
    pub pacer: Pacer,
    pub frame: Frame,
    /// What the start leaves for after the first frame.
    pub put_off: Option<fn(&mut Weft)>,
    clock: Clock<Monotonic>,
}

impl std::fmt::Debug for Weft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Weft").field("windows", &self.windows).finish_non_exhaustive()
    }
}

impl Weft {
    /// The compositor with one output and a seat without devices.
    pub fn new(
        display: DisplayHandle,
        events: LoopHandle<'static, Weft>,
        stop: LoopSignal,
        backend: Backend,
        info: &OutputInfo,
        panel_uid: Option<u32>,
    ) -> Self {
        let clock = Clock::<Monotonic>::new();
        let mut seat_state = SeatState::new();
        let seat = seat_state.new_wl_seat(&display, "seat-0");
        let protocols = Protocols {
            compositor: CompositorState::new::<Self>(&display),
            shm: ShmState::new::<Self>(&display, []),
            xdg_shell: XdgShellState::new_with_capabilities::<Self>(&display, WmCapabilitySet::default()),
            seat: seat_state,
            _viewporter: ViewporterState::new::<Self>(&display),
            _presentation: PresentationState::new::<Self>(&display, clock.id() as u32),
            _gestures: PointerGesturesState::new::<Self>(&display),
        };
        display.create_global::<Self, ZweftShellManagerV1, ()>(crate::protocols::weft_shell::VERSION, ());
        let physical = PhysicalProperties {
            size: info.physical.into(),
            subpixel: Subpixel::Unknown,
            make: "WEFT".into(),
            model: info.name.clone(),
        };
        let output = Output::new(info.name.clone(), physical);
        output.create_global::<Self>(&display);
        let mut state = Self {
            display,
            events,
            stop,
            protocols,
            seat,
            output,
            backend,
            windows: Windows::new(info.size),
            shell_windows: Vec::new(),
            descriptions: Vec::new(),
            popups: PopupManager::default(),
            sessions: Sessions::default(),
            appd: Appd::default(),
            clients: BTreeMap::new(),
            departed: Arc::default(),
            panel_uid,
            cursor: Cursor::default(),
            swipe: Swipe::default(),
            fingers: Fingers::default(),
            pacer: Pacer::new(Duration::ZERO),
            frame: Frame::default(),
            put_off: None,
            clock,
        };
        state.set_output(info);
        state
    }

    /// The output has this mode now: tells the clients, and moves every window to its new place.
    pub fn set_output(&mut self, info: &OutputInfo) {
        let mode = Mode { size: (info.size.width, info.size.height).into(), refresh: info.refresh };
        if let Some(old) = self.output.current_mode().filter(|old| *old != mode) {
            self.output.delete_mode(old);
        }
        self.output.change_current_state(Some(mode), Some(Transform::Normal), None, Some((0, 0).into()));
        self.output.set_preferred(mode);
        self.pacer.set_interval(interval(info.refresh));
        self.windows.set_output(info.size);
        self.update_windows();
    }

    /// Gives the seat its devices. The keymap takes a while to compile: this comes after the first frame.
    pub fn add_devices(&mut self) {
        self.seat.add_pointer();
        self.seat.add_touch();
        if let Err(error) = self.seat.add_keyboard(XkbConfig::default(), KEY_REPEAT_DELAY, KEY_REPEAT_RATE) {
            tracing::error!(
                "there is no keyboard: the xkb data in /usr/share/X11/xkb cannot be used: {error}"
            );
        }
        self.update_windows();
    }

    /// Now, on `CLOCK_MONOTONIC`.
    pub fn now(&self) -> Duration {
        self.clock.now().into()
    }
}

fn interval(refresh: i32) -> Duration {
    const MILLIHERTZ_OF_A_NANOSECOND: u64 = 1_000_000_000_000;
    let refresh = u64::try_from(refresh).ok().filter(|refresh| *refresh > 0).unwrap_or(60_000);
    Duration::from_nanos(MILLIHERTZ_OF_A_NANOSECOND / refresh)
}

//! What a client is told, as lines of text.

use wayland_client::globals::GlobalListContents;
use wayland_client::protocol::{
    wl_buffer, wl_callback, wl_compositor, wl_keyboard, wl_output, wl_pointer, wl_registry, wl_seat, wl_shm,
    wl_shm_pool, wl_surface, wl_touch,
};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, WEnum, delegate_noop};
use wayland_protocols::wp::presentation_time::client::{wp_presentation, wp_presentation_feedback};
use wayland_protocols::xdg::shell::client::{xdg_surface, xdg_toplevel, xdg_wm_base};
use weft_protocol::client::zweft_shell_manager_v1::ZweftShellManagerV1;
use weft_protocol::client::zweft_shell_window_v1::{self, ZweftShellWindowV1};

/// What the client was told, as lines, and what follows from it.
#[derive(Default)]
pub struct Diary {
    pub lines: Vec<String>,
    /// Size of the last xdg_toplevel.configure, by the toplevel's name.
    pub size: (i32, i32),
    pub frames: u32,
    /// Serial of the last wl_pointer.enter.
    pub entered: u32,
}

impl Diary {
    fn note(&mut self, line: String) {
        self.lines.push(line);
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for Diary {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

/// Notes events of an interface as lines; without a line, the event is of no interest.
macro_rules! noted {
    ($interface:ty, $data:ty, |$diary:ident, $proxy:ident, $event:ident, $name:ident| $line:expr) => {
        impl Dispatch<$interface, $data> for Diary {
            fn event(
                $diary: &mut Self,
                $proxy: &$interface,
                $event: <$interface as Proxy>::Event,
                $name: &$data,
                _: &Connection,
                _: &QueueHandle<Self>,
            ) {
                let line: Option<String> = $line;
                if let Some(line) = line {
                    $diary.note(line);
                }
            }
        }
    };
}

noted!(xdg_wm_base::XdgWmBase, (), |_diary, proxy, event, _name| {
    if let xdg_wm_base::Event::Ping { serial } = event {
        proxy.pong(serial);
    }
    None
});

noted!(xdg_surface::XdgSurface, &'static str, |_diary, proxy, event, _name| {
    if let xdg_surface::Event::Configure { serial } = event {
        proxy.ack_configure(serial);
    }
    None
});

noted!(xdg_toplevel::XdgToplevel, &'static str, |diary, _proxy, event, name| match event {
    xdg_toplevel::Event::Configure { width, height, states } => {
        diary.size = (width, height);
        let states: Vec<String> = states
            .chunks_exact(4)
            .map(|state| u32::from_ne_bytes(state.try_into().unwrap()))
            .map(|state| format!("{:?}", xdg_toplevel::State::try_from(state).unwrap()))
            .collect();
        Some(format!("{name} xdg_toplevel.configure {width}x{height} {}", states.join("+")))
    }
    xdg_toplevel::Event::Close => Some(format!("{name} xdg_toplevel.close")),
    _ => None,
});

noted!(ZweftShellWindowV1, &'static str, |_diary, _proxy, event, name| Some(match event {
    zweft_shell_window_v1::Event::Configure { x, y, width, height, state } => {
        let WEnum::Value(state) = state else { panic!("unknown state") };
        format!("{name} zweft.configure {x},{y} {width}x{height} {}", state.bits())
    }
    zweft_shell_window_v1::Event::FocusChanged { focused } => format!("{name} zweft.focus_changed {focused}"),
    zweft_shell_window_v1::Event::WindowClosed => format!("{name} zweft.window_closed"),
    zweft_shell_window_v1::Event::PresentationFeedback { tv_nsec, refresh, .. } => {
        assert!(tv_nsec < 1_000_000_000);
        format!("{name} zweft.presentation_feedback refresh={refresh}")
    }
    zweft_shell_window_v1::Event::NavigationGesture { fingers, dx, dy, .. } => {
        format!("{name} zweft.navigation_gesture fingers={fingers} {dx:.0},{dy:.0}")
    }
    _ => "?".into(),
}));

noted!(wl_seat::WlSeat, (), |_diary, _proxy, event, _name| match event {
    wl_seat::Event::Capabilities { capabilities: WEnum::Value(all) } if all.bits() == 7 => {
        Some("seat capabilities".into())
    }
    wl_seat::Event::Name { name } => Some(format!("seat {name}")),
    _ => None,
});

noted!(wl_keyboard::WlKeyboard, (), |_diary, _proxy, event, _name| match event {
    wl_keyboard::Event::Enter { .. } => Some("keyboard enter".into()),
    wl_keyboard::Event::Leave { .. } => Some("keyboard leave".into()),
    wl_keyboard::Event::Key { key, state, .. } =>
        Some(format!("keyboard key {key} {:?}", state.into_result().unwrap())),
    wl_keyboard::Event::RepeatInfo { rate, delay } =>
        Some(format!("keyboard repeats {rate}/s after {delay} ms")),
    _ => None,
});

noted!(wl_pointer::WlPointer, (), |diary, _proxy, event, _name| match event {
    wl_pointer::Event::Enter { serial, surface_x, surface_y, .. } => {
        diary.entered = serial;
        Some(format!("pointer enter {surface_x:.0},{surface_y:.0}"))
    }
    wl_pointer::Event::Leave { .. } => Some("pointer leave".into()),
    wl_pointer::Event::Motion { surface_x, surface_y, .. } =>
        Some(format!("pointer motion {surface_x:.0},{surface_y:.0}")),
    wl_pointer::Event::Button { button, state, .. } => {
        Some(format!("pointer button {button:#x} {:?}", state.into_result().unwrap()))
    }
    wl_pointer::Event::AxisValue120 { value120, .. } => Some(format!("pointer axis v120 {value120}")),
    wl_pointer::Event::Axis { value, .. } => Some(format!("pointer axis {value:.0}")),
    _ => None,
});

noted!(wl_touch::WlTouch, (), |_diary, _proxy, event, _name| match event {
    wl_touch::Event::Down { id, x, y, .. } => Some(format!("touch down {id} {x:.0},{y:.0}")),
    wl_touch::Event::Motion { id, x, y, .. } => Some(format!("touch motion {id} {x:.0},{y:.0}")),
    wl_touch::Event::Up { id, .. } => Some(format!("touch up {id}")),
    wl_touch::Event::Cancel => Some("touch cancel".into()),
    _ => None,
});

noted!(wl_output::WlOutput, (), |_diary, _proxy, event, _name| match event {
    wl_output::Event::Mode { flags, width, height, refresh } => {
        Some(format!("output mode {width}x{height} {refresh} {}", flags.into_result().unwrap().bits()))
    }
    wl_output::Event::Scale { factor } => Some(format!("output scale {factor}")),
    wl_output::Event::Name { name } => Some(format!("output name {name}")),
    _ => None,
});

noted!(wp_presentation::WpPresentation, (), |_diary, _proxy, event, _name| match event {
    wp_presentation::Event::ClockId { clk_id } => Some(format!("presentation clock {clk_id}")),
    _ => None,
});

noted!(wp_presentation_feedback::WpPresentationFeedback, (), |_diary, _proxy, event, _name| match event {
    wp_presentation_feedback::Event::Presented { refresh, .. } =>
        Some(format!("presented refresh={refresh}")),
    wp_presentation_feedback::Event::Discarded => Some("discarded".into()),
    _ => None,
});

impl Dispatch<wl_callback::WlCallback, ()> for Diary {
    fn event(
        diary: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        _: &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        diary.frames += 1;
    }
}

impl Dispatch<wl_surface::WlSurface, &'static str> for Diary {
    fn event(
        _: &mut Self,
        _: &wl_surface::WlSurface,
        _: wl_surface::Event,
        _: &&'static str,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

delegate_noop!(Diary: wl_compositor::WlCompositor);
delegate_noop!(Diary: ignore wl_shm::WlShm);
delegate_noop!(Diary: wl_shm_pool::WlShmPool);
delegate_noop!(Diary: ignore wl_buffer::WlBuffer);
delegate_noop!(Diary: ZweftShellManagerV1);

//! Input, as plain data from whatever backend, and where it goes.

mod gestures;
mod keyboard;
mod pointer;
mod swipe;
mod touch;
mod translate;

pub use gestures::Gesture;
pub use swipe::{Fingers, Swipe};
pub use translate::translate;

use crate::state::Weft;
use smithay::backend::input::{AxisRelativeDirection, AxisSource};
use smithay::desktop::utils::under_from_surface_tree;
use smithay::desktop::{PopupManager, WindowSurfaceType};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point};

/// One input event with its time in microseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    pub time_us: u64,
    pub kind: InputKind,
}

/// What happened. Positions are shares of the output, 0 to 1; ways are logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InputKind {
    /// A key by its evdev code.
    Key {
        code: u32,
        pressed: bool,
    },
    PointerBy {
        dx: f64,
        dy: f64,
    },
    PointerTo {
        x: f64,
        y: f64,
    },
    /// A button by its evdev code.
    Button {
        code: u32,
        pressed: bool,
    },
    Axis {
        source: AxisSource,
        horizontal: AxisMove,
        vertical: AxisMove,
    },
    TouchDown {
        slot: u32,
        x: f64,
        y: f64,
    },
    TouchTo {
        slot: u32,
        x: f64,
        y: f64,
    },
    TouchUp {
        slot: u32,
    },
    TouchFrame,
    TouchCancel,
    Gesture(Gesture),
}

/// A move of one scroll axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxisMove {
    /// Logical pixels; `None` where this axis took no part.
    pub amount: Option<f64>,
    /// 120 for each detent of a wheel.
    pub v120: Option<f64>,
    pub direction: AxisRelativeDirection,
}

impl Default for AxisMove {
    fn default() -> Self {
        Self { amount: None, v120: None, direction: AxisRelativeDirection::Identical }
    }
}

impl Input {
    /// Milliseconds, which wrap, as Wayland has them.
    fn time_ms(&self) -> u32 {
        (self.time_us / 1000) as u32
    }
}

impl Weft {
    /// Takes one event.
    pub fn input(&mut self, input: Input) {
        let time = input.time_ms();
        match input.kind {
            InputKind::Key { code, pressed } => self.key(code, pressed, time),
            InputKind::PointerBy { dx, dy } => self.pointer_by(dx, dy, time),
            InputKind::PointerTo { x, y } => self.pointer_to(self.at(x, y), time),
            InputKind::Button { code, pressed } => self.button(code, pressed, time),
            InputKind::Axis { source, horizontal, vertical } => self.axis(source, horizontal, vertical, time),
            InputKind::TouchDown { slot, x, y } => self.touch_down(slot, self.at(x, y), time),
            InputKind::TouchTo { slot, x, y } => self.touch_to(slot, self.at(x, y), time),
            InputKind::TouchUp { slot } => self.touch_up(slot, time),
            InputKind::TouchFrame => self.touch_frame(),
            InputKind::TouchCancel => self.touch_cancel(),
            InputKind::Gesture(gesture) => self.gesture(gesture, time),
        }
    }

    /// The point of the output at these shares of it.
    fn at(&self, x: f64, y: f64) -> Point<f64, Logical> {
        let output = self.windows.output();
        self.within((x * f64::from(output.width), y * f64::from(output.height)).into())
    }

    /// The nearest point of the output. What is no number counts as 0.
    fn within(&self, point: Point<f64, Logical>) -> Point<f64, Logical> {
        let output = self.windows.output();
        let cut = |value: f64, length: i32| {
            if value.is_nan() { 0.0 } else { value.clamp(0.0, f64::from(length) - 1.0) }
        };
        (cut(point.x, output.width), cut(point.y, output.height)).into()
    }

    /// The surface at a point of the output and where its origin is there.
    fn surface_at(&self, point: Point<f64, Logical>) -> Option<(WlSurface, Point<f64, Logical>)> {
        for id in self.windows.front_to_back() {
            let (Some(window), Some(place)) = (self.window(id), self.windows.place(id)) else {
                continue;
            };
            if !place.contains(point.x, point.y) {
                continue;
            }
            let surface = window.toplevel.wl_surface();
            for (popup, offset) in PopupManager::popups_for_surface(surface) {
                let at = Point::from((place.x, place.y)) + offset - popup.geometry().loc;
                if let Some((hit, at)) =
                    under_from_surface_tree(popup.wl_surface(), point, at, WindowSurfaceType::ALL)
                {
                    return Some((hit, at.to_f64()));
                }
            }
            let at = crate::scene::buffer_origin(surface, place);
            if let Some((hit, at)) = under_from_surface_tree(surface, point, at, WindowSurfaceType::ALL) {
                return Some((hit, at.to_f64()));
            }
        }
        None
    }

    /// A press at this point: focuses the window there, and ends popups that it is not in.
    fn press_at(&mut self, point: Point<f64, Logical>) {
        let hit = self.surface_at(point).map(|(surface, _)| surface);
        self.dismiss_popups(hit.as_ref());
        let Some(hit) = hit else {
            return;
        };
        let root = self.root_of(&hit);
        if let Some(id) = self.window_of(&root)
            && self.windows.focused() != Some(id)
        {
            self.windows.focus(id);
            self.update_windows();
        }
    }

    /// The window's surface that this subsurface or popup belongs to.
    fn root_of(&self, surface: &WlSurface) -> WlSurface {
        let mut root = surface.clone();
        while let Some(parent) = smithay::wayland::compositor::get_parent(&root) {
            root = parent;
        }
        match self.popups.find_popup(&root) {
            Some(popup) => smithay::desktop::find_popup_root_surface(&popup).unwrap_or(root),
            None => root,
        }
    }

    fn dismiss_popups(&mut self, hit: Option<&WlSurface>) {
        let mut outer = hit.cloned();
        while let Some(parent) = outer.as_ref().and_then(smithay::wayland::compositor::get_parent) {
            outer = Some(parent);
        }
        for window in &self.shell_windows {
            let root = window.toplevel.wl_surface();
            let popups: Vec<_> = PopupManager::popups_for_surface(root).map(|(popup, _)| popup).collect();
            if popups.iter().any(|popup| Some(popup.wl_surface()) == outer.as_ref()) {
                continue;
            }
            for popup in popups {
                if PopupManager::dismiss_popup(root, &popup).is_err() {
                    tracing::debug!("a popup ended by itself");
                }
            }
        }
    }
}

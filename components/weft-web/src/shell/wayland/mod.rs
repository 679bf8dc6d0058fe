//! The window: one xdg_toplevel surface with shared-memory buffers, its role on a WEFT device, and its seat.
//!
//! Handlers only write down what happened as [`WindowEvent`]s; the shell takes them between two turns of its loop.

mod frames;
mod keyboard;
mod pointer;
mod role;
mod touch;
mod window;

pub use frames::Submitted;
pub use keyboard::Keypress;
pub use window::{Display, connect};

use servo::{Key, Modifiers, MouseButton};

/// What happened to the window since the last look.
#[derive(Debug)]
pub enum WindowEvent {
    /// The window has this size from now on, in pixels.
    Resized(u32, u32),
    /// The user or the compositor wants the window closed.
    CloseRequested,
    /// It is a good time to begin a frame.
    FrameDone,
    /// The frame of this number, and all before it, are on the screen or were replaced before they got there.
    Presented(u64),
    Focused(bool),
    Key(Keypress),
    PointerMoved {
        x: f64,
        y: f64,
    },
    PointerLeft,
    PointerButton {
        button: MouseButton,
        pressed: bool,
    },
    /// Pixels; positive reveals what is above or to the left.
    Wheel {
        dx: f64,
        dy: f64,
    },
    TouchDown {
        id: i32,
        x: f64,
        y: f64,
    },
    TouchMoved {
        id: i32,
        x: f64,
        y: f64,
    },
    TouchUp {
        id: i32,
        x: f64,
        y: f64,
    },
    TouchCancelled {
        id: i32,
        x: f64,
        y: f64,
    },
    /// A gesture of navigation; kinds as in `zweft_shell_window_v1.gesture`.
    Gesture {
        kind: u32,
        fingers: u32,
        dx: f64,
        dy: f64,
    },
}

/// A pressed key that repeats while it is held: what repeats, after how long, how often.
#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    pub delay: std::time::Duration,
    pub interval: std::time::Duration,
}

/// Whether a key is one that only changes others.
pub fn is_modifier(key: &Key) -> bool {
    use servo::NamedKey::{Alt, AltGraph, CapsLock, Control, Meta, NumLock, ScrollLock, Shift};
    matches!(key, Key::Named(Alt | AltGraph | CapsLock | Control | Meta | NumLock | ScrollLock | Shift))
}

/// Modifiers of xkb as those of pages.
fn modifiers(from: smithay_client_toolkit::seat::keyboard::Modifiers) -> Modifiers {
    let mut to = Modifiers::empty();
    to.set(Modifiers::CONTROL, from.ctrl);
    to.set(Modifiers::ALT, from.alt);
    to.set(Modifiers::SHIFT, from.shift);
    to.set(Modifiers::META, from.logo);
    to.set(Modifiers::CAPS_LOCK, from.caps_lock);
    to.set(Modifiers::NUM_LOCK, from.num_lock);
    to
}

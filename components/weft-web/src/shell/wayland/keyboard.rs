//! The keyboard: keys as pages know them.

use super::window::Display;
use super::{Repeat, WindowEvent, modifiers};
use crate::keymap;
use servo::{Code, Key, Modifiers, NamedKey};
use smithay_client_toolkit::seat::keyboard::{
    KeyEvent, KeyboardHandler, Keysym, Modifiers as XkbModifiers, RawModifiers, RepeatInfo,
};
use std::time::Duration;
use wayland_client::protocol::wl_keyboard::WlKeyboard;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, QueueHandle};

/// A key went down or up.
#[derive(Debug, Clone)]
pub struct Keypress {
    pub key: Key,
    pub code: Code,
    pub modifiers: Modifiers,
    pub pressed: bool,
    /// How the key repeats while it is held; `None` where it does not.
    pub repeat: Option<Repeat>,
}

impl Display {
    fn key(&mut self, event: &KeyEvent, pressed: bool) {
        let key = keymap::key(xkeysym::Keysym::new(event.keysym.raw()), event.utf8.as_deref());
        let repeat = self.input.repeat.filter(|_| pressed && !super::is_modifier(&key));
        let mut modifiers = self.input.modifiers;
        // The compositor tells the new modifiers after the key that changes them; pages expect them with it.
        modifiers.set(own_modifier(&key), pressed);
        self.tell(WindowEvent::Key(Keypress {
            key,
            code: keymap::code(event.raw_code),
            modifiers,
            pressed,
            repeat,
        }));
    }
}

/// The modifier that a key is while it is held.
fn own_modifier(key: &Key) -> Modifiers {
    match key {
        Key::Named(NamedKey::Shift) => Modifiers::SHIFT,
        Key::Named(NamedKey::Control) => Modifiers::CONTROL,
        Key::Named(NamedKey::Alt) => Modifiers::ALT,
        Key::Named(NamedKey::Meta) => Modifiers::META,
        _ => Modifiers::empty(),
    }
}

impl KeyboardHandler for Display {
    fn enter(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlKeyboard,
        _: &WlSurface,
        _: u32,
        _: &[u32],
        _: &[Keysym],
    ) {
        self.tell(WindowEvent::Focused(true));
    }

    fn leave(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlKeyboard, _: &WlSurface, _: u32) {
        self.tell(WindowEvent::Focused(false));
    }

    fn press_key(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlKeyboard, _: u32, event: KeyEvent) {
        self.key(&event, true);
    }

    /// The compositor repeats keys itself only where it was asked to (`wl_keyboard` 10), which is not done here.
    fn repeat_key(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlKeyboard, _: u32, _: KeyEvent) {}

    fn release_key(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlKeyboard,
        _: u32,
        event: KeyEvent,
    ) {
        self.key(&event, false);
    }

    fn update_modifiers(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlKeyboard,
        _: u32,
        state: XkbModifiers,
        _: RawModifiers,
        _: u32,
    ) {
        self.input.modifiers = modifiers(state);
    }

    fn update_repeat_info(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlKeyboard,
        info: RepeatInfo,
    ) {
        self.input.repeat = match info {
            RepeatInfo::Repeat { rate, delay } => Some(Repeat {
                delay: Duration::from_millis(delay.into()),
                interval: Duration::from_secs(1) / rate.get(),
            }),
            RepeatInfo::Disable => None,
        };
    }
}

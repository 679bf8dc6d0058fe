//! Events of the window as the engine takes them.

use super::wayland::{Keypress, WindowEvent};
use crate::keymap;
use servo::{
    DevicePoint, InputEvent, KeyState, KeyboardEvent, MouseButtonAction, MouseButtonEvent,
    MouseLeftViewportEvent, MouseMoveEvent, TouchEvent, TouchEventType, TouchId, TouchPointerType,
    WebViewPoint, WheelDelta, WheelEvent, WheelMode,
};

/// Remembers where the pointer is, which buttons and wheels do not say.
#[derive(Debug, Default)]
pub struct Input {
    pointer: (f64, f64),
}

impl Input {
    /// The engine's event for one of the window's; `None` for those that are no input.
    pub fn translate(&mut self, event: &WindowEvent) -> Option<InputEvent> {
        Some(match event {
            WindowEvent::Key(press) => key(press, false),
            WindowEvent::PointerMoved { x, y } => {
                self.pointer = (*x, *y);
                InputEvent::MouseMove(MouseMoveEvent::new(point(*x, *y)))
            }
            WindowEvent::PointerLeft => InputEvent::MouseLeftViewport(MouseLeftViewportEvent::default()),
            WindowEvent::PointerButton { button, pressed } => {
                let action = if *pressed { MouseButtonAction::Down } else { MouseButtonAction::Up };
                InputEvent::MouseButton(MouseButtonEvent::new(
                    action,
                    *button,
                    point(self.pointer.0, self.pointer.1),
                ))
            }
            WindowEvent::Wheel { dx, dy } => {
                let delta = WheelDelta { x: *dx, y: *dy, z: 0.0, mode: WheelMode::DeltaPixel };
                InputEvent::Wheel(WheelEvent::new(delta, point(self.pointer.0, self.pointer.1)))
            }
            WindowEvent::TouchDown { id, x, y } => touch(TouchEventType::Down, *id, *x, *y),
            WindowEvent::TouchMoved { id, x, y } => touch(TouchEventType::Move, *id, *x, *y),
            WindowEvent::TouchUp { id, x, y } => touch(TouchEventType::Up, *id, *x, *y),
            WindowEvent::TouchCancelled { id, x, y } => touch(TouchEventType::Cancel, *id, *x, *y),
            _ => return None,
        })
    }
}

/// The engine's event for a key; `repeat` where it is held.
pub fn key(press: &Keypress, repeat: bool) -> InputEvent {
    let state = if press.pressed { KeyState::Down } else { KeyState::Up };
    let location = keymap::location(press.code);
    let event = KeyboardEvent::new_without_event(
        state,
        press.key.clone(),
        press.code,
        location,
        press.modifiers,
        repeat,
        false,
    );
    InputEvent::Keyboard(event)
}

fn touch(kind: TouchEventType, id: i32, x: f64, y: f64) -> InputEvent {
    InputEvent::Touch(TouchEvent::new(kind, TouchId(id), point(x, y), TouchPointerType::Touch))
}

fn point(x: f64, y: f64) -> WebViewPoint {
    WebViewPoint::Device(DevicePoint::new(x as f32, y as f32))
}

//! The seat's devices, the pointer and its shape.

use super::window::Display;
use super::{Repeat, WindowEvent};
use servo::{Cursor, Modifiers, MouseButton};
use smithay_client_toolkit::seat::pointer::{
    AxisScroll, BTN_BACK, BTN_EXTRA, BTN_FORWARD, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, PointerEvent,
    PointerEventKind, PointerHandler,
};
use smithay_client_toolkit::seat::{Capability, SeatHandler, SeatState};
use std::collections::HashMap;
use wayland_client::protocol::wl_keyboard::WlKeyboard;
use wayland_client::protocol::wl_pointer::WlPointer;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_touch::WlTouch;
use wayland_client::{Connection, QueueHandle};
use wayland_protocols::wp::cursor_shape::v1::client::wp_cursor_shape_device_v1::{
    Shape, WpCursorShapeDeviceV1,
};

/// Pixels that one notch of a wheel scrolls: three lines of text, with room between them.
const NOTCH: f64 = 100.0;

/// The devices of the seat and what is remembered about them.
#[derive(Default)]
pub struct Devices {
    keyboard: Option<WlKeyboard>,
    pointer: Option<WlPointer>,
    shape: Option<WpCursorShapeDeviceV1>,
    /// Of the pointer's last entry, which a change of its shape has to name.
    entered: u32,
    cursor: Cursor,
    touch: Option<WlTouch>,
    /// Where each finger is: the end of a touch does not say it.
    pub(super) fingers: HashMap<i32, (f64, f64)>,
    pub(super) modifiers: Modifiers,
    pub(super) repeat: Option<Repeat>,
}

impl SeatHandler for Display {
    fn seat_state(&mut self) -> &mut SeatState {
        &mut self.seats
    }

    fn new_seat(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlSeat) {}

    fn new_capability(
        &mut self,
        _: &Connection,
        queue: &QueueHandle<Self>,
        seat: WlSeat,
        capability: Capability,
    ) {
        match capability {
            Capability::Keyboard if self.input.keyboard.is_none() => {
                self.input.keyboard = self.seats.get_keyboard(queue, &seat, None).ok();
            }
            Capability::Pointer if self.input.pointer.is_none() => {
                self.input.pointer = self.seats.get_pointer(queue, &seat).ok();
                let shapes = self.cursor_shapes.as_ref().zip(self.input.pointer.as_ref());
                self.input.shape = shapes.map(|(shapes, pointer)| shapes.get_shape_device(pointer, queue));
            }
            Capability::Touch if self.input.touch.is_none() => {
                self.input.touch = self.seats.get_touch(queue, &seat).ok();
            }
            _ => {}
        }
    }

    fn remove_capability(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: WlSeat,
        capability: Capability,
    ) {
        match capability {
            Capability::Keyboard => {
                if let Some(keyboard) = self.input.keyboard.take() {
                    keyboard.release();
                }
                self.tell(WindowEvent::Focused(false));
            }
            Capability::Pointer => {
                if let Some(shape) = self.input.shape.take() {
                    shape.destroy();
                }
                if let Some(pointer) = self.input.pointer.take() {
                    pointer.release();
                }
                self.tell(WindowEvent::PointerLeft);
            }
            Capability::Touch => {
                if let Some(touch) = self.input.touch.take() {
                    touch.release();
                }
                self.cancel_touches();
            }
            _ => {}
        }
    }

    fn remove_seat(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlSeat) {}
}

impl PointerHandler for Display {
    fn pointer_frame(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlPointer,
        events: &[PointerEvent],
    ) {
        for event in events {
            let (x, y) = event.position;
            match &event.kind {
                PointerEventKind::Enter { serial } => {
                    self.input.entered = *serial;
                    self.show_cursor();
                    self.tell(WindowEvent::PointerMoved { x, y });
                }
                PointerEventKind::Motion { .. } => self.tell(WindowEvent::PointerMoved { x, y }),
                PointerEventKind::Leave { .. } => self.tell(WindowEvent::PointerLeft),
                PointerEventKind::Press { button, .. } => {
                    self.tell(WindowEvent::PointerButton { button: mouse_button(*button), pressed: true });
                }
                PointerEventKind::Release { button, .. } => {
                    self.tell(WindowEvent::PointerButton { button: mouse_button(*button), pressed: false });
                }
                PointerEventKind::Axis { horizontal, vertical, .. } => {
                    let (dx, dy) = (pixels(horizontal), pixels(vertical));
                    if dx != 0.0 || dy != 0.0 {
                        self.tell(WindowEvent::Wheel { dx, dy });
                    }
                }
            }
        }
    }
}

impl Display {
    pub fn set_cursor(&mut self, cursor: Cursor) {
        self.input.cursor = cursor;
        self.show_cursor();
    }

    fn show_cursor(&self) {
        if self.input.cursor == Cursor::None {
            if let Some(pointer) = &self.input.pointer {
                pointer.set_cursor(self.input.entered, None, 0, 0);
            }
        } else if let Some(device) = &self.input.shape {
            device.set_shape(self.input.entered, shape(self.input.cursor));
        }
    }
}

/// The way of the wheel, positive where it reveals what is above: Wayland counts the other way round.
fn pixels(scroll: &AxisScroll) -> f64 {
    if scroll.value120 != 0 {
        -f64::from(scroll.value120) / 120.0 * NOTCH
    } else if scroll.discrete != 0 {
        -f64::from(scroll.discrete) * NOTCH
    } else {
        -scroll.absolute
    }
}

fn mouse_button(button: u32) -> MouseButton {
    match button {
        BTN_LEFT => MouseButton::Primary,
        BTN_MIDDLE => MouseButton::Auxiliary,
        BTN_RIGHT => MouseButton::Secondary,
        BTN_SIDE | BTN_BACK => MouseButton::Back,
        BTN_EXTRA | BTN_FORWARD => MouseButton::Forward,
        other => MouseButton::Other(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

fn shape(cursor: Cursor) -> Shape {
    match cursor {
        Cursor::None | Cursor::Default => Shape::Default,
        Cursor::Pointer => Shape::Pointer,
        Cursor::ContextMenu => Shape::ContextMenu,
        Cursor::Help => Shape::Help,
        Cursor::Progress => Shape::Progress,
        Cursor::Wait => Shape::Wait,
        Cursor::Cell => Shape::Cell,
        Cursor::Crosshair => Shape::Crosshair,
        Cursor::Text => Shape::Text,
        Cursor::VerticalText => Shape::VerticalText,
        Cursor::Alias => Shape::Alias,
        Cursor::Copy => Shape::Copy,
        Cursor::Move => Shape::Move,
        Cursor::NoDrop => Shape::NoDrop,
        Cursor::NotAllowed => Shape::NotAllowed,
        Cursor::Grab => Shape::Grab,
        Cursor::Grabbing => Shape::Grabbing,
        Cursor::EResize => Shape::EResize,
        Cursor::NResize => Shape::NResize,
        Cursor::NeResize => Shape::NeResize,
        Cursor::NwResize => Shape::NwResize,
        Cursor::SResize => Shape::SResize,
        Cursor::SeResize => Shape::SeResize,
        Cursor::SwResize => Shape::SwResize,
        Cursor::WResize => Shape::WResize,
        Cursor::EwResize => Shape::EwResize,
        Cursor::NsResize => Shape::NsResize,
        Cursor::NeswResize => Shape::NeswResize,
        Cursor::NwseResize => Shape::NwseResize,
        Cursor::ColResize => Shape::ColResize,
        Cursor::RowResize => Shape::RowResize,
        Cursor::AllScroll => Shape::AllScroll,
        Cursor::ZoomIn => Shape::ZoomIn,
        Cursor::ZoomOut => Shape::ZoomOut,
    }
}

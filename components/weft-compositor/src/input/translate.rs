//! A backend's events as plain data.

use super::{AxisMove, Gesture, Input, InputKind};
use smithay::backend::input::{
    AbsolutePositionEvent, Axis, ButtonState, Event, GestureBeginEvent, GestureEndEvent,
    GesturePinchUpdateEvent, GestureSwipeUpdateEvent, InputBackend, InputEvent, KeyState, KeyboardKeyEvent,
    PointerAxisEvent, PointerButtonEvent, PointerMotionEvent, TouchEvent,
};
use smithay::utils::Size;

/// The event, if it is one that the compositor knows what to do with.
pub fn translate<B: InputBackend>(event: &InputEvent<B>) -> Option<Input> {
    let (time_us, kind) = match event {
        InputEvent::Keyboard { event } => {
            // xkb's numbers begin at 8, evdev's at 0.
            let code = event.key_code().raw().saturating_sub(8);
            (event.time(), InputKind::Key { code, pressed: event.state() == KeyState::Pressed })
        }
        InputEvent::PointerMotion { event } => {
            (event.time(), InputKind::PointerBy { dx: event.delta_x(), dy: event.delta_y() })
        }
        InputEvent::PointerMotionAbsolute { event } => {
            let (x, y) = share(event);
            (event.time(), InputKind::PointerTo { x, y })
        }
        InputEvent::PointerButton { event } => {
            let pressed = event.state() == ButtonState::Pressed;
            (event.time(), InputKind::Button { code: event.button_code(), pressed })
        }
        InputEvent::PointerAxis { event } => {
            let moved = |axis| AxisMove {
                amount: event.amount(axis),
                v120: event.amount_v120(axis),
                direction: event.relative_direction(axis),
            };
            let kind = InputKind::Axis {
                source: event.source(),
                horizontal: moved(Axis::Horizontal),
                vertical: moved(Axis::Vertical),
            };
            (event.time(), kind)
        }
        InputEvent::TouchDown { event } => {
            let (x, y) = share(event);
            (event.time(), InputKind::TouchDown { slot: slot(event), x, y })
        }
        InputEvent::TouchMotion { event } => {
            let (x, y) = share(event);
            (event.time(), InputKind::TouchTo { slot: slot(event), x, y })
        }
        InputEvent::TouchUp { event } => (event.time(), InputKind::TouchUp { slot: slot(event) }),
        InputEvent::TouchFrame { event } => (event.time(), InputKind::TouchFrame),
        InputEvent::TouchCancel { event } => (event.time(), InputKind::TouchCancel),
        _ => {
            let (time, gesture) = gesture(event)?;
            (time, InputKind::Gesture(gesture))
        }
    };
    Some(Input { time_us, kind })
}

fn gesture<B: InputBackend>(event: &InputEvent<B>) -> Option<(u64, Gesture)> {
    Some(match event {
        InputEvent::GestureSwipeBegin { event } => {
            (event.time(), Gesture::SwipeBegin { fingers: event.fingers() })
        }
        InputEvent::GestureSwipeUpdate { event } => {
            (event.time(), Gesture::SwipeUpdate { dx: event.delta_x(), dy: event.delta_y() })
        }
        InputEvent::GestureSwipeEnd { event } => {
            (event.time(), Gesture::SwipeEnd { cancelled: event.cancelled() })
        }
        InputEvent::GesturePinchBegin { event } => {
            (event.time(), Gesture::PinchBegin { fingers: event.fingers() })
        }
        InputEvent::GesturePinchUpdate { event } => {
            let (dx, dy, scale, rotation) =
                (event.delta_x(), event.delta_y(), event.scale(), event.rotation());
            (event.time(), Gesture::PinchUpdate { dx, dy, scale, rotation })
        }
        InputEvent::GesturePinchEnd { event } => {
            (event.time(), Gesture::PinchEnd { cancelled: event.cancelled() })
        }
        InputEvent::GestureHoldBegin { event } => {
            (event.time(), Gesture::HoldBegin { fingers: event.fingers() })
        }
        InputEvent::GestureHoldEnd { event } => {
            (event.time(), Gesture::HoldEnd { cancelled: event.cancelled() })
        }
        _ => return None,
    })
}

/// Asked for a space this large, a device answers its position finely enough for any output.
const SPACE: i32 = 1 << 20;

fn share<B: InputBackend>(event: &impl AbsolutePositionEvent<B>) -> (f64, f64) {
    let at = event.position_transformed(Size::from((SPACE, SPACE)));
    (at.x / f64::from(SPACE), at.y / f64::from(SPACE))
}

fn slot<B: InputBackend>(event: &impl TouchEvent<B>) -> u32 {
    i32::from(event.slot()).max(0) as u32
}

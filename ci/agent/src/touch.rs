//! A multi-touch screen made by uinput, for QEMUs that have none (before 8.1). It appears while the system runs, as one that is
//! plugged in.
//!
//! It speaks protocol B of the kernel's `Documentation/input/multi-touch-protocol.rst`.

use evdev::uinput::VirtualDevice;
use evdev::{
    AbsInfo, AbsoluteAxisCode as Axis, AbsoluteAxisEvent, AttributeSet, BusType, InputEvent, InputId,
    KeyCode, KeyEvent, PropType, UinputAbsSetup,
};
use std::io;

/// The top of both axes.
pub const AXIS_MAX: i32 = 0x7fff;

const SLOTS: i32 = 10;
const TRACKING_ID_MAX: i32 = 0xffff;
/// What lifts a finger.
const NO_TRACKING_ID: i32 = -1;

/// Disappears when dropped.
pub struct TouchScreen(VirtualDevice);

impl TouchScreen {
    pub fn create() -> io::Result<TouchScreen> {
        let axis = |axis, maximum| UinputAbsSetup::new(axis, AbsInfo::new(0, 0, maximum, 0, 0, 0));
        let keys: AttributeSet<KeyCode> = [KeyCode::BTN_TOUCH].into_iter().collect();
        let properties: AttributeSet<PropType> = [PropType::DIRECT].into_iter().collect();
        let device = VirtualDevice::builder()?
            .name("WEFT test touch screen")
            .input_id(InputId::new(BusType::BUS_USB, 0, 0, 0))
            .with_keys(&keys)?
            .with_properties(&properties)?
            .with_absolute_axis(&axis(Axis::ABS_X, AXIS_MAX))?
            .with_absolute_axis(&axis(Axis::ABS_Y, AXIS_MAX))?
            .with_absolute_axis(&axis(Axis::ABS_MT_SLOT, SLOTS - 1))?
            .with_absolute_axis(&axis(Axis::ABS_MT_TRACKING_ID, TRACKING_ID_MAX))?
            .with_absolute_axis(&axis(Axis::ABS_MT_POSITION_X, AXIS_MAX))?
            .with_absolute_axis(&axis(Axis::ABS_MT_POSITION_Y, AXIS_MAX))?
            .build()?;
        Ok(TouchScreen(device))
    }

    /// The device nodes, such as /dev/input/event5.
    pub fn nodes(&mut self) -> io::Result<Vec<String>> {
        let paths = self.0.enumerate_dev_nodes_blocking()?;
        paths.map(|path| Ok(path?.display().to_string())).collect()
    }

    /// Puts a finger down, or moves it.
    pub fn down(&mut self, slot: i32, x: i32, y: i32) -> io::Result<()> {
        self.0.emit(&[
            absolute(Axis::ABS_MT_SLOT, slot),
            absolute(Axis::ABS_MT_TRACKING_ID, slot),
            absolute(Axis::ABS_MT_POSITION_X, x),
            absolute(Axis::ABS_MT_POSITION_Y, y),
            *KeyEvent::new(KeyCode::BTN_TOUCH, 1),
            absolute(Axis::ABS_X, x),
            absolute(Axis::ABS_Y, y),
        ])
    }

    /// Lifts a finger; `last` when no other is down.
    pub fn up(&mut self, slot: i32, last: bool) -> io::Result<()> {
        self.0.emit(&[
            absolute(Axis::ABS_MT_SLOT, slot),
            absolute(Axis::ABS_MT_TRACKING_ID, NO_TRACKING_ID),
            *KeyEvent::new(KeyCode::BTN_TOUCH, i32::from(!last)),
        ])
    }
}

fn absolute(axis: Axis, value: i32) -> InputEvent {
    *AbsoluteAxisEvent::new(axis, value)
}

//! What an input device is, told from the capability bitmaps that sysfs shows and never from its name.
//!
//! The properties are those of udev's `input_id`, which libinput reads (libinput, "Device configuration via udev"); the codes are the kernel's
//! `input-event-codes.h`.

/// A bitmap as sysfs prints it: hexadecimal words of 64 bits, the highest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bitmap {
    /// Lowest word first.
    words: Vec<u64>,
}

impl Bitmap {
    /// Words that do not parse count as empty.
    pub fn parse(text: &str) -> Self {
        let word = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        Self { words: text.split_ascii_whitespace().rev().map(word).collect() }
    }

    pub fn has(&self, bit: u16) -> bool {
        let word = self.words.get(usize::from(bit / 64)).copied().unwrap_or(0);
        word >> (bit % 64) & 1 == 1
    }

    fn any(&self, mut bits: std::ops::Range<u16>) -> bool {
        bits.any(|bit| self.has(bit))
    }

    fn all(&self, mut bits: std::ops::Range<u16>) -> bool {
        bits.all(|bit| self.has(bit))
    }
}

/// The bitmaps of one input device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub ev: Bitmap,
    pub key: Bitmap,
    pub rel: Bitmap,
    pub abs: Bitmap,
    /// `properties` in sysfs, `INPUT_PROP_*`.
    pub props: Bitmap,
}

const EV_KEY: u16 = 0x01;
const EV_REL: u16 = 0x02;
const EV_ABS: u16 = 0x03;
const EV_SW: u16 = 0x05;

const PROP_DIRECT: u16 = 0x01;
const PROP_POINTING_STICK: u16 = 0x05;
const PROP_ACCELEROMETER: u16 = 0x06;

pub const KEY_POWER: u16 = 116;
const BTN_MISC: u16 = 0x100;
const BTN_1: u16 = 0x101;
const BTN_MOUSE: u16 = 0x110;
const BTN_JOYSTICK: u16 = 0x120;
const BTN_DIGI: u16 = 0x140;
const BTN_TOOL_FINGER: u16 = 0x145;
const BTN_TOUCH: u16 = 0x14a;
const BTN_STYLUS: u16 = 0x14b;
const KEY_OK: u16 = 0x160;
const BTN_DPAD_UP: u16 = 0x220;
const KEY_ALS_TOGGLE: u16 = 0x230;
const BTN_TRIGGER_HAPPY: u16 = 0x2c0;

const REL_X: u16 = 0x00;
const REL_Y: u16 = 0x01;
const ABS_X: u16 = 0x00;
const ABS_Y: u16 = 0x01;
const ABS_RX: u16 = 0x03;
const ABS_WHEEL: u16 = 0x08;
const ABS_HAT3Y: u16 = 0x17;
const ABS_MT_SLOT: u16 = 0x2f;
const ABS_MT_POSITION_X: u16 = 0x35;
const ABS_MT_POSITION_Y: u16 = 0x36;

impl Capabilities {
    /// Whether a press on the device can be the power button.
    pub fn has_power_key(&self) -> bool {
        self.ev.has(EV_KEY) && self.key.has(KEY_POWER)
    }

    /// The `ID_INPUT*` properties that are 1 for this device, `ID_INPUT` first; empty for what is no input device to a person.
    pub fn properties(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        if self.props.has(PROP_ACCELEROMETER) {
            kinds.push("ID_INPUT_ACCELEROMETER");
        } else {
            kinds.extend(self.pointer());
            kinds.extend(self.keys());
        }
        if self.ev.has(EV_SW) {
            kinds.push("ID_INPUT_SWITCH");
        }
        if !kinds.is_empty() {
            kinds.insert(0, "ID_INPUT");
        }
        kinds
    }

    fn pointer(&self) -> Vec<&'static str> {
        let keys = self.ev.has(EV_KEY);
        let axes = self.ev.has(EV_ABS) && self.abs.has(ABS_X) && self.abs.has(ABS_Y);
        // A device that claims the unused code below the slots claims every axis there is, and so tells nothing.
        let touches = self.ev.has(EV_ABS)
            && self.abs.has(ABS_MT_POSITION_X)
            && self.abs.has(ABS_MT_POSITION_Y)
            && !(self.abs.has(ABS_MT_SLOT) && self.abs.has(ABS_MT_SLOT - 1));
        let pen = keys && (self.key.has(BTN_STYLUS) || self.key.has(BTN_DIGI));
        let finger = keys && self.key.has(BTN_TOOL_FINGER) && !self.key.has(BTN_DIGI);
        let touch = keys && self.key.has(BTN_TOUCH);
        let mouse_button = keys && self.key.any(BTN_MOUSE..BTN_JOYSTICK);
        let game_button = keys
            && (self.key.any(BTN_JOYSTICK..BTN_DIGI)
                || self.key.any(BTN_TRIGGER_HAPPY..BTN_TRIGGER_HAPPY + 40));
        let game_axis = self.ev.has(EV_ABS) && self.abs.any(ABS_RX..ABS_HAT3Y + 1);
        let direct = self.props.has(PROP_DIRECT);
        let pad = keys && self.key.has(BTN_MISC) && self.key.has(BTN_1) && self.abs.has(ABS_WHEEL) && !pen;
        let moves = self.ev.has(EV_REL) && self.rel.has(REL_X) && self.rel.has(REL_Y);

        let mut kinds = Vec::new();
        if self.props.has(PROP_POINTING_STICK) {
            kinds.push("ID_INPUT_POINTINGSTICK");
        }
        match () {
            () if (axes || touches) && pen => kinds.push("ID_INPUT_TABLET"),
            () if pad => kinds.extend(["ID_INPUT_TABLET", "ID_INPUT_TABLET_PAD"]),
            () if (axes || touches) && finger && !direct => kinds.push("ID_INPUT_TOUCHPAD"),
            () if axes && mouse_button && !direct => kinds.push("ID_INPUT_MOUSE"),
            () if (axes || touches) && (touch || direct) => kinds.push("ID_INPUT_TOUCHSCREEN"),
            () if moves && mouse_button => kinds.push("ID_INPUT_MOUSE"),
            () if game_button && (axes || game_axis) => kinds.push("ID_INPUT_JOYSTICK"),
            () => {}
        }
        kinds
    }

    fn keys(&self) -> Vec<&'static str> {
        if !self.ev.has(EV_KEY) {
            return Vec::new();
        }
        let any_key = self.key.any(1..BTN_MISC)
            || self.key.any(KEY_OK..BTN_DPAD_UP)
            || self.key.any(KEY_ALS_TOGGLE..BTN_TRIGGER_HAPPY);
        // Escape, the digits and the first letters: a full keyboard and not a row of special keys.
        match (any_key, self.key.all(1..32)) {
            (_, true) => vec!["ID_INPUT_KEY", "ID_INPUT_KEYBOARD"],
            (true, false) => vec!["ID_INPUT_KEY"],
            (false, false) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn device(ev: &str, key: &str, rel: &str, abs: &str, props: &str) -> Vec<&'static str> {
        let parse = Bitmap::parse;
        Capabilities { ev: parse(ev), key: parse(key), rel: parse(rel), abs: parse(abs), props: parse(props) }
            .properties()
    }

    #[test]
    fn bits_are_counted_from_the_last_word() {
        let bitmap = Bitmap::parse("8000000000000001 2");
        assert!(bitmap.has(1) && bitmap.has(64) && bitmap.has(127));
        assert!(!bitmap.has(0) && !bitmap.has(128) && !bitmap.has(u16::MAX));
        assert_eq!(Bitmap::parse(""), Bitmap::default());
        assert!(!Bitmap::parse("nonsense").has(0));
    }

    #[test]
    fn a_keyboard() {
        // QEMU virtio keyboard.
        let keys = "400000000 0 0 c000 104800000 0 ffffffffffffffff fffffffffffffffe";
        assert_eq!(device("120003", keys, "0", "0", "0"), ["ID_INPUT", "ID_INPUT_KEY", "ID_INPUT_KEYBOARD"]);
    }

    #[test]
    fn the_acpi_power_button() {
        assert_eq!(device("3", "10000000000000 0", "0", "0", "0"), ["ID_INPUT", "ID_INPUT_KEY"]);
        let button = Capabilities {
            ev: Bitmap::parse("3"),
            key: Bitmap::parse("10000000000000 0"),
            ..Default::default()
        };
        assert!(button.has_power_key());
    }

    #[test]
    fn an_absolute_mouse_as_virtual_machines_have_it() {
        // BTN_LEFT, BTN_RIGHT, BTN_MIDDLE; ABS_X, ABS_Y; wheel.
        assert_eq!(device("f", "1f0000 0 0 0 0", "100", "3", "0"), ["ID_INPUT", "ID_INPUT_MOUSE"]);
    }

    #[test]
    fn a_relative_mouse() {
        assert_eq!(device("7", "70000 0 0 0 0", "903", "0", "0"), ["ID_INPUT", "ID_INPUT_MOUSE"]);
    }

    #[test]
    fn a_touchscreen_is_direct() {
        let multitouch = "260800000000003";
        assert_eq!(device("b", "400 0 0 0 0 0", "0", multitouch, "2"), ["ID_INPUT", "ID_INPUT_TOUCHSCREEN"]);
    }

    #[test]
    fn a_touchpad_has_a_finger_tool() {
        let finger_touch_left = "420 10000 0 0 0 0";
        assert_eq!(
            device("b", finger_touch_left, "0", "260800000000003", "5"),
            ["ID_INPUT", "ID_INPUT_TOUCHPAD"]
        );
    }

    #[test]
    fn a_pen_tablet_and_a_lid_switch() {
        assert_eq!(device("b", "c01 0 0 0 0 0", "0", "1000003", "1"), ["ID_INPUT", "ID_INPUT_TABLET"]);
        assert_eq!(device("21", "0", "0", "0", "0"), ["ID_INPUT", "ID_INPUT_SWITCH"]);
    }

    #[test]
    fn a_beeper_is_no_input() {
        assert!(device("40001", "0", "0", "0", "0").is_empty());
    }

    proptest! {
        #[test]
        fn anything_named_is_input(ev in any::<u64>(), key in any::<[u64; 12]>(), abs in any::<u64>(), props in any::<u8>()) {
            let key: Vec<String> = key.iter().map(|word| format!("{word:x}")).collect();
            let kinds = device(&format!("{ev:x}"), &key.join(" "), "3", &format!("{abs:x}"), &format!("{props:x}"));
            prop_assert!(kinds.is_empty() || (kinds[0] == "ID_INPUT" && kinds.len() > 1));
        }
    }
}

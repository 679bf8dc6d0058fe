//! Input as a person gives it: pointer and keys through the monitor's `input-send-event`.

use super::{Error, Result};
use serde_json::{Value, json};

/// The top of QEMU's range for absolute axes (`INPUT_EVENT_ABS_MAX`).
const ABSOLUTE_MAX: u64 = 0x7fff;

/// Events that put the pointer on the middle of pixel x, y of a screen of that size.
pub fn pointer_to(x: u32, y: u32, (width, height): (u32, u32)) -> Value {
    json!([absolute("x", x, width), absolute("y", y, height)])
}

fn absolute(axis: &str, position: u32, size: u32) -> Value {
    let middle = (u64::from(position) * 2 + 1) * ABSOLUTE_MAX / (u64::from(size.max(1)) * 2);
    json!({ "type": "abs", "data": { "axis": axis, "value": middle.min(ABSOLUTE_MAX) } })
}

/// Presses or releases a pointer button: `left`, `middle`, `right`, `wheel-up`, `wheel-down`.
pub fn button(name: &str, down: bool) -> Value {
    json!([{ "type": "btn", "data": { "down": down, "button": name } }])
}

/// Presses or releases a key by its QEMU name (`QKeyCode`): `a`, `ret`, `esc`.
pub fn key(name: &str, down: bool) -> Value {
    json!([{ "type": "key", "data": { "down": down, "key": { "type": "qcode", "data": name } } }])
}

/// The keys, by QEMU's names, that type a text on a US keyboard.
pub fn keys_for(text: &str) -> Result<Vec<String>> {
    text.chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' => Ok(character.to_string()),
            ' ' => Ok("spc".to_owned()),
            '.' => Ok("dot".to_owned()),
            '-' => Ok("minus".to_owned()),
            '/' => Ok("slash".to_owned()),
            what => Err(Error::Untypable { what }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_of_the_screen_is_reached_exactly() {
        for (size, pixels) in [(1280, [0, 1, 639, 1278, 1279]), (800, [0, 1, 399, 798, 799])] {
            for pixel in pixels {
                let value = absolute("x", pixel, size)["data"]["value"].as_u64().unwrap();
                // What a guest computes from the axis' range.
                assert_eq!(
                    value * u64::from(size) / (ABSOLUTE_MAX + 1),
                    u64::from(pixel),
                    "pixel {pixel} of {size}"
                );
            }
        }
    }

    #[test]
    fn an_app_id_can_be_typed() {
        assert_eq!(keys_for("org.a1").unwrap(), ["o", "r", "g", "dot", "a", "1"]);
        assert!(keys_for("Ä").unwrap_err().to_string().contains("'Ä'"));
    }
}

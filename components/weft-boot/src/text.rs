//! Text as the firmware has it.

/// A literal in UTF-16 with a closing zero.
#[macro_export]
macro_rules! utf16 {
    ($text:literal) => {{
        const UNITS: [u16; $text.len() + 1] = $crate::text::units($text);
        &UNITS
    }};
}

/// The units of an ASCII text and a zero. What calls it gives the room, [`utf16!`] exactly what it takes.
pub const fn units<const ROOM: usize>(text: &str) -> [u16; ROOM] {
    let bytes = text.as_bytes();
    assert!(bytes.len() + 1 == ROOM, "the text and a closing zero");
    let mut units = [0; ROOM];
    let mut at = 0;
    while at < bytes.len() {
        assert!(bytes[at].is_ascii(), "only ASCII");
        units[at] = bytes[at] as u16;
        at += 1;
    }
    units
}

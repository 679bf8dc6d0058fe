//! Text as the firmware has it.

/// Latin text in UTF-16 with a closing zero; what is left of the room is zero, too.
pub const fn utf16<const ROOM: usize>(text: &str) -> [u16; ROOM] {
    let bytes = text.as_bytes();
    assert!(bytes.len() < ROOM, "no room for the closing zero");
    let mut units = [0; ROOM];
    let mut at = 0;
    while at < bytes.len() {
        assert!(bytes[at].is_ascii(), "only ASCII");
        units[at] = bytes[at] as u16;
        at += 1;
    }
    units
}

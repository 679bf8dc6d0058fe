//! Keys as Wayland says them (evdev codes, xkb keysyms) and as pages know them (UI Events: `code`, `key`, `location`).

use keyboard_types::{Code, Key, Location, NamedKey};
use xkeysym::Keysym;

/// The physical key of an evdev code (`linux/input-event-codes.h`).
///
/// <https://w3c.github.io/uievents-code/#keyboard-sections>
pub fn code(evdev: u32) -> Code {
    match evdev {
        1 => Code::Escape,
        2..=10 => DIGITS[evdev as usize - 1],
        11 => Code::Digit0,
        12 => Code::Minus,
        13 => Code::Equal,
        14 => Code::Backspace,
        15 => Code::Tab,
        16..=25 => ROW_Q[evdev as usize - 16],
        26 => Code::BracketLeft,
        27 => Code::BracketRight,
        28 => Code::Enter,
        29 => Code::ControlLeft,
        30..=38 => ROW_A[evdev as usize - 30],
        39 => Code::Semicolon,
        40 => Code::Quote,
        41 => Code::Backquote,
        42 => Code::ShiftLeft,
        43 => Code::Backslash,
        44..=50 => ROW_Z[evdev as usize - 44],
        51 => Code::Comma,
        52 => Code::Period,
        53 => Code::Slash,
        54 => Code::ShiftRight,
        55 => Code::NumpadMultiply,
        56 => Code::AltLeft,
        57 => Code::Space,
        58 => Code::CapsLock,
        59..=68 => FUNCTION[evdev as usize - 59],
        69 => Code::NumLock,
        70 => Code::ScrollLock,
        71..=83 => NUMPAD[evdev as usize - 71],
        86 => Code::IntlBackslash,
        87 => Code::F11,
        88 => Code::F12,
        89 => Code::IntlRo,
        92 => Code::Convert,
        93 => Code::KanaMode,
        94 => Code::NonConvert,
        96 => Code::NumpadEnter,
        97 => Code::ControlRight,
        98 => Code::NumpadDivide,
        99 => Code::PrintScreen,
        100 => Code::AltRight,
        102 => Code::Home,
        103 => Code::ArrowUp,
        104 => Code::PageUp,
        105 => Code::ArrowLeft,
        106 => Code::ArrowRight,
        107 => Code::End,
        108 => Code::ArrowDown,
        109 => Code::PageDown,
        110 => Code::Insert,
        111 => Code::Delete,
        113 => Code::AudioVolumeMute,
        114 => Code::AudioVolumeDown,
        115 => Code::AudioVolumeUp,
        116 => Code::Power,
        117 => Code::NumpadEqual,
        119 => Code::Pause,
        121 => Code::NumpadComma,
        124 => Code::IntlYen,
        125 => Code::MetaLeft,
        126 => Code::MetaRight,
        127 => Code::ContextMenu,
        158 => Code::BrowserBack,
        159 => Code::BrowserForward,
        163 => Code::MediaTrackNext,
        164 => Code::MediaPlayPause,
        165 => Code::MediaTrackPrevious,
        166 => Code::MediaStop,
        172 => Code::BrowserHome,
        173 => Code::BrowserRefresh,
        224 => Code::BrightnessDown,
        225 => Code::BrightnessUp,
        _ => Code::Unidentified,
    }
}

const DIGITS: [Code; 10] = [
    Code::Digit0,
    Code::Digit1,
    Code::Digit2,
    Code::Digit3,
    Code::Digit4,
    Code::Digit5,
    Code::Digit6,
    Code::Digit7,
    Code::Digit8,
    Code::Digit9,
];
const ROW_Q: [Code; 10] = [
    Code::KeyQ,
    Code::KeyW,
    Code::KeyE,
    Code::KeyR,
    Code::KeyT,
    Code::KeyY,
    Code::KeyU,
    Code::KeyI,
    Code::KeyO,
    Code::KeyP,
];
const ROW_A: [Code; 9] = [
    Code::KeyA,
    Code::KeyS,
    Code::KeyD,
    Code::KeyF,
    Code::KeyG,
    Code::KeyH,
    Code::KeyJ,
    Code::KeyK,
    Code::KeyL,
];
const ROW_Z: [Code; 7] = [Code::KeyZ, Code::KeyX, Code::KeyC, Code::KeyV, Code::KeyB, Code::KeyN, Code::KeyM];
const FUNCTION: [Code; 10] =
    [Code::F1, Code::F2, Code::F3, Code::F4, Code::F5, Code::F6, Code::F7, Code::F8, Code::F9, Code::F10];
const NUMPAD: [Code; 13] = [
    Code::Numpad7,
    Code::Numpad8,
    Code::Numpad9,
    Code::NumpadSubtract,
    Code::Numpad4,
    Code::Numpad5,
    Code::Numpad6,
    Code::NumpadAdd,
    Code::Numpad1,
    Code::Numpad2,
    Code::Numpad3,
    Code::Numpad0,
    Code::NumpadDecimal,
];

/// The meaning of a key under the current layout. `composed` is the text that xkb's compose table made of it and those before.
///
/// With Control held xkb makes control characters; a page expects the letter.
pub fn key(keysym: Keysym, composed: Option<&str>) -> Key {
    if let Some(named) = named(keysym) {
        return Key::Named(named);
    }
    let printable = |text: &&str| !text.is_empty() && !text.chars().any(char::is_control);
    if let Some(text) = composed.filter(printable) {
        return Key::Character(text.to_owned());
    }
    match keysym.key_char().filter(|character| !character.is_control()) {
        Some(character) => Key::Character(character.to_string()),
        None if (0xfe50..0xfe90).contains(&keysym.raw()) => Key::Named(NamedKey::Dead),
        None => Key::Named(NamedKey::Unidentified),
    }
}

/// <https://w3c.github.io/uievents-key/#named-key-attribute-values>
fn named(keysym: Keysym) -> Option<NamedKey> {
    Some(match keysym {
        Keysym::Return | Keysym::KP_Enter | Keysym::ISO_Enter => NamedKey::Enter,
        Keysym::Tab | Keysym::ISO_Left_Tab | Keysym::KP_Tab => NamedKey::Tab,
        Keysym::BackSpace => NamedKey::Backspace,
        Keysym::Escape => NamedKey::Escape,
        Keysym::Delete | Keysym::KP_Delete => NamedKey::Delete,
        Keysym::Insert | Keysym::KP_Insert => NamedKey::Insert,
        Keysym::Clear | Keysym::KP_Begin => NamedKey::Clear,
        Keysym::Left | Keysym::KP_Left => NamedKey::ArrowLeft,
        Keysym::Right | Keysym::KP_Right => NamedKey::ArrowRight,
        Keysym::Up | Keysym::KP_Up => NamedKey::ArrowUp,
        Keysym::Down | Keysym::KP_Down => NamedKey::ArrowDown,
        Keysym::Home | Keysym::KP_Home => NamedKey::Home,
        Keysym::End | Keysym::KP_End => NamedKey::End,
        Keysym::Page_Up | Keysym::KP_Page_Up => NamedKey::PageUp,
        Keysym::Page_Down | Keysym::KP_Page_Down => NamedKey::PageDown,
        Keysym::Shift_L | Keysym::Shift_R => NamedKey::Shift,
        Keysym::Control_L | Keysym::Control_R => NamedKey::Control,
        Keysym::Alt_L | Keysym::Alt_R => NamedKey::Alt,
        Keysym::ISO_Level3_Shift | Keysym::Mode_switch => NamedKey::AltGraph,
        Keysym::Meta_L | Keysym::Meta_R | Keysym::Super_L | Keysym::Super_R => NamedKey::Meta,
        Keysym::Caps_Lock => NamedKey::CapsLock,
        Keysym::Num_Lock => NamedKey::NumLock,
        Keysym::Scroll_Lock => NamedKey::ScrollLock,
        Keysym::Multi_key => NamedKey::Compose,
        Keysym::Menu => NamedKey::ContextMenu,
        Keysym::Pause => NamedKey::Pause,
        Keysym::Print => NamedKey::PrintScreen,
        Keysym::F1 => NamedKey::F1,
        Keysym::F2 => NamedKey::F2,
        Keysym::F3 => NamedKey::F3,
        Keysym::F4 => NamedKey::F4,
        Keysym::F5 => NamedKey::F5,
        Keysym::F6 => NamedKey::F6,
        Keysym::F7 => NamedKey::F7,
        Keysym::F8 => NamedKey::F8,
        Keysym::F9 => NamedKey::F9,
        Keysym::F10 => NamedKey::F10,
        Keysym::F11 => NamedKey::F11,
        Keysym::F12 => NamedKey::F12,
        Keysym::XF86_AudioMute => NamedKey::AudioVolumeMute,
        Keysym::XF86_AudioLowerVolume => NamedKey::AudioVolumeDown,
        Keysym::XF86_AudioRaiseVolume => NamedKey::AudioVolumeUp,
        Keysym::XF86_AudioPlay => NamedKey::MediaPlayPause,
        Keysym::XF86_AudioNext => NamedKey::MediaTrackNext,
        Keysym::XF86_AudioPrev => NamedKey::MediaTrackPrevious,
        Keysym::XF86_Back => NamedKey::BrowserBack,
        Keysym::XF86_Forward => NamedKey::BrowserForward,
        _ => return None,
    })
}

/// Which of several keys with one meaning it is.
pub fn location(code: Code) -> Location {
    match code {
        Code::ShiftLeft | Code::ControlLeft | Code::AltLeft | Code::MetaLeft => Location::Left,
        Code::ShiftRight | Code::ControlRight | Code::AltRight | Code::MetaRight => Location::Right,
        Code::NumpadEnter
        | Code::NumpadDivide
        | Code::NumpadMultiply
        | Code::NumpadEqual
        | Code::NumpadComma => Location::Numpad,
        code if NUMPAD.contains(&code) => Location::Numpad,
        _ => Location::Standard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_keys_have_their_names() {
        for (evdev, expected) in [
            (1, Code::Escape),
            (2, Code::Digit1),
            (10, Code::Digit9),
            (11, Code::Digit0),
            (16, Code::KeyQ),
            (30, Code::KeyA),
            (50, Code::KeyM),
            (59, Code::F1),
            (68, Code::F10),
            (71, Code::Numpad7),
            (83, Code::NumpadDecimal),
            (103, Code::ArrowUp),
            (0, Code::Unidentified),
            (999, Code::Unidentified),
        ] {
            assert_eq!(code(evdev), expected, "{evdev}");
        }
        assert_eq!(location(Code::ShiftRight), Location::Right);
        assert_eq!(location(Code::Numpad0), Location::Numpad);
        assert_eq!(location(Code::KeyA), Location::Standard);
    }

    #[test]
    fn a_key_means_its_text_or_its_name() {
        let character = |text: &str| Key::Character(text.to_owned());
        assert_eq!(key(Keysym::a, Some("a")), character("a"));
        assert_eq!(key(Keysym::c, Some("\u{3}")), character("c"), "with Control held");
        assert_eq!(key(Keysym::adiaeresis, None), character("ä"), "a release has no text");
        assert_eq!(key(Keysym::KP_5, Some("5")), character("5"));
        assert_eq!(key(Keysym::space, Some(" ")), character(" "));
        assert_eq!(key(Keysym::Return, Some("\r")), Key::Named(NamedKey::Enter));
        assert_eq!(key(Keysym::ISO_Left_Tab, None), Key::Named(NamedKey::Tab));
        assert_eq!(key(Keysym::dead_acute, None), Key::Named(NamedKey::Dead));
        assert_eq!(key(Keysym::e, Some("é")), character("é"), "after a dead key");
        assert_eq!(key(Keysym::NoSymbol, None), Key::Named(NamedKey::Unidentified));
    }
}

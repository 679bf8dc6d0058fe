//! Bytes as lower-case hexadecimal digits.

use std::fmt::Write;

pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `None` unless the text is exactly `N` bytes in lower-case digits: every value has one spelling.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().try_fold(0u8, |value, digit| Some(value << 4 | nibble(*digit)?))?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_spelling() {
        assert_eq!(encode(&[0, 0xab, 0x1f]), "00ab1f");
        assert_eq!(decode::<3>("00ab1f"), Some([0, 0xab, 0x1f]));
        for bad in ["00AB1F", "00ab1", "00ab1f0", "00ab1g", "", "é0ab1"] {
            assert_eq!(decode::<3>(bad), None, "{bad}");
        }
    }
}

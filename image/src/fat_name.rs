//! File names of FAT: the short one that every file has, and the long one beside it.

const ENTRY: usize = 32;
/// UTF-16 units in one entry of a long name.
const UNITS: usize = 13;
/// Where they are in it.
const PLACES: [usize; UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
const LONG_NAME: u8 = 0x0f;
const LAST: u8 = 0x40;

/// The 8.3 name: the name itself where it is one in capitals, else `FIRST~N.EXT`, unlike those already taken. `None` for names that
/// FAT has no room or no characters for.
pub(crate) fn short_name(name: &str, taken: &[[u8; 11]]) -> Option<[u8; 11]> {
    let allowed = |character: char| character.is_ascii_graphic() && !"\"*/:<>?\\|".contains(character);
    if name.is_empty() || name.len() > 255 || name.starts_with('.') || !name.chars().all(allowed) {
        return None;
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let exact = padded(stem, extension).filter(|_| is_short(stem) && is_short(extension));
    if let Some(short) = exact {
        return (!taken.contains(&short)).then_some(short);
    }
    let plain = |text: &str, most: usize| -> String {
        let kept =
            text.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_uppercase());
        kept.take(most).collect()
    };
    let numbered = |number: u32| padded(&format!("{}~{number}", plain(stem, 6)), &plain(extension, 3));
    (1..10).filter_map(numbered).find(|short| !taken.contains(short))
}

/// Whether a part of a name can stand in a short name as it is.
fn is_short(part: &str) -> bool {
    part.chars().all(|character| character.is_ascii_uppercase() || character.is_ascii_digit())
}

fn padded(stem: &str, extension: &str) -> Option<[u8; 11]> {
    let mut short = [b' '; 11];
    short.get_mut(..8)?.get_mut(..stem.len())?.copy_from_slice(stem.as_bytes());
    short.get_mut(8..)?.get_mut(..extension.len())?.copy_from_slice(extension.as_bytes());
    Some(short)
}

/// The entries of the long name, as they stand before the short one; none where the short name says it all.
pub(crate) fn long_entries(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    if padded(stem, extension).as_ref() == Some(short) {
        return Vec::new();
    }
    let sum = checksum(short);
    let units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.chunks(UNITS).enumerate();
    let last = units.len().div_ceil(UNITS);
    let mut entries: Vec<[u8; ENTRY]> =
        parts.map(|(index, part)| long_entry(index + 1, index + 1 == last, part, sum)).collect();
    entries.reverse();
    entries.concat()
}

fn long_entry(number: usize, is_last: bool, part: &[u16], sum: u8) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[0] = number as u8 | if is_last { LAST } else { 0 };
    entry[11] = LONG_NAME;
    entry[13] = sum;
    // A zero ends the name, ones fill what is left.
    let filled = part.iter().copied().chain([0]).chain(std::iter::repeat(0xffff));
    for (place, unit) in PLACES.into_iter().zip(filled) {
        entry[place..place + 2].copy_from_slice(&unit.to_le_bytes());
    }
    entry
}

fn checksum(short: &[u8; 11]) -> u8 {
    short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_exact_or_numbered() {
        assert_eq!(&short_name("BOOTX64.EFI", &[]).unwrap(), b"BOOTX64 EFI");
        assert_eq!(&short_name("EFI", &[]).unwrap(), b"EFI        ");
        let first = short_name("weft_0.1.0+3.efi", &[]).unwrap();
        assert_eq!(&first, b"WEFT01~1EFI");
        assert_eq!(&short_name("weft_0.1.1+3.efi", &[first]).unwrap(), b"WEFT01~2EFI");
        assert_eq!(short_name("sub/file", &[]), None);
        assert_eq!(short_name("", &[]), None);
    }

    #[test]
    fn long_names_stand_backwards_before_the_short_one() {
        let short = short_name("weft_0.1.0+3.efi", &[]).unwrap();
        let entries = long_entries("weft_0.1.0+3.efi", &short);
        assert_eq!(entries.len(), 2 * ENTRY);
        assert_eq!((entries[0], entries[ENTRY]), (2 | LAST, 1));
        assert_eq!(
            (entries[ENTRY + 1], entries[1]),
            (b'w', b'e'),
            "the second part begins with the 14th character"
        );
        assert!(long_entries("BOOTX64.EFI", b"BOOTX64 EFI").is_empty());
    }
}

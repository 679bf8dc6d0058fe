//! The order of version strings, UAPI.10 *Version Format Specification*.

use std::cmp::Ordering;

/// Compares two version strings as the boot loader does: greater is newer.
///
/// It is not the order of semantic versions: `1.0-rc` is newer than `1.0` here, and `1.0~rc` is older.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        a = skip_separators(a);
        b = skip_separators(b);
        match prefix(&mut a, &mut b, b'~') {
            Ordering::Equal => {}
            unequal => return unequal,
        }
        if a.is_empty() || b.is_empty() {
            return b.is_empty().cmp(&a.is_empty());
        }
        for separator in [b'-', b'^', b'.'] {
            match prefix(&mut a, &mut b, separator) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        let order = if starts_with_digit(a) || starts_with_digit(b) {
            numbers(segment(&mut a, u8::is_ascii_digit), segment(&mut b, u8::is_ascii_digit))
        } else {
            segment(&mut a, u8::is_ascii_alphabetic).cmp(segment(&mut b, u8::is_ascii_alphabetic))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Drops what is no part of a version.
fn skip_separators(text: &[u8]) -> &[u8] {
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"~-^.".contains(byte);
    text.get(text.iter().take_while(|byte| !valid(byte)).count()..).unwrap_or_default()
}

/// The string that begins with the character is the older one; where both do, it is dropped from both.
fn prefix(a: &mut &[u8], b: &mut &[u8], character: u8) -> Ordering {
    match (a.strip_prefix(&[character]), b.strip_prefix(&[character])) {
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(rest_of_a), Some(rest_of_b)) => {
            (*a, *b) = (rest_of_a, rest_of_b);
            Ordering::Equal
        }
        (None, None) => Ordering::Equal,
    }
}

fn starts_with_digit(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
}

/// Takes the leading bytes of one class.
fn segment<'a>(text: &mut &'a [u8], class: impl Fn(&u8) -> bool) -> &'a [u8] {
    let length = text.iter().take_while(|byte| class(byte)).count();
    let (taken, rest) = text.split_at(length);
    *text = rest;
    taken
}

/// Numbers of any length; no digits are less than any.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    let (tail_a, tail_b) = (&a[significant(a)..], &b[significant(b)..]);
    (!a.is_empty(), tail_a.len(), tail_a).cmp(&(!b.is_empty(), tail_b.len(), tail_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ordered list that the specification gives, and where it differs from semantic versions.
    #[test]
    fn versions_are_ordered_as_the_specification_says() {
        let ordered = [
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
            "123a-1",
            "124-1",
        ];
        for (older, a) in ordered.iter().enumerate() {
            for (newer, b) in ordered.iter().enumerate() {
                assert_eq!(compare_versions(a, b), older.cmp(&newer), "{a} and {b}");
            }
        }
        assert_eq!(compare_versions("1.10.0", "1.9.0"), Ordering::Greater);
        assert_eq!(compare_versions("1.0", "1.0~rc.1"), Ordering::Greater);
        assert_eq!(compare_versions("1.0", "1.0-rc.1"), Ordering::Less);
        assert_eq!(compare_versions("00123", "123"), Ordering::Equal);
        assert_eq!(compare_versions("123_a", "123a"), Ordering::Equal);
        assert_eq!(compare_versions("", "0"), Ordering::Less);
        assert_eq!(compare_versions("18446744073709551616", "18446744073709551617"), Ordering::Less);
    }
}

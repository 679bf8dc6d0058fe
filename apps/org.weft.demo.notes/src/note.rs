//! One note as a file: `<id>.<revision>.note`, a header line `weft-note 1 <revision> <bytes of the text> <note|copy>`, the text.
//!
//! The header says everything a second time, so that a file that was cut, renamed or made by something else is never taken for a note.

/// Bytes of a note's text. Escaped as JSON it fits into a message of 64 KiB, whatever it holds.
pub const MAX_TEXT: usize = 24 << 10;
/// Bytes of a note's file.
pub const MAX_FILE: u64 = MAX_TEXT as u64 + 100;
const TITLE_LETTERS: usize = 32;
const PREVIEW_LETTERS: usize = 40;
const ID_DIGITS: usize = 16;

/// A note's text as it was saved last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub revision: u64,
    /// It was saved beside another note instead of over it.
    pub copy: bool,
    pub text: String,
}

impl Note {
    pub fn encode(&self) -> String {
        let kind = if self.copy { "copy" } else { "note" };
        format!("weft-note 1 {} {} {kind}\n{}", self.revision, self.text.len(), self.text)
    }

    /// Reads the file of a revision; the error says what is wrong with it.
    pub fn decode(bytes: &[u8], revision: u64) -> Result<Self, String> {
        let content = std::str::from_utf8(bytes).map_err(|_| "is not text")?;
        let (header, text) = content.split_once('\n').ok_or("has no header of a note")?;
        let words: Vec<&str> = header.split(' ').collect();
        let ["weft-note", "1", found, length, kind @ ("note" | "copy")] = words[..] else {
            return Err("has no header of a note".to_owned());
        };
        if found != revision.to_string() {
            return Err(format!("holds revision {found}, which is not that of its name"));
        }
        if length != text.len().to_string() {
            return Err(format!("holds {} bytes of text instead of {length}", text.len()));
        }
        check(text)?;
        Ok(Self { revision, copy: kind == "copy", text: text.to_owned() })
    }

    pub fn title(&self) -> String {
        self.lines().next().map_or_else(|| "New note".to_owned(), |line| shorten(line, TITLE_LETTERS))
    }

    /// The beginning of what follows the title.
    pub fn preview(&self) -> String {
        self.lines().nth(1).map(|line| shorten(line, PREVIEW_LETTERS)).unwrap_or_default()
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// Whether every word is in the text, in large or small letters.
    pub fn matches(&self, wanted: &str) -> bool {
        let text = self.text.to_lowercase();
        wanted.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

/// Whether a text can be saved.
pub fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        return Err(format!("is {} bytes long; a note has at most {MAX_TEXT}", text.len()));
    }
    match text.chars().find(|&letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
        Some(letter) => Err(format!("holds the control character U+{:04X}", u32::from(letter))),
        None => Ok(()),
    }
}

fn shorten(line: &str, most: usize) -> String {
    let plain = || line.chars().map(|letter| if letter == '\t' { ' ' } else { letter });
    match plain().nth(most) {
        Some(_) => plain().take(most - 1).chain(['…']).collect(),
        None => plain().collect(),
    }
}

/// Whether a text is an id, and so safe as part of a file's name.
pub fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

pub fn file_name(id: &str, revision: u64) -> String {
    format!("{id}.{revision}.note")
}

/// Id and revision of a note's file.
pub fn parse_name(name: &str) -> Option<(&str, u64)> {
    let (id, revision) = name.strip_suffix(".note")?.split_once('.')?;
    let number = revision.parse().ok().filter(|number: &u64| number.to_string() == revision)?;
    (is_id(id) && number > 0 && number < u64::MAX).then_some((id, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Note {
        Note { revision: 7, copy: false, text: text.to_owned() }
    }

    #[test]
    fn a_note_reads_back_and_no_cut_of_it_does() {
        let file = note("Milk\nund Öl\n").encode();
        assert_eq!(Note::decode(file.as_bytes(), 7), Ok(note("Milk\nund Öl\n")));
        for length in 0..file.len() {
            assert!(Note::decode(&file.as_bytes()[..length], 7).is_err(), "{length} bytes");
        }
        assert!(Note::decode(file.as_bytes(), 8).is_err());
        assert!(Note::decode(format!("{file}x").as_bytes(), 7).is_err());
    }

    #[test]
    fn a_note_at_its_longest_fits_a_message() {
        let text = "\"".repeat(MAX_TEXT);
        assert!(check(&text).is_ok());
        assert!(serde_json::to_string(&text).unwrap().len() < (64 << 10) - 1024);
        assert!(check(&"x".repeat(MAX_TEXT + 1)).is_err());
        assert!(check("a\u{1b}b").is_err());
    }

    #[test]
    fn title_and_preview_are_the_first_lines_with_something_in_them() {
        let long = note("\n  Shopping \n\nmilk,\tbread\nmore");
        assert_eq!((long.title(), long.preview()), ("Shopping".to_owned(), "milk, bread".to_owned()));
        assert_eq!((note(" \n").title(), note("").preview()), ("New note".to_owned(), String::new()));
        assert_eq!(note(&"ö".repeat(99)).title().chars().count(), TITLE_LETTERS);
    }

    #[test]
    fn names_that_are_not_exactly_a_notes_are_foreign() {
        let id = "0123456789abcdef";
        assert_eq!(parse_name(&file_name(id, 12)), Some((id, 12)));
        for bad in ["count", "..1.note", "0123456789abcdef.note", "0123456789abcdef.01.note"] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
        for bad in ["0123456789abcdeF.1.note", "0123456789abcdef.0.note", "0123456789abcdef.1.note.new"] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn search_looks_for_every_word() {
        assert!(note("Bread and MILK").matches("milk br"));
        assert!(!note("Bread and milk").matches("milk butter"));
        assert!(note("anything").matches("  "));
    }
}

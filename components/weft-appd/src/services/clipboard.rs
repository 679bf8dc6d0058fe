//! The clipboard: one text, in memory, for as long as appd runs.

use weft_ipc::host::{Answer, MAX_CLIPBOARD_LEN};

/// The text that was copied last.
#[derive(Debug, Default)]
pub struct Clipboard(String);

impl Clipboard {
    pub fn read(&self) -> Answer {
        Answer::Text { text: self.0.clone() }
    }

    pub fn write(&mut self, text: String) -> Answer {
        if text.len() > MAX_CLIPBOARD_LEN {
            let length = text.len();
            return Answer::Failed {
                reason: format!("a text of {length} bytes is over the limit of {MAX_CLIPBOARD_LEN}"),
            };
        }
        self.0 = text;
        Answer::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_does_not_replace_what_is_there() {
        let mut clipboard = Clipboard::default();
        assert_eq!(clipboard.write("x".repeat(MAX_CLIPBOARD_LEN)), Answer::Done);
        assert!(matches!(clipboard.write("y".repeat(MAX_CLIPBOARD_LEN + 1)), Answer::Failed { .. }));
        assert!(matches!(clipboard.read(), Answer::Text { text } if text.starts_with('x')));
    }
}

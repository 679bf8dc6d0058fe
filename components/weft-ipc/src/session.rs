//! The session channel: what a page and its component say to each other, one JSON string a line.
//!
//! Messages are opaque to appd, which only relays lines; JSON's escapes keep a newline inside a message from ending it. A line that is a
//! JSON object is a [`Notice`], between appd and the process at the other end; it is never relayed.

use crate::host::MAX_CLIPBOARD_LEN;
pub use crate::host::{About, Answer, App, AppState, Ask, Device, Notice, Permission, Session};

/// The longest message of a page or a component, in bytes of UTF-8.
pub const MAX_MESSAGE_LEN: usize = 64 * 1024;
/// The longest line of a message: every byte may need a `\u00xx` escape, plus quotes and newline.
pub const MAX_LINE_LEN: usize = MAX_MESSAGE_LEN * 6 + 3;
/// The longest line of a notice: the clipboard's text with escapes, and what is around it.
pub const MAX_NOTICE_LINE_LEN: usize = MAX_CLIPBOARD_LEN * 6 + 1024;
/// Messages that may wait for a slow receiver; one more is refused to its sender.
pub const QUEUE_LEN: usize = 64;

/// Why a message or a line was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a message of {0} bytes is over the limit of {MAX_MESSAGE_LEN} bytes")]
    TooLong(usize),
    #[error("the line is not a JSON string")]
    NotAString(#[source] serde_json::Error),
    #[error("the line is neither a JSON string nor a notice of the session channel")]
    NotALine(#[source] serde_json::Error),
    #[error("a line is over the limit of {MAX_LINE_LEN} bytes")]
    EndlessLine,
}

/// One line of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// From the page to the component or back.
    Message(String),
    Notice(Notice),
}

impl Line {
    /// The line, newline included.
    pub fn encode(&self) -> Result<String, Error> {
        match self {
            Self::Message(message) => encode(message),
            Self::Notice(notice) => Ok(serde_json::to_string(notice).map_err(Error::NotALine)? + "\n"),
        }
    }

    /// The meaning of one line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, Error> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.first() == Some(&b'{') {
            if line.len() > MAX_NOTICE_LINE_LEN {
                return Err(Error::EndlessLine);
            }
            return serde_json::from_slice(line).map(Self::Notice).map_err(Error::NotALine);
        }
        let message: String = serde_json::from_slice(line).map_err(Error::NotALine)?;
        if message.len() > MAX_MESSAGE_LEN {
            Err(Error::TooLong(message.len()))
        } else {
            Ok(Self::Message(message))
        }
    }
}

/// Takes lines out of bytes that arrive in pieces, for event loops that must not block.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the next line starts: what is before it was taken.
    start: usize,
    /// How much of the buffer is known to hold no newline, from `start` on.
    searched: usize,
}

impl Decoder {
    /// Adds bytes as they came from the peer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, or `None` until more bytes are there. [`Error::EndlessLine`] is not to be recovered from; after any other
    /// error the decoder stands at the next line.
    pub fn next_line(&mut self) -> Result<Option<Line>, Error> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let unknown = rest.get(self.searched..).unwrap_or_default();
        let Some(offset) = unknown.iter().position(|byte| *byte == b'\n') else {
            self.searched = rest.len();
            let longest = if rest.first() == Some(&b'{') { MAX_NOTICE_LINE_LEN } else { MAX_LINE_LEN };
            return if self.searched > longest { Err(Error::EndlessLine) } else { Ok(None) };
        };
        let end = self.searched + offset;
        let line = Line::decode(rest.get(..end).unwrap_or_default());
        self.start += end + 1;
        self.searched = 0;
        line.map(Some)
    }
}

/// One message as a line, the newline included.
pub fn encode(message: &str) -> Result<String, Error> {
    if message.len() > MAX_MESSAGE_LEN {
        return Err(Error::TooLong(message.len()));
    }
    Ok(serde_json::to_string(message).map_err(Error::NotAString)? + "\n")
}

/// The message of one line, with or without its newline.
pub fn decode(line: &str) -> Result<String, Error> {
    let message: String = serde_json::from_str(line).map_err(Error::NotAString)?;
    if message.len() > MAX_MESSAGE_LEN {
        return Err(Error::TooLong(message.len()));
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_line_and_comes_back_as_it_was() {
        for message in ["", "plain", "two\nlines", "\"quoted\" \\ \u{0} \u{2028} ü 🦀"] {
            let line = encode(message).unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(decode(&line).unwrap(), message);
        }
        let worst = "\u{1}".repeat(MAX_MESSAGE_LEN);
        assert!(encode(&worst).unwrap().len() <= MAX_LINE_LEN);
    }

    #[test]
    fn lines_come_out_of_pieces_of_any_size() {
        let notice = Notice::Notification { title: "a\nb".into(), body: "{}".into(), icon: None };
        let lines = [Line::Message("one\ntwo".into()), Line::Notice(notice), Line::Message(String::new())];
        let wire: String = lines.iter().map(|line| line.encode().unwrap()).collect();
        for piece in 1..=wire.len() {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for chunk in wire.as_bytes().chunks(piece) {
                decoder.push(chunk);
                while let Some(line) = decoder.next_line().unwrap() {
                    seen.push(line);
                }
            }
            assert_eq!(seen, lines);
        }
    }

    #[test]
    fn a_bad_line_does_not_spoil_the_next_and_an_endless_one_is_refused() {
        let mut decoder = Decoder::default();
        decoder.push(b"{\"type\":\"format_disk\"}\n\xff\n\"good\"\n");
        assert!(matches!(decoder.next_line(), Err(Error::NotALine(_))));
        assert!(matches!(decoder.next_line(), Err(Error::NotALine(_))));
        assert_eq!(decoder.next_line().unwrap(), Some(Line::Message("good".into())));
        decoder.push(&vec![b'x'; MAX_LINE_LEN + 1]);
        assert!(matches!(decoder.next_line(), Err(Error::EndlessLine)));
    }

    #[test]
    fn too_long_messages_and_other_json_are_refused() {
        assert!(matches!(encode(&"x".repeat(MAX_MESSAGE_LEN + 1)), Err(Error::TooLong(_))));
        assert!(matches!(decode("{\"a\":1}"), Err(Error::NotAString(_))));
        assert!(matches!(decode("\"open"), Err(Error::NotAString(_))));
    }
}

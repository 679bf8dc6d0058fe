//! The session channel: what a page and its component say to each other, one JSON string a line.
//!
//! Both ends are opaque to appd, which only relays lines; JSON's escapes keep a newline inside a message from ending it.

/// The longest message of a page or a component, in bytes of UTF-8.
pub const MAX_MESSAGE_LEN: usize = 64 * 1024;
/// The longest line: every byte may need a `\u00xx` escape, plus quotes and newline.
pub const MAX_LINE_LEN: usize = MAX_MESSAGE_LEN * 6 + 3;
/// Messages that may wait for a slow receiver; one more is refused to its sender.
pub const QUEUE_LEN: usize = 64;

/// Why a message or a line was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a message of {0} bytes is over the limit of {MAX_MESSAGE_LEN} bytes")]
    TooLong(usize),
    #[error("the line is not a JSON string")]
    NotAString(#[source] serde_json::Error),
}

/// One message as a line, the newline included.
pub fn encode(message: &str) -> Result<String, Error> {
    if message.len() > MAX_MESSAGE_LEN {
        return Err(Error::TooLong(message.len()));
    }
    Ok(serde_json::Value::from(message).to_string() + "\n")
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
    fn too_long_messages_and_other_json_are_refused() {
        assert!(matches!(encode(&"x".repeat(MAX_MESSAGE_LEN + 1)), Err(Error::TooLong(_))));
        assert!(matches!(decode("{\"a\":1}"), Err(Error::NotAString(_))));
        assert!(matches!(decode("\"open"), Err(Error::NotAString(_))));
    }
}

//! The bridge between a page and the shell: the script that every page gets, and the encoding of messages both ways.
//!
//! Out of the page a message is the query of a request to `weft-ipc:send`, which the shell answers itself: no network, no socket, no
//! file. Into the page it is a call of a function that the script left there.

mod inbox;

pub use inbox::Inbox;

use url::Url;
use weft_ipc::session::MAX_MESSAGE_LEN;

/// Messages that may wait in the page for the shell to take them; one more is an exception in `send`.
const BACKLOG: usize = 1024;
const SCRIPT: &str = include_str!("bridge.js");

/// What the page sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The page listens: from now on messages reach it.
    Ready,
    /// Messages, oldest first.
    Messages(Vec<String>),
}

/// Why a request to the bridge is not understood.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the bridge has no call {0:?}")]
    Call(String),
    #[error("the messages are not a JSON list of strings")]
    Messages(#[source] serde_json::Error),
}

/// The script for an app's page, which talks in strings as `weftIpc`.
pub fn app_script(session_id: u64) -> String {
    script("weftIpc", false, Some(session_id))
}

/// The script for the system UI, which talks in objects as `weftSystem`.
pub fn system_script() -> String {
    script("weftSystem", true, None)
}

fn script(name: &str, objects: bool, session_id: Option<u64>) -> String {
    let session = session_id.map_or("null".to_owned(), |session| session.to_string());
    format!("{}({name:?}, {objects}, {session}, {MAX_MESSAGE_LEN}, {BACKLOG});", SCRIPT.trim_end())
}

/// What the page says with a request to the bridge's scheme.
pub fn decode(url: &Url) -> Result<Sent, Error> {
    match url.path() {
        "ready" => Ok(Sent::Ready),
        "send" => {
            let query = url.query().unwrap_or_default();
            let json = percent_encoding::percent_decode_str(query).decode_utf8_lossy();
            serde_json::from_str(&json).map(Sent::Messages).map_err(Error::Messages)
        }
        other => Err(Error::Call(other.to_owned())),
    }
}

/// The answer to [`Sent::Messages`]: for each message `null`, or why it was refused.
pub fn answer(results: &[Option<String>]) -> String {
    serde_json::Value::from(results.to_vec()).to_string()
}

/// JavaScript that hands messages to the page, oldest first.
pub fn deliver(messages: &[String]) -> String {
    // JSON is JavaScript since ECMAScript 2019; the two separators are escaped all the same, for engines count lines by them.
    let json = serde_json::Value::from(messages).to_string();
    format!("__weftReceive({})", json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [&str; 6] =
        ["", "two\nlines", "\"quoted\" \\ ' ` ${x}", "</script>", "\u{2028}\u{2029}\u{0}", "ü 🦀 %41 +&=#?"];

    fn request(messages: &[&str]) -> Url {
        // As encodeURIComponent does it, which leaves only these unescaped.
        const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'_')
            .remove(b'.')
            .remove(b'!')
            .remove(b'~')
            .remove(b'*')
            .remove(b'\'')
            .remove(b'(')
            .remove(b')');
        let json = serde_json::to_string(messages).unwrap();
        Url::parse(&format!("weft-ipc:send?{}", percent_encoding::utf8_percent_encode(&json, &KEPT))).unwrap()
    }

    #[test]
    fn any_text_leaves_the_page_as_it_was_and_in_order() {
        assert_eq!(decode(&request(&ODD)).unwrap(), Sent::Messages(ODD.map(String::from).to_vec()));
        let long = "\u{10FFFF}".repeat(MAX_MESSAGE_LEN / 4);
        assert_eq!(decode(&request(&[&long])).unwrap(), Sent::Messages(vec![long]));
        assert_eq!(decode(&Url::parse("weft-ipc:ready").unwrap()).unwrap(), Sent::Ready);
    }

    #[test]
    fn other_requests_are_refused() {
        let decode = |url: &str| decode(&Url::parse(url).unwrap());
        assert!(matches!(decode("weft-ipc:format"), Err(Error::Call(_))));
        for wrong in
            ["weft-ipc:send", "weft-ipc:send?%5B1%5D", "weft-ipc:send?%5B%22open", "weft-ipc:send?%7B%7D"]
        {
            assert!(matches!(decode(wrong), Err(Error::Messages(_))), "{wrong}");
        }
    }

    #[test]
    fn what_enters_the_page_is_one_line_of_script_and_no_code() {
        let messages = ODD.map(String::from);
        let script = deliver(&messages);
        let json = script.strip_prefix("__weftReceive(").unwrap().strip_suffix(')').unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(json).unwrap(), messages);
        assert!(!script.contains(['\n', '\r', '\u{2028}', '\u{2029}']));
    }

    #[test]
    fn the_script_is_called_with_what_the_page_is() {
        assert!(app_script(7).ends_with("})(\"weftIpc\", false, 7, 65536, 1024);"));
        assert!(system_script().ends_with("})(\"weftSystem\", true, null, 65536, 1024);"));
        assert_eq!(answer(&[None, Some("full".into())]), "[null,\"full\"]");
    }
}

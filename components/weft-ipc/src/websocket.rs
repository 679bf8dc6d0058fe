//! What appd's WebSocket has on top of [`crate::appd`]: who speaks, and the messages of one app.
//!
//! The first message is [`Opening::Hello`], within [`HELLO_LIMIT`]. A connection of the system role then speaks [`crate::appd`] as the
//! system UI does, but neither sees nor sends what pages and components say to each other; one of the app role has nothing but
//! [`AppRole`], for its own session.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The path of the WebSocket.
pub const PATH: &str = "/appd";
/// The port where none is set.
pub const PORT: u16 = 7410;
/// How long the first message may take.
pub const HELLO_LIMIT: Duration = Duration::from_secs(5);
/// The longest message in bytes, both ways.
pub const MAX_MESSAGE_LEN: usize = 1 << 20;

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Opening {
    Hello(Hello),
}

/// Who speaks, and the proof: the token of the file that only the system or the session's own programs can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Hello {
    System { token: String },
    App { session_id: u64, token: String },
}

/// The messages of a connection with the app role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppRole {
    /// To the component as if its page had sent it; and from the component.
    AppMessage { payload: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_interface_reference() {
        let hello = |text: &str| serde_json::from_str::<Opening>(text);
        assert_eq!(
            hello(r#"{"type":"HELLO","role":"app","session_id":3,"token":"t"}"#).unwrap(),
            Opening::Hello(Hello::App { session_id: 3, token: "t".into() })
        );
        assert_eq!(
            hello(r#"{"type":"HELLO","role":"system","token":"t"}"#).unwrap(),
            Opening::Hello(Hello::System { token: "t".into() })
        );
        for wrong in [
            r#"{"type":"HELLO","role":"root","token":"t"}"#,
            r#"{"type":"HELLO","role":"app","token":"t"}"#,
            r#"{"type":"HELLO","role":"system","role":"app","session_id":1,"token":"t"}"#,
            r#"{"type":"QUERY_RUNNING"}"#,
            r#"["HELLO"]"#,
        ] {
            assert!(hello(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            serde_json::to_string(&AppRole::AppMessage { payload: "p".into() }).unwrap(),
            r#"{"type":"APP_MESSAGE","payload":"p"}"#
        );
    }
}

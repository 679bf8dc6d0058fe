//! What a session's runtime asks its network broker, `weft-fetch`, over an inherited Unix stream socket.
//!
//! The runtime writes a [`Request`] and reads frames until the [`Answer`] with its number; the broker answers every request exactly
//! once, in any order, at most [`TOTAL_SECS`] after it took it. The limits hold on both sides: a broker does not trust its runtime, and a
//! runtime does not trust its broker.

use crate::frame;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// The longest body of a request or an answer, in bytes.
pub const MAX_BODY_LEN: usize = 16 * 1024 * 1024;
/// The longest URL, in bytes.
pub const MAX_URL_LEN: usize = 8 * 1024;
/// The headers of one request.
pub const MAX_HEADERS: usize = 100;
/// Names and values of all headers of one request together, in bytes.
pub const MAX_HEADER_BYTES: usize = 32 * 1024;
/// The longest frame: the longest body, and everything around it.
pub const MAX_FRAME_LEN: usize = MAX_BODY_LEN + 128 * 1024;
/// Requests that may be under way in one session; one more is answered with an error at once.
pub const MAX_UNDER_WAY: usize = 4;
/// Time to find the host's address and connect to it.
pub const CONNECT_SECS: u64 = 10;
/// Time for a whole request, from its frame to its answer.
pub const TOTAL_SECS: u64 = 30;

/// The methods that a request may have; they are case-sensitive (RFC 9110, section 9.1).
pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers that belong to the connection, not to the app: a request with one of these is refused. Names in lower case.
pub const FORBIDDEN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// From the runtime: one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The runtime's own number; none of two requests under way is the same.
    pub id: u64,
    pub url: String,
    pub method: String,
    pub headers: Vec<(String, String)>,
    #[serde(with = "serde_bytes")]
    pub body: Option<Vec<u8>>,
}

/// From the broker: how a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The server answered, whatever its status. A redirect is an answer like any other: the app may ask again for its target, and is
    /// checked again.
    Response {
        id: u64,
        status: u16,
        /// The value of `Content-Type`; empty where there is none.
        content_type: String,
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// There was no answer, or it was not allowed to ask.
    Error { id: u64, reason: String },
}

impl Answer {
    /// The number of the request that this answers.
    pub fn id(&self) -> u64 {
        match *self {
            Self::Response { id, .. } | Self::Error { id, .. } => id,
        }
    }
}

/// Writes one message of this channel and flushes it.
pub fn write<M: Serialize>(to: &mut impl Write, message: &M) -> Result<(), frame::Error> {
    to.write_all(&frame::encode_within(message, MAX_FRAME_LEN)?)?;
    Ok(to.flush()?)
}

/// Reads the broker's next message, or as broker the runtime's; `None` when the other end is gone.
pub fn read<M: serde::de::DeserializeOwned>(from: &mut impl Read) -> Result<Option<M>, frame::Error> {
    frame::read_within(from, MAX_FRAME_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bodies_fit_and_come_back() {
        let request = Request {
            id: 7,
            url: "https://example.org/".into(),
            method: "POST".into(),
            headers: vec![("accept".into(), "*/*".into())],
            body: Some(vec![0xff; MAX_BODY_LEN]),
        };
        let answer = Answer::Response {
            id: 7,
            status: 200,
            content_type: String::new(),
            body: vec![0xff; MAX_BODY_LEN],
        };
        let mut wire = Vec::new();
        write(&mut wire, &request).unwrap();
        write(&mut wire, &answer).unwrap();
        let mut wire = &wire[..];
        assert_eq!(read::<Request>(&mut wire).unwrap(), Some(request));
        let back: Answer = read(&mut wire).unwrap().unwrap();
        assert_eq!((back.id(), back == answer), (7, true));
        assert!(read::<Answer>(&mut wire).unwrap().is_none());
    }

    #[test]
    fn endless_frames_and_foreign_fields_are_refused() {
        let endless = u32::MAX.to_le_bytes();
        assert!(matches!(read::<Request>(&mut &endless[..]), Err(frame::Error::TooLong { .. })));
        let mut wire = Vec::new();
        write(&mut wire, &Answer::Error { id: 1, reason: "no".into() }).unwrap();
        assert!(matches!(read::<Request>(&mut &wire[..]), Err(frame::Error::Decode(_))));
    }
}

//! The lines of the protocol.

use crate::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest file that is read or written, in bytes.
pub const MAX_FILE_LEN: usize = 16 * 1024 * 1024;
/// The longest path, in bytes: the kernel's PATH_MAX without its closing zero.
pub const MAX_PATH_LEN: usize = 4095;
/// The longest line of a client: the longest file in base64, a path with every byte escaped, and the JSON around them.
pub const MAX_LINE_LEN: usize = MAX_FILE_LEN.div_ceil(3) * 4 + MAX_PATH_LEN * 6 + 256;

/// What a client asks for. The path is as it came: any text without a zero byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Read { path: String },
    Write { path: String, data: Vec<u8> },
    List { path: String },
}

/// The answer to one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    Data {
        data_b64: String,
    },
    /// Sorted names.
    Entries {
        entries: Vec<String>,
    },
    Written {
        ok: bool,
    },
    Error {
        error: String,
    },
}

impl Reply {
    pub(crate) fn data(contents: &[u8]) -> Self {
        Self::Data { data_b64: STANDARD.encode(contents) }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Error { error: refusal.to_string() }
    }
}

/// Flat, so that nothing nested is ever built from a client's line; serde refuses a key that comes twice or is not of the protocol.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    data_b64: Option<Cow<'a, str>>,
}

/// The request of one line, without its newline. Any bytes may come in here.
pub fn parse(line: &[u8]) -> Result<Operation, Refusal> {
    if line.len() > MAX_LINE_LEN {
        return Err(Refusal::TooLarge(format!("a line has at most {MAX_LINE_LEN} bytes")));
    }
    let raw: Raw<'_> =
        serde_json::from_slice(line).map_err(|error| Refusal::BadRequest(error.to_string()))?;
    if raw.path.len() > MAX_PATH_LEN {
        return Err(Refusal::BadRequest(format!("a path has at most {MAX_PATH_LEN} bytes")));
    }
    if raw.path.contains('\0') {
        return Err(Refusal::BadRequest("a path has no zero byte".to_owned()));
    }
    let path = raw.path.into_owned();
    match (&*raw.op, raw.data_b64) {
        ("read", None) => Ok(Operation::Read { path }),
        ("list", None) => Ok(Operation::List { path }),
        ("write", Some(data)) => Ok(Operation::Write { path, data: decode(&data)? }),
        ("write", None) => Err(Refusal::BadRequest("a write needs data_b64".to_owned())),
        ("read" | "list", Some(_)) => Err(Refusal::BadRequest(format!("{} takes no data_b64", raw.op))),
        _ => Err(Refusal::BadRequest("op is one of read, write, list".to_owned())),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    let data = STANDARD.decode(text).map_err(|error| Refusal::BadBase64(error.to_string()))?;
    match data.len() {
        ..=MAX_FILE_LEN => Ok(data),
        _ => Err(Refusal::TooLarge(format!("a file has at most {MAX_FILE_LEN} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(line: &str) -> String {
        parse(line.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_three_operations_are_understood() {
        let path = || "/d/a".to_owned();
        assert_eq!(parse(br#"{"op":"read","path":"/d/a"}"#), Ok(Operation::Read { path: path() }));
        assert_eq!(parse(br#"{"path":"/d/\u0061","op":"list"}"#), Ok(Operation::List { path: path() }));
        assert_eq!(
            parse(br#"{"op":"write","path":"/d/a","data_b64":"aGk="}"#),
            Ok(Operation::Write { path: path(), data: b"hi".to_vec() })
        );
    }

    #[test]
    fn other_lines_are_refused_with_a_reason() {
        assert!(refusal(r#"{"op":"write","path":"/a","data_b64":"%"}"#).starts_with("bad base64: "));
        let deep = format!(r#"{{"op":"read","path":{}"#, "[".repeat(100_000));
        for (line, part) in [
            ("", "EOF"),
            ("null", "null"),
            ("[]", "length 0"),
            (&*deep, "expected a string"),
            (r#"{"op":"read"}"#, "missing field `path`"),
            (r#"{"op":"delete","path":"/a"}"#, "op is one of"),
            (r#"{"op":"read","path":"/a","path":"/b"}"#, "duplicate field `path`"),
            (r#"{"op":"read","path":"/a","op":"write"}"#, "duplicate field `op`"),
            (r#"{"op":"read","path":"/a","mode":7}"#, "unknown field `mode`"),
            (r#"{"op":"read","path":7}"#, "expected a string"),
            (r#"{"op":"read","path":"/a\u0000b"}"#, "zero byte"),
            (r#"{"op":"write","path":"/a"}"#, "needs data_b64"),
            (r#"{"op":"read","path":"/a","data_b64":""}"#, "takes no data_b64"),
            (r#"{"op":"read","path":"/a"} {"op":"read","path":"/b"}"#, "trailing"),
        ] {
            let refusal = refusal(line);
            assert!(refusal.starts_with("bad request: ") && refusal.contains(part), "{line:.60}: {refusal}");
        }
        let long = format!(r#"{{"op":"read","path":"/{}"}}"#, "a".repeat(MAX_PATH_LEN));
        assert!(refusal(&long).contains("4095 bytes"));
        assert!(parse(b"{\"op\":\"read\",\"path\":\"\xff\"}").is_err());
    }

    #[test]
    fn the_longest_file_fits_a_line_and_one_byte_more_does_not() {
        let line = |length: usize| {
            format!(r#"{{"op":"write","path":"/a","data_b64":"{}"}}"#, STANDARD.encode(vec![0; length]))
        };
        assert!(parse(line(MAX_FILE_LEN).as_bytes()).is_ok());
        assert!(refusal(&line(MAX_FILE_LEN + 1)).starts_with("too large"));
        assert!(refusal(&" ".repeat(MAX_LINE_LEN + 1)).starts_with("too large"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}

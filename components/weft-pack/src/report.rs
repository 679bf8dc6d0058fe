//! What a command says: lines for a person, one JSON object for a program.

use crate::{Error, Exit};
use serde_json::{Value, json};
use std::io::Write;
use weft_package::store;

/// The outcome of a command.
pub struct Answer {
    pub lines: Vec<String>,
    pub json: Value,
    pub exit: Exit,
}

impl Answer {
    pub fn new(lines: Vec<String>, json: Value) -> Self {
        Self { lines, json, exit: Exit::Done }
    }

    pub fn line(line: impl Into<String>, json: Value) -> Self {
        Self::new(vec![line.into()], json)
    }
}

pub fn print(answer: &Answer, as_json: bool) {
    if as_json {
        let mut object = json!({ "ok": answer.exit == Exit::Done });
        merge(&mut object, answer.json.clone());
        say(&format!("{object:#}"));
    } else {
        answer.lines.iter().for_each(|line| say(line));
    }
}

pub fn print_error(error: &Error, exit: Exit, as_json: bool) {
    let text = chain(error);
    let _ = writeln!(std::io::stderr(), "weft-pack: {text}");
    if as_json {
        let mut details = json!({ "message": text, "code": exit.code() });
        if let Error::Store(store::Error::NeedsApproval { id, version, installed, added, dropped }) = error {
            let capabilities =
                |list: &[weft_manifest::Capability]| list.iter().map(capability).collect::<Value>();
            merge(
                &mut details,
                json!({
                    "id": id, "version": version, "installed": installed,
                    "added": capabilities(added), "dropped": capabilities(dropped),
                }),
            );
        }
        say(&format!("{:#}", json!({ "ok": false, "error": details })));
    }
}

/// A reader that has seen enough and closed the pipe is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A capability with what it means.
pub fn capability(capability: &weft_manifest::Capability) -> Value {
    json!({ "capability": capability.to_string(), "meaning": weft_package::words::describe(capability) })
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

/// The error with all its causes, but no text twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    text
}

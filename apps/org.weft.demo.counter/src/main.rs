//! The counter: its number lives here, the page only shows it.
//!
//! The page sends `{"op":"inc"}`, `dec`, `reset` or `get`, and gets `{"count":n}`, or `{"error":"…"}` for anything else.

mod count;

use count::Count;
use serde::Deserialize;
use std::path::Path;
use weft::app::{ipc, notify};

wit_bindgen::generate!({ path: "../../wit/weft-app", world: "weft:app/app", generate_all });

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    Inc,
    Dec,
    Reset,
    Get,
}

fn main() {
    let mut count = Count::load(Path::new("/data/count"));
    println!("count {}", count.value());
    let messages = ipc::subscribe();
    notify::ready();
    loop {
        while let Some(message) = ipc::recv() {
            if let Err(reason) = ipc::send(&answer(&mut count, &message)) {
                eprintln!("an answer is lost: {reason}");
            }
        }
        messages.block();
    }
}

fn answer(count: &mut Count, message: &str) -> String {
    let outcome = match serde_json::from_str(message) {
        Ok(Request::Inc) => count.set(count.value().saturating_add(1)),
        Ok(Request::Dec) => count.set(count.value().saturating_sub(1)),
        Ok(Request::Reset) => count.set(0),
        Ok(Request::Get) => Ok(()),
        Err(error) => return serde_json::json!({ "error": error.to_string() }).to_string(),
    };
    if let Err(error) = outcome {
        eprintln!("the count cannot be saved: {error}");
    }
    println!("count {}", count.value());
    serde_json::json!({ "count": count.value() }).to_string()
}

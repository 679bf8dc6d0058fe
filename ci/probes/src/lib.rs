//! The loop that all probes share.

wit_bindgen::generate!({ path: "../../wit/weft-app", world: "weft:app/app", generate_all });

use weft::app::{ipc, notify};

/// Answers orders until the session ends. An order is words; the answer is `ok`, or `error` and a reason.
pub fn serve(mut obey: impl FnMut(&[&str]) -> Result<String, String>) -> ! {
    let messages = ipc::subscribe();
    notify::ready();
    loop {
        while let Some(order) = ipc::recv() {
            let words: Vec<&str> = order.split(' ').collect();
            let answer = match obey(&words) {
                Ok(text) => format!("ok {text}"),
                Err(reason) => format!("error {reason}"),
            };
            ipc::send(&answer).expect("an answer is not taken");
        }
        messages.block();
    }
}

/// A failed call in words.
pub fn failed(error: std::io::Error) -> String {
    format!("{:?} {error}", error.kind())
}

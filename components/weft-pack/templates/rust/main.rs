//! The component of {{name}}: answers what its page sends.

use weft::app::{ipc, notify};

wit_bindgen::generate!({ path: "wit", world: "imports", generate_all });

fn main() {
    let messages = ipc::subscribe();
    notify::ready();
    loop {
        while let Some(message) = ipc::recv() {
            if let Err(reason) = ipc::send(&answer(&message)) {
                eprintln!("an answer is lost: {reason}");
            }
        }
        messages.block();
    }
}

fn answer(message: &str) -> String {
    message.to_uppercase()
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_in_capitals() {
        assert_eq!(super::answer("hello"), "HELLO");
    }
}

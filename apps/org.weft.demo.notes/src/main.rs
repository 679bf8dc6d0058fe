//! Notes: they are kept here, one file each; the page shows and edits them.
//!
//! The page sends `{"op":"list"}`, `search`, `read`, `create`, `save`, `delete` or `remind` (see [`session`]) and gets `{"notes":[…]}`,
//! `{"note":{…}}`, `{"saved":{…}}`, `{"deleted":id}`, `{"reminding":minutes}` or `{"error":"…"}`.

mod note;
mod session;
mod store;

use session::{Output, Session};
use std::path::Path;
use std::time::Instant;
use wasi::clocks::monotonic_clock;
use wasi::io::poll;
use weft::app::{ipc, notifications, notify};

wit_bindgen::generate!({
    path: ["../../wit/weft-app", "wit/clocks", "wit"],
    world: "weft:notes/notes",
    generate_all,
});

/// Other instances' changes are seen this soon, in nanoseconds.
const LOOK_AGAIN: u64 = 1_000_000_000;

fn main() {
    let mut session = Session::new(Path::new("/data"));
    let messages = ipc::subscribe();
    notify::ready();
    loop {
        while let Some(message) = ipc::recv() {
            tell(session.handle(&message, Instant::now()));
        }
        tell(session.tick(Instant::now()));
        let timer = monotonic_clock::subscribe_duration(LOOK_AGAIN);
        poll::poll(&[&messages, &timer]);
    }
}

fn tell(output: Output) {
    for message in output.page {
        if let Err(reason) = ipc::send(&message.to_string()) {
            eprintln!("a message to the page is lost: {reason}");
        }
    }
    for (title, body) in output.notices {
        match notifications::notify(&title, &body, None) {
            Ok(()) => println!("notified"),
            Err(reason) => eprintln!("a notification is lost: {reason}"),
        }
    }
}

//! `weft-servo-shell` and `weft-app-shell`, two names of one program. See the library.

use std::process::ExitCode;
use weft_web::exit::Exit;
use weft_web::options::{Options, USAGE};

/// Parts of the engine that warn of what no page can help, such as a missing GPU.
const TALKATIVE: [&str; 10] = [
    "fonts",
    "layout",
    "net",
    "paint",
    "profile_traits",
    "script",
    "servo_constellation",
    "storage",
    "style",
    "webrender",
];

fn main() -> ExitCode {
    weft_service::init_logging_quieting(&TALKATIVE);
    match Options::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(options) => weft_web::run(options).into(),
        Err(error) => {
            eprintln!("weft-web: {error}\n{USAGE}");
            Exit::Usage.into()
        }
    }
}

//! `weft-init`: PID 1 of the device.

use std::process::ExitCode;

fn main() -> ExitCode {
    match weft_init::run() {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("weft-init: error: {error}");
            ExitCode::FAILURE
        }
    }
}

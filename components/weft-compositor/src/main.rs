//! The Wayland compositor of a WEFT device. `--help` says how it is called.

use std::process::ExitCode;
use weft_compositor::options::{HELP, Options};
use weft_compositor::{server, sys};

/// The command line has no meaning, as in sysexits.h.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    sys::default_libseat_backend();
    weft_service::init_logging_quieting(&["smithay"]);
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let options = match Options::parse(std::env::args().skip(1), &passwd) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("weft-compositor: {error}");
            return ExitCode::from(USAGE);
        }
    };
    match server::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{:#}", anyhow::Error::from(error));
            ExitCode::FAILURE
        }
    }
}

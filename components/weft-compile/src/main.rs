//! `weft-compile MODULE -o FILE [--key FILE] [--manifest wapp.toml]`: the only program with a compiler. It runs once for an app, at its
//! installation, in a sandbox of its own; the app's sessions load what it wrote.

mod compile;

use clap::Parser;
use compile::{Args, compile};
use std::process::ExitCode;

fn main() -> ExitCode {
    weft_service::init_logging();
    match compile(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let exit = error.exit();
            tracing::error!("{:#}", anyhow::Error::from(error));
            ExitCode::from(exit)
        }
    }
}

//! `weft-pack`: from a folder to an installed app, and what an app can reach.

use clap::Parser;
use std::process::ExitCode;
use weft_pack::{Cli, run};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    run(&Cli::parse()).into()
}

//! `cargo weft`: see `weft_image::cli` for the commands.

use anyhow::Context;
use clap::Parser;
use std::process::ExitCode;
use weft_image::cli::Cli;

fn main() -> ExitCode {
    match weft_image::commands::run(Cli::parse().command).context("cargo weft failed") {
        Ok(code) => code,
        Err(error) => {
            let chain: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
            eprintln!("error: {}", chain.join(": "));
            ExitCode::FAILURE
        }
    }
}

//! `cargo weft`: see `weft_image::cli` for the commands.

use clap::Parser;
use std::io::ErrorKind;
use std::process::ExitCode;
use weft_image::cli::Cli;

fn main() -> ExitCode {
    match weft_image::commands::run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("error: {}", chain.join(": "));
            if is_full(&error) {
                eprintln!(
                    "the disk is full: free some room there, or set WEFT_CACHE to a folder on a larger disk"
                );
            }
            ExitCode::FAILURE
        }
    }
}

/// Any write anywhere may be the one that no longer fits.
fn is_full(error: &anyhow::Error) -> bool {
    let full =
        |cause: &std::io::Error| matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    error.chain().filter_map(|cause| cause.downcast_ref()).any(full)
}

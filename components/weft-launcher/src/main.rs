//! `weft-launcher`: see the library. PID 1 passes the socket as `launcher`.

use anyhow::{Context, bail};
use clap::Parser;
use std::fs;
use std::process::ExitCode;
use weft_launcher::{Accounts, Config, serve};

/// Starts the confined processes of app sessions for appd.
#[derive(Debug, Parser)]
struct Options {
    /// The user whose requests are served.
    #[arg(long, default_value = "weft-appd")]
    client: String,
}

fn main() -> ExitCode {
    weft_service::init_logging();
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let Some(listener) = weft_service::listen_fd("launcher") else {
        bail!("no socket named `launcher` was passed: start it by its service file");
    };
    let read = |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
    let accounts = Accounts::parse(&read("/etc/passwd")?, &read("/etc/group")?);
    let Some((client, _)) = accounts.user(&options.client) else {
        bail!("user {} is not in /etc/passwd", options.client);
    };
    weft_service::notify("READY=1")?;
    serve(&listener, Config::device(client), accounts)?;
    Ok(())
}

//! `weft-launcher`: see the library. PID 1 passes the socket as `launcher`.

use anyhow::{Context, bail};
use clap::Parser;
use std::fs;
use std::process::ExitCode;
use weft_launcher::{Accounts, Config, Service, serve};

/// Starts the confined processes of app sessions for appd, and confines services for PID 1.
#[derive(Debug, Parser)]
enum Command {
    /// Takes requests over the socket that was passed as `launcher`.
    Serve {
        /// The user whose requests are served.
        #[arg(long, default_value = "weft-appd")]
        client: String,
    },
    /// Becomes a service in a sandbox.
    Confine(Service),
}

fn main() -> ExitCode {
    weft_service::init_logging();
    let outcome = match Command::parse() {
        Command::Serve { client } => run(&client),
        Command::Confine(service) => confine(service),
    };
    weft_service::exit_code(outcome)
}

fn run(client: &str) -> anyhow::Result<()> {
    let Some(listener) = weft_service::listen_fd("launcher") else {
        bail!("no socket named `launcher` was passed: start it by its service file");
    };
    let read = |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
    let accounts = Accounts::parse(&read("/etc/passwd")?, &read("/etc/group")?);
    let Some((client, _)) = accounts.user(client) else {
        bail!("user {client} is not in /etc/passwd");
    };
    weft_service::notify("READY=1")?;
    serve(&listener, Config::device(client), accounts)?;
    Ok(())
}

fn confine(service: Service) -> anyhow::Result<()> {
    let passed = match std::env::var("LISTEN_FDS") {
        Ok(count) => count.parse().context("LISTEN_FDS is not a number")?,
        Err(_) => 0,
    };
    service.become_it(passed)?;
    Ok(())
}

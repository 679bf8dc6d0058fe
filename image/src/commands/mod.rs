//! One module a subcommand.

mod bench;
mod build;
mod clean;
mod flash;
mod lock;
mod release;
mod run;
mod shot;
mod test;

use crate::cli::Command;
use crate::pipeline;
use crate::workspace::Workspace;
use std::process::ExitCode;

/// Why a command failed: the error of the part that did, which names the fix.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Runs one command. The code is not success where a child's own failure (a test, a guest) was already printed.
pub fn run(command: Command) -> Result<ExitCode, anyhow::Error> {
    dispatch(command).map_err(anyhow::Error::from_boxed)
}

fn dispatch(command: Command) -> Result<ExitCode, Error> {
    if matches!(
        command,
        Command::Run(_) | Command::Shot(_) | Command::Bench(_) | Command::Test(_) | Command::Setup
    ) {
        // These look for QEMU first of all, and on a fresh machine it has yet to be installed.
        pipeline::prepare_host(&Workspace::find()?)?;
    }
    match command {
        Command::Build(arguments) => build::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Shot(arguments) => shot::run(&arguments),
        Command::Flash(arguments) => flash::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Setup => Ok(ExitCode::SUCCESS),
        Command::Clean(arguments) => clean::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
        Command::Lock(arguments) => lock::run(&arguments),
    }
}

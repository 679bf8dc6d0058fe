//! The commands.

use crate::state::{self, Folder, STATUS, Status};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(name = "weft-update", about = "Updates the device's system.")]
pub struct Arguments {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Where the device keeps its records of updates.
    #[arg(long, global = true, default_value = state::FOLDER)]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what an update is at.
    Status,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let store = Folder::new(&arguments.state);
    match arguments.command {
        Command::Status => {
            let status: Status = state::load(&store, STATUS)?.unwrap_or_default();
            if arguments.json {
                println!("{}", serde_json::to_string_pretty(&status)?);
            } else {
                println!("{status:?}");
            }
        }
    }
    Ok(())
}

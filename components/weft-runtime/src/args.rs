//! The command line.

use crate::{Exit, session};
use clap::{ArgGroup, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use weft_manifest::{AppId, Capability, Limits};

/// Runs the Wasm component of one app session.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub session: Option<SessionArgs>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compiles a component for the device. The output depends on nothing but the component and this program.
    #[cfg(feature = "compiler")]
    Compile(CompileArgs),
}

impl Command {
    pub fn run(&self) -> Result<Exit, session::Error> {
        match *self {
            #[cfg(feature = "compiler")]
            Self::Compile(ref args) => crate::compile::compile(args),
        }
    }
}

/// `weft-runtime compile`.
#[cfg(feature = "compiler")]
#[derive(Debug, clap::Args)]
pub struct CompileArgs {
    /// The component.
    pub module: PathBuf,
    /// Where the code goes; in a folder it gets the name that a session looks for.
    #[arg(short, long, value_name = "FILE|FOLDER")]
    pub output: PathBuf,
    /// Also checks the component's imports against this app's capabilities.
    #[arg(long, value_name = "WAPP_TOML")]
    pub manifest: Option<PathBuf>,
}

/// A session.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("channel").args(["ipc_fd", "ipc_socket"]))]
pub struct SessionArgs {
    pub app_id: AppId,
    pub session_id: u64,
    /// The component. Its compiled code is taken from WEFT_COMPILED_DIR or /usr/share/weft/compiled, by the component's SHA-256.
    #[arg(long, value_name = "PATH")]
    pub module: PathBuf,
    /// A folder for the component; read-only unless it ends in `::rw`.
    #[arg(long, value_name = "HOST::GUEST[::ro|rw]")]
    pub preopen: Vec<Preopen>,
    /// A capability of the app. wasi:clock, wasi:random and wasi:stdio are granted always.
    #[arg(long, value_name = "CAPABILITY")]
    pub grant: Vec<Capability>,
    /// An inherited Unix stream socket: the session channel.
    #[arg(long, value_name = "N")]
    pub ipc_fd: Option<i32>,
    /// A Unix stream socket to connect to: the session channel.
    #[arg(long, value_name = "PATH")]
    pub ipc_socket: Option<PathBuf>,
    /// Linear memory, all memories together.
    #[arg(long, value_name = "N", default_value_t = Limits::default().memory >> 20,
        value_parser = clap::value_parser!(u64).range(1..=Limits::CEILING.memory >> 20))]
    pub max_memory_mib: u64,
    /// How long the component may compute before it waits for the host again.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = wall)]
    pub max_wall: Duration,
}

fn wall(text: &str) -> Result<Duration, String> {
    weft_manifest::parse_duration(text)
        .filter(|wall| (Limits::FLOOR.wall..=Limits::CEILING.wall).contains(wall))
        .ok_or_else(|| "write a time from 10ms to 60s".to_owned())
}

/// `HOST::GUEST[::ro|rw]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preopen {
    pub host: PathBuf,
    pub guest: String,
    pub write: bool,
}

impl FromStr for Preopen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split("::").collect();
        let (host, guest, write) = match parts.as_slice() {
            [host, guest] | [host, guest, "ro"] => (host, guest, false),
            [host, guest, "rw"] => (host, guest, true),
            _ => return Err("write HOST::GUEST, HOST::GUEST::ro or HOST::GUEST::rw".to_owned()),
        };
        if host.is_empty() || !guest.starts_with('/') {
            return Err("the guest's folder is an absolute path, such as /data".to_owned());
        }
        Ok(Self { host: host.into(), guest: (*guest).to_owned(), write })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_preopen_is_read_only_unless_it_says_otherwise() {
        let parse = |text: &str| text.parse::<Preopen>();
        assert!(!parse("/a::/data").unwrap().write && !parse("/a::/data::ro").unwrap().write);
        assert!(parse("/a::/data::rw").unwrap().write);
        for bad in ["", "/a", "::/data", "/a::data", "/a::/data::wr", "/a::/b::rw::ro"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

//! The command line.

use crate::run_args::RunArgs;
use crate::{Ending, Error, run};
use clap::{ArgGroup, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use weft_component::Grants;
use weft_manifest::{AppId, Capability, Limits, Unused};

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
    /// Runs a component, or a core module of WASI's first preview, as a command of its own.
    Run(RunArgs),
}

impl Command {
    pub fn run(&self) -> Result<Ending, Error> {
        match self {
            Self::Run(args) => run::run(args),
        }
    }
}

/// A session.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("channel").args(["ipc_fd", "ipc_socket"]))]
#[command(group = ArgGroup::new("key").args(["compiled_key", "compiled_key_fd"]).requires("compiled"))]
pub struct SessionArgs {
    pub app_id: AppId,
    pub session_id: u64,
    /// The component. Its compiled code is taken from WEFT_COMPILED_DIR or /usr/share/weft/compiled, by the component's SHA-256.
    #[arg(long, value_name = "PATH")]
    pub module: PathBuf,
    /// Instead: code that `weft-compile --key` made for this module on this device.
    #[arg(long, value_name = "PATH", requires = "key")]
    pub compiled: Option<PathBuf>,
    /// The key that it was made with: a file of 32 bytes.
    #[arg(long, value_name = "PATH")]
    pub compiled_key: Option<PathBuf>,
    /// The same from an inherited descriptor.
    #[arg(long, value_name = "N")]
    pub compiled_key_fd: Option<i32>,
    /// A folder for the component; read-only unless it ends in `::rw`.
    #[arg(long, value_name = "HOST::GUEST[::ro|rw]")]
    pub preopen: Vec<Preopen>,
    /// A capability of the app.
    #[arg(long, value_name = "CAPABILITY")]
    pub grant: Vec<Capability>,
    /// What the app does without of wasi:clock, wasi:random and wasi:stdio.
    #[arg(long, value_name = "CAPABILITY", value_parser = deniable)]
    pub deny: Vec<Capability>,
    /// A package that the component imports and never calls.
    #[arg(long, value_name = "PACKAGE")]
    pub unused: Vec<Unused>,
    /// An inherited Unix stream socket: the session channel.
    #[arg(long, value_name = "N")]
    pub ipc_fd: Option<i32>,
    /// A Unix stream socket to connect to: the session channel.
    #[arg(long, value_name = "PATH")]
    pub ipc_socket: Option<PathBuf>,
    /// An inherited Unix stream socket: the session's network broker.
    #[arg(long, value_name = "N")]
    pub fetch_fd: Option<i32>,
    /// Linear memory, all memories together.
    #[arg(long, value_name = "N", default_value_t = Limits::default().memory >> 20,
        value_parser = range(Limits::FLOOR.memory >> 20, Limits::CEILING.memory >> 20))]
    max_memory_mib: u64,
    /// Elements of all tables together.
    #[arg(long, value_name = "N", default_value_t = Limits::default().table,
        value_parser = range(Limits::FLOOR.table, Limits::CEILING.table))]
    max_table: u64,
    /// Core instances; memories and tables as well.
    #[arg(long, value_name = "N", default_value_t = Limits::default().instances,
        value_parser = range(Limits::FLOOR.instances, Limits::CEILING.instances))]
    max_instances: u64,
    /// Call stack.
    #[arg(long, value_name = "N", default_value_t = Limits::default().stack >> 10,
        value_parser = range(Limits::FLOOR.stack >> 10, Limits::CEILING.stack >> 10))]
    max_stack_kib: u64,
    /// Instructions until the component waits for the host again.
    #[arg(long, value_name = "N", default_value_t = Limits::default().fuel,
        value_parser = range(Limits::FLOOR.fuel, Limits::CEILING.fuel))]
    max_fuel: u64,
    /// Files, folders, sockets, streams and pollables at the same time.
    #[arg(long, value_name = "N", default_value_t = Limits::default().descriptors,
        value_parser = range(Limits::FLOOR.descriptors, Limits::CEILING.descriptors))]
    max_descriptors: u64,
    /// How long the component may compute before it waits for the host again.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = wall)]
    max_wall: Duration,
    /// What `/data` may hold.
    #[arg(long, value_name = "N", default_value_t = Limits::default().storage >> 10,
        value_parser = range(Limits::FLOOR.storage >> 10, Limits::CEILING.storage >> 10))]
    max_storage_kib: u64,
    /// End the component when it calls nothing of weft:app for so long.
    #[arg(long, value_name = "N", value_parser = range(1, 3600))]
    watchdog_secs: Option<u64>,
}

impl SessionArgs {
    pub fn grants(&self) -> Grants {
        Grants {
            capabilities: self.grant.clone(),
            denied: self.deny.clone(),
            unused: self.unused.clone(),
            command: false,
        }
    }

    /// As `[runtime.limits]` has them.
    pub fn limits(&self) -> Limits {
        Limits {
            memory: self.max_memory_mib << 20,
            table: self.max_table,
            instances: self.max_instances,
            stack: self.max_stack_kib << 10,
            fuel: self.max_fuel,
            descriptors: self.max_descriptors,
            wall: self.max_wall,
            storage: self.max_storage_kib << 10,
            watchdog: self.watchdog_secs.map(Duration::from_secs),
            ..Limits::default()
        }
    }
}

fn range(least: u64, most: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(least..=most)
}

fn deniable(text: &str) -> Result<Capability, String> {
    let capability: Capability =
        text.parse().map_err(|error: weft_manifest::UnknownCapability| error.to_string())?;
    let known = Capability::DEFAULT.contains(&capability);
    known.then_some(capability).ok_or_else(|| "deny wasi:clock, wasi:random or wasi:stdio".to_owned())
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

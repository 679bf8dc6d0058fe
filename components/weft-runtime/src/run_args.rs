//! The command line of `weft-runtime run`.

use crate::args::Preopen;
use std::path::PathBuf;
use std::time::Duration;
use weft_manifest::{Limits, parse_duration, parse_size};

/// `weft-runtime run`. Without options a command has its standard streams, the clocks and random numbers; it never has anything of
/// weft:app that leads outside.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The component or core module.
    pub module: PathBuf,
    /// Nothing but the standard streams is allowed; fuel 1000000000, memory 256MiB. Options beside it allow and limit as they say.
    #[arg(long)]
    pub sandbox: bool,
    /// Instructions for the whole run; without it and --sandbox there is no end.
    #[arg(long, value_name = "N")]
    pub fuel: Option<u64>,
    /// Linear memory, such as 64MiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// Time for the whole run, such as 500ms or 10s.
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub timeout: Option<Duration>,
    /// A folder for the guest; it may write there unless this ends in `::ro`.
    #[arg(long, value_name = "HOST::GUEST[::ro]", value_parser = folder)]
    pub dir: Vec<Preopen>,
    /// A variable of the guest's environment.
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// Allow reading all files.
    #[arg(long)]
    pub allow_read: bool,
    /// Allow reading and writing all files.
    #[arg(long)]
    pub allow_write: bool,
    /// Hand on this program's environment.
    #[arg(long)]
    pub allow_env: bool,
    /// Allow the clocks, for --sandbox.
    #[arg(long)]
    pub allow_clock: bool,
    /// Allow random numbers, for --sandbox.
    #[arg(long)]
    pub allow_random: bool,
    /// Allow TCP to and from every address.
    #[arg(long)]
    pub allow_net: bool,
    /// The guest's arguments.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
}

impl RunArgs {
    /// The limits of the run; those that nobody asked for are the ceilings.
    pub fn limits(&self) -> Limits {
        let memory = if self.sandbox { SANDBOX_MEMORY } else { MOST_MEMORY };
        Limits { memory: self.max_memory.unwrap_or(memory), ..Limits::CEILING }
    }

    /// Instructions for the whole run.
    pub fn fuel(&self) -> u64 {
        self.fuel.unwrap_or(if self.sandbox { SANDBOX_FUEL } else { u64::MAX })
    }
}

const SANDBOX_FUEL: u64 = 1_000_000_000;
const SANDBOX_MEMORY: u64 = 256 << 20;
/// What a 32-bit memory can address.
const MOST_MEMORY: u64 = 4 << 30;

fn size(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text).or_else(|| text.parse().ok());
    bytes
        .filter(|bytes| (1..=MOST_MEMORY).contains(bytes))
        .ok_or_else(|| "write a size up to 4GiB, such as 64MiB, or a number of bytes".to_owned())
}

fn timeout(text: &str) -> Result<Duration, String> {
    // A bare number is milliseconds.
    let time = parse_duration(text).or_else(|| text.parse().ok().map(Duration::from_millis));
    time.filter(|time| !time.is_zero()).ok_or_else(|| "write a time such as 500ms or 10s".to_owned())
}

fn folder(text: &str) -> Result<Preopen, String> {
    let parts: Vec<&str> = text.split("::").collect();
    let (host, guest, write) = match parts.as_slice() {
        [host] => (host, host, true),
        [host, guest] => (host, guest, true),
        [host, guest, "ro"] => (host, guest, false),
        [host, guest, "rw"] => (host, guest, true),
        _ => return Err("write HOST::GUEST or HOST::GUEST::ro".to_owned()),
    };
    if host.is_empty() || guest.is_empty() {
        return Err("write HOST::GUEST or HOST::GUEST::ro".to_owned());
    }
    Ok(Preopen { host: host.into(), guest: (*guest).to_owned(), write })
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| "write KEY=VALUE".to_owned())?;
    if key.is_empty() { Err("write KEY=VALUE".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

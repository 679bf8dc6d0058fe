//! The commands.

use crate::activate::{self, activate, roll_back};
use crate::bless::{
    self,
    sources::{Sockets, Sources},
};
use crate::config::{self, Config, PLACES};
use crate::confine::confine;
use crate::machine::Machine;
use crate::power;
use crate::records::Standing;
use crate::repository::Repository;
use crate::stage::{self, Choice};
use crate::state::{self, Folder, Phase, Progress, STATUS, Status, Store};
use crate::{automatic, source};
use anyhow::Context;
use clap::{Parser, Subcommand};
use semver::Version;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use weft_release::{Release, Slot};

/// Ranges that are fetched at a time.
pub const CONNECTIONS: usize = 4;
/// The root of trust, in the image.
const ROOT: &str = "/usr/share/weft/update/root.json";

#[derive(Debug, Parser)]
#[command(name = "weft-update", about = "Updates the device's system.")]
pub struct Arguments {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Where the device keeps its records of updates.
    #[arg(long, global = true, default_value = state::FOLDER)]
    state: PathBuf,
    /// Take releases from here instead of the configured source: https://…, http://… or a folder.
    #[arg(long, global = true)]
    source: Option<String>,
    /// The configuration, in place of the device's.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// The root of trust.
    #[arg(long, global = true, default_value = ROOT)]
    root: PathBuf,
    /// Work on files named esp, root-a, verity-a, root-b and verity-b in this folder instead of this system's partitions.
    #[arg(long, global = true, requires = "slot", requires = "running")]
    partitions: Option<PathBuf>,
    /// With --partitions: the slot that runs.
    #[arg(long, global = true, requires = "partitions")]
    slot: Option<Slot>,
    /// With --partitions: the version that runs.
    #[arg(long, global = true, requires = "partitions")]
    running: Option<Version>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look whether there is a release to take.
    Check,
    /// Bring the newest release into the other slot.
    Download,
    /// Download if need be, and let the next boot try the release.
    Apply {
        /// Restart at once.
        #[arg(long)]
        reboot: bool,
    },
    /// Say what an update is at.
    Status,
    /// Prefer the other slot from the next boot on.
    Rollback {
        /// Restart at once.
        #[arg(long)]
        reboot: bool,
    },
    /// Take releases by itself, as configured.
    Serve,
    /// The service that keeps a release which works, and tells the system's status.
    Bless,
    /// Drop everything that the device has kept, and restart it; the system stays.
    FactoryReset {
        /// Do it without another question: nothing of it can be undone.
        #[arg(long)]
        yes: bool,
    },
}

/// What a device updates with.
pub struct Updater {
    pub config: Config,
    pub machine: Machine,
    /// The file with the root of trust.
    pub root: PathBuf,
}

impl Updater {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let mut config = match &arguments.config {
            Some(path) => Config::read(path)?.with_context(|| format!("there is no {}", path.display()))?,
            None => Config::find(&PLACES)?,
        };
        if let Some(source) = &arguments.source {
            config.source.clone_from(source);
        }
        Ok(Self { config, machine: machine(arguments)?, root: arguments.root.clone() })
    }

    pub fn repository(&self) -> anyhow::Result<Repository> {
        let root = std::fs::read(&self.root);
        let root = root.with_context(|| format!("cannot read the root of trust {}", self.root.display()))?;
        Ok(Repository::load(source::open(&self.config)?, &*self.machine.store, &root)?)
    }

    /// The release to take, if there is one.
    pub fn check(&self, repository: &Repository) -> anyhow::Result<Option<Release>> {
        let standing = Standing::load(&*self.machine.store)?;
        Ok(match stage::choose(repository, &self.machine, &self.config.product, &standing)? {
            Choice::Current => None,
            Choice::Take(release, _) => Some(*release),
        })
    }

    /// Does a step and says in `status.json` what became of it.
    pub fn noting<T>(&self, step: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let outcome = step();
        // Who has the lock says itself what it is at.
        if let Some(error) = outcome.as_ref().err().filter(|error| !is_busy(error)) {
            let mut status: Status = state::load(&*self.machine.store, STATUS)?.unwrap_or_default();
            status.error = Some(format!("{error:#}"));
            if status.phase == Phase::Downloading {
                status.phase = Phase::Available;
            }
            state::save(&*self.machine.store, STATUS, &status)?;
        }
        outcome
    }

    pub fn note(
        &self,
        phase: Phase,
        release: Option<&Version>,
        progress: Option<Progress>,
    ) -> anyhow::Result<()> {
        let version = release.map(ToString::to_string);
        Ok(state::save(&*self.machine.store, STATUS, &Status { phase, version, progress, error: None })?)
    }

    /// Brings a release into the other slot; its version, if there was one.
    pub fn download(&self) -> anyhow::Result<Option<Version>> {
        let repository = self.repository()?;
        let Some(release) = self.check(&repository)? else {
            self.note(Phase::Idle, None, None)?;
            return Ok(None);
        };
        self.note(Phase::Available, Some(&release.version), None)?;
        let progress = stage::download(&self.machine, &repository, &release, CONNECTIONS)?;
        self.note(Phase::Staged, Some(&release.version), Some(progress))?;
        tracing::info!("version {} is staged, {} bytes were fetched", release.version, progress.fetched);
        Ok(Some(release.version))
    }

    /// Lets the next boot try what is staged.
    pub fn activate(&self) -> anyhow::Result<Version> {
        let version = activate(&self.machine)?;
        self.note(Phase::Activated, Some(&version), None)?;
        tracing::info!("the next boot tries version {version}");
        Ok(version)
    }
}

/// Whether another process was at work.
fn is_busy(error: &anyhow::Error) -> bool {
    let of_stage = matches!(error.downcast_ref(), Some(stage::Error::State(state::Error::Busy)));
    of_stage || matches!(error.downcast_ref(), Some(activate::Error::State(state::Error::Busy)))
}

fn machine(arguments: &Arguments) -> anyhow::Result<Machine> {
    let store: Box<dyn Store> = Box::new(Folder::new(&arguments.state));
    match (&arguments.partitions, arguments.slot, &arguments.running) {
        (Some(folder), Some(slot), Some(version)) => {
            Ok(Machine::of_folder(folder, slot, version.clone(), store)?)
        }
        _ => Ok(Machine::of_this_system(store)?),
    }
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let updater = || Updater::new(&arguments);
    match arguments.command {
        Command::Status => {}
        Command::Check => {
            let updater = updater()?;
            updater.noting(|| {
                let release = updater.check(&updater.repository()?)?;
                let phase = if release.is_some() { Phase::Available } else { Phase::Idle };
                updater.note(phase, release.as_ref().map(|release| &release.version), None)
            })?;
        }
        Command::Download => {
            let updater = updater()?;
            updater.noting(|| updater.download())?;
        }
        Command::Apply { reboot } => {
            let updater = updater()?;
            let activated = updater.noting(|| {
                let staged = updater.download()?;
                staged.map(|_| updater.activate()).transpose()
            })?;
            if reboot && activated.is_some() {
                power::reboot()?;
            }
        }
        Command::Rollback { reboot } => {
            let version = roll_back(&machine(&arguments)?)?;
            tracing::info!("the next boot starts version {version}");
            if reboot {
                power::reboot()?;
            }
        }
        Command::Serve => return serve(&arguments),
        Command::Bless => return bless::serve::serve(&arguments.state),
        Command::FactoryReset { yes } => {
            anyhow::ensure!(yes, "this erases every app and all data of the device: say --yes");
            return Sockets::default().tell("factory-reset").map_err(anyhow::Error::msg);
        }
    }
    print(&arguments)
}

/// A device without a configuration of updates has none, which is no failure.
fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.config.is_none() && matches!(Config::find(&PLACES), Err(config::Error::Missing)) {
        tracing::info!("no update source is configured");
        return Ok(());
    }
    let updater = Updater::new(arguments)?;
    let Some(window) = updater.config.automatic else {
        tracing::info!("automatic updates are off");
        return Ok(());
    };
    match updater.noting(|| Ok(source::Place::of(&updater.config.source)?)) {
        Ok(releases) => confine(&arguments.state, releases)?,
        Err(error) => {
            // It is the same however often the service starts, and everybody is told.
            tracing::error!("{error:#}");
            return Ok(());
        }
    }
    automatic::serve(&updater, window)
}

fn print(arguments: &Arguments) -> anyhow::Result<()> {
    let status: Status = state::load(&Folder::new(&arguments.state), STATUS)?.unwrap_or_default();
    // Who works on files is not on the device that they belong to.
    let report = arguments.partitions.is_none().then(|| Sockets::default().init().ok()).flatten();
    let told = Told { status, repaired: report.map(|report| report.repaired) };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        println!("{told}");
    }
    Ok(())
}

/// What is printed.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    status: Status,
    /// Damaged blocks of the running system that were repaired in this boot; nothing where PID 1 does not say.
    repaired: Option<u32>,
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        match self.repaired {
            None | Some(0) => Ok(()),
            Some(blocks) => write!(
                formatter,
                "; damaged blocks of the running system were repaired ({blocks}): the storage may be failing"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repaired_blocks_are_told_where_there_are_some() {
        let told = |repaired| Told { status: Status::default(), repaired };
        assert_eq!(told(None).to_string(), "nothing to do");
        assert_eq!(told(Some(0)).to_string(), "nothing to do");
        assert!(told(Some(3)).to_string().contains("repaired (3): the storage may be failing"));
        let json = serde_json::to_value(told(Some(3))).unwrap();
        assert_eq!((json["phase"].as_str(), json["repaired"].as_u64()), (Some("idle"), Some(3)));
    }
}

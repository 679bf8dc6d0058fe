//! The command tree of `cargo weft`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

mod release;

pub use release::{
    DiffArgs, KeysCommand, NewKeysArgs, RefreshArgs, ReleaseArgs, ReleaseCommand, RotateArgs, SecureBootArgs,
};

/// Builds, runs, tests and flashes the WEFT OS image.
#[derive(Debug, Parser)]
#[command(name = "cargo weft", bin_name = "cargo weft", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an image and print its path.
    Build(BuildArgs),
    /// Build an image and boot it in QEMU.
    Run(RunArgs),
    /// Boot an image without a window and save what is on its screen as PNG.
    Shot(ShotArgs),
    /// Write an image to a disk or a file, and verify what was written.
    Flash(FlashArgs),
    /// Measure boot time, image size, memory and apps.
    Bench(BenchArgs),
    /// Run every test: unit, component and virtual machine.
    Test(TestArgs),
    /// Install what the host lacks, and build nothing.
    Setup,
    /// Remove the built images, or with --cache everything that was ever built.
    Clean(CleanArgs),
    /// Build a release and add it to a repository that any web server serves.
    Release(Box<ReleaseArgs>),
    /// Work on the list of pinned packages, image/packages.lock.
    #[command(subcommand)]
    Lock(LockCommand),
}

#[derive(Clone, Debug, Args)]
pub struct ProfileArgs {
    /// The image profile: a file of image/profiles/ without `.toml`.
    #[arg(long, default_value = "kiosk")]
    pub profile: String,
}

#[derive(Clone, Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// Make the root image and everything after it anew, even when the cache has them.
    #[arg(long)]
    pub rebuild: bool,
    #[command(flatten)]
    pub secure_boot: SecureBootArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accel {
    /// KVM where it works for stock kernels, else TCG.
    Auto,
    Kvm,
    Tcg,
}

/// The virtual machine that `run`, `shot` and `bench` boot.
#[derive(Clone, Debug, Args)]
pub struct MachineArgs {
    /// How QEMU executes guest code.
    #[arg(long, value_enum, default_value = "auto")]
    pub accel: Accel,
    /// Memory of the machine, as QEMU writes it: 512M, 1G.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub profile: ProfileArgs,
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Show no window; the serial console is on the terminal either way.
    #[arg(long)]
    pub headless: bool,
    /// Keep the machine's disk in this file across runs, instead of a fresh copy of the image.
    #[arg(long, value_name = "FILE")]
    pub disk: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct ShotArgs {
    /// The PNG file to write.
    #[arg(value_name = "OUT.png")]
    pub output: PathBuf,
    /// Start this app and wait until it is painted.
    #[arg(long, value_name = "ID")]
    pub app: Option<String>,
    #[command(flatten)]
    pub profile: ProfileArgs,
    #[command(flatten)]
    pub machine: MachineArgs,
}

#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("target").required(true).multiple(false))]
pub struct FlashArgs {
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// The disk to overwrite, for example /dev/sdb.
    #[arg(long, value_name = "DEV", group = "target")]
    pub device: Option<PathBuf>,
    /// Write the image to this file instead of a disk.
    #[arg(long, value_name = "FILE", group = "target")]
    pub output: Option<PathBuf>,
    /// Accept a disk that is not removable, or replace an existing file.
    #[arg(long)]
    pub force: bool,
    /// Do not ask before the disk is overwritten.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchKind {
    /// Boot and clicks, in a virtual machine.
    Boot,
    /// Sizes of the root images.
    Image,
    /// The least memory of each profile, in a virtual machine.
    Memory,
    /// Sessions and packages of apps, on this host.
    Apps,
    /// Bytes, time and memory of updates, on this host.
    Update,
}

#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// What to measure; everything without it.
    #[arg(value_enum)]
    pub kind: Option<BenchKind>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub machine: MachineArgs,
}

#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// Leave out the tests that boot virtual machines (and need the images).
    #[arg(long)]
    pub no_vm: bool,
    /// Build and test the apps in JavaScript, Python and C as well, whose tools come from npm and PyPI.
    #[arg(long)]
    pub languages: bool,
    /// Run only tests whose name contains this.
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct CleanArgs {
    /// Also remove the cache with the engine, the kernel and the sysroots: the next build takes an hour.
    #[arg(long)]
    pub cache: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum LockCommand {
    /// Pin the newest version of every package that the Debian suite offers.
    Update {
        /// Also of the packages that the web engine is compiled against, which rebuilds the engine.
        #[arg(long)]
        engine: bool,
    },
    /// Check that every pinned package can still be had, without building anything.
    Check,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flash_needs_exactly_one_target() {
        let parse = |arguments: &[&str]| Cli::try_parse_from(arguments).map(drop);
        assert!(parse(&["weft", "flash"]).is_err());
        assert!(parse(&["weft", "flash", "--device", "/dev/sdx", "--output", "x.img"]).is_err());
        assert!(parse(&["weft", "flash", "--output", "x.img"]).is_ok());
    }
}

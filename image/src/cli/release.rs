//! The commands around releases.

use crate::release::roots::RoleSize;
use crate::stages::secure_boot::SigningKey;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use semver::Version;
use std::path::PathBuf;
use weft_release::Wave;

/// What the image is signed with for UEFI Secure Boot.
#[derive(Clone, Debug, Args)]
pub struct SecureBootArgs {
    /// The key that signs boot loader and kernel images, as PEM.
    #[arg(long, value_name = "FILE", requires = "secure_boot_cert")]
    pub secure_boot_key: Option<PathBuf>,
    /// The certificate of that key, as PEM; the firmware has it in `db`.
    #[arg(long, value_name = "FILE", requires = "secure_boot_key")]
    pub secure_boot_cert: Option<PathBuf>,
}

impl SecureBootArgs {
    pub fn signing_key(&self) -> Option<SigningKey> {
        let (key, certificate) = (self.secure_boot_key.clone()?, self.secure_boot_cert.clone()?);
        Some(SigningKey { key, certificate })
    }
}

#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ReleaseArgs {
    #[command(subcommand)]
    pub command: Option<ReleaseCommand>,
    /// The version that the system has: a semantic version without build metadata.
    #[arg(long = "version", value_name = "VERSION", required = true)]
    pub release: Option<Version>,
    /// The folder of the repository, made where there is none.
    #[arg(long, value_name = "DIR", required = true)]
    pub out: Option<PathBuf>,
    /// A folder with keys; several times where they are in several.
    #[arg(long, value_name = "DIR", required = true)]
    pub keys: Vec<PathBuf>,
    /// The image profile: a file of image/profiles/ without `.toml`.
    #[arg(long, default_value = "kiosk")]
    pub profile: String,
    /// What is new, as Markdown, shown to who asks for the update.
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,
    /// The oldest version that may go to this one in one step.
    #[arg(long, value_name = "VERSION")]
    pub minimum_version: Option<Version>,
    /// Devices that ran this release well take none of a lower epoch; by default that of the release before. The image carries it.
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
    /// From this time (RFC 3339) on, this part of all devices updates by itself; several times. By default all at once.
    #[arg(long = "wave", value_name = "PERCENT@TIME", value_parser = wave)]
    pub waves: Vec<Wave>,
    /// A version from which devices may go back to this older release; several times.
    #[arg(long, value_name = "VERSION")]
    pub allow_downgrade_from: Vec<Version>,
    #[command(flatten)]
    pub secure_boot: SecureBootArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Make and replace the keys that sign releases.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Sign what expires anew, with the keys of snapshot and timestamp.
    Refresh(RefreshArgs),
    /// Say what a device with one release would fetch of another.
    Diff(DiffArgs),
}

#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Make keys for all roles, and the first root metadata.
    New(NewKeysArgs),
    /// Make new keys for a role, or renew the root metadata alone; the old keys are worth nothing then.
    Rotate(RotateArgs),
}

#[derive(Clone, Debug, Args)]
pub struct NewKeysArgs {
    /// The folder to make them in.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// How many keys a role has and how many must sign, as root=2/3; several times. By default one of one.
    #[arg(long = "role", value_name = "ROLE=M/N")]
    pub roles: Vec<RoleSize>,
    /// For how many days the root metadata is good.
    #[arg(long, value_name = "DAYS", default_value_t = 1825)]
    pub days: i64,
}

#[derive(Clone, Debug, Args)]
pub struct RotateArgs {
    /// The folder of the keys, with the root metadata; new ones are made in it.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The role that gets new keys: root, targets, snapshot or timestamp, with =M/N for several. Without it only the expiry is renewed.
    #[arg(long, value_name = "ROLE[=M/N]")]
    pub role: Option<RoleSize>,
    /// Another folder with keys, for those of the root that are kept elsewhere; several times.
    #[arg(long, value_name = "DIR")]
    pub keys: Vec<PathBuf>,
    /// For how many days the root metadata is good.
    #[arg(long, value_name = "DAYS", default_value_t = 1825)]
    pub days: i64,
}

#[derive(Clone, Debug, Args)]
pub struct RefreshArgs {
    /// The folder of the repository.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// A folder with keys; several times where they are in several.
    #[arg(long, value_name = "DIR", required = true)]
    pub keys: Vec<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// What the device has: an image file, or with --repository a release.
    pub old: String,
    /// What it would get.
    pub new: String,
    /// The repository that has the releases.
    #[arg(long, value_name = "DIR")]
    pub repository: Option<PathBuf>,
    /// Say it as JSON.
    #[arg(long)]
    pub json: bool,
}

fn wave(text: &str) -> Result<Wave, String> {
    let wrong =
        || format!("{text:?} is no wave: write 10@2026-01-31T08:00:00Z for 10 % of the devices from then on");
    let (percent, after) = text.split_once('@').ok_or_else(wrong)?;
    let after: Timestamp = after.parse().map_err(|_| wrong())?;
    Ok(Wave { percent: percent.parse().map_err(|_| wrong())?, after })
}

#[cfg(test)]
mod tests {
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn a_release_needs_version_repository_and_keys_and_its_subcommands_do_not() {
        let parse = |line: &str| Cli::try_parse_from(format!("weft release {line}").split(' '));
        let full = "--version 1.2.0 --out r --keys k --keys v --wave 5@2026-01-01T00:00:00Z --wave 100@2026-01-02T00:00:00+01:00";
        let Command::Release(arguments) = parse(full).unwrap().command else { panic!("another command") };
        assert_eq!((arguments.keys.len(), arguments.waves[1].percent), (2, 100));
        for short in [
            "--out r --keys k",
            "--version 1.2.0 --keys k",
            "--version 1.2.0 --out r",
            "--version 1.2 --out r --keys k",
        ] {
            assert!(parse(short).is_err(), "{short}");
        }
        assert!(parse(&format!("{full} --wave 5")).unwrap_err().to_string().contains("10@2026"));
        assert!(parse(&format!("{full} --secure-boot-key k")).is_err());
        for other in [
            "keys new k --role root=2/3",
            "keys rotate k --role timestamp",
            "refresh --out r --keys k",
            "diff a b --json",
        ] {
            assert!(parse(other).is_ok(), "{other}");
        }
    }
}

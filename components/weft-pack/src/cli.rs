//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use weft_manifest::{AppId, Capability};

/// Makes, checks, signs, packs, installs and audits packages of apps.
///
/// Exit codes: 0 done, 1 refused, 2 wrong command line, 3 the host is to blame, 4 an approval is needed, 5 not installed,
/// 6 the audit found a disagreement.
#[derive(Debug, Parser)]
#[command(name = "weft-pack", version)]
pub struct Cli {
    /// Answer with one JSON object on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the folder of a new app.
    New(New),
    /// Check a package: manifest, files, component and what it imports.
    Check { package: PathBuf },
    /// Show what a package is and what it may do.
    Info { package: PathBuf },
    /// Make a publisher's key pair, weft-sign.key and weft-sign.pub.
    GenerateKey {
        /// The folder for it.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Sign every file of a package folder.
    Sign {
        package: PathBuf,
        /// The secret key, weft-sign.key.
        #[arg(long)]
        key: PathBuf,
    },
    /// Check a package's signature.
    Verify {
        package: PathBuf,
        /// The public key, weft-sign.pub; without it, any trusted publisher's.
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// Pack a folder into <id>.app.tar.zst.
    Bundle {
        package: PathBuf,
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Unpack an archive into a new folder.
    Unbundle {
        archive: PathBuf,
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Pack a folder into <id>.app.img with its dm-verity tree.
    BuildImage {
        package: PathBuf,
        #[arg(long)]
        out: Option<PathBuf>,
        /// Sign the root hash with this secret key.
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// Install a package, or update to it.
    Install(Install),
    /// Remove an app; its data stays.
    Uninstall {
        id: AppId,
        /// Remove its data too, and let anybody publish under the id again.
        #[arg(long)]
        purge: bool,
    },
    /// List the installed apps.
    List,
    /// Allow an app what it asks for.
    Approve {
        id: AppId,
        /// Without any, everything that a refused update asked for.
        capabilities: Vec<Capability>,
    },
    /// Go back to the version before.
    Rollback { id: AppId },
    /// Print everything that apps can reach; fail where manifest and component disagree.
    Audit(Audit),
}

#[derive(Debug, Args)]
pub struct New {
    /// The app's id, such as org.example.clock; also the name of the folder.
    pub id: AppId,
    #[arg(long, value_enum, default_value_t = Template::Rust)]
    pub template: Template,
    /// The name that people read.
    #[arg(long)]
    pub name: Option<String>,
    /// The folder to make.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Template {
    Rust,
    Js,
    Python,
}

#[derive(Debug, Args)]
pub struct Install {
    /// A folder, an .app.tar.zst archive, or an .app.img image with its files beside it.
    pub package: PathBuf,
    /// Take a package without a signature, for development.
    #[arg(long)]
    pub dev: bool,
    /// Give data that is there under the id to this publisher.
    #[arg(long)]
    pub claim_data: bool,
    /// Allow whatever the update asks for.
    #[arg(long)]
    pub approve: bool,
    /// Keep an image as it is, to be mounted at every launch, instead of unpacking it.
    #[arg(long)]
    pub keep_image: bool,
}

#[derive(Debug, Args)]
pub struct Audit {
    /// A disk image, its root image, or an app's image; without it, the installed apps.
    #[arg(long)]
    pub image: Option<PathBuf>,
    /// Only this app.
    pub id: Option<AppId>,
}

use anyhow::Context;
use clap::{Parser, Subcommand};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use weft_mount_helper::{Places, mount, serve, udev, umount};

/// Mounts package images: signature, loop device, dm-verity, EROFS.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// A folder where images may lie.
    #[arg(long, value_name = "FOLDER", default_values = ["/state/appd/.local/share/weft/apps", "/usr/share/weft/apps"])]
    store: Vec<PathBuf>,
    /// A folder of *.pub files, the keys of publishers whose images may be mounted.
    #[arg(long, value_name = "FOLDER", default_value = "/etc/weft/trusted-keys")]
    trusted_keys: Vec<PathBuf>,
    /// The folder of the mountpoints.
    #[arg(long, value_name = "FOLDER", default_value = "/run/weft/packages")]
    mounts: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Mounts an image read-only, after checking its signature; every block is checked when it is read.
    Mount { image: PathBuf, mountpoint: PathBuf },
    /// Takes a mounted image away.
    Umount { mountpoint: PathBuf },
    /// Does both for appd, on the socket `mount` that PID 1 passes.
    Serve,
}

fn main() -> ExitCode {
    weft_service::init_logging();
    weft_service::exit_code(run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    udev::do_not_wait().context("cannot refuse System V semaphores to this process")?;
    let places = Places { stores: args.store, trusted_keys: args.trusted_keys, mounts: args.mounts };
    match args.command {
        Command::Mount { image, mountpoint } => {
            let publisher = mount(&places, &image, &mountpoint)?;
            println!("{} is mounted, signed by {publisher}", mountpoint.display());
        }
        Command::Umount { mountpoint } => {
            if umount(&places, &mountpoint)?.corrupted {
                println!("the image was damaged: a block was read that is not the one that was signed");
            }
        }
        Command::Serve => {
            let socket = weft_service::listen_fd("mount").context("no socket named `mount` was passed")?;
            if let Err(error) = weft_service::notify("READY=1") {
                tracing::warn!("{error}");
            }
            serve(&UnixListener::from(socket), places)?;
        }
    }
    Ok(())
}

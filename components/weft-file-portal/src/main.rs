use anyhow::Context;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use weft_file_portal::{Listener, Portal, Roots, SessionEnd};

/// Reads, writes and lists files for one app session, within the folders it was given.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The Unix socket to serve, made for this user only. The portal ends when its file is removed.
    #[arg(required_unless_present = "listen_fd")]
    socket: Option<PathBuf>,
    /// An inherited descriptor that listens already, instead of a path.
    #[arg(long, value_name = "N", conflicts_with = "socket")]
    listen_fd: Option<i32>,
    /// A folder that clients may read and write.
    #[arg(long, value_name = "PATH")]
    allow: Vec<PathBuf>,
    /// A folder that clients may read.
    #[arg(long, value_name = "PATH")]
    allow_read: Vec<PathBuf>,
    /// The user whose processes may connect; this process's own without it.
    #[arg(long, value_name = "UID")]
    peer_uid: Option<u32>,
    /// Also ends when the process that started it is gone.
    #[arg(long)]
    exit_with_parent: bool,
}

fn main() -> ExitCode {
    weft_service::init_logging();
    weft_service::exit_code(run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    let session = if args.exit_with_parent { SessionEnd::of_parent() } else { SessionEnd::Socket };
    let listener = match (args.socket, args.listen_fd) {
        (Some(path), _) => Listener::bind(&path)?,
        (None, Some(raw)) => {
            let fd = weft_service::inherited_fd(raw)
                .with_context(|| format!("--listen-fd {raw}: no such descriptor was passed"))?;
            Listener::inherited(fd)?
        }
        (None, None) => anyhow::bail!("name a socket or --listen-fd"),
    };
    let mut roots = Roots::default();
    for path in &args.allow {
        roots.add(path, true)?;
    }
    for path in &args.allow_read {
        roots.add(path, false)?;
    }
    let peer_uid = args.peer_uid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let end = Portal { roots, peer_uid }.serve(&listener, session)?;
    tracing::info!("the session is over ({end:?})");
    Ok(())
}

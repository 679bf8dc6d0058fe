//! One session: load, check, link, run, and say how it ended.

use crate::args::SessionArgs;
use crate::channel::Channel;
use crate::deadline::{WallExceeded, Watch};
use crate::guest_log::GuestLog;
use crate::limits::{Budget, Limit};
use crate::state::{Readiness, State};
use crate::{Exit, compiled, engine, imports, link, sys};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store, Trap};
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::{I32Exit, WasiCtx};
use weft_manifest::Capability;

/// How long messages that were sent just before the end may take to leave.
const DRAIN: Duration = Duration::from_secs(1);

/// Why a session could not run, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot set up the engine")]
    Engine(#[source] wasmtime::Error),
    #[error(transparent)]
    Load(#[from] compiled::Error),
    #[error(transparent)]
    Imports(#[from] imports::Error),
    #[error("{} cannot be linked: it was built for another version of the interfaces it imports", module.display())]
    Link { module: PathBuf, source: wasmtime::Error },
    #[error("cannot open the folder {} for the component", path.display())]
    Preopen { path: PathBuf, source: wasmtime::Error },
    #[error("--ipc-fd {0} is not an inherited descriptor")]
    NoDescriptor(i32),
    #[error("cannot use the session channel")]
    Channel(#[source] std::io::Error),
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    #[error("the component was ended ({exit:?})")]
    Ended { exit: Exit, source: wasmtime::Error },
    #[cfg(feature = "compiler")]
    #[error("cannot write the compiled code")]
    WriteCode(#[source] weft_file::Error),
    #[cfg(feature = "compiler")]
    #[error("cannot read {}", path.display())]
    ReadManifest { path: PathBuf, source: std::io::Error },
    #[cfg(feature = "compiler")]
    #[error(transparent)]
    Manifest(weft_manifest::ManifestError),
}

impl Error {
    /// The exit code that says it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Load(compiled::Error::NotCompiled { .. }) => Exit::NotCompiled,
            Self::Load(compiled::Error::Read { .. }) => Exit::Host,
            Self::Load(_) | Self::Link { .. } => Exit::InvalidModule,
            Self::Imports(_) => Exit::Refused,
            Self::NoDescriptor(_) => Exit::Usage,
            Self::Ended { exit, .. } => *exit,
            _ => Exit::Host,
        }
    }
}

/// Runs the session to its end.
pub fn run(args: &SessionArgs) -> Result<Exit, Error> {
    let engine = engine::engine().map_err(Error::Engine)?;
    let component = compiled::load(&engine, &args.module)?;
    let in_name_only = imports::check(&engine, &component, &args.module, &args.grant)?;
    let linker = link::linker(&engine, &args.grant, &in_name_only).map_err(Error::Engine)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
    let outcome = runtime.block_on(session(args, &engine, &linker, &component));
    // A file operation that hangs must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn session(
    args: &SessionArgs,
    engine: &Engine,
    linker: &Linker<State>,
    component: &Component,
) -> Result<Exit, Error> {
    let channel = open_channel(args).await?;
    let logs = [GuestLog::new("stdout"), GuestLog::new("stderr")];
    let state = State {
        wasi: wasi(args, &logs)?,
        table: ResourceTable::new(),
        budget: Budget::new(args.max_memory_mib << 20),
        channel: channel.clone(),
        readiness: Readiness::new(std::env::var("WEFT_READY_TOKEN").unwrap_or_default()),
    };
    let link = |source| Error::Link { module: args.module.clone(), source };
    let command = linker.instantiate_pre(component).and_then(CommandPre::new).map_err(link)?;
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.budget);
    let watch = Watch::start(engine).map_err(Error::Thread)?;
    watch.limit(&mut store, args.max_wall);

    let guest = watch.watch(async {
        let command = command.instantiate_async(&mut store).await.map_err(Failure::Instantiation)?;
        command.wasi_cli_run().call_run(&mut store).await.map_err(Failure::Run)
    });
    let outcome = tokio::select! {
        outcome = guest => outcome,
        () = host_is_gone(channel.as_deref()) => Ok(Ok(())),
    };
    logs.iter().for_each(GuestLog::finish);
    if let Some(channel) = channel {
        // At worst the page misses the last words of a component that ended.
        let _ = tokio::time::timeout(DRAIN, channel.drain()).await;
    }
    match outcome {
        Ok(Ok(())) => Ok(Exit::Done),
        Ok(Err(())) => Ok(Exit::GuestFailed),
        Err(failure) => ended(failure, &store.data().budget),
    }
}

/// When a component failed.
enum Failure {
    Instantiation(wasmtime::Error),
    Run(wasmtime::Error),
}

async fn host_is_gone(channel: Option<&Channel>) {
    match channel {
        Some(channel) => channel.closed().await,
        None => std::future::pending().await,
    }
}

async fn open_channel(args: &SessionArgs) -> Result<Option<Arc<Channel>>, Error> {
    let stream = if let Some(raw) = args.ipc_fd {
        let fd = sys::inherited(raw).ok_or(Error::NoDescriptor(raw))?;
        let stream = std::os::unix::net::UnixStream::from(fd);
        stream.set_nonblocking(true).map_err(Error::Channel)?;
        UnixStream::from_std(stream).map_err(Error::Channel)?
    } else if let Some(path) = &args.ipc_socket {
        UnixStream::connect(path).await.map_err(Error::Channel)?
    } else {
        return Ok(None);
    };
    Ok(Some(Channel::new(stream)))
}

/// The WASI context: the log, the granted folders, and nothing of this process.
fn wasi(args: &SessionArgs, [stdout, stderr]: &[GuestLog; 2]) -> Result<WasiCtx, Error> {
    let mut builder = WasiCtx::builder();
    builder.stdout(stdout.clone()).stderr(stderr.clone()).arg(args.app_id.as_str());
    builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    if args.grant.contains(&Capability::Env) {
        builder.env("WEFT_APP_ID", args.app_id.as_str()).env("WEFT_SESSION_ID", args.session_id.to_string());
    }
    for preopen in &args.preopen {
        let perms = if preopen.write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        builder
            .preopened_dir(&preopen.host, &preopen.guest, perms)
            .map_err(|source| Error::Preopen { path: preopen.host.clone(), source })?;
    }
    Ok(builder.build())
}

/// The exit code of a component that did not return.
fn ended(failure: Failure, budget: &Budget) -> Result<Exit, Error> {
    // What is neither a trap nor one of our limits is the count of instances, memories or tables, or a misuse of the host.
    let (error, otherwise) = match failure {
        Failure::Instantiation(error) => (error, Exit::InstanceLimit),
        Failure::Run(error) => (error, Exit::Trap),
    };
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Ok(if exit.0 == 0 { Exit::Done } else { Exit::GuestFailed });
    }
    let trap = error.downcast_ref::<Trap>();
    let exit = match (trap, budget.hit()) {
        _ if error.downcast_ref::<WallExceeded>().is_some() => Exit::WallLimit,
        (Some(Trap::StackOverflow), _) => Exit::StackLimit,
        (_, Some(Limit::Memory)) => Exit::MemoryLimit,
        (_, Some(Limit::Table)) => Exit::TableLimit,
        (Some(_), None) => Exit::Trap,
        (None, None) => otherwise,
    };
    Err(Error::Ended { exit, source: error })
}

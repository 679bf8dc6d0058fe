//! One session: its folders, its channel and its broker, then the component.

use crate::args::SessionArgs;
use crate::channel::Channel;
use crate::deadline::{Computing, Watch};
use crate::guest::{Guest, resource_table};
use crate::guest_log::GuestLog;
use crate::host::fetch::Broker;
use crate::limits::Budget;
use crate::net::Network;
use crate::state::{Readiness, State};
use crate::storage::Quota;
use crate::watchdog::Watchdog;
use crate::{Ending, Error, Exit, code, sys};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::filesystem::FsPerms;
use weft_component::code::Key;
use weft_component::{Grants, Module, engine};
use weft_manifest::{Capability, Limits};

/// How long messages that were sent just before the end may take to leave.
const DRAIN: Duration = Duration::from_secs(1);
/// The folder whose size is limited.
const DATA: &str = "/data";

/// Runs the session to its end.
pub fn run(args: &SessionArgs) -> Result<Ending, Error> {
    let limits = args.limits();
    let engine = engine(usize::try_from(limits.stack).unwrap_or_default()).map_err(Error::Engine)?;
    let module = Module::read_component(&args.module)?;
    let component = load(args, &engine, &module)?;
    let grants = args.grants();
    let guest = Guest::link(&engine, &component, &args.module, &grants)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
    let outcome = runtime.block_on(session(args, &guest, &grants, &limits));
    // A file operation that hangs must not keep the process.
    runtime.shutdown_background();
    // A session has one code for all the ways in which its component says that it failed.
    outcome.map(|ending| if let Ending::Guest(_) = ending { Ending::Exit(Exit::GuestFailed) } else { ending })
}

fn load(args: &SessionArgs, engine: &Engine, module: &Module) -> Result<Component, Error> {
    let Some(compiled) = &args.compiled else {
        return Ok(code::load_trusted(engine, module)?);
    };
    let key = match (&args.compiled_key, args.compiled_key_fd) {
        (Some(path), _) => Key::read(path).map_err(code::Error::from)?,
        (None, Some(fd)) => inherited_key(fd)?,
        (None, None) => {
            return Err(Error::Usage("--compiled needs --compiled-key or --compiled-key-fd".to_owned()));
        }
    };
    Ok(code::load_sealed(engine, module, compiled, &key)?)
}

fn inherited_key(fd: i32) -> Result<Key, Error> {
    let option = "--compiled-key-fd";
    let descriptor = sys::inherited(fd).ok_or(Error::NoDescriptor { option, fd })?;
    Ok(Key::take(descriptor, option).map_err(code::Error::from)?)
}

async fn session(
    args: &SessionArgs,
    guest: &Guest,
    grants: &Grants,
    limits: &Limits,
) -> Result<Ending, Error> {
    let channel = open_channel(args).await?;
    let logs = [GuestLog::new("stdout"), GuestLog::new("stderr")];
    let network = Network::new(grants);
    let watchdog = Watchdog::new();
    let computing = Computing { wall: limits.wall, fuel: limits.fuel, renewed: true };
    let watch = Watch::start(guest.engine(), computing).map_err(Error::Thread)?;
    let state = State {
        turn: watch.turn(),
        wasi: wasi(args, grants, &network, &logs)?,
        table: resource_table(limits),
        budget: Budget::new(limits),
        channel: channel.clone(),
        broker: open_broker(args)?,
        readiness: Readiness::new(Some(std::env::var("WEFT_READY_TOKEN").unwrap_or_default())),
        watchdog: watchdog.clone(),
        sends_to: sends_to(grants),
        watches_sessions: false,
        network,
        quota: quota(args, limits),
    };
    let ending = tokio::select! {
        ended = guest.run(state, &watch) => ended.and_then(|ended| ended.ending()),
        () = host_is_gone(channel.as_deref()) => Ok(Ending::Exit(Exit::Done)),
        () = watchdog.silence(limits.watchdog) => Err(silent(limits)),
    };
    logs.iter().for_each(GuestLog::finish);
    if let Some(channel) = channel {
        // At worst the page misses the last words of a component that ended.
        let _ = tokio::time::timeout(DRAIN, channel.drain()).await;
    }
    ending
}

fn silent(limits: &Limits) -> Error {
    let secs = limits.watchdog.unwrap_or_default().as_secs();
    Error::Limit {
        exit: Exit::Watchdog,
        reason: format!("the component called nothing of weft:app for {secs} s"),
    }
}

async fn host_is_gone(channel: Option<&Channel>) {
    match channel {
        Some(channel) => channel.closed().await,
        None => std::future::pending().await,
    }
}

fn inherited_stream(option: &'static str, fd: i32) -> Result<StdUnixStream, Error> {
    sys::inherited(fd).map(StdUnixStream::from).ok_or(Error::NoDescriptor { option, fd })
}

async fn open_channel(args: &SessionArgs) -> Result<Option<Arc<Channel>>, Error> {
    let stream = if let Some(fd) = args.ipc_fd {
        let stream = inherited_stream("--ipc-fd", fd)?;
        stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream)).map_err(Error::Channel)?
    } else if let Some(path) = &args.ipc_socket {
        UnixStream::connect(path).await.map_err(Error::Channel)?
    } else {
        return Ok(None);
    };
    Ok(Some(Channel::new(stream)))
}

fn open_broker(args: &SessionArgs) -> Result<Option<Broker>, Error> {
    let Some(fd) = args.fetch_fd else { return Ok(None) };
    let stream = inherited_stream("--fetch-fd", fd)?;
    let stream =
        stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream)).map_err(Error::Broker)?;
    Ok(Some(Broker::new(stream)))
}

fn sends_to(grants: &Grants) -> Vec<String> {
    let ids = grants.capabilities.iter().filter_map(|capability| match capability {
        Capability::Send { to } => Some(to.to_string()),
        _ => None,
    });
    ids.collect()
}

fn quota(args: &SessionArgs, limits: &Limits) -> Option<Quota> {
    let data = args.preopen.iter().find(|preopen| preopen.guest == DATA && preopen.write)?;
    Some(Quota::new(&data.host, limits.storage))
}

/// The WASI context: the log, the granted folders, the granted addresses, and nothing of this process.
fn wasi(
    args: &SessionArgs,
    grants: &Grants,
    network: &Network,
    [stdout, stderr]: &[GuestLog; 2],
) -> Result<WasiCtx, Error> {
    let mut builder = WasiCtx::builder();
    builder.stdout(stdout.clone()).stderr(stderr.clone()).arg(args.app_id.as_str());
    builder.allow_tcp(grants.sockets()).allow_udp(false).allow_ip_name_lookup(grants.sockets());
    let network = network.clone();
    builder.socket_addr_check(move |address, usage| {
        let allowed = network.allows(address, usage);
        Box::pin(async move { allowed })
    });
    if grants.has(&Capability::Env) {
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

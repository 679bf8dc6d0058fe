//! `weft-runtime run`: a component as a command of its own, for developers.

use crate::deadline::{Computing, Watch};
use crate::guest::{Guest, resource_table};
use crate::limits::Budget;
use crate::net::Network;
use crate::run_args::RunArgs;
use crate::state::{Readiness, State};
use crate::watchdog::Watchdog;
use crate::{Ending, Error, Exit, code};
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::filesystem::FsPerms;
use weft_component::{Grants, Module, engine};
use weft_manifest::{Capability, Limits, Unused};

/// Longer than anybody waits.
const NO_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Runs the module to its end.
pub fn run(args: &RunArgs) -> Result<Ending, Error> {
    let limits = args.limits();
    let engine = engine(usize::try_from(limits.stack).unwrap_or_default()).map_err(Error::Engine)?;
    let module = Module::read(&args.module)?;
    let component = code::load_or_compile(&engine, &module)?;
    let guest = Guest::link(&engine, &component, &args.module, &grants(args))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
    let outcome = runtime.block_on(command(args, &guest, &limits));
    // Standard input may be waited for in a thread for ever.
    runtime.shutdown_background();
    outcome
}

/// The clocks and random numbers can be denied; sockets that are not allowed end the guest when it calls them, because the languages that
/// carry an interpreter along import them without need.
fn grants(args: &RunArgs) -> Grants {
    let mut grants = Grants { command: true, unused: vec![Unused::Http], ..Grants::default() };
    for (allowed, capability) in
        [(args.allow_clock, Capability::Clock), (args.allow_random, Capability::Random)]
    {
        if args.sandbox && !allowed {
            grants.denied.push(capability);
        }
    }
    grants.unused.push(Unused::Sockets);
    if args.allow_net {
        // Which ones does not matter: the network of the run allows all.
        let any = ["net:tcp:0.0.0.0:1", "net:listen:1"].iter().filter_map(|text| text.parse().ok());
        grants.capabilities.extend(any);
    }
    grants
}

async fn command(args: &RunArgs, guest: &Guest, limits: &Limits) -> Result<Ending, Error> {
    let network = if args.allow_net { Network::all() } else { Network::default() };
    let wall = args.timeout.unwrap_or(NO_TIMEOUT);
    let computing = Computing { wall, fuel: args.fuel(), renewed: false };
    let watch = Watch::start(guest.engine(), computing).map_err(Error::Thread)?;
    let state = State {
        turn: watch.turn(),
        wasi: wasi(args, &network)?,
        table: resource_table(limits),
        budget: Budget::new(limits),
        channel: None,
        broker: None,
        readiness: Readiness::new(None),
        watchdog: Watchdog::new(),
        sends_to: Vec::new(),
        watches_sessions: false,
        network,
        quota: None,
    };
    tokio::select! {
        ended = guest.run(state, &watch) => ended?.ending(),
        // The guest waits; while it computes its own deadline ends it.
        () = tokio::time::sleep(wall) => {
            Err(Error::Limit { exit: Exit::WallLimit, reason: format!("the guest ran for {wall:?}") })
        }
    }
}

fn wasi(args: &RunArgs, network: &Network) -> Result<WasiCtx, Error> {
    let mut builder = WasiCtx::builder();
    builder.inherit_stdio().arg(args.module.to_string_lossy()).args(&args.arguments);
    builder.allow_tcp(args.allow_net).allow_udp(false).allow_ip_name_lookup(args.allow_net);
    let network = network.clone();
    builder.socket_addr_check(move |address, usage| {
        let allowed = network.allows(address, usage);
        Box::pin(async move { allowed })
    });
    if args.allow_env {
        builder.inherit_env();
    }
    for (key, value) in &args.env {
        builder.env(key, value);
    }
    let mut open = |host: &Path, guest: &str, write: bool| {
        let perms = if write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        let opened = builder.preopened_dir(host, guest, perms).map(drop);
        opened.map_err(|source| Error::Preopen { path: PathBuf::from(host), source })
    };
    for folder in &args.dir {
        open(&folder.host, &folder.guest, folder.write)?;
    }
    if args.allow_read || args.allow_write {
        open(Path::new("/"), "/", args.allow_write)?;
        open(Path::new("."), ".", args.allow_write)?;
    }
    Ok(builder.build())
}

//! One run of a component, the same for a session and for a command: link, limit, run, and say how it ended.

use crate::deadline::{FuelExceeded, WallExceeded, Watch};
use crate::limits::Limit;
use crate::link;
use crate::state::State;
use crate::storage::Quota;
use crate::{Ending, Error, Exit};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::path::Path;
use wasmtime::component::{Component, ResourceTable, ResourceTableError};
use wasmtime::{Engine, Store, Trap};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::CommandPre;
use weft_component::{Grants, imports};
use weft_manifest::Limits;

/// Descriptors of this process beside the component's.
const OWN_DESCRIPTORS: u64 = 64;

/// A component that may run, because what it imports is granted.
pub struct Guest {
    command: CommandPre<State>,
    engine: Engine,
}

/// How a run ended, with the state that was left.
pub struct Ended {
    outcome: Result<Result<(), ()>, Failure>,
    limit: Option<Limit>,
    full: bool,
}

/// When a component failed.
enum Failure {
    Instantiation(wasmtime::Error),
    Run(wasmtime::Error),
}

impl Guest {
    /// Checks the imports and links them.
    pub fn link(
        engine: &Engine,
        component: &Component,
        module: &Path,
        grants: &Grants,
    ) -> Result<Self, Error> {
        let imports = imports::imports(engine, component);
        let remains = imports::check(&imports, module, grants)?;
        let linker = link::linker(engine, grants, &remains).map_err(Error::Engine)?;
        let link = |source| Error::Link { module: module.to_owned(), source };
        let command = linker.instantiate_pre(component).and_then(CommandPre::new).map_err(link)?;
        Ok(Self { command, engine: engine.clone() })
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs it to its end.
    pub async fn run(&self, state: State, watch: &Watch) -> Result<Ended, Error> {
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.budget);
        watch.limit(&mut store).map_err(Error::Engine)?;
        let guest = watch.watch(async {
            let command = self.command.instantiate_async(&mut store).await.map_err(Failure::Instantiation)?;
            command.wasi_cli_run().call_run(&mut store).await.map_err(Failure::Run)
        });
        let outcome = guest.await;
        let state = store.data();
        Ok(Ended { outcome, limit: state.budget.hit(), full: state.quota.as_ref().is_some_and(Quota::hit) })
    }
}

impl Ended {
    /// The exit code, or the error that goes into the log with it.
    pub fn ending(self) -> Result<Ending, Error> {
        let (error, instantiated) = match self.outcome {
            Ok(Ok(())) => return Ok(Ending::Exit(Exit::Done)),
            Ok(Err(())) => return failed(1, self.full),
            Err(Failure::Instantiation(error)) => (error, false),
            Err(Failure::Run(error)) => (error, true),
        };
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return failed(exit.0, self.full);
        }
        let exit = classify(&error, self.limit, self.full, instantiated);
        Err(Error::Ended { exit, source: error })
    }
}

/// The component said itself that it failed.
fn failed(code: i32, full: bool) -> Result<Ending, Error> {
    match u8::try_from(code) {
        Ok(0) => Ok(Ending::Exit(Exit::Done)),
        _ if full => {
            let reason = "the component failed after its storage was full".to_owned();
            Err(Error::Limit { exit: Exit::StorageLimit, reason })
        }
        Ok(code) => Ok(Ending::Guest(code)),
        Err(_) => Ok(Ending::Guest(1)),
    }
}

fn classify(error: &wasmtime::Error, limit: Option<Limit>, full: bool, instantiated: bool) -> Exit {
    let trap = error.downcast_ref::<Trap>();
    if error.downcast_ref::<WallExceeded>().is_some() {
        return Exit::WallLimit;
    }
    if error.downcast_ref::<FuelExceeded>().is_some() {
        return Exit::FuelLimit;
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Exit::DescriptorLimit;
    }
    match (trap, limit) {
        (Some(Trap::StackOverflow), _) => Exit::StackLimit,
        (Some(Trap::OutOfFuel), _) => Exit::FuelLimit,
        (_, Some(Limit::Memory)) => Exit::MemoryLimit,
        (_, Some(Limit::Table)) => Exit::TableLimit,
        (Some(_), None) if full => Exit::StorageLimit,
        (Some(_), None) => Exit::Trap,
        // What is neither a trap nor one of our limits is the count of instances, memories or tables, or a misuse of the host.
        (None, None) if instantiated => Exit::Trap,
        (None, None) => Exit::InstanceLimit,
    }
}

/// The table of what the component holds open, and room for it in this process.
pub fn resource_table(limits: &Limits) -> ResourceTable {
    let wanted = limits.descriptors + OWN_DESCRIPTORS;
    let mut process = getrlimit(Resource::Nofile);
    if process.current.is_some_and(|current| current < wanted) {
        process.current = Some(process.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        if let Err(error) = setrlimit(Resource::Nofile, process) {
            tracing::warn!("cannot make room for {wanted} descriptors, ignoring: {error}");
        }
    }
    let mut table = ResourceTable::new();
    table.set_max_capacity(usize::try_from(limits.descriptors).unwrap_or(usize::MAX));
    table
}

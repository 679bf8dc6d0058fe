//! Links what the app was granted, and nothing else: what is not linked cannot be called.

use crate::host::{v0_1, v0_2};
use crate::state::State;
use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable, ResourceType};
use wasmtime::{Engine, Result};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, io, random};
use wasmtime_wasi::random::WasiRandom;
use weft_manifest::Capability;

/// The resource table as the data of `wasi:io`.
struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// A resource that exists in name only: no function makes one.
struct Nothing;

/// The linker of an app with these capabilities on top of the defaults, and with resources `in_name_only` as [`crate::imports`] found them.
pub fn linker(
    engine: &Engine,
    granted: &[Capability],
    in_name_only: &[(String, String)],
) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    v0_2::weft::app::notify::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_2::weft::app::ipc::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_1::weft::app::notify::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_1::weft::app::ipc::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    if granted.contains(&Capability::Notifications) {
        v0_2::weft::app::notifications::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
        v0_1::weft::app::notifications::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    }
    link_wasi(l)?;
    for (interface, resource) in in_name_only {
        l.instance(interface)?.resource(resource, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
    }
    Ok(linker)
}

/// WASI 0.2's command world without `wasi:sockets`. Folders and variables are granted by what the context holds.
fn link_wasi(l: &mut Linker<State>) -> Result<()> {
    io::error::add_to_linker::<State, Io>(l, |state| &mut state.table)?;
    io::poll::add_to_linker::<State, Io>(l, |state| &mut state.table)?;
    io::streams::add_to_linker::<State, Io>(l, |state| &mut state.table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    random::random::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)
}

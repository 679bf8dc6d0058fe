//! Links what the app was granted, and nothing else: what is not linked cannot be called.

use crate::host::{link_read, link_write, v0_1, v0_2};
use crate::net::NamesData;
use crate::state::State;
use crate::storage::MeteredData;
use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable, ResourceType};
use wasmtime::{Engine, Result};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, io, random, sockets};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use weft_component::Grants;
use weft_component::imports::Remains;
use weft_manifest::Capability;

/// The resource table as the data of `wasi:io`.
struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// A resource that exists in name only: no function makes one.
struct Nothing;

/// The component called what only seemed to be brought along by its language.
#[derive(Debug, thiserror::Error)]
#[error("the component called {0}, which it was not granted")]
struct CalledUnused(String);

/// The linker of an app with these grants, and with what remains as [`weft_component::imports::check`] found it.
pub fn linker(engine: &Engine, grants: &Grants, remains: &Remains) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    link_app(l, grants)?;
    link_wasi(l)?;
    link_defaults(l, grants)?;
    if grants.sockets() {
        link_sockets(l, grants)?;
    }
    for (interface, resource) in &remains.in_name_only {
        l.instance(interface)?.resource(resource, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
    }
    for (interface, function) in &remains.unused {
        let name = format!("{interface} ({function})");
        l.instance(interface)?
            .func_new(function, move |_, _, _, _| Err(CalledUnused(name.clone()).into()))?;
    }
    Ok(linker)
}

/// `weft:app`.
fn link_app(l: &mut Linker<State>, grants: &Grants) -> Result<()> {
    v0_2::weft::app::notify::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_2::weft::app::ipc::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_2::weft::app::inbox::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_1::weft::app::notify::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    v0_1::weft::app::ipc::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    if grants.has(&Capability::Notifications) {
        v0_2::weft::app::notifications::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
        v0_1::weft::app::notifications::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    }
    if grants.has(&Capability::ClipboardRead) {
        link_read(l)?;
    }
    if grants.has(&Capability::ClipboardWrite) {
        link_write(l)?;
    }
    if grants.any(|granted| matches!(granted, Capability::Send { .. })) {
        v0_2::weft::app::messages::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    }
    if grants.has(&Capability::Supervisor) {
        v0_2::weft::app::supervisor::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    }
    if grants.any(|granted| matches!(granted, Capability::Fetch { .. })) {
        v0_2::weft::app::fetch::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
        v0_1::weft::app::fetch::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    }
    Ok(())
}

/// What every component has: streams, pollables, and folders and variables, which are granted by what the context holds.
fn link_wasi(l: &mut Linker<State>) -> Result<()> {
    io::error::add_to_linker::<State, Io>(l, |state| &mut state.table)?;
    io::poll::add_to_linker::<State, Io>(l, |state| &mut state.table)?;
    io::streams::add_to_linker::<State, Io>(l, |state| &mut state.table)?;
    filesystem::types::add_to_linker::<State, MeteredData>(l, State::metered)?;
    filesystem::preopens::add_to_linker::<State, MeteredData>(l, State::metered)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)
}

/// What every component has unless it is denied.
fn link_defaults(l: &mut Linker<State>, grants: &Grants) -> Result<()> {
    if grants.has(&Capability::Clock) {
        clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
        clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    }
    if grants.has(&Capability::Random) {
        random::random::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
        random::insecure::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
        random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    }
    if grants.has(&Capability::Stdio) {
        cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
        cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    }
    Ok(())
}

/// TCP to and from the granted addresses; names only for connecting. Datagrams do not exist here.
fn link_sockets(l: &mut Linker<State>, grants: &Grants) -> Result<()> {
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<State, WasiSockets>(l, &options, State::sockets)?;
    sockets::instance_network::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::tcp::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    if grants.any(|granted| matches!(granted, Capability::Tcp { .. })) {
        sockets::ip_name_lookup::add_to_linker::<State, NamesData>(l, State::names)?;
    }
    Ok(())
}

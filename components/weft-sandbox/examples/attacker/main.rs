//! One attack on the sandbox that this program runs in: `attacker NAME [ARGUMENT]`. Prints `reached` and what it got when it got
//! through, `refused` and why when it did not; a filter may also end it. See `tests/attacks.rs`.

mod calls;
mod files;
mod memory;
mod state;

use std::io;

/// What an attack got hold of.
type Outcome = io::Result<String>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let argument = arguments.next().unwrap_or_default();
    let outcome = match name.strip_prefix("call:") {
        Some(call) => calls::attempt(call),
        None => attack(&name, &argument),
    };
    match outcome {
        Ok(what) => println!("reached {what}"),
        Err(error) => println!("refused {error}"),
    }
}

fn attack(name: &str, argument: &str) -> Outcome {
    match name {
        "work" => files::work(argument),
        "read" => files::read(argument),
        "write" => files::write(argument),
        "other-processes" => files::other_processes(),
        "devices" => files::devices(),
        "connect-tcp" => files::connect_tcp(argument),
        "connect-abstract" => files::connect_abstract(argument),
        "connect-path" => files::connect_path(argument),
        "run" => files::run(argument),
        "run-copy" => files::run_copy(argument),
        "run-memory" => memory::run_memory_file(),
        "own-memory" => memory::write_through_proc(),
        "map-both" => memory::map_both(),
        "protect-both" => memory::protect_both(),
        "gain-code" => memory::gain_code(),
        "signal" => state::signal(argument),
        "fork" => state::fork(),
        "capabilities" => state::capabilities(),
        "new-privileges" => state::new_privileges(),
        "root" => state::root(),
        "descriptors" => state::descriptors(),
        "environment" => state::environment(),
        "core" => state::core(),
        _ => Err(io::Error::other("no such attack")),
    }
}

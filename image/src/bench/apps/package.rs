//! `weft-pack check` and `weft-pack verify` of a package of 10 MB, half of it component, half pages and pictures.

use super::world::World;
use super::{COMMAND, millis};
use crate::bench::{Bound, Error, Figure, Result, median};
use std::fmt::Write;
use std::time::Instant;

const BYTES: usize = 10_000_000;
const FILES: usize = 50;
const RUNS: usize = 21;
const MANIFEST: &str = "[package]\nid = \"org.weft.bench.package\"\nname = \"Bench\"\nversion = \"1.0.0\"\n\
     [runtime]\nmodule = \"app.wasm\"\n";

pub fn package(world: &World) -> Result<Figure> {
    let keys = world.path("keys");
    world.pack(&["generate-key"], &keys)?;
    let name = |file: &str| keys.join(file).display().to_string();
    let (secret, public) = (name("weft-sign.key"), name("weft-sign.pub"));
    make(world)?;
    let package = world.path("package");
    world.pack(&["sign", "--key", &secret], &package)?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        world.pack(&["check"], &package)?;
        world.pack(&["verify", "--key", &public], &package)?;
        times.push(millis(start));
    }
    Ok(Figure {
        name: "check and verify a package of 10 MB",
        value: median(times),
        unit: "ms",
        bound: Bound::AtMost,
        limit: 100.0,
        command: COMMAND,
        note: format!("median of {RUNS}, each two runs of weft-pack, files in the page cache"),
    })
}

fn make(world: &World) -> Result<()> {
    world.make_folder("package/ui")?;
    world.write("package/wapp.toml", MANIFEST)?;
    let module = component(&code(BYTES / 2))?;
    let rest = (BYTES - module.len()) / FILES;
    world.write("package/app.wasm", module)?;
    for number in 0..FILES {
        let byte = |at: usize| (at.wrapping_mul(2_654_435_761).wrapping_add(number) >> 13) as u8;
        world.write(&format!("package/ui/{number}.bin"), (0..rest).map(byte).collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// A component of about so many bytes of code, as text.
fn code(bytes: usize) -> String {
    let mut functions = String::new();
    for number in 0..bytes / 430 {
        functions.push_str("(func (param i32 i32) (result i32) local.get 0");
        for step in 0..70 {
            // Writing to a String cannot fail.
            let _ =
                write!(functions, " local.get 1 i32.const {} i32.add i32.xor", 1000 + (number + step) % 7000);
        }
        functions.push_str(")\n");
    }
    let ready = "(import \"weft:app/notify@0.2.0\" (instance (export \"ready\" (func))))";
    format!("(component {ready} (core module {functions}))")
}

/// A component from its text.
pub fn component(text: &str) -> Result<Vec<u8>> {
    let failed = |error: wat::Error| Error::Program { program: "wat", said: error.to_string() };
    wat::parse_str(text).map_err(failed)
}

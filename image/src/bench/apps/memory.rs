//! What a session needs beside the web engine: its runtime, its file portal, its network broker, and what appd grows by.

use super::page::line;
use super::world::{Appd, World};
use super::{COMMAND, COUNTER};
use crate::bench::{Bound, Figure, Result};
use crate::vm::file_error;
use std::path::Path;

/// Sessions that appd gets on top of the first.
const MORE: u32 = 8;
/// Messages that the component answers before it is looked at.
const MESSAGES: usize = 200;
const KIB_PER_MIB: f64 = 1024.0;

pub fn memory(world: &World) -> Result<Figure> {
    let counters: Vec<String> = (0..=MORE).map(|number| format!("org.weft.bench.counter{number}")).collect();
    for id in &counters {
        install_counter(world, id)?;
    }
    let fetching = "org.weft.bench.fetching";
    install_fetching(world, fetching)?;

    let mut appd = world.start()?;
    let session = appd.launch(&counters[0])?;
    talk(&appd, session)?;
    let runtime = appd.process().child("weft-runtime")?.memory_kib()?;
    let portal = appd.process().child("weft-file-portal")?.memory_kib()?;
    let one = appd.process().memory_kib()?;
    for id in counters.iter().skip(1) {
        let session = appd.launch(id)?;
        talk(&appd, session)?;
    }
    let growth = (appd.process().memory_kib()? - one) / f64::from(MORE);
    appd.launch(fetching)?;
    let fetch = appd.process().child("weft-fetch")?.memory_kib()?;
    let [runtime, portal, fetch, growth] = [runtime, portal, fetch, growth].map(|kib| kib / KIB_PER_MIB);
    Ok(Figure {
        name: "memory of a session beyond the engine",
        value: runtime + portal + fetch + growth,
        unit: "MiB",
        bound: Bound::AtMost,
        limit: 16.0,
        command: COMMAND,
        note: format!(
            "share of memory (PSS): weft-runtime with the counter {runtime:.1}, weft-file-portal {portal:.1}, \
             weft-fetch {fetch:.1}, weft-appd {growth:.2} for each of {MORE} sessions"
        ),
    })
}

fn talk(appd: &Appd<'_>, session: u64) -> Result<()> {
    let (mut page, ask) = (appd.page(session)?, line(r#"{"op":"inc"}"#)?);
    for _ in 0..MESSAGES {
        page.ask(&ask).map_err(|error| appd.failed("a component counts", error))?;
    }
    Ok(())
}

/// The counter under another id, with the documents, so that it has a portal.
fn install_counter(world: &World, id: &str) -> Result<()> {
    let counter = world.app(COUNTER);
    let manifest = counter.join("wapp.toml");
    let text = std::fs::read_to_string(&manifest).map_err(file_error("read", &manifest))?;
    let text = text
        .replace(COUNTER, id)
        .replace("\"fs:rw:app-data\"", "\"fs:rw:app-data\", \"fs:rw:xdg-documents\"");
    let copy = |file: &str, folder: &Path| {
        std::fs::copy(counter.join(file), folder.join(file))
            .map(drop)
            .map_err(file_error("copy", &counter.join(file)))
    };
    world.make_folder(&format!("{id}/ui"))?;
    copy("app.wasm", &world.path(id))?;
    copy("ui/index.html", &world.path(id))?;
    world.write(&format!("{id}/wapp.toml"), text)?;
    world.pack(&["install", "--dev"], &world.path(id))
}

/// A component that asks its broker for what no app may have, the device itself, so that the broker has worked once; then it is ready, and
/// looks for messages for ever.
const FETCHING: &str = r#"(component
    (import "weft:app/notify@0.1.0" (instance $notify (export "ready" (func))))
    (import "weft:app/ipc@0.1.0" (instance $ipc (export "recv" (func (result (option string))))))
    (type $interface (instance
        (type $response (record (field "status" u16) (field "content-type" string) (field "body" (list u8))))
        (export "response" (type $named (eq $response)))
        (export "fetch" (func (param "url" string) (param "method" string)
            (param "headers" (list (tuple string string))) (param "body" (option (list u8)))
            (result (result $named (error string)))))))
    (import "weft:app/fetch@0.1.0" (instance $fetch (type $interface)))
    (core module $memory
        (memory (export "memory") 1)
        (data (i32.const 0) "http://127.0.0.1/GET")
        (global $free (mut i32) (i32.const 4096))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            global.get $free (global.set $free (i32.add (global.get $free) (local.get 3)))))
    (core instance $memory (instantiate $memory))
    (core func $ready (canon lower (func $notify "ready")))
    (core func $recv (canon lower (func $ipc "recv")
        (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core func $get (canon lower (func $fetch "fetch")
        (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core module $module
        (import "host" "ready" (func $ready))
        (import "host" "recv" (func $recv (param i32)))
        (import "host" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
        (func (export "run") (result i32)
            (call $get (i32.const 0) (i32.const 17) (i32.const 17) (i32.const 3) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024))
            (call $ready)
            (loop (call $recv (i32.const 2048)) (br 0))
            (i32.const 0)))
    (core instance $instance (instantiate $module
        (with "host" (instance (export "ready" (func $ready)) (export "recv" (func $recv)) (export "get" (func $get))))))
    (func $run (result (result)) (canon lift (core func $instance "run")))
    (instance $exports (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exports)))"#;

fn install_fetching(world: &World, id: &str) -> Result<()> {
    let component = super::package::component(FETCHING)?;
    world.make_folder(&format!("{id}/ui"))?;
    world.write(&format!("{id}/ui/index.html"), "<!doctype html>")?;
    world.write(&format!("{id}/app.wasm"), component)?;
    let manifest = format!(
        "[package]\nid = \"{id}\"\nname = \"Fetching\"\nversion = \"1.0.0\"\ncapabilities = [\"net:fetch\"]\n\
         [runtime]\nmodule = \"app.wasm\"\n[ui]\nentry = \"ui/index.html\"\n"
    );
    world.write(&format!("{id}/wapp.toml"), manifest)?;
    world.pack(&["install", "--dev"], &world.path(id))
}

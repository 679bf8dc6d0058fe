//! `weft-runtime run`.

use crate::harness::{Outcome, World};
use weft_runtime::Exit;

/// A command of WASI's first preview, from text; its `_start` runs `body`.
fn preview1(body: &str) -> World {
    World::new(&format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 100) "hello\n")
            (func $print
                (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 6))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
            (func (export "_start") {body}))"#
    ))
}

fn run(world: &World, options: &[&str]) -> Outcome {
    let mut command = world.command();
    command.arg("run").args(options).arg(world.module());
    Outcome(command.output().unwrap())
}

#[test]
fn a_core_module_runs_and_says_whether_it_failed() {
    let world = preview1("(call $print) (call $exit (i32.const 42))");
    // The adapter to components knows no other failure than 1.
    for options in [&[][..], &["--sandbox"]] {
        let outcome = run(&world, options);
        assert_eq!(
            (outcome.stdout().as_str(), outcome.0.status.code()),
            ("hello\n", Some(1)),
            "{}",
            outcome.log()
        );
    }
    run(&preview1("(call $print)"), &[]).is(Exit::Done, "");
    run(&preview1("unreachable"), &[]).is(Exit::Trap, "unreachable");
}

#[test]
fn a_guests_own_code_is_the_exit_code() {
    let exit = World::new(
        r#"(component
            (import "wasi:cli/exit@0.2.12" (instance $host (export "exit-with-code" (func (param "status-code" u8)))))
            (core func $exit (canon lower (func $host "exit-with-code")))
            (core module $module (import "host" "exit" (func $exit (param i32)))
                (func (export "run") (result i32) (call $exit (i32.const 42)) (i32.const 0)))
            (core instance $i (instantiate $module (with "host" (instance (export "exit" (func $exit))))))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $e (export "run" (func $run))) (export "wasi:cli/run@0.2.0" (instance $e)))"#,
    );
    let outcome = run(&exit, &[]);
    assert_eq!(outcome.0.status.code(), Some(42), "{}", outcome.log());
}

#[test]
fn limits_are_for_the_whole_run() {
    let endless = preview1("(loop $forever (br $forever))");
    run(&endless, &["--fuel", "1000000"]).is(Exit::FuelLimit, "all fuel consumed");
    run(&endless, &["--timeout", "200ms"]).is(Exit::WallLimit, "and may for 200 ms");
    let bomb = preview1(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
    );
    run(&bomb, &["--max-memory", "8MiB"]).is(Exit::MemoryLimit, "limit reached: 8 MiB of memory");
    run(&bomb, &["--sandbox"]).is(Exit::MemoryLimit, "limit reached: 256 MiB of memory");
}

#[test]
fn a_sandbox_has_no_clock_until_it_is_allowed() {
    let clock = World::new(
        r#"(component
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
            (core func $now (canon lower (func $clock "now")))
            (core module $module (import "host" "now" (func $now (result i64)))
                (func (export "run") (result i32) (drop (call $now)) (i32.const 0)))
            (core instance $i (instantiate $module (with "host" (instance (export "now" (func $now))))))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $e (export "run" (func $run))) (export "wasi:cli/run@0.2.0" (instance $e)))"#,
    );
    run(&clock, &[]).is(Exit::Done, "");
    run(&clock, &["--sandbox"]).is(Exit::Refused, "start it with --allow-clock");
    run(&clock, &["--sandbox", "--allow-clock"]).is(Exit::Done, "");
}

#[test]
fn what_cannot_run_is_named() {
    let world = World::with_bytes(b"#!/bin/sh");
    run(&world, &[]).is(Exit::InvalidModule, "is not a WebAssembly component");
    let world = World::with_bytes(
        &wat::parse_str("(component (import \"weft:app/fetch@0.2.0\" (instance (export \"fetch\" (func)))))")
            .unwrap(),
    );
    run(&world, &[]).is(Exit::Refused, "only a session of an app has");
    let outcome = run(&world, &["--dir", "::", "--timeout", "0s"]);
    assert_eq!(outcome.0.status.code(), Some(Exit::Usage as i32));
}

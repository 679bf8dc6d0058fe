//! How sessions start, talk and are refused.

use crate::harness::{Outcome, World, component};
use std::io::{BufRead, BufReader, Write};
use std::time::Duration;
use weft_runtime::Exit;

#[test]
fn a_component_gets_ready_once_and_its_result_is_the_exit_code() {
    let outcome = World::new(&component("(call $ready) (i32.const 0)")).run(&[]);
    outcome.is(Exit::Done, "");
    assert_eq!(outcome.0.stdout, b"READY token\n");
    World::new(&component("(i32.const 1)")).run(&[]).is(Exit::GuestFailed, "");
}

#[test]
fn an_import_that_is_not_granted_is_refused_with_the_capability_to_declare() {
    let text = component("(i32.const 0)").replacen(
        "(core func $ready",
        r#"(import "weft:app/notifications@0.2.0" (instance (export "notify" (func
             (param "title" string) (param "body" string) (param "icon" (option string))
             (result (result (error string)))))))
           (core func $ready"#,
        1,
    );
    let world = World::new(&text);
    let refused = world.run(&[]);
    refused.is(Exit::Refused, "add sys:notifications to package.capabilities in wapp.toml");
    assert!(refused.0.stdout.is_empty());
    world.run(&["--grant", "sys:notifications"]).is(Exit::Done, "");
}

#[test]
fn what_does_not_exist_here_and_what_nobody_uses_is_refused() {
    let importing = |name: &str| {
        component("(i32.const 0)").replacen(
            "(core func $ready",
            &format!("(import \"{name}\" (instance)) (core func $ready"),
            1,
        )
    };
    let sockets = importing("wasi:sockets/tcp@0.2.0");
    let with = |item: &str| sockets.replace("(instance)", &format!("(instance {item})"));
    World::new(&with("(export \"f\" (func))")).run(&[]).is(Exit::Refused, "wasi:sockets/tcp@0.2.0");
    // Nothing of it can be called: it may exist in name.
    World::new(&with("(export \"tcp-socket\" (type (sub resource)))")).run(&[]).is(Exit::Done, "");
    World::new(&importing("evil:thing/x@1.0.0"))
        .run(&[])
        .is(Exit::Refused, "which this system does not have");
    let plain = World::new(&component("(i32.const 0)"));
    plain
        .run(&["--grant", "sys:notifications"])
        .is(Exit::Refused, "does not import weft:app/notifications: use it");
    plain.run(&["--grant", "hw:gpu:render"]).is(Exit::Refused, "nothing on this system stands behind it");
    let silent = r#"(component (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m)) (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $e (export "run" (func $run))) (export "wasi:cli/run@0.2.0" (instance $e)))"#;
    World::new(silent).run(&[]).is(Exit::Refused, "call notify.ready()");
}

#[test]
fn what_is_no_component_is_named_as_what_it_is() {
    World::with_bytes(&wat::parse_str("(module)").unwrap()).run(&[]).is(Exit::InvalidModule, "wasm32-wasip2");
    World::with_bytes(b"#!/bin/sh").run(&[]).is(Exit::InvalidModule, "is not a WebAssembly component");
    let cut = wat::parse_str(component("(i32.const 0)")).unwrap();
    World::with_bytes(&cut[..cut.len() / 2]).run(&[]).is(Exit::NotCompiled, "make it with `weft-compile");
    let world = World::with_bytes(b"");
    std::fs::remove_file(world.module()).unwrap();
    world.run(&[]).is(Exit::Host, "app.wasm");
}

#[test]
fn a_component_of_the_first_interface_echoes_and_leaves_when_its_host_does() {
    let echo = r#"(component
        (import "weft:app/notify@0.1.0" (instance $notify (export "ready" (func))))
        (import "weft:app/ipc@0.1.0" (instance $ipc
            (export "send" (func (param "payload" string) (result (result (error string)))))
            (export "recv" (func (result (option string))))))
        (core module $memory
            (memory (export "memory") 8)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $m (instantiate $memory))
        (core func $ready (canon lower (func $notify "ready")))
        (core func $send (canon lower (func $ipc "send") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
        (core func $recv (canon lower (func $ipc "recv") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
        (core module $module
            (import "host" "ready" (func $ready))
            (import "host" "send" (func $send (param i32 i32 i32)))
            (import "host" "recv" (func $recv (param i32)))
            (import "m" "memory" (memory 8))
            (func (export "run") (result i32)
                (call $ready)
                (loop $forever
                    (call $recv (i32.const 0))
                    (if (i32.load8_u (i32.const 0))
                        (then (call $send (i32.load (i32.const 4)) (i32.load (i32.const 8)) (i32.const 16))))
                    (br $forever))
                unreachable))
        (core instance $instance (instantiate $module
            (with "m" (instance $m))
            (with "host" (instance
                (export "ready" (func $ready)) (export "send" (func $send)) (export "recv" (func $recv))))))
        (func $run (result (result)) (canon lift (core func $instance "run")))
        (instance $exports (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exports)))"#;
    let world = World::new(echo);
    // The limit is far below the time that the component asks in vain: asking is waiting.
    let (child, mut channel) = world.open(&["--max-wall", "1s"]);
    let mut reader = BufReader::new(channel.try_clone().unwrap());
    std::thread::sleep(Duration::from_secs(3));
    let long = "ü\\n\"".repeat(4000);
    for message in ["hello", "", "two\nlines", &long] {
        let line = weft_ipc::session::encode(message).unwrap();
        channel.write_all(line.as_bytes()).unwrap();
        let mut heard = String::new();
        reader.read_line(&mut heard).unwrap();
        assert_eq!(weft_ipc::session::decode(&heard).unwrap(), message);
    }
    let busy = cpu_time(child.id());
    std::thread::sleep(Duration::from_millis(500));
    let spent = cpu_time(child.id()) - busy;
    assert!(spent < 25, "it spins: {spent} of 50 ticks of the processor while nothing happens");
    drop((channel, reader));
    Outcome(child.wait_with_output().unwrap()).is(Exit::Done, "");
}

/// User and system time in ticks of 10 ms (proc_pid_stat(5)).
fn cpu_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_wrong_command_line_is_refused() {
    let world = World::new(&component("(i32.const 0)"));
    for options in [
        &["--grant", "sys:root"][..],
        &["--preopen", "/tmp"],
        &["--max-memory-mib", "0"],
        &["--max-wall", "1h"],
        &["--ipc-fd", "3", "--ipc-socket", "/x"],
    ] {
        let outcome = world.run(options);
        assert_eq!(outcome.0.status.code(), Some(Exit::Usage as i32), "{options:?}: {}", outcome.log());
    }
    world.run(&["--ipc-fd", "77"]).is(Exit::Usage, "--ipc-fd 77 is not an inherited descriptor");
}

//! Every limit ends the component, with its own exit code and a line in the log.

use crate::harness::{Outcome, World, component, wait_ready};
use std::io::Write;
use std::time::{Duration, Instant};
use weft_ipc::session::Line;
use weft_runtime::Exit;

#[test]
fn a_component_that_never_waits_is_ended_within_50_ms_after_its_deadline() {
    let world = World::new(&component("(loop $forever (br $forever)) (i32.const 0)"));
    let mut late = (0..10).map(|_| {
        let (mut child, _channel) = world.open(&["--max-wall", "300ms"]);
        wait_ready(&mut child);
        let outcome = Outcome(child.wait_with_output().unwrap());
        outcome.is(Exit::WallLimit, "without waiting for its host, and may for 300 ms");
        let log = outcome.log();
        let computed = log.split("computed for ").nth(1).unwrap().split(' ').next().unwrap();
        computed.parse::<u64>().unwrap().checked_sub(300).expect("ended before its deadline")
    });
    // A busy machine may be late now and then.
    assert!(late.any(|late| late < 50));
}

#[test]
fn fuel_ends_a_component_before_its_time_does_and_is_new_after_each_wait() {
    let world = World::new(&component("(loop $forever (br $forever)) (i32.const 0)"));
    world.run(&["--max-fuel", "1000000"]).is(Exit::FuelLimit, "limit reached: the component executed 1");
    // All orders together take several times the limit.
    let mut probe = World::probe("files").serve(&["--max-fuel", "1000000"]);
    for _ in 0..2000 {
        assert_eq!(probe.order("no"), "error no such order");
    }
    probe.close().is(Exit::Done, "");
}

#[test]
fn a_flood_of_messages_is_no_endless_loop() {
    let mut probe = World::probe("files").serve(&["--max-wall", "1s"]);
    let batch = Line::Message("no".into()).encode().unwrap().repeat(40);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        probe.channel.write_all(batch.as_bytes()).unwrap();
        for _ in 0..40 {
            assert_eq!(probe.hear_message(), "error no such order");
        }
    }
    probe.close().is(Exit::Done, "");
}

#[test]
fn silence_is_a_limit_for_those_who_ask_for_it() {
    let world = World::probe("files");
    let start = Instant::now();
    let (child, _channel) = world.open(&["--watchdog-secs", "1"]);
    let outcome = Outcome(child.wait_with_output().unwrap());
    outcome.is(Exit::Watchdog, "limit reached: the component called nothing of weft:app for 1 s");
    assert!(start.elapsed() > Duration::from_secs(1));
    let mut probe = world.serve(&["--watchdog-secs", "5"]);
    for _ in 0..6 {
        std::thread::sleep(Duration::from_secs(1));
        probe.order("no");
    }
    probe.close().is(Exit::Done, "");
}

#[test]
fn what_a_component_holds_open_is_counted() {
    let world = World::probe("files");
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("a"), "").unwrap();
    let preopen = format!("{}::/data::rw", data.path().display());
    let options = ["--grant", "fs:rw:app-data", "--preopen", &preopen, "--max-descriptors", "64"];
    let mut probe = world.serve(&options);
    assert_eq!(probe.done("hold /data/a 40"), "40");
    probe.ends("hold /data/a 40").is(Exit::DescriptorLimit, "resource table has no free keys");
}

#[test]
fn the_most_descriptors_are_really_there() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("a"), "").unwrap();
    let preopen = format!("{}::/data::ro", data.path().display());
    let options = ["--grant", "fs:read:app-data", "--preopen", &preopen, "--max-descriptors", "4096"];
    let mut probe = World::probe("files").serve(&options);
    assert_eq!(probe.done("hold /data/a 4000"), "4000");
}

#[test]
fn a_full_disk_is_an_error_and_a_failure_after_it_is_named() {
    let data = tempfile::tempdir().unwrap();
    let preopen = format!("{}::/data::rw", data.path().display());
    let options = ["--grant", "fs:rw:app-data", "--preopen", &preopen, "--max-storage-kib", "256"];
    let world = World::probe("files");
    let mut probe = world.serve(&options);
    probe.done("write /data/a 100000");
    // The C library of the component makes EIO of a stream's insufficient-space.
    probe.fails("write /data/b 200000", "os error 29");
    probe.fails("append /data/a 200000", "os error 29");
    probe.fails("sparse /data/c 200000", "StorageFull");
    // Writing over what is there takes no room, and what is removed is free again.
    probe.done("overwrite /data/a 500");
    probe.order("remove /data/b");
    probe.order("remove /data/c");
    probe.done("write /data/a 200000");
    probe.fails("names /data 64", "StorageFull");
    let used: u64 =
        std::fs::read_dir(data.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    assert!(used <= 256 << 10, "{used}");
    let outcome = probe.ends("exit 3");
    outcome.is(Exit::StorageLimit, "limit reached: 256 KiB of storage under /data");
    // What a session before left counts.
    world.serve(&options).fails("sparse /data/z 100000", "StorageFull");
}

#[test]
fn a_memory_bomb_meets_its_limit() {
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    World::new(&component(bomb))
        .run(&["--max-memory-mib", "8"])
        .is(Exit::MemoryLimit, "limit reached: 8 MiB of memory");
}

#[test]
fn a_component_may_live_with_the_memory_it_has() {
    let polite = "(drop (memory.grow (i32.const 60000))) (i32.const 0)";
    World::new(&component(polite)).run(&[]).is(Exit::Done, "limit reached: 64 MiB of memory");
}

#[test]
fn a_memory_that_is_too_large_from_the_start_is_refused() {
    let text = component("(i32.const 0)")
        .replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 200)");
    World::new(&text).run(&["--max-memory-mib", "8"]).is(Exit::MemoryLimit, "limit reached: 8 MiB of memory");
}

#[test]
fn a_table_bomb_meets_its_limit() {
    let bomb = "(loop $more (br_if $more
        (i32.ne (table.grow $table (ref.null func) (i32.const 100000)) (i32.const -1)))) unreachable";
    World::new(&component(bomb)).run(&[]).is(Exit::TableLimit, "limit reached: 1000000 table elements");
}

#[test]
fn a_smaller_table_or_stack_is_a_smaller_limit() {
    let grow = "(if (i32.eq (table.grow $table (ref.null func) (i32.const 100)) (i32.const -1)) (then unreachable)) (i32.const 0)";
    let world = World::new(&component(grow));
    world.run(&["--max-table", "50"]).is(Exit::TableLimit, "limit reached: 50 table elements");
    world.run(&["--max-table", "200"]).is(Exit::Done, "");
    let deep = World::new(&component("(call $down (i32.const 4000))").replace(
        "(func $recurse",
        "(func $down (param i32) (result i32) (if (result i32) (local.get 0)
            (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
         (func $recurse",
    ));
    deep.run(&[]).is(Exit::Done, "");
    deep.run(&["--max-stack-kib", "64"]).is(Exit::StackLimit, "call stack exhausted");
}

#[test]
fn endless_recursion_meets_the_stack_limit() {
    World::new(&component("(call $recurse (i32.const 0))"))
        .run(&[])
        .is(Exit::StackLimit, "call stack exhausted");
}

#[test]
fn too_many_instances_are_refused() {
    // Under the format's own limit of 1000 in one component.
    let instances = "(core instance (instantiate $empty))".repeat(600);
    let many = format!(
        "(component $many (core module $empty) {instances}) (instance (instantiate $many)) (instance (instantiate $many)) \
         (core func $ready"
    );
    let text = component("(i32.const 0)").replacen("(core func $ready", &many, 1);
    let world = World::new(&text);
    world.run(&[]).is(Exit::InstanceLimit, "instance count too high");
    world.run(&["--max-instances", "2000"]).is(Exit::Done, "");
}

#[test]
fn a_trap_is_told_from_a_limit() {
    World::new(&component("unreachable")).run(&[]).is(Exit::Trap, "unreachable");
}

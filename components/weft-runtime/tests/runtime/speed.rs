//! Figures that a session must reach; `cargo test --release -p weft-runtime --test runtime speed -- --nocapture` prints them.

use crate::harness::{World, wait_ready};
use std::io::Write;
use std::time::{Duration, Instant};
use weft_ipc::session::Line;

/// Messages there and back in a second that the runtime alone carries, a debug build on a busy machine much less.
const LEAST: f64 = if cfg!(debug_assertions) { 200.0 } else { 20_000.0 };

#[test]
fn messages_go_there_and_back_by_the_thousand() {
    let mut probe = World::probe("files").serve(&[]);
    probe.order("no");
    // A page that sends before it has its answers, as many as may wait.
    let (batches, batch) = (200, 50);
    let lines = Line::Message("no".into()).encode().unwrap().repeat(batch);
    let start = Instant::now();
    for _ in 0..batches {
        probe.channel.write_all(lines.as_bytes()).unwrap();
        for _ in 0..batch {
            assert_eq!(probe.hear_message(), "error no such order");
        }
    }
    let rate = f64::from(batches) * batch as f64 / start.elapsed().as_secs_f64();
    println!("messages there and back: {rate:.0} a second");
    assert!(rate > LEAST, "{rate:.0} a second");
}

#[test]
fn a_session_is_ready_at_once() {
    let world = World::probe("files");
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let start = Instant::now();
            let (mut child, channel) = world.open(&[]);
            wait_ready(&mut child);
            let time = start.elapsed();
            drop(channel);
            child.wait().unwrap();
            time
        })
        .collect();
    times.sort();
    println!("start to ready: median {:?}, best {:?}", times[5], times[0]);
    assert!(times[0] < Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 15 }), "{times:?}");
}

//! Clients and pages that mean harm: nobody else notices.

mod harness;

use harness::{Appd, COUNTER, signal};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use weft_ipc::appd::{Request, Response};
use weft_ipc::session::{Line, Notice};

#[test]
fn nonsense_is_answered_or_cut_off_and_others_are_served() {
    let appd = Appd::start(&[]);
    let mut good = appd.client();

    let mut endless = appd.client();
    endless.stream.write_all(&u32::MAX.to_le_bytes()).unwrap();
    assert_eq!(endless.stream.read(&mut [0; 1]).unwrap(), 0, "closed");

    let mut nonsense = appd.client();
    nonsense.stream.write_all(&[3, 0, 0, 0, 0xc1, 0xff, 0x00]).unwrap();
    assert_eq!(nonsense.error().0, 400);
    nonsense.send(&Request::QueryRunning);
    nonsense.expect("an answer", |response| matches!(response, Response::RunningApps { .. }).then_some(()));

    // Half a frame, held open.
    let mut slow = appd.client();
    slow.stream.write_all(&[200, 0, 0, 0, 1]).unwrap();

    let crowd: Vec<_> = (0..50).map(|_| appd.client()).collect();
    good.send(&Request::QueryRunning);
    good.expect("an answer", |response| matches!(response, Response::RunningApps { .. }).then_some(()));
    drop(crowd);
}

#[test]
fn a_client_that_never_reads_is_cut_off_and_costs_no_memory() {
    let appd = Appd::start(&[]);
    let mut good = appd.client();
    let mut deaf = appd.client();
    let before = appd.resident_kib();
    deaf.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let request = weft_ipc::frame::encode(&Request::QueryInstalledApps).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while deaf.stream.write_all(&request).is_ok() {
        assert!(Instant::now() < end, "it is still served");
    }
    good.send(&Request::QueryRunning);
    good.expect("an answer", |response| matches!(response, Response::RunningApps { .. }).then_some(()));
    let grown = appd.resident_kib().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

#[test]
fn a_page_that_floods_a_stuck_component_is_refused_and_the_rest_goes_on() {
    let appd = Appd::start(&[]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    let mut page = appd.page(session);
    page.ask(r#"{"op":"inc"}"#);
    let runtime = appd.processes("weft-runtime")[0];
    signal(runtime, Signal::STOP);
    let before = appd.resident_kib();
    let filler = format!(r#"{{"op":"get","x":"{}"}}"#, "x".repeat(30_000));
    let mut writer = page.stream.try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        let line = weft_ipc::session::encode(&filler).unwrap();
        for _ in 0..500 {
            writer.write_all(line.as_bytes()).unwrap();
        }
    });
    let refused = Line::decode(page.hear().as_bytes()).unwrap();
    assert!(
        matches!(&refused, Line::Notice(Notice::Refused { reason }) if reason.contains("64 wait")),
        "{refused:?}"
    );
    client.send(&Request::QueryRunning);
    client.expect("an answer", |response| matches!(response, Response::RunningApps { .. }).then_some(()));
    flood.join().unwrap();
    let grown = appd.resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");

    signal(runtime, Signal::CONT);
    page.say(r#"{"op":"get"}"#);
    let end = Instant::now() + harness::PATIENCE;
    while page.hear() != r#"{"count":1}"# {
        assert!(Instant::now() < end);
    }
}

#[test]
fn lines_that_are_no_messages_are_passed_over() {
    let appd = Appd::start(&[]);
    let session = appd.client().launch(COUNTER);
    let mut page = appd.page(session);
    let forged = r#"{"type":"notification","title":"Update","body":"Enter your PIN","icon":null}"#;
    for line in [forged, "{\"op\":\"inc\"}", "\u{fffd}", "", "[1,2"] {
        writeln!(page.stream, "{line}").unwrap();
    }
    assert_eq!(page.ask(r#"{"op":"get"}"#), r#"{"count":0}"#);
    assert!(page.ask(r#"{"op":"halt"}"#).starts_with(r#"{"error":"#));
    assert!(page.ask(&"[".repeat(60_000)).starts_with(r#"{"error":"#));
    assert_eq!(page.ask(r#"{"op":"inc"}"#), r#"{"count":1}"#);
}

//! What appd and the broker answer for: `weft:app`'s capabilities, with the test as appd.

use crate::harness::{Served, World};
use std::os::unix::net::UnixStream;
use weft_ipc::appd::CrashReport;
use weft_ipc::fetch;
use weft_ipc::session::{About, Answer, App, AppState, Ask, Device, Line, Notice, Permission, Session};
use weft_runtime::Exit;

const ALL: [&str; 12] = [
    "--grant",
    "net:fetch",
    "--grant",
    "app:send:org.weft.other",
    "--grant",
    "sys:notifications",
    "--grant",
    "sys:clipboard:read",
    "--grant",
    "sys:clipboard:write",
    "--grant",
    "sys:supervisor",
];

/// Gives an order, answers its one question, and returns question and outcome.
fn asked(probe: &mut Served, order: &str, answer: Answer) -> (Ask, String) {
    probe.say(&Line::Message(order.to_owned()));
    let Notice::Ask { id, ask } = probe.hear_notice() else { panic!("no question") };
    probe.say(&Line::Notice(Notice::Answer { id, answer }));
    (ask, probe.hear_message())
}

#[test]
fn the_clipboard_is_appds() {
    let mut probe = World::probe("asks").serve(&ALL);
    let (ask, outcome) = asked(&mut probe, "copy words", Answer::Done);
    assert_eq!((ask, outcome.as_str()), (Ask::WriteClipboard { text: "words".into() }, "ok "));
    let (ask, outcome) = asked(&mut probe, "paste", Answer::Text { text: "a\nb".into() });
    assert_eq!((ask, outcome.as_str()), (Ask::ReadClipboard, "ok a\nb"));
    let (_, outcome) = asked(&mut probe, "paste", Answer::Failed { reason: "not now".into() });
    assert_eq!(outcome, "error not now");
    let (_, outcome) = asked(&mut probe, "paste", Answer::Done);
    assert!(outcome.contains("does not fit the question"), "{outcome}");
    let (ask, _) = asked(&mut probe, "copy-much 1048576", Answer::Done);
    assert!(matches!(ask, Ask::WriteClipboard { text } if text.len() == 1 << 20));
    probe.fails("copy-much 1048577", "over the limit of 1048576");
}

#[test]
fn messages_to_other_apps_go_where_it_is_granted_and_come_with_the_true_sender() {
    let mut probe = World::probe("asks").serve(&ALL);
    let (ask, outcome) = asked(&mut probe, "send org.weft.other hi", Answer::Done);
    let expected = Ask::SendToApp { to: "org.weft.other".into(), kind: "text".into(), payload: "hi".into() };
    assert_eq!((ask, outcome.as_str()), (expected, "ok "));
    probe.fails("send org.weft.third hi", "add app:send:org.weft.third to package.capabilities");
    let notice = Notice::AppMessage { from: "org.weft.other".into(), kind: "k".into(), payload: "yo".into() };
    probe.say(&Line::Notice(notice));
    assert_eq!(probe.done("receive"), "org.weft.other k yo");
}

#[test]
fn the_supervisor_lists_starts_stops_and_watches() {
    let mut probe = World::probe("asks").serve(&ALL);
    let app = App { app_id: "a.b.c".into(), name: "A".into(), version: "1.0.0".into() };
    assert_eq!(asked(&mut probe, "apps", Answer::Apps { apps: vec![app] }), (Ask::Apps, "ok a.b.c".into()));
    let session = Session { session_id: 7, app_id: "a.b.c".into(), state: AppState::Running };
    let sessions = Answer::Sessions { sessions: vec![session.clone()] };
    assert_eq!(asked(&mut probe, "sessions", sessions), (Ask::Sessions, "ok 7:a.b.c:State::Running".into()));
    let started = asked(&mut probe, "start a.b.c", Answer::Started { session_id: 8 });
    assert_eq!(started, (Ask::Start { app_id: "a.b.c".into() }, "ok 8".into()));
    assert_eq!(asked(&mut probe, "stop 8", Answer::Done), (Ask::Stop { session_id: 8 }, "ok ".into()));
    probe.say(&Line::Message("change".into()));
    let Notice::Ask { id, ask: Ask::Watch } = probe.hear_notice() else { panic!("it does not watch") };
    probe.say(&Line::Notice(Notice::Answer { id, answer: Answer::Done }));
    probe.say(&Line::Notice(Notice::SessionChanged { session }));
    assert_eq!(probe.hear_message(), "ok 7:a.b.c:State::Running");
}

#[test]
fn the_supervisor_is_told_about_apps_crashes_and_the_device() {
    let mut probe = World::probe("asks").serve(&ALL);
    let permission = Permission { capability: "wasi:clock".into(), meaning: "read the time".into() };
    let about = About {
        description: "Counts.".into(),
        author: "WEFT".into(),
        part_of_system: true,
        permissions: vec![permission],
        max_memory: 1,
        max_storage: 2,
    };
    let asked_about = asked(&mut probe, "about a.b.c", Answer::About { about });
    let expected = "ok Counts. WEFT true 1 2 wasi:clock=read the time";
    assert_eq!(asked_about, (Ask::About { app_id: "a.b.c".into() }, expected.into()));
    let report = CrashReport {
        report_id: 3,
        app_id: "a.b.c".into(),
        session_id: 4,
        time: 5,
        process: "component".into(),
        reason: "ended".into(),
        limits: vec!["memory".into()],
        in_a_row: 6,
        last_lines: vec!["one".into(), "two".into()],
    };
    let crashes = Answer::Crashes { reports: vec![report] };
    let outcome = asked(&mut probe, "crashes a.b.c", crashes.clone());
    let expected = "ok 3 a.b.c 5 component ended memory 6 one|two";
    assert_eq!(outcome, (Ask::Crashes { app_id: Some("a.b.c".into()) }, expected.into()));
    assert_eq!(asked(&mut probe, "crashes", crashes).0, Ask::Crashes { app_id: None });
    let device =
        Device { name: "W 1".into(), version: "1".into(), kernel: "6.12".into(), ..Device::default() };
    let device = Device { uptime: 7, memory: 8, storage: 9, storage_free: 10, ..device };
    let outcome = asked(&mut probe, "device", Answer::Device { device });
    assert_eq!(outcome, (Ask::Device, "ok W 1 1 6.12 7 8 9 10".into()));
    let (_, outcome) = asked(&mut probe, "device", Answer::Done);
    assert!(outcome.contains("does not fit the question"), "{outcome}");
}

#[test]
fn notifications_are_handed_on() {
    let mut probe = World::probe("asks").serve(&ALL);
    probe.say(&Line::Message("notify Hello".into()));
    let expected = Notice::Notification { title: "Hello".into(), body: "body".into(), icon: None };
    assert_eq!(probe.hear_notice(), expected);
    assert_eq!(probe.hear_message(), "ok ");
    probe.fails(&format!("notify {}", "x".repeat(257)), "over the limit of 256");
}

#[test]
fn fetching_is_the_brokers_work() {
    let (broker, theirs) = UnixStream::pair().unwrap();
    let mut probe = World::probe("asks").serve_with(&ALL, &[("--fetch-fd", &theirs)]);
    drop(theirs);
    let mut broker = broker;
    let mut answer = |reply: &dyn Fn(u64) -> fetch::Answer, probe: &mut Served| {
        probe.say(&Line::Message("fetch https://example.org/".into()));
        let request: fetch::Request = fetch::read(&mut broker).unwrap().unwrap();
        assert_eq!((request.url.as_str(), request.method.as_str()), ("https://example.org/", "GET"));
        fetch::write(&mut broker, &reply(request.id)).unwrap();
        probe.hear_message()
    };
    let page =
        |id| fetch::Answer::Response { id, status: 200, content_type: String::new(), body: b"page".to_vec() };
    assert_eq!(answer(&page, &mut probe), "ok 200 page");
    let moved = |id| fetch::Answer::Response { id, status: 302, content_type: String::new(), body: vec![] };
    assert_eq!(answer(&moved, &mut probe), "ok 302 ");
    let refused = |id| fetch::Answer::Error { id, reason: "not granted".into() };
    assert_eq!(answer(&refused, &mut probe), "error not granted");
    drop(broker);
    probe.fails("fetch https://example.org/", "broker is gone");
}

#[test]
fn without_a_broker_or_a_capability_nothing_is_fetched() {
    let world = World::probe("asks");
    world.serve(&ALL).fails("fetch https://example.org/", "no network broker");
    for (missing, name) in [
        (1, "net:fetch"),
        (3, "app:send:"),
        (5, "sys:notifications"),
        (7, "sys:clipboard:read"),
        (11, "sys:supervisor"),
    ] {
        let mut options = ALL.to_vec();
        options.drain(missing - 1..=missing);
        let refused = world.run(&options);
        refused.is(Exit::Refused, "package.capabilities in wapp.toml");
        assert!(refused.log().contains(&format!("add {name}")), "{}", refused.log());
    }
}

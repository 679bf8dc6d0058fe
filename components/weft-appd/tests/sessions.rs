//! appd as its clients, its apps' pages and its operator meet it.

mod harness;

use harness::{Appd, COUNTER, kill, wait_for};
use weft_ipc::appd::{AppState, Request, Response};

#[test]
fn the_page_counts_with_its_component_and_the_count_survives_a_crash() {
    let appd = Appd::start(&[]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    let mut page = appd.page(session);
    assert_eq!(page.ask(r#"{"op":"get"}"#), r#"{"count":0}"#);
    for expected in 1..=3 {
        assert_eq!(page.ask(r#"{"op":"inc"}"#), format!(r#"{{"count":{expected}}}"#));
    }
    let runtimes = appd.processes("weft-runtime");
    assert_eq!(runtimes.len(), 1);
    kill(runtimes[0]);

    client.expect("the end of the session", |response| {
        (*response == Response::AppState { session_id: session, state: AppState::Stopped }).then_some(())
    });
    let next = client.ready(COUNTER);
    assert_ne!(next, session);
    assert_eq!(appd.page(next).ask(r#"{"op":"get"}"#), r#"{"count":3}"#);
    assert_eq!(appd.data("org.weft.demo.counter/count").as_deref(), Some("3\n"));
    assert_eq!(appd.processes("fake_shell").len(), 1, "the first page is gone");
}

#[test]
fn a_persons_wish_to_end_a_session_is_final() {
    let appd = Appd::start(&[]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    client.send(&Request::TerminateApp { session_id: session });
    client.expect("the end of the session", |response| {
        (*response == Response::AppState { session_id: session, state: AppState::Stopped }).then_some(())
    });
    wait_for("end of its processes", || {
        (appd.processes("weft-runtime").is_empty() && appd.processes("fake_shell").is_empty()).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    client.send(&Request::QueryRunning);
    client.expect("nothing runs", |response| {
        (*response == Response::RunningApps { sessions: vec![] }).then_some(())
    });
}

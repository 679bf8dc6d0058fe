//! What components get from appd: only what their manifests say, whatever their runtimes ask.

mod harness;

use harness::{Appd, Client, Page};
use weft_ipc::appd::{Request, Response};
use weft_ipc::host::{MAX_CLIPBOARD_LEN, MAX_KIND_LEN};
use weft_ipc::session::{Answer, AppState, Ask, Line, MAX_MESSAGE_LEN, Notice};

const ONE: &str = "org.weft.one";
const TWO: &str = "org.weft.two";

/// Two apps with these capabilities, whose components the test plays.
fn apps(one: &str, two: &str) -> (Appd, Client, [Page; 2]) {
    let appd = Appd::start_fake(&[]);
    appd.install_with(ONE, &format!("capabilities = [{one}]"), "", "serve");
    appd.install_with(TWO, &format!("capabilities = [{two}]"), "", "serve");
    let mut client = appd.client();
    let sessions = [client.launch(ONE), client.launch(TWO)];
    let components = sessions.map(|session| appd.component(session));
    (appd, client, components)
}

fn refused(answer: &Answer, words: &str) {
    assert!(matches!(answer, Answer::Failed { reason } if reason.contains(words)), "{answer:?}");
}

#[test]
fn text_goes_from_one_app_to_another_by_the_clipboard() {
    let (_appd, _client, [mut writer, mut reader]) =
        apps("\"sys:clipboard:write\"", "\"sys:clipboard:read\"");
    let text = "two\nlines \u{1f980}".to_owned();
    assert_eq!(writer.question(Ask::WriteClipboard { text: text.clone() }), Answer::Done);
    assert_eq!(reader.question(Ask::ReadClipboard), Answer::Text { text });
    refused(&writer.question(Ask::ReadClipboard), "sys:clipboard:read");
    refused(&reader.question(Ask::WriteClipboard { text: "x".into() }), "sys:clipboard:write");
    let text = "x".repeat(MAX_CLIPBOARD_LEN);
    assert_eq!(writer.question(Ask::WriteClipboard { text: text.clone() }), Answer::Done);
    assert_eq!(reader.question(Ask::ReadClipboard), Answer::Text { text: text.clone() });
    refused(&writer.question(Ask::WriteClipboard { text: text.clone() + "x" }), "over the limit");
    assert_eq!(reader.question(Ask::ReadClipboard), Answer::Text { text });
}

#[test]
fn a_message_arrives_with_its_true_sender_and_only_where_it_may() {
    let (_appd, _client, [mut one, mut two]) = apps("\"app:send:org.weft.two\"", "");
    let send = |to: &str, kind: &str, payload: &str| Ask::SendToApp {
        to: to.into(),
        kind: kind.into(),
        payload: payload.into(),
    };
    assert_eq!(one.question(send(TWO, "note", "hello")), Answer::Done);
    let arrived = Notice::AppMessage { from: ONE.into(), kind: "note".into(), payload: "hello".into() };
    assert_eq!(two.next(), Line::Notice(arrived));
    refused(&two.question(send(ONE, "note", "back")), "app:send:org.weft.one");
    refused(&one.question(send("org.weft.absent", "note", "x")), "app:send:org.weft.absent");
    refused(&one.question(send(TWO, &"k".repeat(MAX_KIND_LEN + 1), "x")), "kind");
    refused(&one.question(send(TWO, "note", &"x".repeat(MAX_MESSAGE_LEN + 1))), "over the limit");
    // Nobody can say another name: the notice that carries one is appd's alone.
    one.tell(Notice::AppMessage { from: "org.weft.bank".into(), kind: "pay".into(), payload: "all".into() });
    assert_eq!(one.question(send(TWO, "note", "after")), Answer::Done);
    let next = Notice::AppMessage { from: ONE.into(), kind: "note".into(), payload: "after".into() };
    assert_eq!(two.next(), Line::Notice(next));
}

#[test]
fn a_receiver_that_reads_nothing_costs_its_sender_an_error_and_appd_no_memory() {
    let (appd, mut client, [mut one, two]) = apps("\"app:send:org.weft.two\"", "");
    let before = appd.resident_kib();
    let payload = "x".repeat(MAX_MESSAGE_LEN);
    let mut done = 0;
    loop {
        let ask = Ask::SendToApp { to: TWO.into(), kind: "k".into(), payload: payload.clone() };
        match one.question(ask) {
            Answer::Done => done += 1,
            answer => break refused(&answer, "takes no messages"),
        }
        assert!(done < 1000, "without an end");
    }
    let grown = appd.resident_kib().saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB more");
    client.send(&Request::QueryRunning);
    client.expect("an answer", |response| matches!(response, Response::RunningApps { .. }).then_some(()));
    drop(two);
}

#[test]
fn a_supervisor_lists_starts_watches_and_stops_other_apps() {
    let (appd, mut client, [mut boss, mut other]) = apps("\"sys:supervisor\"", "");
    appd.install("org.weft.third", "", "ready\nwait");
    let Answer::Apps { apps } = boss.question(Ask::Apps) else { panic!() };
    assert_eq!(apps.iter().map(|app| app.app_id.as_str()).collect::<Vec<_>>(), [ONE, "org.weft.third", TWO]);
    assert_eq!(boss.question(Ask::Watch), Answer::Done);
    let Answer::Started { session_id } = boss.question(Ask::Start { app_id: "org.weft.third".into() }) else {
        panic!()
    };
    client.ready("org.weft.third");
    let Answer::Sessions { sessions } = boss.question(Ask::Sessions) else { panic!() };
    let third = sessions.iter().find(|session| session.session_id == session_id).unwrap();
    assert_eq!((third.app_id.as_str(), third.state), ("org.weft.third", AppState::Running));
    boss.tell(Notice::Ask { id: 1, ask: Ask::Stop { session_id } });
    let (mut states, mut answered) = (Vec::new(), false);
    while !answered || states.last() != Some(&AppState::Stopped) {
        match boss.next() {
            Line::Notice(Notice::SessionChanged { session }) => {
                assert_eq!((session.session_id, session.app_id.as_str()), (session_id, "org.weft.third"));
                states.push(session.state);
            }
            line => {
                assert_eq!(line, Line::Notice(Notice::Answer { id: 1, answer: Answer::Done }));
                answered = true;
            }
        }
    }
    assert!(states.contains(&AppState::Stopping), "{states:?}");
    refused(&boss.question(Ask::Stop { session_id: 999 }), "there is no session 999");
    refused(&boss.question(Ask::Start { app_id: "org.weft.absent".into() }), "not installed");
    refused(&boss.question(Ask::Start { app_id: "../x".into() }), "labels");
    for ask in [Ask::Apps, Ask::Sessions, Ask::Watch, Ask::Stop { session_id: 1 }] {
        refused(&other.question(ask), "sys:supervisor");
    }
}

#[test]
fn a_supervisor_learns_what_apps_may_do_how_they_crashed_and_what_the_device_is() {
    let (appd, mut client, [mut boss, mut other]) = apps("\"sys:supervisor\"", "");
    let package = "description = \"Keeps things.\"\ncapabilities = [\"fs:rw:app-data\", \"wasi:clock\"]";
    appd.install_with(
        "org.weft.third",
        package,
        "[runtime.limits]\nmemory = \"8MiB\"",
        "print last words\nexit 10",
    );
    let Answer::About { about } = boss.question(Ask::About { app_id: "org.weft.third".into() }) else {
        panic!()
    };
    assert_eq!((about.description.as_str(), about.author.as_str()), ("Keeps things.", ""));
    assert_eq!((about.max_memory, about.part_of_system), (8 << 20, false));
    let granted: Vec<&str> = about.permissions.iter().map(|item| item.capability.as_str()).collect();
    assert_eq!(granted, ["fs:rw:app-data", "wasi:clock", "wasi:random", "wasi:stdio"]);
    assert_eq!(about.permissions[0].meaning, "keep data of its own (/data)");
    refused(&boss.question(Ask::About { app_id: "org.weft.absent".into() }), "not installed");
    refused(&boss.question(Ask::About { app_id: "../../etc".into() }), "labels");

    let all = Ask::Crashes { app_id: None };
    assert_eq!(boss.question(all.clone()), Answer::Crashes { reports: vec![] });
    client.launch_only("org.weft.third");
    let reports = harness::wait_for("a crash report", || match boss.question(all.clone()) {
        Answer::Crashes { reports } => Some(reports).filter(|reports| !reports.is_empty()),
        answer => panic!("{answer:?}"),
    });
    let first = reports.last().unwrap();
    assert_eq!((first.app_id.as_str(), first.reason.as_str()), ("org.weft.third", "ended with exit code 10"));
    assert_eq!(first.last_lines, ["component: last words"]);
    let of_another = Ask::Crashes { app_id: Some(ONE.into()) };
    assert_eq!(boss.question(of_another), Answer::Crashes { reports: vec![] });

    let Answer::Device { device } = boss.question(Ask::Device) else { panic!() };
    assert!(device.memory > 0 && device.storage > device.storage_free, "{device:?}");
    for ask in [Ask::About { app_id: ONE.into() }, all, Ask::Device] {
        refused(&other.question(ask), "sys:supervisor");
    }
}

#[test]
fn a_notification_reaches_the_system_ui_under_the_apps_true_name() {
    let (_appd, mut client, [mut allowed, mut other]) = apps("\"sys:notifications\"", "");
    let notification = |title: &str| Notice::Notification {
        title: title.into(),
        body: "body".into(),
        icon: Some("mail-new".into()),
    };
    other.tell(notification("forged"));
    assert!(matches!(other.question(Ask::Apps), Answer::Failed { .. }), "it is taken in by now");
    allowed.tell(notification(&"t".repeat(257)));
    allowed.tell(notification("first"));
    for _ in 0..50 {
        allowed.tell(notification("again"));
    }
    allowed.question(Ask::Apps);
    client.send(&Request::QueryInstalledApps);
    let heard = client.until(|response| matches!(response, Response::InstalledApps { .. }));
    let shown: Vec<_> = heard
        .iter()
        .filter_map(|response| match response {
            Response::Notification { app_id, title, body, icon } => {
                Some((app_id.as_str(), title.as_str(), body.as_str(), icon.as_deref()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(shown[0], (ONE, "first", "body", Some("mail-new")));
    assert_eq!(shown.len(), 10, "the rest is too much: {shown:?}");
    assert!(shown.iter().all(|notification| notification.0 == ONE));
}

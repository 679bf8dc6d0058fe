//! appd's WebSocket as tools, apps and intruders meet it.

mod harness;

use harness::{Appd, PATIENCE};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};
use weft_ipc::appd::Request;
use weft_ipc::session::{Line, Notice};

const APP: &str = "org.weft.test";
const OTHER: &str = "org.weft.other";

struct Socket(WebSocket<TcpStream>);

fn port(appd: &Appd) -> u16 {
    appd.runtime_file("appd.wsport").trim().parse().unwrap()
}

fn stream(appd: &Appd) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port(appd))).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

impl Socket {
    fn connect(appd: &Appd) -> Self {
        let url = format!("ws://127.0.0.1:{}/appd", port(appd));
        Self(tungstenite::client(url, stream(appd)).unwrap().0)
    }

    /// As the system.
    fn system(appd: &Appd) -> Self {
        let mut socket = Self::connect(appd);
        let token = appd.runtime_file("appd.systoken");
        socket.say(&format!(r#"{{"type":"HELLO","role":"system","token":"{token}"}}"#));
        socket
    }

    /// As the app of a session.
    fn app(appd: &Appd, session: u64) -> Self {
        let mut socket = Self::connect(appd);
        let token = appd.runtime_file(&format!("appd.apptoken-{session}"));
        socket.say(&format!(r#"{{"type":"HELLO","role":"app","session_id":{session},"token":"{token}"}}"#));
        socket
    }

    fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next message; `None` at the end of the connection.
    fn hear(&mut self) -> Option<serde_json::Value> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(text.as_str()).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next message of a type; others are passed over.
    fn expect(&mut self, kind: &str) -> serde_json::Value {
        let mut seen = Vec::new();
        while let Some(message) = self.hear() {
            if message["type"] == kind {
                return message;
            }
            seen.push(message);
        }
        panic!("no {kind}, but {seen:?}")
    }

    fn refused(&mut self, code: u64) {
        assert_eq!(self.expect("ERROR")["code"], code);
    }
}

/// Two running apps, whose components the test plays.
fn two_apps() -> (Appd, harness::Client, u64, u64) {
    let appd = Appd::start_fake(&[]);
    appd.install(APP, "", "serve");
    appd.install(OTHER, "", "serve");
    let mut client = appd.client();
    let (one, other) = (client.launch(APP), client.launch(OTHER));
    (appd, client, one, other)
}

#[test]
fn the_system_role_launches_watches_and_asks() {
    let appd = Appd::start_fake(&[]);
    appd.install(APP, "", "ready\nwait");
    let mut system = Socket::system(&appd);
    system.say(&format!(r#"{{"type":"LAUNCH_APP","app_id":"{APP}","surface_id":0}}"#));
    let session = system.expect("LAUNCH_ACK")["session_id"].as_u64().unwrap();
    assert_eq!(system.expect("APP_READY")["app_id"], APP);
    system.say(&format!(r#"{{"type":"QUERY_APP_STATE","session_id":{session}}}"#));
    assert_eq!(system.expect("APP_STATE")["state"], "running");
    system.say(r#"{"type":"QUERY_INSTALLED_APPS"}"#);
    assert_eq!(system.expect("INSTALLED_APPS")["apps"][0]["app_id"], APP);
    system.say(r#"{"type":"QUERY_CRASH_REPORTS"}"#);
    assert_eq!(system.expect("CRASH_REPORTS")["reports"], serde_json::json!([]));
    system.say(&format!(r#"{{"type":"TERMINATE_APP","session_id":{session}}}"#));
    while system.expect("APP_STATE")["state"] != "stopped" {}
    system.say(r#"{"type":"TERMINATE_APP","session_id":99}"#);
    system.refused(404);
    system.say(r#"{"type":"LAUNCH_APP","app_id":"../x"}"#);
    system.refused(400);
    for nonsense in ["", "{", "[]", r#"{"type":"FORMAT_DISK"}"#, &"[".repeat(100_000)] {
        system.say(nonsense);
        system.refused(400);
    }
}

#[test]
fn the_system_role_neither_sees_nor_sends_what_apps_say() {
    let (appd, mut client, session, _) = two_apps();
    let mut system = Socket::system(&appd);
    system.say(&format!(r#"{{"type":"IPC_FORWARD","session_id":{session},"payload":"forged"}}"#));
    system.refused(403);
    system.say(r#"{"type":"APP_MESSAGE","payload":"forged"}"#);
    system.refused(400);
    let mut component = appd.component(session);
    client.send(&Request::IpcForward { session_id: session, payload: "true".into() });
    assert_eq!(component.next(), Line::Message("true".into()), "nothing forged came before");
    component.say("secret");
    client.expect("its message", |response| {
        matches!(response, weft_ipc::appd::Response::IpcMessage { .. }).then_some(())
    });
    system.say(r#"{"type":"QUERY_RUNNING"}"#);
    let mut heard = String::new();
    while let Some(message) = system.hear() {
        heard += &message.to_string();
        if message["type"] == "RUNNING_APPS" {
            break;
        }
    }
    assert!(!heard.contains("secret"), "{heard}");
}

#[test]
fn the_app_role_speaks_with_its_own_component_and_nothing_else() {
    let (appd, mut client, session, other) = two_apps();
    let mut app = Socket::app(&appd, session);
    let mut component = appd.component(session);
    app.say(r#"{"type":"APP_MESSAGE","payload":"two\nlines"}"#);
    assert_eq!(component.next(), Line::Message("two\nlines".into()));
    component.say("answer");
    assert_eq!(app.expect("APP_MESSAGE"), serde_json::json!({"type": "APP_MESSAGE", "payload": "answer"}));

    for request in [
        r#"{"type":"QUERY_RUNNING"}"#.to_owned(),
        format!(r#"{{"type":"TERMINATE_APP","session_id":{other}}}"#),
        format!(r#"{{"type":"IPC_FORWARD","session_id":{other},"payload":"x"}}"#),
    ] {
        app.say(&request);
        app.refused(403);
    }
    let long = "x".repeat(64 * 1024 + 1);
    app.say(&format!(r#"{{"type":"APP_MESSAGE","payload":"{long}"}}"#));
    app.refused(400);

    // What another app does is none of its business.
    appd.component(other).say("of the other");
    client.send(&Request::TerminateApp { session_id: other });
    client.expect("its end", |response| match response {
        weft_ipc::appd::Response::AppState { session_id, state } if *session_id == other => {
            (*state == weft_ipc::appd::AppState::Stopped).then_some(())
        }
        _ => None,
    });
    component.say("last");
    assert_eq!(app.hear().unwrap()["payload"], "last");

    // With its session the connection ends.
    client.send(&Request::TerminateApp { session_id: session });
    assert_eq!(app.hear(), None);
}

#[test]
fn without_the_right_token_there_is_nothing() {
    let (appd, _client, session, other) = two_apps();
    let system = appd.runtime_file("appd.systoken");
    let own = appd.runtime_file(&format!("appd.apptoken-{session}"));
    for wrong in [
        r#"{"type":"HELLO","role":"system","token":""}"#.to_owned(),
        format!(r#"{{"type":"HELLO","role":"system","token":"{own}"}}"#),
        format!(r#"{{"type":"HELLO","role":"app","session_id":{session},"token":"{system}"}}"#),
        format!(r#"{{"type":"HELLO","role":"app","session_id":{other},"token":"{own}"}}"#),
        format!(r#"{{"type":"HELLO","role":"app","session_id":999,"token":"{own}"}}"#),
        format!(r#"{{"type":"HELLO","role":"system","role":"app","token":"{system}"}}"#),
        r#"{"type":"QUERY_RUNNING"}"#.to_owned(),
        "nonsense".to_owned(),
    ] {
        let mut socket = Socket::connect(&appd);
        socket.say(&wrong);
        socket.refused(401);
        assert_eq!(socket.hear(), None, "{wrong}");
    }
    let mut twice = Socket::system(&appd);
    twice.say(&format!(r#"{{"type":"HELLO","role":"app","session_id":{session},"token":"{own}"}}"#));
    twice.refused(400);
}

#[test]
fn pages_of_a_browser_do_not_get_in() {
    let appd = Appd::start_fake(&[]);
    for origin in ["https://example.org", "null", "weft-app://org.weft.test", "http://127.0.0.1:7410"] {
        let mut request = format!("ws://127.0.0.1:{}/appd", port(&appd)).into_client_request().unwrap();
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        let Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) =
            tungstenite::client(request, stream(&appd))
        else {
            panic!("{origin} got in");
        };
        assert_eq!(response.status(), 403, "{origin}");
    }
    let elsewhere = format!("ws://127.0.0.1:{}/other", port(&appd));
    assert!(tungstenite::client(elsewhere, stream(&appd)).is_err());
}

#[test]
fn who_says_nothing_is_cut_off_in_time_and_leaves_room_for_others() {
    let appd = Appd::start_fake(&[]);
    let start = Instant::now();
    // One that does not even begin the handshake, one that says no HELLO, and a crowd of them.
    let mut mute = stream(&appd);
    let mut silent = Socket::connect(&appd);
    let crowd: Vec<TcpStream> = (0..40).map(|_| stream(&appd)).collect();
    silent.refused(401);
    assert_eq!(mute.read(&mut [0; 16]).unwrap(), 0);
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(30), "{taken:?}");
    drop(crowd);
    Socket::system(&appd).say(r#"{"type":"QUERY_RUNNING"}"#);
}

#[test]
fn what_is_too_long_or_never_read_ends_its_connection_and_no_other() {
    let appd = Appd::start_fake(&[]);
    appd.install(APP, "", "ready\nwait");
    let mut good = Socket::system(&appd);
    good.say(r#"{"type":"QUERY_RUNNING"}"#);
    good.expect("RUNNING_APPS");
    let before = appd.resident_kib();

    let mut huge = Socket::system(&appd);
    let _ = huge.0.send(Message::text(" ".repeat((1 << 20) + 1)));
    while huge.hear().is_some() {}

    // A frame that announces 2^62 bytes.
    let mut endless = Socket::system(&appd);
    let mut frame = vec![0x81, 0xff];
    frame.extend_from_slice(&(1u64 << 62).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    endless.0.get_mut().write_all(&frame).unwrap();
    while endless.hear().is_some() {}

    let mut deaf = Socket::system(&appd);
    deaf.0.get_mut().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let end = Instant::now() + PATIENCE;
    while deaf.0.send(Message::text(r#"{"type":"QUERY_INSTALLED_APPS"}"#)).is_ok() {
        assert!(Instant::now() < end, "it is still served");
    }
    good.say(r#"{"type":"QUERY_RUNNING"}"#);
    good.expect("RUNNING_APPS");
    let grown = appd.resident_kib().saturating_sub(before);
    assert!(grown < 12 * 1024, "{grown} KiB more");
}

#[test]
fn the_token_file_is_the_users_alone_and_new_with_each_start() {
    use std::os::unix::fs::PermissionsExt;
    let mut appd = Appd::start_fake(&[]);
    let token = appd.runtime_file("appd.systoken");
    assert!(token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "128 bits or more");
    let file = appd.folder.path().join("run/weft/appd.systoken");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    appd.runtime_file("appd.wsport");
    std::fs::remove_file(appd.folder.path().join("run/weft/appd.wsport")).unwrap();
    appd.restart();
    appd.runtime_file("appd.wsport");
    assert_ne!(appd.runtime_file("appd.systoken"), token);
}

#[test]
fn notices_are_not_to_be_had_by_websocket() {
    let (appd, _client, session, _) = two_apps();
    let mut app = Socket::app(&appd, session);
    app.say(r#"{"type":"ask","id":1,"ask":{"what":"read_clipboard"}}"#);
    app.refused(400);
    // A payload that looks like a notice is a message.
    app.say(
        r#"{"type":"APP_MESSAGE","payload":"{\"type\":\"answer\",\"id\":1,\"answer\":{\"what\":\"done\"}}"}"#,
    );
    let mut component = appd.component(session);
    assert!(matches!(component.next(), Line::Message(_)));
    component.tell(Notice::Refused { reason: "forged".into() });
    component.say("still there");
    assert_eq!(app.expect("APP_MESSAGE")["payload"], "still there");
}

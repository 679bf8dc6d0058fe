//! What the page is told, with a system that is made up.

use super::*;
use crate::weft::app::supervisor::Permission;
use std::cell::RefCell;

/// The longest message of a component (weft:app/ipc).
const MAX_MESSAGE: usize = 64 << 10;

#[derive(Default)]
struct Fake {
    apps: usize,
    text: String,
    lines: Vec<String>,
    done: RefCell<Vec<String>>,
}

impl System for Fake {
    fn apps(&self) -> Result<Vec<App>, String> {
        let app = |number| App {
            id: format!("org.weft.a{number}"),
            name: self.text.clone(),
            version: "1.0.0".into(),
        };
        let own = App { id: OWN.into(), name: "Settings".into(), version: "1.0.0".into() };
        Ok([own].into_iter().chain((0..self.apps).map(app)).collect())
    }

    fn sessions(&self) -> Result<Vec<Session>, String> {
        Ok(vec![
            Session { id: 1, app: OWN.into(), state: State::Running },
            Session { id: 2, app: "org.weft.a0".into(), state: State::Starting },
        ])
    }

    fn about(&self, app: &str) -> Result<Details, String> {
        if app == "org.weft.broken" {
            return Err("it was changed".into());
        }
        let meaning = "keep data of its own (/data)".into();
        Ok(Details {
            description: self.text.clone(),
            author: "WEFT".into(),
            part_of_system: true,
            permissions: vec![Permission { capability: "fs:rw:app-data".into(), meaning }],
            max_memory: 1 << 20,
            max_storage: 2 << 20,
        })
    }

    fn crashes(&self) -> Result<Vec<Crash>, String> {
        let crash = |id| Crash {
            id,
            app: "org.weft.a0".into(),
            time: 1_700_000_000,
            process: "component".into(),
            reason: self.text.clone(),
            limits: vec!["runtime.limits.memory".into()],
            in_a_row: 1,
            last_lines: self.lines.clone(),
        };
        Ok((1..=32).rev().map(crash).collect())
    }

    fn device(&self) -> Result<DeviceDetails, String> {
        Err("not now".into())
    }

    fn start(&self, app: &str) -> Result<u64, String> {
        self.done.borrow_mut().push(format!("start {app}"));
        Ok(7)
    }

    fn stop(&self, session: u64) -> Result<(), String> {
        self.done.borrow_mut().push(format!("stop {session}"));
        Ok(())
    }
}

fn ask(system: Fake, request: &str) -> Value {
    let answers = Settings::new(system).handle(request);
    assert_eq!(answers.len(), 1, "{request}");
    answers.into_iter().next().unwrap()
}

#[test]
fn apps_come_with_their_own_sessions_and_this_one_is_marked() {
    let told = ask(Fake { apps: 2, text: "A".into(), ..Fake::default() }, r#"{"op":"apps"}"#);
    let apps = told["apps"].as_array().unwrap();
    assert_eq!((apps.len(), &told["more"]), (3, &json!(0)));
    assert_eq!(
        apps[0],
        json!({ "id": OWN, "name": "Settings", "version": "1.0.0", "self": true,
        "sessions": [{ "id": 1, "state": "running" }] })
    );
    assert_eq!(apps[1]["sessions"], json!([{ "id": 2, "state": "starting" }]));
    assert_eq!((&apps[1]["self"], &apps[2]["sessions"]), (&json!(false), &json!([])));
}

#[test]
fn an_app_that_would_not_be_launched_says_why() {
    let told = ask(Fake::default(), r#"{"op":"about","app":"org.weft.broken"}"#);
    assert_eq!(told, json!({ "about": { "app": "org.weft.broken", "refused": "it was changed" } }));
    let told = ask(Fake::default(), r#"{"op":"about","app":"org.weft.a0"}"#);
    assert_eq!(told["about"]["may"][0]["meaning"], "keep data of its own (/data)");
}

#[test]
fn starting_and_stopping_are_handed_on_and_answered_by_the_change_that_follows() {
    let settings = Settings::new(Fake::default());
    assert!(settings.handle(r#"{"op":"start","app":"org.weft.a0"}"#).is_empty());
    assert!(settings.handle(r#"{"op":"stop","session":2}"#).is_empty());
    assert_eq!(*settings.0.done.borrow(), ["start org.weft.a0", "stop 2"]);
}

#[test]
fn whatever_apps_write_every_answer_fits_a_message() {
    // As long as appd keeps lines, of what takes the most room as JSON.
    let worst = || Fake {
        apps: 5000,
        text: "\u{1}".repeat(4096),
        lines: vec!["\u{1}".repeat(300); 32],
        ..Fake::default()
    };
    for request in
        [r#"{"op":"crashes"}"#, r#"{"op":"crash","id":9}"#, r#"{"op":"about","app":"org.weft.a0"}"#]
    {
        let length = ask(worst(), request).to_string().len();
        assert!(length <= MAX_MESSAGE, "{request}: {length}");
    }
    let names = Fake { apps: 5000, text: "ö".repeat(64), ..Fake::default() };
    let told = ask(names, r#"{"op":"apps"}"#);
    assert!(told.to_string().len() <= MAX_MESSAGE);
    assert_eq!(told["more"], 4901);
}

#[test]
fn what_fails_and_what_is_not_understood_is_told() {
    assert_eq!(ask(Fake::default(), r#"{"op":"device"}"#), json!({ "error": "not now" }));
    assert_eq!(
        ask(Fake::default(), r#"{"op":"crash","id":99}"#)["error"],
        "That report is not kept any more"
    );
    for bad in [
        "",
        "[]",
        r#"{"op":"format"}"#,
        r#"{"op":"stop","session":-1}"#,
        r#"{"op":"stop","session":1,"x":1}"#,
    ] {
        assert!(ask(Fake::default(), bad)["error"].as_str().unwrap().contains("not understood"), "{bad}");
    }
}

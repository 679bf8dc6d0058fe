//! Everything of `weft:app` that needs a capability.

wit_bindgen::generate!({
    path: "../../wit/weft-app",
    inline: "
        package weft:probe;
        world asks {
            import weft:app/fetch@0.2.0;
            import weft:app/messages@0.2.0;
            import weft:app/inbox@0.2.0;
            import weft:app/notifications@0.2.0;
            import weft:app/clipboard@0.2.0;
            import weft:app/supervisor@0.2.0;
        }
    ",
    world: "weft:probe/asks",
    generate_all,
});

use weft::app::{clipboard, fetch, inbox, messages, notifications, supervisor};
use weft_probes::serve;

fn main() {
    serve(|words| match words {
        ["fetch", url] => {
            let response = fetch::fetch(url, "GET", &[], None)?;
            Ok(format!("{} {}", response.status, String::from_utf8_lossy(&response.body)))
        }
        ["send", to, payload] => messages::send(to, "text", payload).map(|()| String::new()),
        ["receive"] => {
            inbox::subscribe().block();
            let message = inbox::receive().ok_or("nothing came")?;
            Ok(format!("{} {} {}", message.from, message.kind, message.payload))
        }
        ["notify", title] => notifications::notify(title, "body", None).map(|()| String::new()),
        ["copy", text] => clipboard::write(text).map(|()| String::new()),
        ["copy-much", bytes] => clipboard::write(&"x".repeat(bytes.parse().unwrap())).map(|()| String::new()),
        ["paste"] => clipboard::read(),
        ["apps"] => Ok(supervisor::apps()?.iter().map(|app| app.id.clone()).collect::<Vec<_>>().join(" ")),
        ["about", app] => {
            let about = supervisor::about(app)?;
            let one = |item: &supervisor::Permission| format!("{}={}", item.capability, item.meaning);
            let permissions: Vec<String> = about.permissions.iter().map(one).collect();
            let (memory, storage) = (about.max_memory, about.max_storage);
            let (text, author, system) = (about.description, about.author, about.part_of_system);
            Ok(format!("{text} {author} {system} {memory} {storage} {}", permissions.join(" ")))
        }
        ["crashes"] => crashes(None),
        ["crashes", app] => crashes(Some(app)),
        ["device"] => {
            let d = supervisor::device()?;
            let sizes = format!("{} {} {} {}", d.uptime, d.memory, d.storage, d.storage_free);
            Ok(format!("{} {} {} {sizes}", d.name, d.version, d.kernel))
        }
        ["sessions"] => {
            let sessions = supervisor::sessions()?;
            Ok(sessions
                .iter()
                .map(|s| format!("{}:{}:{:?}", s.id, s.app, s.state))
                .collect::<Vec<_>>()
                .join(" "))
        }
        ["start", app] => supervisor::start(app).map(|session| session.to_string()),
        ["stop", session] => supervisor::stop(session.parse().unwrap()).map(|()| String::new()),
        ["change"] => {
            supervisor::subscribe().block();
            let change = supervisor::change().ok_or("nothing came")?;
            Ok(format!("{}:{}:{:?}", change.id, change.app, change.state))
        }
        _ => Err("no such order".to_owned()),
    })
}

fn crashes(app: Option<&str>) -> Result<String, String> {
    let one = |crash: supervisor::Crash| {
        let (limits, lines) = (crash.limits.join("|"), crash.last_lines.join("|"));
        let (id, app, time) = (crash.id, crash.app, crash.time);
        format!("{id} {app} {time} {} {} {limits} {} {lines}", crash.process, crash.reason, crash.in_a_row)
    };
    Ok(supervisor::crashes(app)?.into_iter().map(one).collect::<Vec<_>>().join(" "))
}

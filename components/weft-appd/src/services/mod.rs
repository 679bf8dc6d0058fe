//! What appd itself does for components, beyond carrying their messages: checked against the manifest once more, whatever the runtime
//! lets through.

mod clipboard;
mod notifications;

pub use clipboard::Clipboard;
pub use notifications::Notifications;

use std::time::Duration;
use weft_ipc::host::{Ask, MAX_KIND_LEN};
use weft_ipc::session::MAX_MESSAGE_LEN;
use weft_manifest::{AppId, Capability, Manifest};

/// Everything that is held for all sessions together.
#[derive(Debug, Default)]
pub struct Services {
    pub clipboard: Clipboard,
    pub notifications: Notifications,
}

/// Whether the app may ask this; else why not.
pub fn may_ask(manifest: &Manifest, ask: &Ask) -> Result<(), String> {
    let needed = match ask {
        Ask::ReadClipboard => Capability::ClipboardRead,
        Ask::WriteClipboard { .. } => Capability::ClipboardWrite,
        Ask::SendToApp { to, kind, payload } => {
            if kind.is_empty() || kind.len() > MAX_KIND_LEN || kind.chars().any(char::is_control) {
                return Err(format!("the kind of a message is 1 to {MAX_KIND_LEN} bytes of plain text"));
            }
            if payload.len() > MAX_MESSAGE_LEN {
                return Err(format!(
                    "a message of {} bytes is over the limit of {MAX_MESSAGE_LEN}",
                    payload.len()
                ));
            }
            Capability::Send { to: to.parse::<AppId>().map_err(|error| error.to_string())? }
        }
        Ask::Apps
        | Ask::About { .. }
        | Ask::Crashes { .. }
        | Ask::Device
        | Ask::Sessions
        | Ask::Start { .. }
        | Ask::Stop { .. }
        | Ask::Watch => Capability::Supervisor,
    };
    match manifest.grants(&needed) {
        true => Ok(()),
        false => Err(format!("the app was not granted {needed}: declare it in package.capabilities")),
    }
}

/// Lines that one session may cause in the log by asking for what it cannot have: so many at once, and one more in each period.
const COMPLAINTS: u32 = 10;
const COMPLAINT_PERIOD: Duration = Duration::from_secs(10);

/// How many complaints about a session the log can still take.
#[derive(Debug)]
pub struct Complaints(Rate);

impl Default for Complaints {
    fn default() -> Self {
        Self(Rate { left: COMPLAINTS, since: Duration::ZERO })
    }
}

impl Complaints {
    /// Whether to log another one. `now` is the time since appd's start.
    pub fn take(&mut self, now: Duration) -> bool {
        self.0.take(now, COMPLAINTS, COMPLAINT_PERIOD)
    }
}

/// How much of something may happen: so many at once, and one more in each period.
#[derive(Debug, Clone, Copy)]
struct Rate {
    left: u32,
    since: Duration,
}

impl Rate {
    fn take(&mut self, now: Duration, burst: u32, period: Duration) -> bool {
        let periods = now.saturating_sub(self.since).as_millis() / period.as_millis().max(1);
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(periods).min(burst);
        self.since = if self.left == burst { now } else { self.since + period.saturating_mul(periods) };
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(capabilities: &str) -> Manifest {
        let text = format!(
            "[package]\nid = \"org.weft.a\"\nname = \"A\"\nversion = \"1.0.0\"\ncapabilities = [{capabilities}]\n[runtime]\nmodule = \"app.wasm\"\n"
        );
        Manifest::parse(&text, std::path::Path::new("wapp.toml")).unwrap()
    }

    fn send(to: &str, kind: &str, payload: &str) -> Ask {
        Ask::SendToApp { to: to.into(), kind: kind.into(), payload: payload.into() }
    }

    #[test]
    fn each_half_of_the_clipboard_is_granted_on_its_own() {
        let (read, write) = (Ask::ReadClipboard, Ask::WriteClipboard { text: "x".into() });
        let reader = manifest("\"sys:clipboard:read\"");
        assert!(may_ask(&reader, &read).is_ok());
        assert!(may_ask(&reader, &write).unwrap_err().contains("sys:clipboard:write"));
        let writer = manifest("\"sys:clipboard:write\"");
        assert!(may_ask(&writer, &write).is_ok() && may_ask(&writer, &read).is_err());
    }

    #[test]
    fn messages_go_to_declared_apps_only() {
        let app = manifest("\"app:send:org.weft.b\"");
        assert!(may_ask(&app, &send("org.weft.b", "note", "x")).is_ok());
        for ask in [
            send("org.weft.c", "note", "x"),
            send("../b", "note", "x"),
            send("org.weft.b", "", "x"),
            send("org.weft.b", &"k".repeat(MAX_KIND_LEN + 1), "x"),
            send("org.weft.b", "a\nb", "x"),
            send("org.weft.b", "note", &"x".repeat(MAX_MESSAGE_LEN + 1)),
        ] {
            assert!(may_ask(&app, &ask).is_err(), "{ask:?}");
        }
    }

    #[test]
    fn only_a_supervisor_supervises() {
        let asks = [
            Ask::Apps,
            Ask::Sessions,
            Ask::Watch,
            Ask::Start { app_id: "x".into() },
            Ask::Stop { session_id: 1 },
        ];
        assert!(asks.iter().all(|ask| may_ask(&manifest("\"sys:supervisor\""), ask).is_ok()));
        assert!(asks.iter().all(|ask| may_ask(&manifest("\"sys:notifications\""), ask).is_err()));
    }

    #[test]
    fn a_rate_allows_its_burst_and_then_one_a_period() {
        let mut rate = Rate { left: 3, since: Duration::ZERO };
        let second = Duration::from_secs(1);
        let mut take = |now: f64| rate.take(Duration::from_secs_f64(now), 3, second);
        assert!(take(0.0) && take(0.1) && take(0.2) && !take(0.3) && !take(0.9));
        assert!(take(1.5) && !take(1.6) && take(2.1));
        assert!(take(100.0) && take(100.0) && take(100.0) && !take(100.0));
    }
}

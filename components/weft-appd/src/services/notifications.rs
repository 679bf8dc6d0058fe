//! Notifications: checked, counted, and shown under the app's true name.

use super::Rate;
use std::collections::BTreeMap;
use std::time::Duration;
use weft_ipc::appd::Response;
use weft_manifest::AppId;

/// Bytes of a title, a body and an icon's name.
const MAX_TITLE: usize = 256;
const MAX_BODY: usize = 4096;
const MAX_ICON: usize = 64;
/// An app may notify so often at once, and one more time in each period.
const BURST: u32 = 10;
const PERIOD: Duration = Duration::from_secs(2);
/// Apps whose rate is remembered; the one that was quiet longest is forgotten.
const MAX_APPS: usize = 256;

/// How often each app notified.
#[derive(Debug, Default)]
pub struct Notifications(BTreeMap<AppId, Rate>);

impl Notifications {
    /// What the system UI is told, or why it is not. `now` is the time since appd's start.
    pub fn take(
        &mut self,
        now: Duration,
        app: &AppId,
        title: String,
        body: String,
        icon: Option<String>,
    ) -> Result<Response, String> {
        let named = |icon: &String| {
            (1..=MAX_ICON).contains(&icon.len())
                && icon.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if title.is_empty() || title.len() > MAX_TITLE || body.len() > MAX_BODY {
            return Err(format!(
                "the title must be 1 to {MAX_TITLE} bytes long and the body at most {MAX_BODY}"
            ));
        }
        if !icon.as_ref().is_none_or(named) {
            return Err(format!(
                "the icon must be a name of 1 to {MAX_ICON} letters, digits, `-`, `_` and `.`"
            ));
        }
        if self.0.len() >= MAX_APPS && !self.0.contains_key(app) {
            let quiet = self.0.iter().min_by_key(|(_, rate)| rate.since).map(|(app, _)| app.clone());
            quiet.map(|app| self.0.remove(&app));
        }
        let rate = self.0.entry(app.clone()).or_insert(Rate { left: BURST, since: now });
        if !rate.take(now, BURST, PERIOD) {
            return Err(format!("more than {BURST} at once, and then one in {PERIOD:?}, are not shown"));
        }
        Ok(Response::Notification { app_id: app.to_string(), title: plain(&title), body: plain(&body), icon })
    }
}

/// The text without what could make a line look like something else.
fn plain(text: &str) -> String {
    let strange = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if strange(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str) -> AppId {
        name.parse().unwrap()
    }

    #[test]
    fn sizes_and_icons_are_checked() {
        let mut all = Notifications::default();
        let mut take = |title: &str, body: &str, icon: Option<&str>| {
            let icon = icon.map(str::to_owned);
            all.take(Duration::from_secs(1), &app("org.weft.a"), title.to_owned(), body.to_owned(), icon)
        };
        assert!(
            take("t", "", None).is_ok()
                && take(&"t".repeat(256), &"b".repeat(4096), Some("mail-new")).is_ok()
        );
        assert!(take("", "b", None).is_err() && take(&"t".repeat(257), "", None).is_err());
        assert!(take("t", &"b".repeat(4097), None).is_err());
        for icon in ["", "../../etc/passwd", "a b", &"i".repeat(65)] {
            assert!(take("t", "b", Some(icon)).is_err(), "{icon}");
        }
        let Ok(Response::Notification { app_id, title, body, .. }) = take("a\u{202e}b\u{1b}", "c\nd", None)
        else {
            panic!()
        };
        assert_eq!((app_id.as_str(), title.as_str(), body.as_str()), ("org.weft.a", "a b ", "c\nd"));
    }

    #[test]
    fn a_flood_is_cut_short_and_costs_no_other_app_anything() {
        let mut all = Notifications::default();
        let mut take = |name: &str, now| {
            all.take(Duration::from_secs(now), &app(name), "t".to_owned(), String::new(), None).is_ok()
        };
        assert_eq!((0..100).filter(|_| take("org.weft.a", 1)).count(), 10);
        assert!(take("org.weft.b", 1));
        assert!(take("org.weft.a", 3) && !take("org.weft.a", 3));
        for number in 0..1000 {
            take(&format!("org.weft.x{number}"), 5);
        }
        assert!(all.0.len() <= MAX_APPS);
    }
}

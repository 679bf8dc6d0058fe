//! The control socket's line protocol: one request a connection, reply lines, close.

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    PowerOff,
    Reboot,
    Restart(String),
    Status,
    /// Answered by [`weft_state::health::Report`].
    Health,
    /// The release that runs works; root alone may say so.
    Good,
    /// It does not, and why; root alone may say so.
    Failed(String),
    /// Drops everything on the state partition, and restarts.
    FactoryReset,
}

/// Group whose members may ask, beside root.
pub const GROUP: &str = "weft-control";

/// Longest request line in bytes, without its line feed.
pub const LINE_LIMIT: usize = 256;

const KNOWN: &str =
    "poweroff, reboot, restart <service>, status, health, good, failed <reason>, factory-reset";

pub fn parse(line: &str) -> Result<Request, String> {
    let mut words = line.split_ascii_whitespace();
    let request = match (words.next(), words.next(), words.next()) {
        (Some("poweroff"), None, _) => Request::PowerOff,
        (Some("reboot"), None, _) => Request::Reboot,
        (Some("status"), None, _) => Request::Status,
        (Some("health"), None, _) => Request::Health,
        (Some("good"), None, _) => Request::Good,
        (Some("factory-reset"), None, _) => Request::FactoryReset,
        (Some("failed"), Some(_), _) => {
            Request::Failed(line.trim().trim_start_matches("failed").trim().to_owned())
        }
        (Some("failed"), None, _) => return Err("failed takes the reason".to_owned()),
        (Some("restart"), Some(service), None) => Request::Restart(service.to_owned()),
        (Some("restart"), _, _) => return Err("restart takes the name of one service".to_owned()),
        (Some(word @ ("poweroff" | "reboot" | "status" | "health" | "good" | "factory-reset")), ..) => {
            return Err(format!("{word} takes no argument"));
        }
        _ => return Err(format!("unknown request, known are {KNOWN}")),
    };
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_request() {
        assert_eq!(parse("poweroff"), Ok(Request::PowerOff));
        assert_eq!(parse(" reboot "), Ok(Request::Reboot));
        assert_eq!(parse("status\r"), Ok(Request::Status));
        assert_eq!(parse("restart weft-appd"), Ok(Request::Restart("weft-appd".into())));
        assert_eq!(parse("health"), Ok(Request::Health));
        assert_eq!(parse("good"), Ok(Request::Good));
        assert_eq!(parse("factory-reset"), Ok(Request::FactoryReset));
        assert_eq!(parse("failed the screen is blank"), Ok(Request::Failed("the screen is blank".into())));
    }

    #[test]
    fn refusals_say_what_is_known() {
        assert!(parse("halt").unwrap_err().contains("poweroff, reboot"));
        assert!(parse("").is_err() && parse("restart").is_err() && parse("restart a b").is_err());
        assert!(parse("failed").is_err() && parse("good enough").is_err());
        assert!(parse("poweroff now").unwrap_err().contains("no argument"));
    }

    proptest! {
        #[test]
        fn never_panics(line in ".*") {
            let _ = parse(&line);
        }
    }
}

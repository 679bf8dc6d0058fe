//! The control socket's line protocol: one request a connection, reply lines, close.

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    PowerOff,
    Reboot,
    Restart(String),
    Status,
}

/// Group whose members may ask, beside root.
pub const GROUP: &str = "weft-control";

/// Longest request line in bytes, without its line feed.
pub const LINE_LIMIT: usize = 256;

pub fn parse(line: &str) -> Result<Request, String> {
    let mut words = line.split_ascii_whitespace();
    let request = match (words.next(), words.next(), words.next()) {
        (Some("poweroff"), None, _) => Request::PowerOff,
        (Some("reboot"), None, _) => Request::Reboot,
        (Some("status"), None, _) => Request::Status,
        (Some("restart"), Some(service), None) => Request::Restart(service.to_owned()),
        (Some("restart"), _, _) => return Err("restart takes the name of one service".to_owned()),
        (Some(word @ ("poweroff" | "reboot" | "status")), ..) => {
            return Err(format!("{word} takes no argument"));
        }
        _ => return Err("unknown request, known are poweroff, reboot, restart <service>, status".to_owned()),
    };
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_four_requests() {
        assert_eq!(parse("poweroff"), Ok(Request::PowerOff));
        assert_eq!(parse(" reboot "), Ok(Request::Reboot));
        assert_eq!(parse("status\r"), Ok(Request::Status));
        assert_eq!(parse("restart weft-appd"), Ok(Request::Restart("weft-appd".into())));
    }

    #[test]
    fn refusals_say_what_is_known() {
        assert!(parse("halt").unwrap_err().contains("poweroff, reboot"));
        assert!(parse("").is_err() && parse("restart").is_err() && parse("restart a b").is_err());
        assert!(parse("poweroff now").unwrap_err().contains("no argument"));
    }

    proptest! {
        #[test]
        fn never_panics(line in ".*") {
            let _ = parse(&line);
        }
    }
}

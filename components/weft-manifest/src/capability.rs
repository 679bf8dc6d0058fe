//! Capabilities: what an app may reach beyond its own page and messages.

use crate::AppId;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// One entry of `package.capabilities`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// `fs:rw:app-data`, `fs:read:app-data`: `/data`.
    AppData { write: bool },
    /// `fs:rw:xdg-documents`, `fs:read:xdg-documents`: `/xdg/documents`.
    Documents { write: bool },
    /// `net:fetch`, `net:fetch:<host>`: `weft:app/fetch`, to any public host or the named one.
    Fetch { host: Option<Host> },
    /// `net:tcp:<host>:<port>`.
    Tcp { host: Host, port: u16 },
    /// `net:listen:<port>`.
    Listen { port: u16 },
    /// `sys:notifications`: `weft:app/notifications`.
    Notifications,
    /// `sys:clipboard:read`: `weft:app/clipboard.read`.
    ClipboardRead,
    /// `sys:clipboard:write`: `weft:app/clipboard.write`.
    ClipboardWrite,
    /// `sys:supervisor`: list, start, stop and watch other apps.
    Supervisor,
    /// `app:send:<id>`: typed messages to another app.
    Send { to: AppId },
    /// `wasi:clock`, on by default.
    Clock,
    /// `wasi:random`, on by default.
    Random,
    /// `wasi:env`.
    Env,
    /// `wasi:stdio`, to the log, on by default.
    Stdio,
    /// `hw:gpu:compute`, `hw:gpu:render`.
    Gpu { render: bool },
    /// `hw:serial:<n>`.
    Serial { number: u8 },
    /// `hw:gpio:<n>`.
    Gpio { number: u8 },
}

/// Whether this system can give what a known capability asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Granted,
    /// Known, so that a manifest with it is well formed, but nothing stands behind it: an app that asks for it is not launched.
    NotBacked,
}

/// The text is no capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a capability: take it from the table of capabilities, such as fs:rw:app-data or sys:notifications"
)]
pub struct UnknownCapability(pub String);

/// A host: a lower-case DNS name or an IP address, without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // RFC 1123 section 2.1 and RFC 952: labels of letters, digits and inner hyphens; an all-numeric last label is an address.
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let address = text.parse::<Ipv4Addr>().is_ok()
            || text
                .strip_prefix('[')
                .and_then(|t| t.strip_suffix(']'))
                .is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
        let numeric_end =
            text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        let name = text.len() <= 253 && text.split('.').all(label) && !numeric_end;
        if address || name { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl Capability {
    /// What every app has without asking.
    pub const DEFAULT: [Self; 3] = [Self::Clock, Self::Random, Self::Stdio];

    pub fn availability(&self) -> Availability {
        match self {
            Self::Gpu { .. } | Self::Serial { .. } | Self::Gpio { .. } => Availability::NotBacked,
            _ => Availability::Granted,
        }
    }
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, UnknownCapability> {
        parse(text).ok_or_else(|| UnknownCapability(text.chars().take(200).collect()))
    }
}

fn parse(text: &str) -> Option<Capability> {
    let exact = match text {
        "fs:rw:app-data" => Some(Capability::AppData { write: true }),
        "fs:read:app-data" => Some(Capability::AppData { write: false }),
        "fs:rw:xdg-documents" => Some(Capability::Documents { write: true }),
        "fs:read:xdg-documents" => Some(Capability::Documents { write: false }),
        "net:fetch" => Some(Capability::Fetch { host: None }),
        "sys:notifications" => Some(Capability::Notifications),
        "sys:clipboard:read" => Some(Capability::ClipboardRead),
        "sys:clipboard:write" => Some(Capability::ClipboardWrite),
        "sys:supervisor" => Some(Capability::Supervisor),
        "wasi:clock" => Some(Capability::Clock),
        "wasi:random" => Some(Capability::Random),
        "wasi:env" => Some(Capability::Env),
        "wasi:stdio" => Some(Capability::Stdio),
        "hw:gpu:compute" => Some(Capability::Gpu { render: false }),
        "hw:gpu:render" => Some(Capability::Gpu { render: true }),
        _ => None,
    };
    if exact.is_some() {
        return exact;
    }
    if let Some(host) = text.strip_prefix("net:fetch:") {
        return Some(Capability::Fetch { host: Some(host.parse().ok()?) });
    }
    if let Some(rest) = text.strip_prefix("net:tcp:") {
        let (host, port) = rest.rsplit_once(':')?;
        return Some(Capability::Tcp {
            host: host.parse().ok()?,
            port: number(port).filter(|port| *port > 0)?,
        });
    }
    if let Some(port) = text.strip_prefix("net:listen:") {
        return Some(Capability::Listen { port: number(port).filter(|port| *port > 0)? });
    }
    if let Some(id) = text.strip_prefix("app:send:") {
        return Some(Capability::Send { to: id.parse().ok()? });
    }
    if let Some(index) = text.strip_prefix("hw:serial:") {
        return Some(Capability::Serial { number: number(index)? });
    }
    let index = text.strip_prefix("hw:gpio:")?;
    Some(Capability::Gpio { number: number(index)? })
}

/// A decimal number in its one canonical form, so that a capability has one spelling.
fn number<N: FromStr + fmt::Display>(text: &str) -> Option<N> {
    text.parse::<N>().ok().filter(|number| number.to_string() == text)
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = |write: bool| if write { "rw" } else { "read" };
        match self {
            Self::AppData { write } => write!(f, "fs:{}:app-data", access(*write)),
            Self::Documents { write } => write!(f, "fs:{}:xdg-documents", access(*write)),
            Self::Fetch { host: None } => f.write_str("net:fetch"),
            Self::Fetch { host: Some(host) } => write!(f, "net:fetch:{}", host.0),
            Self::Tcp { host, port } => write!(f, "net:tcp:{}:{port}", host.0),
            Self::Listen { port } => write!(f, "net:listen:{port}"),
            Self::Notifications => f.write_str("sys:notifications"),
            Self::ClipboardRead => f.write_str("sys:clipboard:read"),
            Self::ClipboardWrite => f.write_str("sys:clipboard:write"),
            Self::Supervisor => f.write_str("sys:supervisor"),
            Self::Send { to } => write!(f, "app:send:{to}"),
            Self::Clock => f.write_str("wasi:clock"),
            Self::Random => f.write_str("wasi:random"),
            Self::Env => f.write_str("wasi:env"),
            Self::Stdio => f.write_str("wasi:stdio"),
            Self::Gpu { render } => write!(f, "hw:gpu:{}", if *render { "render" } else { "compute" }),
            Self::Serial { number } => write!(f, "hw:serial:{number}"),
            Self::Gpio { number } => write!(f, "hw:gpio:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: [&str; 24] = [
        "fs:rw:app-data",
        "fs:read:app-data",
        "fs:rw:xdg-documents",
        "fs:read:xdg-documents",
        "net:fetch",
        "net:fetch:example.org",
        "net:fetch:192.0.2.7",
        "net:tcp:example.org:443",
        "net:tcp:[2001:db8::1]:443",
        "net:listen:8080",
        "sys:notifications",
        "sys:clipboard:read",
        "sys:clipboard:write",
        "sys:supervisor",
        "app:send:org.weft.notes",
        "wasi:clock",
        "wasi:random",
        "wasi:env",
        "wasi:stdio",
        "hw:gpu:compute",
        "hw:gpu:render",
        "hw:serial:0",
        "hw:serial:255",
        "hw:gpio:17",
    ];

    #[test]
    fn the_whole_table_is_known_and_written_back_as_it_was() {
        for text in TABLE {
            assert_eq!(text.parse::<Capability>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "fs:rw",
            "fs:write:app-data",
            "FS:RW:APP-DATA",
            "fs:rw:app-data ",
            "net:fetch:",
            "net:fetch:*",
            "net:fetch:Example.org",
            "net:fetch:example.org:443",
            "net:fetch:1.2.3",
            "net:fetch:01.2.3.4",
            "net:tcp:example.org",
            "net:tcp:example.org:0",
            "net:tcp:example.org:0443",
            "net:tcp:example.org:65536",
            "net:listen:+80",
            "app:send:notes",
            "hw:serial:256",
            "hw:gpio:-1",
            "sys:",
            "wasi:sockets",
        ] {
            assert!(text.parse::<Capability>().is_err(), "{text}");
        }
    }

    #[test]
    fn hardware_is_known_but_not_given() {
        assert_eq!("hw:gpu:render".parse::<Capability>().unwrap().availability(), Availability::NotBacked);
        assert!(Capability::DEFAULT.iter().all(|c| c.availability() == Availability::Granted));
    }

    proptest! {
        #[test]
        fn what_parses_has_one_spelling(text in "(fs|net|sys|app|wasi|hw):[a-z0-9:.\\[\\]-]{0,24}") {
            if let Ok(capability) = text.parse::<Capability>() {
                prop_assert_eq!(capability.to_string(), text);
            }
        }
    }
}

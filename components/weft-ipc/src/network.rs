//! How the network is: what weft-netd tells everybody who connects to its socket, one JSON object a line, and what appd passes on to the
//! system UI's page. weft-netd reads nothing.

use crate::line::Line;
use serde::{Deserialize, Serialize};

/// Where weft-netd tells it.
pub const SOCKET: &str = "/run/weft/netd.sock";

/// The network at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether there is a way beyond the device's own links.
    pub online: bool,
    pub links: Vec<Link>,
    pub clock: Clock,
}

/// A wired link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub name: String,
    /// Whether the cable is in.
    pub carrier: bool,
    /// Addresses with their prefix, such as `192.0.2.10/24`.
    pub addresses: Vec<String>,
}

/// How the clock came to what it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// It was impossible; it now counts from the last time that is known to have passed.
    Unset,
    /// By the hardware clock alone.
    #[default]
    Hardware,
    /// By time servers.
    Network,
}

impl Line for Status {
    const MAX_LINE_LEN: usize = 16 << 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back() {
        let link = Link { name: "eth0".into(), carrier: true, addresses: vec!["192.0.2.10/24".into()] };
        let status = Status { online: true, links: vec![link], clock: Clock::Network };
        assert_eq!(Status::from_line(&status.to_line()), Some(status));
        assert_eq!(Status::from_line("{}"), None);
        assert_eq!(Status::from_line(&" ".repeat(Status::MAX_LINE_LEN + 1)), None);
    }
}

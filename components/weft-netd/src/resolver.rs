//! The one list of name servers of the device, in the form of resolv.conf(5): what libc's resolver reads in every program.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

/// libc uses no more (resolv.conf(5), "nameserver").
pub const MAX_SERVERS: usize = 3;

/// A name server; the name of the link where the address has none of its own beyond it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    pub address: IpAddr,
    pub link: Option<String>,
}

impl NameServer {
    pub fn new(address: IpAddr, link: &str) -> Self {
        let on_link = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        Self { address, link: on_link.then(|| link.to_owned()) }
    }

    pub fn text(&self) -> String {
        match &self.link {
            Some(link) => format!("{}%{link}", self.address),
            None => self.address.to_string(),
        }
    }
}

/// The file for these servers, the most wanted first.
pub fn text(servers: &[NameServer]) -> String {
    let mut text = "# Written by weft-netd.\n".to_owned();
    let mut kept: Vec<&NameServer> = Vec::new();
    for server in servers {
        if kept.len() < MAX_SERVERS && !kept.contains(&server) {
            kept.push(server);
        }
    }
    for server in kept {
        let _ = writeln!(text, "nameserver {}", server.text());
    }
    text + "options timeout:3 attempts:2\n"
}

/// Replaces the file where it says something else; libc notices by itself.
pub fn write(path: &Path, servers: &[NameServer]) -> Result<bool, weft_file::Error> {
    let text = text(servers);
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    weft_file::write_atomic(path, text.as_bytes(), 0o644).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_different_ones_are_kept() {
        let servers = ["192.0.2.1", "192.0.2.1", "fe80::1", "2001:db8::1", "192.0.2.2"];
        let servers: Vec<_> = servers.map(|one| NameServer::new(one.parse().unwrap(), "eth0")).into();
        let text = text(&servers);
        let kept: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("nameserver ")).collect();
        assert_eq!(kept, ["192.0.2.1", "fe80::1%eth0", "2001:db8::1"]);
    }

    #[test]
    fn the_file_is_written_only_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let server = [NameServer::new("192.0.2.1".parse().unwrap(), "eth0")];
        assert!(write(&path, &server).unwrap());
        assert!(!write(&path, &server).unwrap());
        assert!(write(&path, &[]).unwrap());
        assert!(!std::fs::read_to_string(&path).unwrap().contains("nameserver"));
    }
}

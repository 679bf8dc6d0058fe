//! The device's network as its owner wants it: `network.toml`, of the image or, in its place, of the state partition.

use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Time servers that are asked, at most.
pub const MAX_TIME_SERVERS: usize = 4;

/// Everything that can be said; nothing said is DHCP and router advertisements on every wired link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub dns: Dns,
    #[serde(default)]
    pub time: Time,
    #[serde(default, rename = "link")]
    pub links: Vec<LinkConfig>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Asked before those that a network names.
    #[serde(default)]
    pub servers: Vec<IpAddr>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Names or addresses; asked beside those that a network names, up to [`MAX_TIME_SERVERS`] in all.
    #[serde(default)]
    pub servers: Vec<String>,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// The kernel's name of the link, such as `eth0`, or its hardware address, such as `52:54:00:12:34:56`.
    #[serde(rename = "match")]
    pub selector: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// On unless there are static addresses.
    pub dhcp: Option<bool>,
    #[serde(default)]
    pub addresses: Vec<IpNet>,
    #[serde(default)]
    pub gateways: Vec<IpAddr>,
}

fn yes() -> bool {
    true
}

/// Why a file is not followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("{path}: link {link:?}: {problem}")]
    Link { path: PathBuf, link: String, problem: String },
    #[error("{path}: time.servers: {problem}")]
    Time { path: PathBuf, problem: String },
}

impl LinkConfig {
    pub fn uses_dhcp(&self) -> bool {
        self.dhcp.unwrap_or(self.addresses.is_empty())
    }

    fn check(&self) -> Result<(), String> {
        let usable =
            |address: IpAddr| !(address.is_unspecified() || address.is_multicast() || address.is_loopback());
        if self.selector.is_empty() {
            return Err("match is empty: write the name or the hardware address of the link".to_owned());
        }
        if let Some(bad) = self.addresses.iter().find(|net| !usable(net.addr()) || net.prefix_len() == 0) {
            return Err(format!("{bad} is no address of a device: write it as 192.0.2.10/24"));
        }
        for gateway in &self.gateways {
            let same = |net: &&IpNet| net.addr().is_ipv4() == gateway.is_ipv4();
            if !usable(*gateway) || !self.addresses.iter().any(|net| same(&net)) {
                return Err(format!("gateway {gateway} has no static address of its family beside it"));
            }
        }
        Ok(())
    }
}

impl Config {
    /// Reads and checks a file; `None` where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path: path.to_owned(), source }),
        }
    }

    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let path = || path.to_owned();
        let config: Self = toml::from_str(text)
            .map_err(|error| Error::Parse { path: path(), message: error.to_string().trim().to_owned() })?;
        let mut seen = BTreeSet::new();
        for link in &config.links {
            let twice = !seen.insert(link.selector.to_lowercase());
            let outcome = if twice { Err("it is there twice".to_owned()) } else { link.check() };
            outcome.map_err(|problem| Error::Link { path: path(), link: link.selector.clone(), problem })?;
        }
        let name = |server: &String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
            !server.is_empty() && server.len() <= 253 && server.chars().all(plain)
        };
        let servers = &config.time.servers;
        if let Some(bad) = servers.iter().find(|server| !name(server)) {
            let problem = format!("{bad:?} is neither a name nor an address");
            return Err(Error::Time { path: path(), problem });
        }
        if servers.len() > MAX_TIME_SERVERS {
            let problem = format!("{} are more than {MAX_TIME_SERVERS}", servers.len());
            return Err(Error::Time { path: path(), problem });
        }
        Ok(config)
    }

    /// What is said about a link.
    pub fn link(&self, name: &str, hardware: &str) -> Option<&LinkConfig> {
        self.links.iter().find(|link| link.selector == name || link.selector.eq_ignore_ascii_case(hardware))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("network.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_of_the_readme_and_the_images_own_file_are_read() {
        let readme = include_str!("../README.md");
        let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let config = parse(example).unwrap();
        assert!(!config.link("eth9", "52:54:00:AB:CD:EF").unwrap().uses_dhcp());
        assert!(config.link("eth9", "52:54:00:00:00:00").is_none());
        assert!(
            !parse(include_str!("../../../rootfs-overlay/etc/weft/network.toml"))
                .unwrap()
                .time
                .servers
                .is_empty()
        );
    }

    #[test]
    fn nothing_said_is_dhcp_everywhere() {
        assert_eq!(parse("").unwrap(), Config::default());
        assert!(parse("[[link]]\nmatch = 'eth0'").unwrap().links[0].uses_dhcp());
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, words) in [
            ("[dns]\nserver = ['192.0.2.1']", ["line 2", "unknown field `server`"]),
            ("[[link]]\nmatch = 'eth0'\naddresses = ['192.0.2.1/33']", ["line 3", "invalid IP"]),
            ("[[link]]\nmatch = 'eth0'\naddresses = ['127.0.0.1/8']", ["\"eth0\"", "127.0.0.1/8"]),
            ("[[link]]\nmatch = 'eth0'\ngateways = ['192.0.2.1']", ["\"eth0\"", "192.0.2.1"]),
            ("[[link]]\nmatch = ''", ["match", "empty"]),
            ("[[link]]\nmatch = 'a'\n[[link]]\nmatch = 'A'", ["\"A\"", "twice"]),
            ("[time]\nservers = ['a b']", ["time.servers", "\"a b\""]),
            ("[time]\nservers = ['a', 'b', 'c', 'd', 'e']", ["time.servers", "more than 4"]),
        ] {
            let error = parse(text).unwrap_err();
            assert!(words.iter().all(|word| error.contains(word)), "{text}\n{error}");
        }
    }
}

//! Whom a session may ask: decided from the URL and the addresses of its host, before any connection.

use crate::ports;
use std::net::IpAddr;
use url::{Host, Url};
use weft_ipc::fetch::MAX_URL_LEN;
use weft_manifest::is_public;

/// Why a URL is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the URL has more than {MAX_URL_LEN} bytes")]
    TooLong,
    #[error("the URL has a space, a control character or a backslash in it")]
    Characters,
    #[error("the URL cannot be read: {0}")]
    Unreadable(url::ParseError),
    #[error("the URL's scheme is {0}, and only http and https are fetched")]
    Scheme(String),
    #[error("the URL has a user name or a password in it; use the header Authorization")]
    Credentials,
    #[error("port {0} belongs to a service that is not for HTTP")]
    Port(u16),
    #[error("the app has no capability net:fetch:{0}")]
    Host(String),
    #[error("{0} is an address of no public host, and the app has no capability net:fetch:{0}")]
    Address(IpAddr),
    #[error("the name {name} leads to {address}, which is no public address")]
    Resolved { name: String, address: IpAddr },
    #[error("the name {0} has no address")]
    NoAddress(String),
}

/// The hosts of a session.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    any_public: bool,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

/// What may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Address(IpAddr),
    /// To be looked up and then checked by [`check_addresses`].
    Name(String),
}

impl Rules {
    /// `any_public` is the capability `net:fetch`, each host one `net:fetch:<host>`.
    pub fn new(any_public: bool, hosts: &[weft_manifest::Host]) -> Self {
        let mut rules = Self { any_public, ..Self::default() };
        for host in hosts.iter().map(weft_manifest::Host::as_str) {
            match host.trim_start_matches('[').trim_end_matches(']').parse() {
                Ok(address) => rules.addresses.push(address),
                Err(_) => rules.names.push(host.to_owned()),
            }
        }
        rules
    }

    /// Reads a URL as the URL Standard does, so that every spelling of a host is the one host, and decides about it. The URL that comes
    /// out is the one to ask for, with nothing left to interpret.
    pub fn check(&self, text: &str) -> Result<(Url, Target), Refusal> {
        if text.len() > MAX_URL_LEN {
            return Err(Refusal::TooLong);
        }
        // The standard's parser drops or mends these silently; whoever writes them means to confuse somebody.
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return Err(Refusal::Characters);
        }
        let mut url = Url::parse(text).map_err(Refusal::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if ports::is_blocked(port) {
            return Err(Refusal::Port(port));
        }
        url.set_fragment(None);
        let target = match url.host() {
            Some(Host::Ipv4(address)) => self.check_literal(address.into())?,
            Some(Host::Ipv6(address)) => self.check_literal(address.into())?,
            Some(Host::Domain(name))
                if self.any_public || self.names.iter().any(|granted| granted == name) =>
            {
                Target::Name(name.to_owned())
            }
            Some(Host::Domain(name)) => return Err(Refusal::Host(name.to_owned())),
            None => return Err(Refusal::Unreadable(url::ParseError::EmptyHost)),
        };
        Ok((url, target))
    }

    fn check_literal(&self, address: IpAddr) -> Result<Target, Refusal> {
        let granted = self.addresses.contains(&address);
        match granted || self.any_public && is_public(address) {
            true => Ok(Target::Address(address)),
            false if is_public(address) => Err(Refusal::Host(address.to_string())),
            false => Err(Refusal::Address(address)),
        }
    }
}

/// Decides about the addresses of a name: all of them must be public, since one that is not shows that the name is meant for the inside.
pub fn check_addresses(name: &str, addresses: &[IpAddr]) -> Result<(), Refusal> {
    match addresses.iter().find(|address| !is_public(**address)) {
        Some(address) => Err(Refusal::Resolved { name: name.to_owned(), address: *address }),
        None if addresses.is_empty() => Err(Refusal::NoAddress(name.to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

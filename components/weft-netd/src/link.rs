//! One wired link: what it is told to be, and what it has.

use crate::config::LinkConfig;
use crate::dhcp::{Client, Lease};
use crate::netlink::Seen;
use crate::ports::{ArpPort, DhcpPort};
use crate::rdnss;
use crate::resolver::NameServer;
use ipnet::{IpNet, Ipv6Net};
use std::net::Ipv4Addr;
use std::time::Duration;

pub struct Link {
    pub seen: Seen,
    pub config: LinkConfig,
    /// Where the address comes by DHCP.
    pub dhcp: Option<Client>,
    pub port: Option<DhcpPort>,
    /// Open while an address is probed.
    pub arp: Option<ArpPort>,
    /// What the kernel was given; its routes go with it.
    pub lease: Option<Lease>,
    /// Whether the static addresses are set.
    pub fixed: bool,
    /// By router advertisement and by hand.
    pub global: Vec<Ipv6Net>,
    pub advertised: rdnss::Servers,
}

impl Link {
    pub fn new(seen: Seen, config: LinkConfig, dhcp: Option<Client>) -> Self {
        Self {
            seen,
            config,
            dhcp,
            port: None,
            arp: None,
            lease: None,
            fixed: false,
            global: Vec::new(),
            advertised: rdnss::Servers::default(),
        }
    }

    pub fn deadline(&self) -> Option<Duration> {
        let dhcp = self.dhcp.as_ref().and_then(Client::deadline);
        dhcp.into_iter().chain(self.advertised.deadline()).min()
    }

    /// IPv4 first, for people who read them.
    pub fn addresses(&self) -> Vec<IpNet> {
        let fixed = self.config.addresses.iter().filter(|net| self.fixed && net.addr().is_ipv4());
        let leased = self.lease.iter().map(|lease| IpNet::V4(lease.address));
        leased.chain(fixed.copied()).chain(self.global.iter().map(|net| IpNet::V6(*net))).collect()
    }

    /// Whether packets for others have a way.
    pub fn leads_out(&self) -> bool {
        let leased = self.lease.as_ref().is_some_and(|lease| !lease.routes.is_empty());
        // The kernel has global addresses from routers that advertise.
        leased || self.fixed && !self.config.gateways.is_empty() || !self.global.is_empty()
    }

    pub fn name_servers(&self) -> Vec<NameServer> {
        let leased = self.lease.iter().flat_map(|lease| &lease.name_servers).map(|server| (*server).into());
        let advertised = self.advertised.list().into_iter().map(Into::into);
        leased.chain(advertised).map(|server| NameServer::new(server, &self.seen.name)).collect()
    }

    pub fn time_servers(&self) -> Vec<Ipv4Addr> {
        self.lease.iter().flat_map(|lease| &lease.time_servers).copied().collect()
    }
}

/// A lease in words.
pub fn describe(lease: &Lease) -> String {
    let list =
        |addresses: Vec<String>| if addresses.is_empty() { "none".to_owned() } else { addresses.join(" ") };
    let time =
        lease.duration.map_or("for ever".to_owned(), |duration| format!("for {} s", duration.as_secs()));
    let router =
        lease.routes.iter().find(|route| route.to.prefix_len() == 0).map(|route| route.gateway.to_string());
    format!(
        "{} from {} {time}; router {}; name servers {}",
        lease.address,
        lease.server,
        router.unwrap_or_else(|| "none".to_owned()),
        list(lease.name_servers.iter().map(ToString::to_string).collect())
    )
}

//! All links: hears of them, brings them up, and carries out what their clients decide.

use crate::config::{Config, LinkConfig};
use crate::dhcp::{Action, Client, Event, Lease, Mac};
use crate::link::{Link, describe};
use crate::netlink::{self, Netlink, Seen, Way};
use crate::ports::{ArpPort, DhcpPort, solicit_routers};
use crate::resolver::{self, NameServer};
use crate::time::Sources;
use crate::{rdnss, since_boot};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use weft_ipc::network::{self, Clock, Status};

/// Something that a link heard.
#[derive(Debug)]
pub enum Happened {
    Dhcp(u32, Vec<u8>),
    /// Another card has the address that is probed.
    Conflict(u32),
}

/// A source of random numbers for one client.
pub type Random = Box<dyn FnMut() -> u32 + Send>;

pub struct Manager {
    config: Config,
    netlink: Netlink,
    links: BTreeMap<u32, Link>,
    events: mpsc::Sender<Happened>,
    random: fn() -> Random,
    resolver: PathBuf,
    status: watch::Sender<Status>,
    sources: watch::Sender<Sources>,
    pub clock: Clock,
}

/// What the manager tells others of.
pub struct Outlets {
    /// The file for libc's resolver.
    pub resolver: PathBuf,
    pub status: watch::Sender<Status>,
    pub sources: watch::Sender<Sources>,
}

impl Manager {
    pub fn new(
        config: Config,
        netlink: Netlink,
        events: mpsc::Sender<Happened>,
        random: fn() -> Random,
        outlets: Outlets,
    ) -> Self {
        let Outlets { resolver, status, sources } = outlets;
        let (links, clock) = (BTreeMap::new(), Clock::default());
        Self { config, netlink, links, events, random, resolver, status, sources, clock }
    }

    /// When [`Manager::tick`] has something to do, since boot.
    pub fn deadline(&self) -> Option<Duration> {
        self.links.values().filter_map(Link::deadline).min()
    }

    /// Compares the links with what the kernel has.
    pub async fn look(&mut self) {
        let (seen, global) = match (self.netlink.links().await, self.netlink.global_addresses().await) {
            (Ok(seen), Ok(global)) => (seen, global),
            (Err(error), _) | (_, Err(error)) => return complain(&error),
        };
        let gone: Vec<u32> = self
            .links
            .keys()
            .filter(|index| !seen.iter().any(|link| link.index == **index))
            .copied()
            .collect();
        for index in gone {
            if let Some(link) = self.links.remove(&index) {
                tracing::info!("{}: unplugged", link.seen.name);
            }
        }
        for link in seen {
            self.meet(link).await;
        }
        for (index, link) in &mut self.links {
            link.global = global.iter().filter(|(of, _)| of == index).map(|(_, net)| *net).collect();
        }
        self.publish();
    }

    /// A link as it is now.
    async fn meet(&mut self, seen: Seen) {
        let index = seen.index;
        // A card's number, name or address may be another's by now.
        let same = |link: &Link| link.seen.name == seen.name && link.seen.mac == seen.mac;
        if self.links.get(&index).is_some_and(|link| !same(link)) {
            self.links.remove(&index);
        }
        if !self.links.contains_key(&index) && !self.adopt(&seen).await {
            return;
        }
        let Some(link) = self.links.get_mut(&index) else { return };
        let (had, has) = (link.seen.carrier, seen.carrier);
        link.seen = seen;
        match (had, has) {
            (false, true) => self.connected(index).await,
            (true, false) => self.disconnected(index).await,
            _ => {}
        }
    }

    /// Takes a new link on; not one that is none of ours.
    async fn adopt(&mut self, seen: &Seen) -> bool {
        let hardware = mac_text(seen.mac);
        let config = match self.config.link(&seen.name, &hardware) {
            Some(config) if config.enabled => config.clone(),
            None if seen.hardware => LinkConfig {
                selector: seen.name.clone(),
                enabled: true,
                dhcp: None,
                addresses: Vec::new(),
                gateways: Vec::new(),
            },
            _ => return false,
        };
        tracing::info!("{}: found a link with the hardware address {hardware}", seen.name);
        let dhcp = config.uses_dhcp().then(|| Client::new(seen.mac, (self.random)()));
        if let Err(error) = self.netlink.flush_ipv4(seen.index).await {
            complain(&error);
        }
        if !seen.up
            && let Err(error) = self.netlink.set_up(seen.index).await
        {
            complain(&error);
        }
        let unplugged = Seen { carrier: false, ..seen.clone() };
        self.links.insert(seen.index, Link::new(unplugged, config, dhcp));
        true
    }

    async fn connected(&mut self, index: u32) {
        let Some(link) = self.links.get_mut(&index) else { return };
        let name = link.seen.name.clone();
        tracing::info!("{name}: connected");
        if let Err(error) = solicit_routers(index, &name) {
            tracing::debug!("{name}: cannot ask for routers: {error}");
        }
        if link.dhcp.is_some() {
            match DhcpPort::open(index, &name, link.seen.mac, self.events.clone()) {
                Ok(port) => link.port = Some(port),
                Err(error) => tracing::error!("{name}: there is no DHCP: cannot open its port: {error}"),
            }
        }
        self.set_fixed(index).await;
        self.tell(index, Event::Carrier).await;
    }

    async fn set_fixed(&mut self, index: u32) {
        let Some(link) = self.links.get_mut(&index) else { return };
        let config = link.config.clone();
        for net in &config.addresses {
            match self.netlink.add_address(index, *net, None).await {
                Ok(()) => tracing::info!("{}: has the static address {net}", link.seen.name),
                Err(error) => complain(&error),
            }
        }
        for gateway in &config.gateways {
            let family = |net: &&IpNet| net.addr().is_ipv4() == gateway.is_ipv4();
            let source = config.addresses.iter().find(|net| family(net) && net.contains(gateway));
            let source = source.or_else(|| config.addresses.iter().find(family)).copied();
            let to = netlink::everything(*gateway);
            let way = Way { link: index, to, gateway: Some(*gateway), source, dhcp: false };
            if let Err(error) = self.netlink.add_route(way).await {
                complain(&error);
            }
        }
        link.fixed = !config.addresses.is_empty();
    }

    async fn disconnected(&mut self, index: u32) {
        self.tell(index, Event::NoCarrier).await;
        let Some(link) = self.links.get_mut(&index) else { return };
        tracing::info!("{}: disconnected", link.seen.name);
        (link.port, link.arp) = (None, None);
        link.advertised.clear();
        if std::mem::take(&mut link.fixed) {
            for net in link.config.addresses.clone() {
                if let Err(error) = self.netlink.remove_address(index, net).await {
                    complain(&error);
                }
            }
        }
    }

    pub async fn happened(&mut self, what: Happened) {
        match what {
            Happened::Dhcp(index, packet) => self.tell(index, Event::Packet(&packet)).await,
            Happened::Conflict(index) => {
                if let Some(link) = self.links.get_mut(&index) {
                    link.arp = None;
                }
                self.tell(index, Event::Conflict).await;
            }
        }
        self.publish();
    }

    /// Name servers that a router named.
    pub fn advertised(&mut self, advertised: &rdnss::Advertised) {
        let Some(link) = self.links.get_mut(&advertised.link) else { return };
        if link.advertised.learn(since_boot(), advertised) {
            let servers: Vec<String> = link.advertised.list().iter().map(ToString::to_string).collect();
            tracing::info!("{}: the routers' name servers are {}", link.seen.name, servers.join(" "));
            self.publish();
        }
    }

    pub async fn tick(&mut self) {
        let indices: Vec<u32> = self.links.keys().copied().collect();
        for index in indices {
            self.tell(index, Event::Tick).await;
            if let Some(link) = self.links.get_mut(&index) {
                link.advertised.expire(since_boot());
            }
        }
        self.publish();
    }

    /// Gives all leases back.
    pub async fn release(&mut self) {
        let indices: Vec<u32> = self.links.keys().copied().collect();
        for index in indices {
            let Some(client) = self.links.get_mut(&index).and_then(|link| link.dhcp.as_mut()) else {
                continue;
            };
            for action in client.release() {
                self.act(index, action).await;
            }
        }
        self.publish();
    }

    async fn tell(&mut self, index: u32, event: Event<'_>) {
        let Some(client) = self.links.get_mut(&index).and_then(|link| link.dhcp.as_mut()) else { return };
        for action in client.handle(since_boot(), event) {
            self.act(index, action).await;
        }
    }

    async fn act(&mut self, index: u32, action: Action) {
        let Some(link) = self.links.get_mut(&index) else { return };
        let name = &link.seen.name;
        match action {
            Action::Send(packet, to) => {
                if let Some(port) = &link.port
                    && let Err(error) = port.send(&packet, to).await
                {
                    tracing::debug!("{name}: cannot send: {error}");
                }
            }
            Action::Probe(address) => {
                if link.arp.is_none() {
                    match ArpPort::open(index, link.seen.mac, address, self.events.clone()) {
                        Ok(port) => link.arp = Some(port),
                        Err(error) => {
                            tracing::warn!("{name}: cannot ask who has {address}: {error}, ignoring")
                        }
                    }
                }
                if let Some(Err(error)) = link.arp.as_ref().map(|arp| arp.probe(address)) {
                    tracing::debug!("{name}: cannot ask who has {address}: {error}");
                }
            }
            Action::Use(lease) => self.use_lease(index, lease).await,
            Action::Stop(lease) => self.stop_lease(index, &lease).await,
            Action::Say(text) => tracing::info!("{name}: {text}"),
        }
    }

    async fn use_lease(&mut self, index: u32, lease: Lease) {
        let Some(link) = self.links.get_mut(&index) else { return };
        let new = link.lease.as_ref().is_none_or(|old| old.address != lease.address);
        let address = IpNet::V4(lease.address);
        // Should this process die, the kernel ends the lease by itself.
        if let Err(error) = self.netlink.add_address(index, address, lease.duration).await {
            complain(&error);
        }
        if let Some(arp) = link.arp.take() {
            let _ = arp.announce(lease.address.addr());
        }
        let ways = ways(index, &lease);
        for way in &ways {
            if let Err(error) = self.netlink.add_route(*way).await {
                complain(&error);
            }
        }
        let name = &link.seen.name;
        let old = link.lease.replace(lease.clone());
        match &old {
            Some(old) if new || old.server != lease.server => {
                tracing::info!("{name}: now {}", describe(&lease))
            }
            Some(_) => tracing::debug!("{name}: renewed {}", describe(&lease)),
            None => tracing::info!("{name}: leased {}", describe(&lease)),
        }
        let Some(old) = old else { return };
        if new {
            let _ = self.netlink.remove_address(index, IpNet::V4(old.address)).await;
        } else {
            for way in self::ways(index, &old).into_iter().filter(|way| !ways.contains(way)) {
                let _ = self.netlink.remove_route(way).await;
            }
        }
    }

    async fn stop_lease(&mut self, index: u32, lease: &Lease) {
        let Some(link) = self.links.get_mut(&index) else { return };
        link.lease = None;
        tracing::info!("{}: {} is no longer used", link.seen.name, lease.address.addr());
        // Its routes go with it. The kernel may have been faster.
        if let Err(error) = self.netlink.remove_address(index, IpNet::V4(lease.address)).await {
            tracing::debug!("{}: {error}", link.seen.name);
        }
    }

    /// Tells resolver, listeners and the clock's keeper how things are.
    pub fn publish(&mut self) {
        let mut servers: Vec<NameServer> =
            self.config.dns.servers.iter().map(|server| NameServer::new(*server, "")).collect();
        servers.extend(self.links.values().flat_map(Link::name_servers));
        match resolver::write(&self.resolver, &servers) {
            Ok(true) => {
                let list: Vec<String> =
                    servers.iter().take(resolver::MAX_SERVERS).map(NameServer::text).collect();
                tracing::info!(
                    "names are asked of {}",
                    if list.is_empty() { "nobody".into() } else { list.join(" ") }
                );
            }
            Ok(false) => {}
            Err(error) => tracing::error!("names cannot be looked up: {error}"),
        }
        let online = self.links.values().any(Link::leads_out);
        let link = |link: &Link| network::Link {
            name: link.seen.name.clone(),
            carrier: link.seen.carrier,
            addresses: link.addresses().iter().map(ToString::to_string).collect(),
        };
        let status = Status { online, links: self.links.values().map(link).collect(), clock: self.clock };
        self.status.send_if_modified(|told| replace(told, status));
        self.sources.send_if_modified(|told| replace(told, self.sources_now(online)));
    }

    /// The network's own time servers first; those of the file where it has none, or beside too few.
    fn sources_now(&self, online: bool) -> Sources {
        let mut servers: Vec<String> = Vec::new();
        let of_links = self.links.values().flat_map(Link::time_servers).map(|server| server.to_string());
        for server in of_links.chain(self.config.time.servers.iter().cloned()) {
            if servers.len() < crate::config::MAX_TIME_SERVERS && !servers.contains(&server) {
                servers.push(server);
            }
        }
        Sources { online, servers }
    }
}

fn replace<T: PartialEq>(told: &mut T, now: T) -> bool {
    let changed = *told != now;
    *told = now;
    changed
}

fn complain(error: &dyn std::error::Error) {
    let source = error.source().map_or(String::new(), |source| format!(": {source}"));
    tracing::error!("{error}{source}");
}

fn ways(link: u32, lease: &Lease) -> Vec<Way> {
    let way = |route: &crate::dhcp::Route| Way {
        link,
        to: route.to.into(),
        gateway: (!route.gateway.is_unspecified()).then_some(route.gateway.into()),
        source: Some(lease.address.into()),
        dhcp: true,
    };
    lease.routes.iter().map(way).collect()
}

fn mac_text(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

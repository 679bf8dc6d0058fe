//! The kernel's links, addresses and routes, over rtnetlink(7).

use crate::dhcp::Mac;
use crate::rdnss;
use futures_util::{StreamExt, TryStreamExt};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage};
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteScope};
use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};
use rtnetlink::{AddressMessageBuilder, Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// What the kernel would not do.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refuses to {what}")]
pub struct Error {
    what: String,
    source: rtnetlink::Error,
}

type Result<T> = std::result::Result<T, Error>;

fn refused(what: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> Error {
    move |source| Error { what: what.into(), source }
}

/// A wired link as the kernel has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub index: u32,
    pub name: String,
    pub mac: Mac,
    /// A card; not a bridge, tunnel or the like.
    pub hardware: bool,
    pub up: bool,
    pub carrier: bool,
}

/// A route of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub link: u32,
    pub to: IpNet,
    /// `None`: on the link itself.
    pub gateway: Option<IpAddr>,
    /// The address that it goes with; IPv4 routes vanish with theirs.
    pub source: Option<IpNet>,
    pub dhcp: bool,
}

pub struct Netlink {
    handle: Handle,
}

impl Netlink {
    /// `changed` is notified whenever links or IPv6 addresses change; `gone` when the connection to the kernel has ended.
    pub fn open(changed: Arc<Notify>, gone: Arc<Notify>) -> io::Result<Self> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, mut messages) = rtnetlink::new_multicast_connection(&groups)?;
        tokio::spawn(connection);
        tokio::spawn(async move {
            // What has changed is asked for, so that a message that the kernel had no room for is no loss.
            while messages.next().await.is_some() {
                changed.notify_one();
            }
            gone.notify_one();
        });
        Ok(Self { handle })
    }

    /// All wired links but the loopback.
    pub async fn links(&self) -> Result<Vec<Seen>> {
        let links: Vec<LinkMessage> =
            self.handle.link().get().execute().try_collect().await.map_err(refused("list links"))?;
        Ok(links.iter().filter_map(seen).collect())
    }

    /// Usable IPv6 addresses of all links that are good beyond the link.
    pub async fn global_addresses(&self) -> Result<Vec<(u32, Ipv6Net)>> {
        Ok(self.addresses(AddressFamily::Inet6).await?.iter().filter_map(global).collect())
    }

    async fn addresses(&self, family: AddressFamily) -> Result<Vec<AddressMessage>> {
        let all: Vec<AddressMessage> =
            self.handle.address().get().execute().try_collect().await.map_err(refused("list addresses"))?;
        Ok(all.into_iter().filter(|address| address.header.family == family).collect())
    }

    pub async fn set_up(&self, link: u32) -> Result<()> {
        let message = LinkUnspec::new_with_index(link).up().build();
        self.handle.link().set(message).execute().await.map_err(refused("switch the link on"))
    }

    /// Takes IPv4 addresses away that somebody before this process has set.
    pub async fn flush_ipv4(&self, link: u32) -> Result<()> {
        for address in self.addresses(AddressFamily::Inet).await? {
            if address.header.index == link {
                self.handle
                    .address()
                    .del(address)
                    .execute()
                    .await
                    .map_err(refused("take an old address away"))?;
            }
        }
        Ok(())
    }

    /// Sets the address, for that long, or prolongs it.
    pub async fn add_address(&self, link: u32, net: IpNet, valid: Option<Duration>) -> Result<()> {
        let mut request = self.handle.address().add(link, net.addr(), net.prefix_len()).replace();
        if let Some(valid) = valid {
            let mut info = CacheInfo::default();
            // The largest number means for ever.
            info.ifa_valid = u32::try_from(valid.as_secs()).unwrap_or(u32::MAX).min(u32::MAX - 1);
            info.ifa_preferred = info.ifa_valid;
            request.message_mut().attributes.push(AddressAttribute::CacheInfo(info));
        }
        request.execute().await.map_err(refused(format!("set the address {net}")))
    }

    pub async fn remove_address(&self, link: u32, net: IpNet) -> Result<()> {
        let message = match net {
            IpNet::V4(net) => AddressMessageBuilder::<Ipv4Addr>::new()
                .index(link)
                .address(net.addr(), net.prefix_len())
                .build(),
            IpNet::V6(net) => AddressMessageBuilder::<Ipv6Addr>::new()
                .index(link)
                .address(net.addr(), net.prefix_len())
                .build(),
        };
        let what = format!("take the address {net} away");
        self.handle.address().del(message).execute().await.map_err(refused(what))
    }

    pub async fn add_route(&self, way: Way) -> Result<()> {
        let request = self.handle.route().add(route(way)).replace();
        request.execute().await.map_err(refused(format!("set the route to {}", way.to)))
    }

    pub async fn remove_route(&self, way: Way) -> Result<()> {
        let request = self.handle.route().del(route(way));
        request.execute().await.map_err(refused(format!("take the route to {} away", way.to)))
    }
}

fn seen(message: &LinkMessage) -> Option<Seen> {
    let header = &message.header;
    if header.link_layer_type != LinkLayerType::Ether || header.flags.contains(LinkFlags::Loopback) {
        return None;
    }
    let (mut name, mut mac, mut hardware) = (None, None, true);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(given) => name = Some(given.clone()),
            LinkAttribute::Address(bytes) => mac = Mac::try_from(bytes.as_slice()).ok(),
            // Cards have no kind of their own.
            LinkAttribute::LinkInfo(infos) => {
                hardware = !infos.iter().any(|info| matches!(info, LinkInfo::Kind(_)));
            }
            _ => {}
        }
    }
    Some(Seen {
        index: header.index,
        name: name?,
        mac: mac?,
        hardware,
        up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
    })
}

fn global(message: &AddressMessage) -> Option<(u32, Ipv6Net)> {
    let header = &message.header;
    let unusable =
        AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed | AddressHeaderFlags::Deprecated;
    if header.scope != AddressScope::Universe || header.flags.intersects(unusable) {
        return None;
    }
    message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(IpAddr::V6(address)) if !address.is_loopback() => {
            Ipv6Net::new(*address, header.prefix_len).ok().map(|net| (header.index, net))
        }
        _ => None,
    })
}

/// Of two links with the same route the one that came first is preferred.
fn metric(link: u32) -> u32 {
    link.saturating_add(100)
}

fn route(way: Way) -> RouteMessage {
    let protocol = if way.dhcp { RouteProtocol::Dhcp } else { RouteProtocol::Static };
    let scope = if way.gateway.is_none() { RouteScope::Link } else { RouteScope::Universe };
    // A gateway outside of the address' own network is reached on the link nevertheless (RFC 3442, "Local Subnet Routes").
    let outside = |gateway: IpAddr| way.source.is_some_and(|source| !source.contains(&gateway));
    match way.to {
        IpNet::V4(to) => {
            let mut builder = RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(to.network(), to.prefix_len())
                .output_interface(way.link)
                .priority(metric(way.link))
                .protocol(protocol)
                .scope(scope);
            if let Some(IpAddr::V4(source)) = way.source.map(|source| source.addr()) {
                builder = builder.pref_source(source);
            }
            match way.gateway {
                Some(IpAddr::V4(gateway)) if outside(gateway.into()) => {
                    builder.gateway(gateway).onlink().build()
                }
                Some(IpAddr::V4(gateway)) => builder.gateway(gateway).build(),
                _ => builder.build(),
            }
        }
        IpNet::V6(to) => {
            let builder = RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(to.network(), to.prefix_len())
                .output_interface(way.link)
                .priority(metric(way.link))
                .protocol(protocol);
            match way.gateway {
                Some(IpAddr::V6(gateway)) => builder.gateway(gateway).build(),
                _ => builder.build(),
            }
        }
    }
}

/// Everything that IPv4 reaches by default.
pub fn everything(family_of: IpAddr) -> IpNet {
    match family_of {
        IpAddr::V4(_) => Ipv4Net::default().into(),
        IpAddr::V6(_) => Ipv6Net::default().into(),
    }
}

/// What the kernel passes on of router advertisements. rtnetlink(7)'s own crate does not know these messages.
pub struct Advertisements(TokioSocket);

impl Advertisements {
    pub fn open() -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
        socket.socket_mut().add_membership(MulticastGroup::NdUseropt as u32)?;
        Ok(Self(socket))
    }

    /// The next ones. An error says that some were lost.
    pub async fn next(&self) -> io::Result<Vec<rdnss::Advertised>> {
        let (bytes, sender) = self.0.recv_from_full().await?;
        // Only the kernel is number 0.
        Ok(if sender.port_number() == 0 { rdnss::parse(&bytes) } else { Vec::new() })
    }
}

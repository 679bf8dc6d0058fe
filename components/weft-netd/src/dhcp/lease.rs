//! What a server grants, checked: whatever is in a [`Lease`] can be given to the kernel.

use super::message::Reply;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A lease that is shorter is not worth its renewals; a server could keep the device busy with it.
pub const SHORTEST: Duration = Duration::from_secs(4);
/// "Infinity" on the wire (RFC 2131, section 3.3).
const INFINITE: u32 = u32::MAX;
/// More than these of one kind are not used.
const MAX_ROUTES: usize = 32;
const MAX_SERVERS: usize = 4;

/// A route beyond the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub to: Ipv4Net,
    /// Unspecified: on the link itself.
    pub gateway: Ipv4Addr,
}

/// An address with all that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address with its prefix.
    pub address: Ipv4Net,
    pub server: Ipv4Addr,
    pub routes: Vec<Route>,
    pub name_servers: Vec<Ipv4Addr>,
    pub time_servers: Vec<Ipv4Addr>,
    /// `None` for ever.
    pub duration: Option<Duration>,
    /// When to ask the server to renew it, and when to ask any server; since it was asked for. They lie within the duration.
    pub renew: Duration,
    pub rebind: Duration,
}

/// Why a reply grants nothing that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("it names no server")]
    NoServer,
    #[error("{0} is no address for a device")]
    Address(Ipv4Addr),
    #[error("{0} is no subnet mask")]
    Mask(Ipv4Addr),
    #[error("it says no time")]
    NoTime,
    #[error("{0} s are too short")]
    Short(u32),
}

/// Whether an address can be that of one device on the network.
pub fn is_unicast(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    (1..=223).contains(&first) && first != 127
}

impl Lease {
    pub fn of(reply: &Reply) -> Result<Self, Unusable> {
        let server = reply.server.filter(|server| is_unicast(*server)).ok_or(Unusable::NoServer)?;
        let address = subnet(reply)?;
        let seconds = reply.seconds.ok_or(Unusable::NoTime)?;
        let duration = (seconds != INFINITE).then(|| Duration::from_secs(seconds.into()));
        if duration.is_some_and(|duration| duration < SHORTEST) {
            return Err(Unusable::Short(seconds));
        }
        let (renew, rebind) = times(duration.unwrap_or(Duration::MAX), reply);
        let others = |list: &[Ipv4Addr]| -> Vec<Ipv4Addr> {
            let mut kept: Vec<Ipv4Addr> = Vec::new();
            for one in list.iter().filter(|one| is_unicast(**one) && **one != address.addr()) {
                if kept.len() < MAX_SERVERS && !kept.contains(one) {
                    kept.push(*one);
                }
            }
            kept
        };
        Ok(Self {
            address,
            server,
            routes: routes(reply, address),
            name_servers: others(&reply.name_servers),
            time_servers: others(&reply.time_servers),
            duration,
            renew,
            rebind,
        })
    }
}

fn subnet(reply: &Reply) -> Result<Ipv4Net, Unusable> {
    let address = reply.address;
    if !is_unicast(address) {
        return Err(Unusable::Address(address));
    }
    let net = match reply.mask {
        Some(mask) => Ipv4Net::with_netmask(address, mask).map_err(|_| Unusable::Mask(mask))?,
        // By its class, as before there were masks (RFC 950).
        None => {
            let length = match address.octets() {
                [0..=127, ..] => 8,
                [128..=191, ..] => 16,
                _ => 24,
            };
            Ipv4Net::new(address, length).map_err(|_| Unusable::Address(address))?
        }
    };
    match net.prefix_len() {
        0 => Err(Unusable::Mask(net.netmask())),
        1..=30 if address == net.network() || address == net.broadcast() => Err(Unusable::Address(address)),
        _ => Ok(net),
    }
}

/// T1 and T2: the server's where they make sense, else a half and seven eighths (RFC 2131, section 4.4.5).
fn times(duration: Duration, reply: &Reply) -> (Duration, Duration) {
    let said = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
    match (said(reply.renew), said(reply.rebind)) {
        (Some(renew), Some(rebind)) if SHORTEST / 2 <= renew && renew < rebind && rebind < duration => {
            (renew, rebind)
        }
        _ => (duration / 2, duration / 8 * 7),
    }
}

/// Classless routes take the place of the router option (RFC 3442).
fn routes(reply: &Reply, address: Ipv4Net) -> Vec<Route> {
    let usable = |route: &&Route| {
        let gateway = route.gateway;
        let through = gateway.is_unspecified() || is_unicast(gateway) && gateway != address.addr();
        // Routes for the device itself, or for everybody's groups, have no place in a lease.
        through && (route.to.prefix_len() == 0 || is_unicast(route.to.network()))
    };
    if !reply.routes.is_empty() {
        return reply.routes.iter().filter(usable).take(MAX_ROUTES).copied().collect();
    }
    let default = |gateway: &Ipv4Addr| Route { to: Ipv4Net::default(), gateway: *gateway };
    let candidates: Vec<Route> = reply.routers.iter().map(default).collect();
    candidates
        .iter()
        .filter(|route| !route.gateway.is_unspecified())
        .find(usable)
        .copied()
        .into_iter()
        .collect()
}

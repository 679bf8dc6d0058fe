//! Name servers of router advertisements (RFC 8106), which the kernel passes on as they came (`RTM_NEWNDUSEROPT`, rtnetlink(7)): it has
//! checked that a router on the link sent them, and nothing else.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::Duration;

/// include/uapi/linux/rtnetlink.h
const RTM_NEWNDUSEROPT: u16 = 68;
const MESSAGE_HEADER: usize = 16;
/// `struct nduseroptmsg`
const OPTIONS_HEADER: usize = 16;
/// `ICMP6_ROUTER_ADVERT`
const ROUTER_ADVERTISEMENT: u8 = 134;
const AF_INET6: u8 = 10;
const RDNSS: u8 = 25;
/// Of one link; of more, those that came last are not used.
pub const MAX_SERVERS: usize = 4;

/// Name servers that a router names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// Index of the link.
    pub link: u32,
    pub servers: Vec<Ipv6Addr>,
    /// `None` for ever; zero takes them away.
    pub lifetime: Option<Duration>,
}

/// Reads what is in one datagram of the kernel.
pub fn parse(mut datagram: &[u8]) -> Vec<Advertised> {
    let mut found = Vec::new();
    while let Some(header) = datagram.get(..MESSAGE_HEADER) {
        let length = native_u32(header, 0) as usize;
        if length < MESSAGE_HEADER || length > datagram.len() {
            break;
        }
        if native_u16(header, 4) == RTM_NEWNDUSEROPT {
            found.extend(message(datagram.get(MESSAGE_HEADER..length).unwrap_or_default()));
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn message(body: &[u8]) -> Vec<Advertised> {
    let Some(header) = body.get(..OPTIONS_HEADER) else { return Vec::new() };
    let advertised = header.first() == Some(&AF_INET6) && header.get(8) == Some(&ROUTER_ADVERTISEMENT);
    let length = usize::from(native_u16(header, 2));
    match body.get(OPTIONS_HEADER..OPTIONS_HEADER + length) {
        Some(options) if advertised => read_options(native_u32(header, 4), options),
        _ => Vec::new(),
    }
}

/// Neighbour discovery options: type, length in units of 8 bytes (RFC 4861, section 4.6).
fn read_options(link: u32, mut options: &[u8]) -> Vec<Advertised> {
    let mut found = Vec::new();
    while let [kind, units, ..] = options {
        let length = usize::from(*units) * 8;
        let Some(option) = options.get(..length).filter(|option| option.len() >= 8) else { break };
        if *kind == RDNSS {
            let seconds =
                option.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
            let lifetime = (seconds != u32::MAX).then(|| Duration::from_secs(seconds.into()));
            let addresses = option.get(8..).unwrap_or_default().chunks_exact(16);
            let servers = addresses
                .filter_map(|bytes| <[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from))
                .filter(|server| !(server.is_multicast() || server.is_loopback() || server.is_unspecified()))
                .collect();
            found.push(Advertised { link, servers, lifetime });
        }
        options = options.get(length..).unwrap_or_default();
    }
    found
}

fn native_u32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn native_u16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

/// The name servers of one link, each until its time is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers(BTreeMap<Ipv6Addr, Option<Duration>>);

impl Servers {
    /// Takes note of an advertisement; `now` is the time since boot. Returns whether the list has changed.
    pub fn learn(&mut self, now: Duration, advertised: &Advertised) -> bool {
        let before = self.list();
        for server in &advertised.servers {
            match advertised.lifetime {
                Some(Duration::ZERO) => drop(self.0.remove(server)),
                _ if self.0.len() >= MAX_SERVERS && !self.0.contains_key(server) => {}
                lifetime => drop(self.0.insert(*server, lifetime.map(|lifetime| now + lifetime))),
            }
        }
        before != self.list()
    }

    /// Forgets those whose time is over; returns whether there were any.
    pub fn expire(&mut self, now: Duration) -> bool {
        let before = self.0.len();
        self.0.retain(|_, until| until.is_none_or(|until| now < until));
        before != self.0.len()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.0.values().flatten().min().copied()
    }

    pub fn list(&self) -> Vec<Ipv6Addr> {
        self.0.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVER: &str = "2001:db8::53";

    fn option(seconds: u32, servers: &[&str]) -> Vec<u8> {
        let mut option = vec![RDNSS, u8::try_from(1 + 2 * servers.len()).unwrap(), 0, 0];
        option.extend(seconds.to_be_bytes());
        servers.iter().for_each(|server| option.extend(server.parse::<Ipv6Addr>().unwrap().octets()));
        option
    }

    fn datagram(options: &[u8]) -> Vec<u8> {
        let length = u32::try_from(MESSAGE_HEADER + OPTIONS_HEADER + options.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(RTM_NEWNDUSEROPT.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend([AF_INET6, 0]);
        bytes.extend(u16::try_from(options.len()).unwrap().to_ne_bytes());
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([ROUTER_ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn reads_name_servers_and_their_time() {
        let found = parse(&datagram(&option(600, &[SERVER, "ff02::1", "fe80::1"])));
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((one.link, one.lifetime), (7, Some(Duration::from_secs(600))));
        assert_eq!(one.servers, [SERVER.parse::<Ipv6Addr>().unwrap(), "fe80::1".parse().unwrap()]);
        assert_eq!(parse(&datagram(&option(u32::MAX, &[SERVER])))[0].lifetime, None);
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        for (bytes, units) in [(24, 0), (24, 4), (24, 255), (8, 3)] {
            let mut lying = option(600, &[SERVER]);
            lying[1] = units;
            lying.truncate(bytes);
            assert!(parse(&datagram(&lying)).is_empty(), "{units} units in {bytes} bytes");
        }
        let mut whole = datagram(&option(600, &[SERVER]));
        whole[0] = 8;
        assert!(parse(&whole).is_empty());
    }

    #[test]
    fn servers_come_and_go_and_are_few() {
        let of = |seconds, servers: &[&str]| parse(&datagram(&option(seconds, servers))).remove(0);
        let at = Duration::from_secs;
        let mut servers = Servers::default();
        assert!(servers.learn(at(10), &of(60, &[SERVER])));
        assert!(!servers.learn(at(20), &of(60, &[SERVER])), "only its time changes");
        assert_eq!(servers.deadline(), Some(at(80)));
        assert!(!servers.expire(at(79)) && servers.expire(at(80)));
        for last in 0..20 {
            servers.learn(at(0), &of(u32::MAX, &[&format!("2001:db8::{last}")]));
        }
        assert_eq!((servers.list().len(), servers.deadline()), (MAX_SERVERS, None));
        assert!(servers.learn(at(0), &of(0, &["2001:db8::1"])));
        assert_eq!(servers.list().len(), MAX_SERVERS - 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            parse(&bytes);
            parse(&datagram(&bytes));
        }
    }
}

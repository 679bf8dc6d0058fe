//! DHCP messages on the wire.
//!
//! Read with dhcproto's view of the bytes: its owned messages take options apart that nobody here asked for. What a list holds beyond
//! what a lease may have is left out already here, so that a packet costs no more than its own size.

use super::{Mac, Route};
use dhcproto::v4::borrowed;
use dhcproto::v4::{self, DhcpOption, MessageType, OptionCode};
use dhcproto::{Encodable, Encoder};
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// The largest message that is read; more than any Ethernet carries.
pub const MAX_LEN: usize = 2048;
/// What servers may send (option 57): an Ethernet frame's worth.
const MAX_MESSAGE: u16 = 1472;
const HARDWARE_ETHERNET: u8 = 1;

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Offer,
    Ack,
    Nak,
}

/// A server's message, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub kind: Kind,
    pub transaction: u32,
    pub address: Ipv4Addr,
    pub server: Option<Ipv4Addr>,
    pub mask: Option<Ipv4Addr>,
    /// Seconds: of the lease, T1 and T2.
    pub seconds: Option<u32>,
    pub renew: Option<u32>,
    pub rebind: Option<u32>,
    pub routers: Vec<Ipv4Addr>,
    pub routes: Vec<Route>,
    pub name_servers: Vec<Ipv4Addr>,
    pub time_servers: Vec<Ipv4Addr>,
}

/// Why bytes are no message of a server to this card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAReply {
    #[error("it is cut off")]
    Short,
    #[error("it is not from a server")]
    Request,
    #[error("it is for another card")]
    OtherCard,
    #[error("it has not the magic of DHCP")]
    Magic,
    #[error("it says nothing that a client listens to")]
    Kind,
}

/// Reads a message for the card.
pub fn parse(packet: &[u8], mac: Mac) -> Result<Reply, NotAReply> {
    let message = borrowed::Message::new(packet).map_err(|_| NotAReply::Short)?;
    if message.opcode() != v4::Opcode::BootReply {
        return Err(NotAReply::Request);
    }
    let ethernet = packet.get(1) == Some(&HARDWARE_ETHERNET) && message.hlen() == 6;
    if !ethernet || packet.get(28..34) != Some(mac.as_slice()) {
        return Err(NotAReply::OtherCard);
    }
    if packet.get(236..240) != Some(v4::MAGIC.as_slice()) {
        return Err(NotAReply::Magic);
    }
    let mut kind = None;
    let mut reply = Reply {
        kind: Kind::Nak,
        transaction: message.xid(),
        address: message.yiaddr(),
        server: None,
        mask: None,
        seconds: None,
        renew: None,
        rebind: None,
        routers: Vec::new(),
        routes: Vec::new(),
        name_servers: Vec::new(),
        time_servers: Vec::new(),
    };
    for option in message.opts() {
        let data = option.data();
        match option.code() {
            OptionCode::MessageType => kind = kind.or(kind_of(data)),
            OptionCode::ServerIdentifier => reply.server = reply.server.or(address(data)),
            OptionCode::SubnetMask => reply.mask = reply.mask.or(address(data)),
            OptionCode::AddressLeaseTime => reply.seconds = reply.seconds.or(number(data)),
            OptionCode::Renewal => reply.renew = reply.renew.or(number(data)),
            OptionCode::Rebinding => reply.rebind = reply.rebind.or(number(data)),
            OptionCode::Router => append(&mut reply.routers, data),
            OptionCode::DomainNameServer => append(&mut reply.name_servers, data),
            OptionCode::NtpServers => append(&mut reply.time_servers, data),
            OptionCode::ClasslessStaticRoute => reply.routes.extend(routes(data)),
            _ => {}
        }
    }
    reply.kind = kind.ok_or(NotAReply::Kind)?;
    Ok(reply)
}

fn kind_of(data: &[u8]) -> Option<Kind> {
    match MessageType::from(*data.first()?) {
        MessageType::Offer => Some(Kind::Offer),
        MessageType::Ack => Some(Kind::Ack),
        MessageType::Nak => Some(Kind::Nak),
        _ => None,
    }
}

fn number(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}

fn address(data: &[u8]) -> Option<Ipv4Addr> {
    number(data).map(Ipv4Addr::from)
}

/// A list whose length is no multiple of an address has lost its framing; the whole ones in it are taken nevertheless.
fn append(list: &mut Vec<Ipv4Addr>, data: &[u8]) {
    list.extend(data.chunks_exact(4).filter_map(address));
}

/// RFC 3442: the length of a prefix, as many bytes of it as it needs, and a gateway; up to the first that is none.
fn routes(mut data: &[u8]) -> Vec<Route> {
    let mut routes = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let significant = usize::from(length.div_ceil(8));
        let (Some(prefix), Some(gateway)) =
            (rest.get(..significant), rest.get(significant..significant + 4).and_then(address))
        else {
            break;
        };
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(prefix).for_each(|(to, from)| *to = *from);
        let Ok(to) = Ipv4Net::new(bytes.into(), *length) else { break };
        routes.push(Route { to: to.trunc(), gateway });
        data = rest.get(significant + 4..).unwrap_or_default();
    }
    routes
}

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    Discover,
    /// For this address of this server; for one that the client had before where there is no server.
    Request {
        address: Ipv4Addr,
        server: Option<Ipv4Addr>,
    },
    /// For the address that it has.
    Renew {
        address: Ipv4Addr,
    },
    Release {
        address: Ipv4Addr,
        server: Ipv4Addr,
    },
    /// Somebody has this address already.
    Decline {
        address: Ipv4Addr,
        server: Ipv4Addr,
    },
}

/// Writes a message.
pub fn build(mac: Mac, transaction: u32, seconds: u16, say: Say) -> Vec<u8> {
    let none = Ipv4Addr::UNSPECIFIED;
    let has = match say {
        Say::Renew { address } | Say::Release { address, .. } => address,
        _ => none,
    };
    let mut message = v4::Message::new_with_id(transaction, has, none, none, none, &mac);
    message.set_secs(seconds);
    if has == none {
        // Without an address it hears only what is said to all (RFC 2131, section 4.1).
        message.set_flags(v4::Flags::default().set_broadcast());
    }
    let options = message.opts_mut();
    let mut add = |option: DhcpOption| drop(options.insert(option));
    let mut client = vec![HARDWARE_ETHERNET];
    client.extend(mac);
    add(DhcpOption::ClientIdentifier(client));
    let kind = match say {
        Say::Discover => MessageType::Discover,
        Say::Request { .. } | Say::Renew { .. } => MessageType::Request,
        Say::Release { .. } => MessageType::Release,
        Say::Decline { .. } => MessageType::Decline,
    };
    add(DhcpOption::MessageType(kind));
    match say {
        Say::Request { address, server } => {
            add(DhcpOption::RequestedIpAddress(address));
            if let Some(server) = server {
                add(DhcpOption::ServerIdentifier(server));
            }
        }
        Say::Decline { address, server } => {
            add(DhcpOption::RequestedIpAddress(address));
            add(DhcpOption::ServerIdentifier(server));
        }
        Say::Release { server, .. } => add(DhcpOption::ServerIdentifier(server)),
        Say::Discover | Say::Renew { .. } => {}
    }
    if matches!(kind, MessageType::Discover | MessageType::Request) {
        add(DhcpOption::MaxMessageSize(MAX_MESSAGE));
        add(DhcpOption::ParameterRequestList(vec![
            OptionCode::SubnetMask,
            OptionCode::ClasslessStaticRoute,
            OptionCode::Router,
            OptionCode::DomainNameServer,
            OptionCode::NtpServers,
            OptionCode::AddressLeaseTime,
            OptionCode::Renewal,
            OptionCode::Rebinding,
        ]));
    }
    let mut packet = Vec::with_capacity(v4::MIN_PACKET_SIZE);
    // Into memory, with options that are all short: it cannot fail.
    let _ = message.encode(&mut Encoder::new(&mut packet));
    // Old relays drop what is shorter than BOOTP's messages were.
    packet.resize(packet.len().max(v4::MIN_PACKET_SIZE), 0);
    packet
}

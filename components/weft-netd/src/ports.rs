//! Sockets on one link. What comes in is handed to the manager over a bounded queue: where that is full, packets are lost, as they are
//! on any network.

use crate::arp;
use crate::dhcp::{Destination, Mac, message};
use crate::manager::Happened;
use crate::sys;
use dhcproto::v4::{CLIENT_PORT, SERVER_PORT};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

/// An error that stays must not keep the processor busy.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// The DHCP client's port on one link.
///
/// An ordinary UDP socket: the kernel takes packets apart and checks them. Before it has an address the client asks for answers to all
/// (the broadcast flag), since the kernel drops what is sent to an address that it does not have yet.
#[derive(Debug)]
pub struct DhcpPort {
    socket: Arc<UdpSocket>,
    reader: JoinHandle<()>,
}

impl DhcpPort {
    pub fn open(link: u32, name: &str, mac: Mac, events: Sender<Happened>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_broadcast(true)?;
        socket.bind_device(Some(name.as_bytes()))?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into())?;
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let from = socket.clone();
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; message::MAX_LEN];
            loop {
                // An error is one of the network, such as a card that went down; the link's own events say more.
                match from.recv_from(&mut buffer).await {
                    Ok((length, SocketAddr::V4(sender))) if sender.port() == SERVER_PORT => {
                        let packet = buffer.get(..length).unwrap_or_default();
                        // What is for nobody here takes no place in the queue.
                        if message::parse(packet, mac).is_ok() {
                            let _ = events.try_send(Happened::Dhcp(link, packet.to_vec()));
                        }
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(AFTER_ERROR).await,
                }
            }
        });
        Ok(Self { socket, reader })
    }

    pub async fn send(&self, packet: &[u8], to: Destination) -> io::Result<()> {
        let address = match to {
            Destination::Broadcast => Ipv4Addr::BROADCAST,
            Destination::Server(server) => server,
        };
        self.socket.send_to(packet, (address, SERVER_PORT)).await.map(drop)
    }
}

impl Drop for DhcpPort {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Hears and says ARP on one link; open only while an address is probed.
#[derive(Debug)]
pub struct ArpPort {
    socket: Arc<AsyncFd<Socket>>,
    link: u32,
    mac: Mac,
    reader: JoinHandle<()>,
}

impl ArpPort {
    pub fn open(link: u32, mac: Mac, address: Ipv4Addr, events: Sender<Happened>) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(arp::PROTOCOL.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking(), Some(protocol))?;
        socket.bind(&sys::card_address(link, arp::PROTOCOL, None)?)?;
        let socket = Arc::new(sys::watch(socket)?);
        let from = socket.clone();
        let reader = tokio::spawn(async move {
            while let Ok(mut ready) = from.readable().await {
                let mut buffer = [0; 128];
                let received = ready.try_io(|socket| io::Read::read(&mut socket.get_ref(), &mut buffer));
                let length = match received {
                    Ok(Ok(length)) => length,
                    Ok(Err(_)) => {
                        tokio::time::sleep(AFTER_ERROR).await;
                        continue;
                    }
                    Err(_) => continue,
                };
                if arp::claims(buffer.get(..length).unwrap_or_default(), mac, address) {
                    let _ = events.try_send(Happened::Conflict(link));
                }
            }
        });
        Ok(Self { socket, link, mac, reader })
    }

    pub fn probe(&self, address: Ipv4Addr) -> io::Result<()> {
        self.send(&arp::probe(self.mac, address))
    }

    pub fn announce(&self, address: Ipv4Addr) -> io::Result<()> {
        self.send(&arp::announcement(self.mac, address))
    }

    fn send(&self, packet: &[u8]) -> io::Result<()> {
        let everybody = sys::card_address(self.link, arp::PROTOCOL, Some([0xff; 6]))?;
        self.socket.get_ref().send_to(packet, &everybody).map(drop)
    }
}

impl Drop for ArpPort {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Asks the routers of a link to advertise themselves at once (RFC 4861, section 4.1): the kernel asks when a link comes up, but what
/// name servers they named is not heard by who starts later.
pub fn solicit_routers(link: u32, name: &str) -> io::Result<()> {
    const SOLICITATION: [u8; 8] = [133, 0, 0, 0, 0, 0, 0, 0];
    let socket = Socket::new(Domain::IPV6, Type::RAW.nonblocking(), Some(Protocol::ICMPV6))?;
    socket.bind_device(Some(name.as_bytes()))?;
    socket.set_multicast_hops_v6(255)?;
    let all_routers = std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    socket.send_to(&SOLICITATION, &std::net::SocketAddrV6::new(all_routers, 0, 0, link).into()).map(drop)
}

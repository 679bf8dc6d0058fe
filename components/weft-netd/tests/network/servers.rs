//! The other side of the cable: a DHCP server, a router, a time server. Each does what a shared policy says, and tells what it hears.

use crate::lab::Namespace;
use dhcproto::v4::{DhcpOption, Flags, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Decodable, Encodable, Encoder};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a test waits for comes in this time, or never.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What the DHCP server does.
#[derive(Clone)]
pub struct Policy {
    pub silent: bool,
    pub server: Ipv4Addr,
    pub address: Ipv4Addr,
    pub lease: u32,
    pub refuse: bool,
    /// Sent before every answer.
    pub noise: Vec<Vec<u8>>,
    pub time_server: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            silent: false,
            server: Ipv4Addr::new(10, 77, 0, 1),
            address: Ipv4Addr::new(10, 77, 0, 50),
            lease: 4,
            refuse: false,
            noise: Vec::new(),
            time_server: false,
        }
    }
}

/// A question of the device.
#[derive(Debug)]
pub struct Heard {
    pub kind: MessageType,
    pub message: Message,
}

pub struct DhcpServer {
    pub policy: Arc<Mutex<Policy>>,
    heard: Receiver<Heard>,
}

impl DhcpServer {
    pub fn start(network: &Namespace, policy: Policy) -> Self {
        let socket = network.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_broadcast(true).unwrap();
            socket.bind_device(Some(b"srv0")).unwrap();
            socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67).into()).unwrap();
            UdpSocket::from(socket)
        });
        let policy = Arc::new(Mutex::new(policy));
        let (sender, heard) = channel();
        let present = policy.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            loop {
                // The card may have been pulled out.
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { return };
                let message = Message::from_bytes(&buffer[..length]).unwrap();
                let kind = message.opts().msg_type().unwrap();
                let policy = present.lock().unwrap().clone();
                answer(&socket, &policy, &message, kind);
                if sender.send(Heard { kind, message }).is_err() {
                    return;
                }
            }
        });
        Self { policy, heard }
    }

    /// Waits for a question of that kind; others before it are passed over.
    pub fn wait(&self, kind: MessageType) -> Heard {
        self.wait_for(|heard| heard.kind == kind)
    }

    pub fn wait_for(&self, wanted: impl Fn(&Heard) -> bool) -> Heard {
        loop {
            let heard = self.heard.recv_timeout(LIMIT).expect("the device asks no such thing");
            if wanted(&heard) {
                return heard;
            }
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.policy.lock().unwrap());
    }
}

fn answer(socket: &UdpSocket, policy: &Policy, question: &Message, asked: MessageType) {
    let kind = match asked {
        MessageType::Discover => MessageType::Offer,
        MessageType::Request if policy.refuse => MessageType::Nak,
        MessageType::Request => MessageType::Ack,
        _ => return,
    };
    let foreign = matches!(question.opts().get(OptionCode::ServerIdentifier),
        Some(DhcpOption::ServerIdentifier(server)) if *server != policy.server);
    if policy.silent || foreign {
        return;
    }
    let none = Ipv4Addr::UNSPECIFIED;
    let granted = if kind == MessageType::Nak { none } else { policy.address };
    let mut message = Message::new_with_id(question.xid(), none, granted, none, none, question.chaddr());
    message.set_opcode(Opcode::BootReply).set_flags(question.flags());
    let options = message.opts_mut();
    options.insert(DhcpOption::MessageType(kind));
    options.insert(DhcpOption::ServerIdentifier(policy.server));
    options.insert(DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)));
    options.insert(DhcpOption::AddressLeaseTime(policy.lease));
    options.insert(DhcpOption::Router(vec![Ipv4Addr::new(10, 77, 0, 1)]));
    options.insert(DhcpOption::DomainNameServer(vec![Ipv4Addr::new(10, 77, 0, 53)]));
    if policy.time_server {
        options.insert(DhcpOption::NtpServers(vec![Ipv4Addr::new(10, 77, 0, 1)]));
    }
    let mut bytes = Vec::new();
    message.encode(&mut Encoder::new(&mut bytes)).unwrap();
    let broadcast =
        question.flags() == Flags::default().set_broadcast() || question.ciaddr().is_unspecified();
    let to = if broadcast { Ipv4Addr::BROADCAST } else { question.ciaddr() };
    for noise in &policy.noise {
        let _ = socket.send_to(noise, (to, 68));
    }
    let _ = socket.send_to(&bytes, (to, 68));
}

/// A router that advertises a prefix and a name server whenever it is asked, and once at the start.
pub fn start_router(network: &Namespace) {
    let socket = network.run(|| {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6)).unwrap();
        socket.bind_device(Some(b"srv0")).unwrap();
        socket.set_multicast_hops_v6(255).unwrap();
        let index = rustix_index("srv0");
        // Router solicitations go to all routers.
        socket.join_multicast_v6(&Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2), index).unwrap();
        socket
    });
    let advertisement = advertisement();
    std::thread::spawn(move || {
        let everybody = SocketAddrV6::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), 0, 0, 0);
        let mut buffer = [std::mem::MaybeUninit::uninit(); 1500];
        loop {
            let _ = socket.send_to(&advertisement, &everybody.into());
            loop {
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { return };
                // SAFETY: the kernel has written that many bytes.
                #[allow(unsafe_code)]
                let first = (length > 0).then(|| unsafe { buffer[0].assume_init() });
                if first == Some(133) {
                    break;
                }
            }
        }
    });
}

/// RFC 4861, section 4.2, with a prefix (4.6.2) and a name server (RFC 8106).
fn advertisement() -> Vec<u8> {
    let mut bytes = vec![134, 0, 0, 0, 64, 0];
    bytes.extend(1800_u16.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend([3, 4, 64, 0xc0]);
    bytes.extend(3600_u32.to_be_bytes());
    bytes.extend(1800_u32.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend("2001:db8:77::".parse::<Ipv6Addr>().unwrap().octets());
    bytes.extend([25, 3, 0, 0]);
    bytes.extend(600_u32.to_be_bytes());
    bytes.extend("2001:db8:77::53".parse::<Ipv6Addr>().unwrap().octets());
    bytes
}

fn rustix_index(name: &str) -> u32 {
    let name = std::ffi::CString::new(name).unwrap();
    // SAFETY: the name is a C string.
    #[allow(unsafe_code)]
    unsafe {
        libc::if_nametoindex(name.as_ptr())
    }
}

/// A time server whose clock is that long since 1970 when it starts. The first answers are cut off, or not for this question.
/// How often it was asked is returned.
pub fn start_time_server(network: &Namespace, time: Duration) -> Arc<AtomicU64> {
    let socket = network.run(|| UdpSocket::bind("10.77.0.1:123").unwrap());
    let start = std::time::Instant::now();
    let asked: Arc<AtomicU64> = Arc::default();
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        for question in 0.. {
            let Ok((length, asker)) = socket.recv_from(&mut buffer) else { return };
            assert!(length >= 48);
            let now = time + start.elapsed();
            let seconds = (now.as_secs() + 2_208_988_800) as u32;
            let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
            let stamp = [seconds.to_be_bytes(), (fraction as u32).to_be_bytes()].concat();
            let mut answer = vec![0x24, 2, 0, 0xec];
            answer.extend([0; 20]);
            answer.extend(&buffer[40..48]);
            answer.extend(&stamp);
            answer.extend(&stamp);
            match question {
                0 => answer.truncate(20),
                1 => answer[24] ^= 0xff,
                _ => {}
            }
            let _ = socket.send_to(&answer, asker);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    asked
}

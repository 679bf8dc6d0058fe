//! The client against servers that keep the rules, and against those that do not. The time is a number.

use super::client::{Action, Client, Destination, Event};
use super::lease::Lease;
use super::message::{self, Kind, NotAReply, Say};
use super::{Mac, Route};
use dhcproto::v4::{self, DhcpOption, MessageType, OptionCode};
use dhcproto::{Decodable, Encodable, Encoder};
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::time::Duration;

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn client() -> Client {
    let mut next = 7_u32;
    Client::new(
        MAC,
        Box::new(move || {
            next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            next
        }),
    )
}

/// What was sent, taken apart.
struct Sent {
    message: v4::Message,
    to: Destination,
}

impl Sent {
    fn kind(&self) -> MessageType {
        self.message.opts().msg_type().unwrap()
    }
}

fn sent(actions: &[Action]) -> Vec<Sent> {
    let read = |action: &Action| match action {
        Action::Send(packet, to) => Some(Sent { message: v4::Message::from_bytes(packet).unwrap(), to: *to }),
        _ => None,
    };
    actions.iter().filter_map(read).collect()
}

/// A server's answer to a question, before it is changed by `edit`.
fn answer_with(
    question: &Sent,
    kind: MessageType,
    server: Ipv4Addr,
    edit: impl FnOnce(&mut v4::Message),
) -> Vec<u8> {
    let mut message = v4::Message::new_with_id(
        question.message.xid(),
        Ipv4Addr::UNSPECIFIED,
        ADDRESS,
        server,
        Ipv4Addr::UNSPECIFIED,
        &MAC,
    );
    message.set_opcode(v4::Opcode::BootReply);
    for option in [
        DhcpOption::MessageType(kind),
        DhcpOption::ServerIdentifier(server),
        DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)),
        DhcpOption::AddressLeaseTime(1000),
        DhcpOption::Router(vec![SERVER]),
        DhcpOption::DomainNameServer(vec![SERVER, OTHER]),
    ] {
        message.opts_mut().insert(option);
    }
    edit(&mut message);
    let mut bytes = Vec::new();
    message.encode(&mut Encoder::new(&mut bytes)).unwrap();
    bytes
}

fn answer(question: &Sent, kind: MessageType) -> Vec<u8> {
    answer_with(question, kind, SERVER, |_| {})
}

fn used(actions: &[Action]) -> Option<Lease> {
    actions.iter().find_map(|action| match action {
        Action::Use(lease) => Some(lease.clone()),
        _ => None,
    })
}

fn stopped(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Stop(_)))
}

/// Lets the time pass to the client's next deadline.
fn tick(client: &mut Client) -> (Duration, Vec<Action>) {
    let now = client.deadline().unwrap();
    (now, client.handle(now, Event::Tick))
}

/// A client that has a lease of 1000 s which it asked for at 100 s.
fn bound_with(edit: fn(&mut v4::Message)) -> (Client, Lease) {
    let mut client = client();
    let discover = sent(&client.handle(at(100), Event::Carrier)).remove(0);
    assert_eq!((discover.kind(), discover.to), (MessageType::Discover, Destination::Broadcast));
    let offer = answer_with(&discover, MessageType::Offer, SERVER, edit);
    let request = sent(&client.handle(at(100), Event::Packet(&offer))).remove(0);
    assert_eq!(request.kind(), MessageType::Request);
    let ack = answer_with(&request, MessageType::Ack, SERVER, edit);
    assert!(client.handle(at(100), Event::Packet(&ack)).contains(&Action::Probe(ADDRESS)));
    for _ in 0..3 {
        if let Some(lease) = used(&tick(&mut client).1) {
            return (client, lease);
        }
    }
    panic!("no lease after three probes");
}

fn bound() -> (Client, Lease) {
    bound_with(|_| {})
}

#[test]
fn a_lease_is_asked_for_probed_and_used() {
    let (client, lease) = bound();
    assert_eq!(lease.address.to_string(), "192.0.2.100/24");
    assert_eq!(lease.routes, [Route { to: "0.0.0.0/0".parse().unwrap(), gateway: SERVER }]);
    assert_eq!((lease.server, lease.name_servers.as_slice()), (SERVER, [SERVER, OTHER].as_slice()));
    assert_eq!(client.deadline(), Some(at(600)), "T1 is half of it, since the question");
}

#[test]
fn questions_are_repeated_less_and_less_often() {
    let mut client = client();
    client.handle(at(0), Event::Carrier);
    let mut last = at(0);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let (now, actions) = tick(&mut client);
        assert_eq!(sent(&actions).len(), 1);
        pauses.push((now - last).as_secs());
        last = now;
    }
    assert_eq!(pauses, [4, 8, 16, 32, 64, 64, 64]);
}

#[test]
fn t1_asks_the_server_t2_everybody_and_then_it_is_over() {
    let (mut client, _) = bound();
    let (now, actions) = tick(&mut client);
    let renew = sent(&actions).remove(0);
    assert_eq!((now, renew.to, renew.message.ciaddr()), (at(600), Destination::Server(SERVER), ADDRESS));
    assert!(renew.message.opts().get(OptionCode::RequestedIpAddress).is_none());
    let mut times = Vec::new();
    loop {
        let (now, actions) = tick(&mut client);
        if stopped(&actions) {
            assert_eq!(now, at(1100), "asked for at 100 s, for 1000 s");
            assert_eq!(sent(&actions)[0].kind(), MessageType::Discover);
            break;
        }
        times.push((now.as_secs(), sent(&actions)[0].to == Destination::Broadcast));
    }
    assert!(times.iter().all(|(now, broadcast)| (*now >= 975) == *broadcast), "{times:?}");
    assert!(times.len() <= 10, "{times:?}");
}

#[test]
fn an_answer_to_a_renewal_counts_from_its_question() {
    let (mut client, _) = bound();
    let (_, actions) = tick(&mut client);
    let ack = answer(&sent(&actions)[0], MessageType::Ack);
    assert!(used(&client.handle(at(650), Event::Packet(&ack))).is_some());
    assert_eq!(client.deadline(), Some(at(1100)), "600 + 500");
}

#[test]
fn another_server_takes_over_at_t2_and_not_before() {
    let (mut client, _) = bound();
    let (_, actions) = tick(&mut client);
    let early = answer_with(&sent(&actions)[0], MessageType::Ack, OTHER, |_| {});
    assert!(client.handle(at(601), Event::Packet(&early)).is_empty());
    let rebind = loop {
        let (_, actions) = tick(&mut client);
        let question = sent(&actions).remove(0);
        if question.to == Destination::Broadcast {
            break question;
        }
    };
    let ack = answer_with(&rebind, MessageType::Ack, OTHER, |_| {});
    let lease = used(&client.handle(at(980), Event::Packet(&ack))).unwrap();
    assert_eq!(lease.server, OTHER);
    let (_, actions) = tick(&mut client);
    assert_eq!(sent(&actions)[0].to, Destination::Server(OTHER));
}

#[test]
fn of_two_offers_the_first_is_taken_and_only_its_server_heard() {
    let mut client = client();
    let discover = sent(&client.handle(at(0), Event::Carrier)).remove(0);
    let first = answer(&discover, MessageType::Offer);
    let second = answer_with(&discover, MessageType::Offer, OTHER, |_| {});
    let request = sent(&client.handle(at(0), Event::Packet(&first))).remove(0);
    assert!(client.handle(at(0), Event::Packet(&second)).is_empty());
    for kind in [MessageType::Ack, MessageType::Nak] {
        let foreign = answer_with(&request, kind, OTHER, |_| {});
        assert!(client.handle(at(0), Event::Packet(&foreign)).is_empty(), "{kind:?}");
    }
    assert!(!client.handle(at(0), Event::Packet(&answer(&request, MessageType::Ack))).is_empty());
}

#[test]
fn a_storm_of_refusals_does_not_make_it_ask_faster() {
    let mut client = client();
    let mut actions = client.handle(at(0), Event::Carrier);
    let mut now = at(0);
    let mut questions = 0;
    while now < at(3600) {
        for question in sent(&actions) {
            questions += 1;
            let kind = match question.kind() {
                MessageType::Discover => MessageType::Offer,
                _ => MessageType::Nak,
            };
            let reply = answer(&question, kind);
            for _ in 0..1000 {
                actions = client.handle(now, Event::Packet(&reply));
                if !actions.is_empty() {
                    break;
                }
            }
        }
        if sent(&actions).is_empty() {
            (now, actions) = tick(&mut client);
        }
    }
    assert!(questions < 140, "{questions} questions in an hour");
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut client = client();
    let discover = sent(&client.handle(at(0), Event::Carrier)).remove(0);
    let request =
        sent(&client.handle(at(0), Event::Packet(&answer(&discover, MessageType::Offer)))).remove(0);
    client.handle(at(0), Event::Packet(&answer(&request, MessageType::Ack)));
    let actions = client.handle(at(0), Event::Conflict);
    let decline = sent(&actions).remove(0);
    assert_eq!(decline.kind(), MessageType::Decline);
    assert_eq!(
        decline.message.opts().get(OptionCode::RequestedIpAddress),
        Some(&DhcpOption::RequestedIpAddress(ADDRESS))
    );
    assert_eq!(client.deadline(), Some(at(10)));
    assert!(client.handle(at(1), Event::Conflict).is_empty(), "said twice, declined once");
    assert_eq!(sent(&tick(&mut client).1)[0].kind(), MessageType::Discover);
}

#[test]
fn after_the_cable_was_out_the_same_address_is_asked_for() {
    let (mut client, _) = bound();
    assert!(stopped(&client.handle(at(200), Event::NoCarrier)));
    assert!(client.lease().is_none() && client.deadline().is_none());
    let again = sent(&client.handle(at(300), Event::Carrier)).remove(0);
    assert_eq!((again.kind(), again.to), (MessageType::Request, Destination::Broadcast));
    assert!(again.message.opts().get(OptionCode::ServerIdentifier).is_none());
    client.handle(at(300), Event::NoCarrier);
    let (mut client, _) = bound();
    client.handle(at(200), Event::NoCarrier);
    let late = sent(&client.handle(at(1100), Event::Carrier)).remove(0);
    assert_eq!(late.kind(), MessageType::Discover, "the lease was over by then");
}

#[test]
fn a_lease_is_given_back() {
    let (mut client, _) = bound();
    let actions = client.release();
    let release = sent(&actions).remove(0);
    assert_eq!((release.kind(), release.to), (MessageType::Release, Destination::Server(SERVER)));
    assert_eq!(release.message.ciaddr(), ADDRESS);
    assert!(stopped(&actions) && client.release().is_empty());
}

#[test]
fn for_ever_is_for_ever() {
    let (client, lease) = bound_with(|message| {
        message.opts_mut().insert(DhcpOption::AddressLeaseTime(u32::MAX));
    });
    assert_eq!((lease.duration, client.deadline()), (None, None));
}

#[test]
fn offers_of_no_use_are_ignored_and_the_next_is_taken() {
    type Edit = fn(&mut v4::Message);
    let edits: [(&str, Edit); 8] = [
        ("no time at all", |m| drop(m.opts_mut().insert(DhcpOption::AddressLeaseTime(0)))),
        ("too short", |m| drop(m.opts_mut().insert(DhcpOption::AddressLeaseTime(3)))),
        ("without a time", |m| drop(m.opts_mut().remove(OptionCode::AddressLeaseTime))),
        ("without a server", |m| drop(m.opts_mut().remove(OptionCode::ServerIdentifier))),
        ("a group's address", |m| {
            m.set_yiaddr(Ipv4Addr::new(224, 0, 0, 1));
        }),
        ("the network's own address", |m| {
            m.set_yiaddr(Ipv4Addr::new(192, 0, 2, 0));
        }),
        ("the device itself", |m| {
            m.set_yiaddr(Ipv4Addr::LOCALHOST);
        }),
        ("a mask with a hole", |m| {
            drop(m.opts_mut().insert(DhcpOption::SubnetMask(Ipv4Addr::new(255, 0, 255, 0))))
        }),
    ];
    for (what, edit) in edits {
        let mut client = client();
        let discover = sent(&client.handle(at(0), Event::Carrier)).remove(0);
        let useless = answer_with(&discover, MessageType::Offer, SERVER, edit);
        let actions = client.handle(at(0), Event::Packet(&useless));
        assert!(matches!(actions.as_slice(), [Action::Say(_)]), "{what}: {actions:?}");
        let good = answer(&discover, MessageType::Offer);
        assert_eq!(sent(&client.handle(at(0), Event::Packet(&good))).len(), 1, "{what}");
    }
}

#[test]
fn packets_that_are_no_answers_are_named() {
    let question = Sent {
        message: v4::Message::from_bytes(&message::build(MAC, 1, 0, Say::Discover)).unwrap(),
        to: Destination::Broadcast,
    };
    let good = answer(&question, MessageType::Offer);
    assert_eq!(message::parse(&good, MAC).unwrap().kind, Kind::Offer);
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        message::parse(&bytes, MAC).unwrap_err()
    };
    assert_eq!(changed(0, 1), NotAReply::Request);
    assert_eq!(changed(2, 255), NotAReply::OtherCard, "a length that lies");
    assert_eq!(changed(33, 9), NotAReply::OtherCard);
    assert_eq!(changed(236, 0), NotAReply::Magic);
    assert_eq!(message::parse(&good[..239], MAC), Err(NotAReply::Short));
    assert_eq!(message::parse(&good[..240], MAC), Err(NotAReply::Kind));
}

#[test]
fn classless_routes_take_the_place_of_the_router() {
    let mut data = vec![0, 192, 0, 2, 9];
    data.extend([24, 198, 51, 100, 192, 0, 2, 8]);
    data.extend([32, 224, 0, 0, 1, 192, 0, 2, 8]);
    data.extend([33, 1, 2, 3, 4, 5, 6, 7, 8]);
    let mut reply = message::parse(
        &answer(
            &Sent {
                message: v4::Message::from_bytes(&message::build(MAC, 1, 0, Say::Discover)).unwrap(),
                to: Destination::Broadcast,
            },
            MessageType::Ack,
        ),
        MAC,
    )
    .unwrap();
    let mut bytes = message::build(MAC, 1, 0, Say::Discover);
    bytes[0] = 2;
    bytes.truncate(240);
    bytes.extend([53, 1, 5, 121, u8::try_from(data.len()).unwrap()]);
    bytes.extend(data);
    reply.routes = message::parse(&bytes, MAC).unwrap().routes;
    let routes = Lease::of(&reply).unwrap().routes;
    let texts: Vec<String> = routes.iter().map(|route| format!("{} {}", route.to, route.gateway)).collect();
    assert_eq!(texts, ["0.0.0.0/0 192.0.2.9", "198.51.100.0/24 192.0.2.8"]);
}

/// What a hostile network may do.
#[derive(Debug, Clone)]
enum Attack {
    Bytes(Vec<u8>),
    /// An answer to the last question, with some bytes changed and the end cut off.
    Answer {
        kind: u8,
        changes: Vec<(usize, u8)>,
        length: usize,
    },
    Cable(bool),
    Conflict,
    Time,
}

fn attack() -> impl Strategy<Value = Attack> {
    let changes = prop::collection::vec((0..400_usize, any::<u8>()), 0..6);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600).prop_map(Attack::Bytes),
        (prop_oneof![Just(2_u8), Just(5), Just(6)], changes, 200..400_usize)
            .prop_map(|(kind, changes, length)| Attack::Answer { kind, changes, length }),
        any::<bool>().prop_map(Attack::Cable),
        Just(Attack::Conflict),
        Just(Attack::Time),
        Just(Attack::Time),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_it_goes_on_and_uses_only_sound_leases(attacks in prop::collection::vec(attack(), 0..60)) {
        let mut client = client();
        let mut now = at(1);
        let mut last = sent(&client.handle(now, Event::Carrier)).remove(0);
        for attack in attacks {
            let actions = match attack {
                Attack::Bytes(bytes) => client.handle(now, Event::Packet(&bytes)),
                Attack::Answer { kind, changes, length } => {
                    let mut bytes = answer(&last, MessageType::from(kind));
                    for (at, to) in changes {
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte = to;
                        }
                    }
                    bytes.truncate(length);
                    client.handle(now, Event::Packet(&bytes))
                }
                Attack::Cable(true) => client.handle(now, Event::Carrier),
                Attack::Cable(false) => client.handle(now, Event::NoCarrier),
                Attack::Conflict => client.handle(now, Event::Conflict),
                Attack::Time => {
                    let before = now;
                    now = client.deadline().unwrap_or(now).max(now);
                    let actions = client.handle(now, Event::Tick);
                    prop_assert!(client.deadline().is_none_or(|next| next > before), "time stands still");
                    actions
                }
            };
            prop_assert!(actions.len() <= 4);
            if let Some(question) = sent(&actions).pop() {
                last = question;
            }
            if let Some(lease) = used(&actions) {
                prop_assert!(super::lease::is_unicast(lease.address.addr()) && lease.address.prefix_len() > 0);
                prop_assert!(lease.routes.len() <= 32 && lease.name_servers.len() <= 4);
                prop_assert!(lease.duration.is_none_or(|all| lease.renew < lease.rebind && lease.rebind < all));
            }
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let _ = message::parse(&bytes, MAC);
    }
}

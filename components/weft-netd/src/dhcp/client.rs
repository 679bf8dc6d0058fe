//! The states of a client (RFC 2131, section 4.4), as a pure machine: events and the time go in, actions come out.
//!
//! It listens only to what answers its own question: each question has a fresh transaction number, an acknowledgement must come from the
//! server that was asked and grant the address that was asked for. Whatever a server does, questions are asked at a bounded rate.

use super::message::{self, Kind, Reply, Say};
use super::{Lease, Mac};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Since boot.
type Now = Duration;

const FIRST_RETRY: Duration = Duration::from_secs(4);
const LAST_RETRY: Duration = Duration::from_secs(64);
/// Requests for one offer before it is given up.
const REQUESTS: u32 = 4;
/// Requests for the address of before.
const REBOOT_REQUESTS: u32 = 2;
/// After a refusal; doubles with each one that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// After a conflict (RFC 2131, section 3.1, step 5).
const CONFLICT_PAUSE: Duration = Duration::from_secs(10);
/// Between two renewals that nobody answers.
const RENEWAL_RETRY: Duration = Duration::from_secs(60);
/// Questions whether anybody has the address, and the pause after each: quicker than RFC 5227, for people who wait for a screen.
const PROBES: u32 = 3;
const PROBE_WAIT: Duration = Duration::from_millis(200);

/// What happens to the client.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The cable is in.
    Carrier,
    /// The cable is out.
    NoCarrier,
    Packet(&'a [u8]),
    /// Somebody else has the address that was probed.
    Conflict,
    /// The deadline may have passed.
    Tick,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    Broadcast,
    Server(Ipv4Addr),
}

/// What it asks its surroundings to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Send(Vec<u8>, Destination),
    /// Ask who has the address (RFC 5227); listen for an answer.
    Probe(Ipv4Addr),
    /// Use the lease, for that long from now; also told at every renewal.
    Use(Lease),
    /// The lease that was used is over.
    Stop(Lease),
    /// A sentence for the log.
    Say(String),
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// No cable.
    Off,
    Pause,
    Selecting {
        tries: u32,
    },
    Requesting {
        offer: Lease,
        tries: u32,
    },
    Rebooting {
        lease: Lease,
        tries: u32,
    },
    Probing {
        lease: Lease,
        probes: u32,
    },
    Bound {
        lease: Lease,
    },
    Renewing {
        lease: Lease,
    },
    Rebinding {
        lease: Lease,
    },
}

/// A client on one link.
pub struct Client {
    mac: Mac,
    random: Box<dyn FnMut() -> u32 + Send>,
    state: State,
    transaction: u32,
    /// When the present question was first asked: leases count from there.
    asked: Now,
    /// When the lease in use was asked for.
    granted: Now,
    deadline: Option<Now>,
    /// Refusals and conflicts since the last lease.
    refusals: u32,
    /// Where the cable was pulled out: the lease, and when it ends.
    before: Option<(Lease, Option<Now>)>,
    actions: Vec<Action>,
}

impl Client {
    pub fn new(mac: Mac, random: Box<dyn FnMut() -> u32 + Send>) -> Self {
        Self {
            mac,
            random,
            state: State::Off,
            transaction: 0,
            asked: Now::ZERO,
            granted: Now::ZERO,
            deadline: None,
            refusals: 0,
            before: None,
            actions: Vec::new(),
        }
    }

    /// When it wants a [`Event::Tick`].
    pub fn deadline(&self) -> Option<Now> {
        self.deadline
    }

    /// The lease in use.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Bound { lease } | State::Renewing { lease } | State::Rebinding { lease } => Some(lease),
            _ => None,
        }
    }

    /// When the lease in use ends; `None` for never.
    fn ends(&self) -> Option<Now> {
        self.lease()?.duration.map(|duration| self.granted.saturating_add(duration))
    }

    pub fn handle(&mut self, now: Now, event: Event<'_>) -> Vec<Action> {
        match event {
            Event::Carrier => self.carrier(now),
            Event::NoCarrier => self.no_carrier(),
            Event::Packet(packet) => match message::parse(packet, self.mac) {
                Ok(reply) if reply.transaction == self.transaction => self.reply(now, &reply),
                _ => {}
            },
            Event::Conflict => self.conflict(now),
            Event::Tick if self.deadline.is_some_and(|deadline| deadline <= now) => self.timeout(now),
            Event::Tick => {}
        }
        std::mem::take(&mut self.actions)
    }

    /// Gives the lease back, for good.
    pub fn release(&mut self) -> Vec<Action> {
        if let Some(lease) = self.lease().cloned() {
            let say = Say::Release { address: lease.address.addr(), server: lease.server };
            self.transaction = (self.random)();
            let packet = message::build(self.mac, self.transaction, 0, say);
            self.actions.push(Action::Send(packet, Destination::Server(lease.server)));
            self.actions.push(Action::Stop(lease));
        }
        self.state = State::Off;
        self.deadline = None;
        self.before = None;
        std::mem::take(&mut self.actions)
    }

    fn carrier(&mut self, now: Now) {
        if self.state != State::Off {
            return;
        }
        match self.before.take() {
            Some((lease, ends)) if ends.is_none_or(|ends| now < ends) => {
                self.ask_anew(now);
                self.request(now, State::Rebooting { lease, tries: 0 });
            }
            _ => self.discover(now),
        }
    }

    fn no_carrier(&mut self) {
        let ends = self.ends();
        if let Some(lease) = self.lease().cloned() {
            self.before = Some((lease.clone(), ends));
            self.actions.push(Action::Stop(lease));
        }
        self.state = State::Off;
        self.deadline = None;
    }

    /// A new question.
    fn ask_anew(&mut self, now: Now) {
        self.transaction = (self.random)();
        self.asked = now;
    }

    fn discover(&mut self, now: Now) {
        self.ask_anew(now);
        self.state = State::Selecting { tries: 0 };
        self.ask(now);
    }

    fn request(&mut self, now: Now, state: State) {
        self.state = state;
        self.ask(now);
    }

    /// Asks the question of the state, once more, and notes when to ask again: the interval doubles, give or take a little, so that many
    /// devices that were switched on together do not stay together.
    fn ask(&mut self, now: Now) {
        let (say, tries) = match &mut self.state {
            State::Selecting { tries } => (Say::Discover, tries),
            State::Requesting { offer, tries } => {
                (Say::Request { address: offer.address.addr(), server: Some(offer.server) }, tries)
            }
            State::Rebooting { lease, tries } => {
                (Say::Request { address: lease.address.addr(), server: None }, tries)
            }
            _ => return,
        };
        let interval = FIRST_RETRY.saturating_mul(1 << (*tries).min(5)).min(LAST_RETRY);
        *tries += 1;
        self.send(now, say, Destination::Broadcast);
        let jitter = Duration::from_millis(u64::from((self.random)() % 1000));
        self.deadline = Some(now + interval + jitter);
    }

    fn send(&mut self, now: Now, say: Say, to: Destination) {
        let seconds = u16::try_from(now.saturating_sub(self.asked).as_secs()).unwrap_or(u16::MAX);
        self.actions.push(Action::Send(message::build(self.mac, self.transaction, seconds, say), to));
    }

    fn reply(&mut self, now: Now, reply: &Reply) {
        match (reply.kind, self.state.clone()) {
            (Kind::Offer, State::Selecting { .. }) => match Lease::of(reply) {
                Ok(offer) => self.request(now, State::Requesting { offer, tries: 0 }),
                Err(why) => self.complain("an offer", why),
            },
            (Kind::Ack, State::Requesting { offer, .. }) if reply.server == Some(offer.server) => {
                self.acknowledged(now, reply, &offer)
            }
            (Kind::Nak, State::Requesting { offer, .. }) if reply.server == Some(offer.server) => {
                self.refused(now)
            }
            (Kind::Ack, State::Rebooting { lease, .. } | State::Rebinding { lease }) => {
                self.acknowledged(now, reply, &lease)
            }
            (Kind::Ack, State::Renewing { lease }) if reply.server == Some(lease.server) => {
                self.acknowledged(now, reply, &lease)
            }
            (Kind::Nak, State::Renewing { lease }) if reply.server == Some(lease.server) => self.refused(now),
            (Kind::Nak, State::Rebooting { .. } | State::Rebinding { .. }) => self.refused(now),
            _ => {}
        }
    }

    fn complain(&mut self, what: &str, why: super::lease::Unusable) {
        self.actions.push(Action::Say(format!("{what} is of no use: {why}, ignoring")));
    }

    fn acknowledged(&mut self, now: Now, reply: &Reply, asked_for: &Lease) {
        let lease = match Lease::of(reply) {
            Ok(lease) if lease.address.addr() == asked_for.address.addr() => lease,
            Ok(lease) => {
                let (got, wanted) = (lease.address.addr(), asked_for.address.addr());
                let text = format!("{} grants {got} where {wanted} was asked for, ignoring", lease.server);
                return self.actions.push(Action::Say(text));
            }
            Err(why) => return self.complain("a lease", why),
        };
        if self.lease().is_some() {
            self.bind(now, lease);
        } else {
            self.state = State::Probing { lease, probes: 0 };
            self.probe(now);
        }
    }

    fn probe(&mut self, now: Now) {
        let State::Probing { lease, probes } = &mut self.state else { return };
        if *probes < PROBES {
            *probes += 1;
            self.actions.push(Action::Probe(lease.address.addr()));
            self.deadline = Some(now + PROBE_WAIT);
        } else {
            let lease = lease.clone();
            self.bind(now, lease);
        }
    }

    fn bind(&mut self, now: Now, lease: Lease) {
        self.refusals = 0;
        self.granted = self.asked;
        self.deadline = lease.duration.map(|_| (self.granted + lease.renew).max(now));
        self.actions.push(Action::Use(lease.clone()));
        self.state = State::Bound { lease };
    }

    fn refused(&mut self, now: Now) {
        self.actions.push(Action::Say("the server refuses the address, asking for another".to_owned()));
        let pause = FIRST_PAUSE.saturating_mul(1 << self.refusals.min(6));
        self.start_over(now + pause);
    }

    fn conflict(&mut self, now: Now) {
        let State::Probing { lease, .. } = &self.state else { return };
        let (address, server) = (lease.address.addr(), lease.server);
        self.actions.push(Action::Say(format!("{address} is in use by somebody else, asking for another")));
        self.send(now, Say::Decline { address, server }, Destination::Broadcast);
        let pause = CONFLICT_PAUSE.saturating_mul(1 << self.refusals.min(3));
        self.start_over(now + pause);
    }

    /// Forgets the lease, and begins again at that time.
    fn start_over(&mut self, at: Now) {
        if let Some(lease) = self.lease().cloned() {
            self.actions.push(Action::Stop(lease));
        }
        self.refusals = self.refusals.saturating_add(1);
        self.state = State::Pause;
        self.deadline = Some(at);
    }

    fn timeout(&mut self, now: Now) {
        match &self.state {
            State::Off => self.deadline = None,
            State::Pause => self.discover(now),
            State::Selecting { .. } => self.ask(now),
            State::Requesting { tries, .. } if *tries >= REQUESTS => self.discover(now),
            State::Rebooting { tries, .. } if *tries >= REBOOT_REQUESTS => self.discover(now),
            State::Requesting { .. } | State::Rebooting { .. } => self.ask(now),
            State::Probing { .. } => self.probe(now),
            State::Bound { lease } | State::Renewing { lease } | State::Rebinding { lease } => {
                let lease = lease.clone();
                self.prolong(now, lease);
            }
        }
    }

    /// Asks for more time: the server from T1, everybody from T2, until the lease is over.
    fn prolong(&mut self, now: Now, lease: Lease) {
        let (Some(ends), rebind) = (self.ends(), self.granted + lease.rebind) else { return };
        if now >= ends {
            let text = format!("the lease of {} is over: no server renewed it", lease.address.addr());
            self.actions.push(Action::Say(text));
            self.actions.push(Action::Stop(lease));
            self.refusals = 0;
            return self.discover(now);
        }
        let address = lease.address.addr();
        let rebinding = now >= rebind;
        let begins = match &self.state {
            State::Bound { .. } => true,
            State::Renewing { .. } => rebinding,
            _ => false,
        };
        if begins {
            self.ask_anew(now);
        }
        let (to, next) = match rebinding {
            true => (Destination::Broadcast, ends),
            false => (Destination::Server(lease.server), rebind),
        };
        // An answer to a second question is also one to the first: the lease counts from the earliest.
        self.send(now, Say::Renew { address }, to);
        self.state = if rebinding { State::Rebinding { lease } } else { State::Renewing { lease } };
        self.deadline = Some(next.min(now + (next.saturating_sub(now) / 2).max(RENEWAL_RETRY)));
    }
}

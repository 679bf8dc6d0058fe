//! A DHCPv4 client (RFC 2131, RFC 2132): [`message`] is the wire, [`Client`] the states. Neither has a socket or a clock.

mod client;
pub mod lease;
pub mod message;

pub use client::{Action, Client, Destination, Event};
pub use lease::{Lease, Route};

#[cfg(test)]
mod tests;

/// Six bytes of an Ethernet card.
pub type Mac = [u8; 6];

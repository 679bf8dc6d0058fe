//! ARP for IPv4 on Ethernet (RFC 826), as far as a device asks whether its address is free (RFC 5227).

use crate::dhcp::Mac;
use std::net::Ipv4Addr;

/// `ETH_P_ARP`
pub const PROTOCOL: u16 = 0x0806;
const HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;
const LEN: usize = 28;

fn packet(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut packet = Vec::with_capacity(LEN);
    packet.extend(HEAD);
    packet.extend(REQUEST.to_be_bytes());
    packet.extend(mac);
    packet.extend(sender.octets());
    packet.extend([0; 6]);
    packet.extend(target.octets());
    packet
}

/// Asks who has the address, without claiming it.
pub fn probe(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    packet(mac, Ipv4Addr::UNSPECIFIED, address)
}

/// Tells everybody that the card has the address now.
pub fn announcement(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    packet(mac, address, address)
}

/// Whether a packet says that another card has the address, or is just about to take it.
pub fn claims(packet: &[u8], mac: Mac, address: Ipv4Addr) -> bool {
    let Some(packet) = packet.get(..LEN).filter(|packet| packet.starts_with(&HEAD)) else {
        return false;
    };
    let field = |from: usize, length: usize| packet.get(from..from + length).unwrap_or_default();
    let (card, sender, target) = (field(8, 6), field(14, 4), field(24, 4));
    let probes = sender == [0; 4] && target == address.octets() && field(6, 2) == REQUEST.to_be_bytes();
    card != mac && (sender == address.octets() || probes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: Mac = [2, 0, 0, 0, 0, 1];
    const OTHER: Mac = [2, 0, 0, 0, 0, 2];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    #[test]
    fn another_card_with_the_address_is_a_conflict() {
        assert!(claims(&announcement(OTHER, ADDRESS), OWN, ADDRESS));
        assert!(claims(&probe(OTHER, ADDRESS), OWN, ADDRESS), "two that probe at once");
        for harmless in [
            announcement(OWN, ADDRESS),
            probe(OWN, ADDRESS),
            announcement(OTHER, Ipv4Addr::new(192, 0, 2, 8)),
            packet(OTHER, Ipv4Addr::new(192, 0, 2, 8), ADDRESS),
        ] {
            assert!(!claims(&harmless, OWN, ADDRESS), "{harmless:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            claims(&bytes, OWN, ADDRESS);
        }
    }
}

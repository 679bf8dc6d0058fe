//! Packets to a DHCP client, one after another: whatever it hears, it goes on, and uses only what the kernel can be given. Each packet is
//! preceded by its length in two bytes; where that is odd, the client's own transaction and address are put into it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use weft_netd::dhcp::message::{MAX_LEN, parse};
use weft_netd::dhcp::{Action, Client, Event, Mac};

const MAC: Mac = [2, 0, 0, 0, 0, 1];

fuzz_target!(|input: &[u8]| {
    let _ = parse(input, MAC);
    let mut client = Client::new(MAC, Box::new(|| 7));
    let mut now = Duration::from_secs(1);
    client.handle(now, Event::Carrier);
    let mut rest = input;
    while let [high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (packet, tail) = tail.split_at(length.min(tail.len()).min(MAX_LEN));
        rest = tail;
        let mut packet = packet.to_vec();
        if length % 2 == 1 && packet.len() >= 34 {
            packet[4..8].copy_from_slice(&7_u32.to_be_bytes());
            packet[28..34].copy_from_slice(&MAC);
        }
        let mut actions = client.handle(now, Event::Packet(&packet));
        if let Some(deadline) = client.deadline() {
            now = now.max(deadline);
        }
        actions.extend(client.handle(now, Event::Tick));
        assert!(actions.len() <= 8);
        for action in actions {
            if let Action::Use(lease) = action {
                assert!(lease.address.prefix_len() > 0 && lease.routes.len() <= 32);
                assert!(lease.duration.is_none_or(|all| lease.renew < lease.rebind && lease.rebind < all));
            }
        }
    }
});

//! What the kernel passes on of router advertisements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use weft_netd::rdnss::{MAX_SERVERS, Servers, parse};

fuzz_target!(|datagram: &[u8]| {
    let mut servers = Servers::default();
    for advertised in parse(datagram) {
        servers.learn(Duration::from_secs(1), &advertised);
        assert!(servers.list().len() <= MAX_SERVERS);
    }
});

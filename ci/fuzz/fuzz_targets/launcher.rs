//! A packet to the launcher, its first byte saying how many descriptors came with it. What is taken is within every limit, and survives
//! the wire.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_ipc::launcher::{MAX_DESCRIPTORS, Request, encode, request};

fuzz_target!(|input: &[u8]| {
    let Some((attached, packet)) = input.split_first() else { return };
    let Ok(taken) = request(packet, usize::from(*attached)) else { return };
    assert!(usize::from(*attached) <= MAX_DESCRIPTORS);
    if let Request::Spawn(spawn) = &taken {
        assert!(spawn.check().is_ok());
    }
    // Named fields may need more room than the packet had.
    if let Ok(packet) = encode(&taken) {
        assert_eq!(request(&packet, usize::from(*attached)).ok(), Some(taken));
    }
});

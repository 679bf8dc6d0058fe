//! Messages of the udev netlink group, as libudev sends and filters them: a binary header, then the properties.

/// Netlink multicast group of processed events; the kernel's own is 1.
pub const GROUP: u32 = 2;

const PREFIX: &[u8; 8] = b"libudev\0";
const MAGIC: u32 = 0xfeed_cafe;
const HEADER_LENGTH: u32 = 40;

/// Encodes an event for libudev's listeners.
///
/// The socket filter of a listener compares the magic number and the hash of the subsystem in network byte order; lengths and offsets are in
/// the machine's own order.
pub fn encode(properties: &[(String, String)]) -> Vec<u8> {
    let find = |key: &str| properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_bytes());
    let mut body = Vec::new();
    for (key, value) in properties {
        body.extend_from_slice(key.as_bytes());
        body.push(b'=');
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(body.len() + 40);
    message.extend_from_slice(PREFIX);
    message.extend_from_slice(&MAGIC.to_be_bytes());
    message.extend_from_slice(&HEADER_LENGTH.to_ne_bytes());
    message.extend_from_slice(&HEADER_LENGTH.to_ne_bytes());
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&find("SUBSYSTEM").map_or(0, hash).to_be_bytes());
    message.extend_from_slice(&find("DEVTYPE").map_or(0, hash).to_be_bytes());
    // No tags: an empty Bloom filter of 64 bits.
    message.extend_from_slice(&[0; 8]);
    message.append(&mut body);
    message
}

/// MurmurHash2 of 32 bits with seed 0, by Austin Appleby.
fn hash(text: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut state = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut words = text.chunks_exact(4);
    for word in &mut words {
        let mut k = word.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        state = state.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        state ^= rest.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        state = state.wrapping_mul(M);
    }
    state ^= state >> 13;
    state = state.wrapping_mul(M);
    state ^ (state >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_libudev_does() {
        // The one value with which `udevadm monitor --subsystem-match=input` lets a message through.
        assert_eq!(hash(b"input"), 0xc1a2_8470);
        assert_eq!(hash(b""), 0);
    }

    #[test]
    fn header_then_properties() {
        let properties =
            [("ACTION", "add"), ("SUBSYSTEM", "input")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let message = encode(&properties);
        assert_eq!(&message[..8], b"libudev\0");
        assert_eq!(&message[8..12], &[0xfe, 0xed, 0xca, 0xfe]);
        assert_eq!(u32::from_ne_bytes(message[16..20].try_into().unwrap()), 40);
        let body = &message[40..];
        assert_eq!(u32::from_ne_bytes(message[20..24].try_into().unwrap()) as usize, body.len());
        assert_eq!(body, b"ACTION=add\0SUBSYSTEM=input\0");
        assert_eq!(&message[24..28], &hash(b"input").to_be_bytes());
        assert_eq!(&message[28..40], &[0; 12]);
    }
}

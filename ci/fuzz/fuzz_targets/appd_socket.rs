//! appd's Unix socket: frames from a client, and what the sessions make of them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| weft_appd::fuzz::socket(input));

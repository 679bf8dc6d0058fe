//! One line that a client writes to the file portal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_file_portal::{MAX_LINE_LEN, parse};

fuzz_target!(|line: &[u8]| {
    assert!(parse(line).is_err() || line.len() <= MAX_LINE_LEN);
});

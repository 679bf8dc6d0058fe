//! `.app.tar.zst`: a Zstandard frame as it is, anything else as the tar archive in one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use weft_fuzz::{Nowhere, ROOT, name};
use weft_package::archive::unpack_from;

fuzz_target!(|input: &[u8]| {
    let compressed = if input.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        input.to_vec()
    } else {
        zstd::encode_all(input, 1).unwrap_or_default()
    };
    let _ = unpack_from(&Nowhere, &*compressed, compressed.len() as u64, &name(), Path::new(ROOT));
});

//! `.app.img`: the EROFS file system.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use weft_fuzz::{Nowhere, ROOT, name};
use weft_package::image::unpack_from;

fuzz_target!(|input: &[u8]| {
    let _ = unpack_from(&Nowhere, input, &name(), Path::new(ROOT));
});

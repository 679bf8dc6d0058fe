//! `app.wasm`: what a component imports.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_fuzz::name;
use weft_package::component::imports;

fuzz_target!(|input: &[u8]| {
    let _ = imports(input, &name());
});

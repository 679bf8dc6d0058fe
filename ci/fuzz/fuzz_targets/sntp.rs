//! An answer of a time server, and what is made of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::time::Duration;
use weft_netd::fuzz::sntp_answer;
use weft_netd::time::floor::Floor;
use weft_netd::time::judge::{Verdict, judge};

const NOW: u64 = 1_790_000_000;

fuzz_target!(|answer: &[u8]| {
    let Ok(sample) = sntp_answer(answer, NOW) else { return };
    let floor = Floor::read(Path::new("/weft-fuzz-nowhere/built"), Path::new("/weft-fuzz-nowhere/seen"));
    for samples in [&[sample][..], &[sample, sample]] {
        if let Verdict::Step { to, .. } = judge(Duration::from_secs(NOW), samples, &floor) {
            assert!(to + Duration::from_secs(1) >= floor.earliest() && to <= floor.ceiling());
        }
    }
});

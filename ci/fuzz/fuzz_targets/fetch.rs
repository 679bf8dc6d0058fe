//! The fetch channel, both ways: what a runtime sends its broker, and what a broker sends its runtime. Neither trusts the other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use weft_ipc::fetch::{Answer, Request, read, write};

fn take<M: Serialize + DeserializeOwned + Debug + PartialEq>(mut wire: &[u8]) {
    while let Ok(Some(message)) = read::<M>(&mut wire) {
        let mut again = Vec::new();
        if write(&mut again, &message).is_ok() {
            assert_eq!(read::<M>(&mut &again[..]).ok().flatten(), Some(message));
        }
    }
}

fuzz_target!(|wire: &[u8]| {
    take::<Request>(wire);
    take::<Answer>(wire);
});

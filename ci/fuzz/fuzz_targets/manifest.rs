//! `wapp.toml`: any text is a manifest or an error with a place; what is a manifest says the same when it is written back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use weft_manifest::{Capability, Manifest};

fuzz_target!(|text: &str| match Manifest::parse(text, Path::new("wapp.toml")) {
    Ok(manifest) => {
        for capability in &manifest.capabilities {
            assert_eq!(capability.to_string().parse::<Capability>().as_ref(), Ok(capability));
        }
        assert!(!manifest.module.as_str().split('/').any(|part| part == ".." || part.is_empty()));
    }
    Err(error) => assert!(error.line >= 1 && error.column >= 1 && !error.problem.is_empty()),
});

//! The wish for a factory reset. It is written first and fulfilled by the next boot, before anything uses the partition: a power cut leaves
//! either the wish or the reset.

use std::path::Path;

/// Below the folder where the state partition is mounted.
pub const MARKER: &str = "factory-reset";

/// Writes the wish; it survives a power cut from now on.
pub fn ask(state: &Path) -> Result<(), weft_file::Error> {
    weft_file::write_atomic(&state.join(MARKER), b"", 0o600)
}

/// Whether somebody asked.
pub fn is_asked(state: &Path) -> bool {
    state.join(MARKER).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_is_there_once_it_was_written() {
        let state = tempfile::tempdir().unwrap();
        assert!(!is_asked(state.path()));
        ask(state.path()).unwrap();
        assert!(is_asked(state.path()));
    }
}

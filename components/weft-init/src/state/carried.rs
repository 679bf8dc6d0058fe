//! What a factory reset does not erase: below which releases and which metadata this device takes nothing. Without it, whoever asks for a
//! reset could bring an old release with known holes back.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// The records of weft-update, below the state partition.
const RECORDS: [&str; 2] = ["update/place.json", "update/trust.json"];
/// Bytes of one record; what is longer is none of ours.
const MOST: u64 = 8 << 20;

/// Records by name.
#[derive(Debug, Default)]
pub struct Carried(Vec<(&'static str, Vec<u8>)>);

impl Carried {
    /// Those of a state partition. One that cannot be read is left out, so that a reset mends it.
    pub fn of(state: &Path) -> Self {
        let read = |name: &'static str| {
            let mut bytes = Vec::new();
            File::open(state.join(name)).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
            let is_whole = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
            is_whole.then_some((name, bytes))
        };
        Self(RECORDS.into_iter().filter_map(read).collect())
    }

    /// Puts them into a fresh state partition.
    pub fn put(&self, state: &Path) -> io::Result<()> {
        for (name, bytes) in &self.0 {
            let path = state.join(name);
            let folder = path.parent().unwrap_or(state);
            fs::create_dir_all(folder)?;
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_keeps_rollback_protection_and_nothing_else() {
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(before.path().join("update")).unwrap();
        let put = |name: &str, text: &str| fs::write(before.path().join(name), text).unwrap();
        put("update/place.json", "{\"epoch\": 7}");
        put("update/status.json", "{}");
        put("update/trust.json", "{\"root.json\": {");
        Carried::of(before.path()).put(after.path()).unwrap();
        let kept = fs::read_to_string(after.path().join("update/place.json")).unwrap();
        assert_eq!(kept, "{\"epoch\": 7}");
        let names = fs::read_dir(after.path().join("update")).unwrap();
        assert_eq!(names.count(), 1, "neither a status nor a record that is cut short");
    }
}

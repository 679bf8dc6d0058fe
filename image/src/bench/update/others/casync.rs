//! casync: chunks whose borders follow from their contents, compressed, in a store; and an index of them.

use super::super::read;
use super::{Other, Result, run};
use crate::vm::file_error;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub struct Casync {
    folder: PathBuf,
    old: Store,
}

/// Bytes of compressed chunks by name, which is the chunk's digest.
type Store = BTreeMap<OsString, u64>;

impl Casync {
    pub fn prepare(old: &Path, folder: &Path) -> Result<Option<Self>> {
        let made = make(old, folder, "old")?;
        Ok(made.map(|(old, _)| Self { folder: folder.to_owned(), old }))
    }

    pub fn compare(&self, new: &Path) -> Result<Other> {
        let (new, index) = make(new, &self.folder, "new")?.unwrap_or_default();
        let how = "its index, and the compressed chunks that the old image lacks".to_owned();
        Ok(Other { tool: "casync", bytes: Some(lacking(&self.old, &new) + index), how })
    }
}

fn lacking(old: &Store, new: &Store) -> u64 {
    new.iter().filter(|(name, _)| !old.contains_key(*name)).map(|(_, bytes)| bytes).sum()
}

/// The store of an image, and the bytes of its index.
fn make(image: &Path, folder: &Path, name: &str) -> Result<Option<(Store, u64)>> {
    let (store, index) = (folder.join(name), folder.join(format!("{name}.caibx")));
    super::empty(&store)?;
    let mut option = OsString::from("--store=");
    option.push(&store);
    if run("casync", &["make".as_ref(), &option, index.as_os_str(), image.as_os_str()])?.is_none() {
        return Ok(None);
    }
    let mut chunks = Store::new();
    collect(&store, &mut chunks).map_err(file_error("read", &store))?;
    Ok(Some((chunks, read(&index)?.len() as u64)))
}

/// Chunks lie in folders by the beginnings of their names.
fn collect(folder: &Path, chunks: &mut Store) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), chunks)?;
        } else {
            chunks.insert(entry.file_name(), entry.metadata()?.len());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunks_that_the_old_store_lacks_count() {
        let folder = tempfile::tempdir().unwrap();
        for (path, contents) in [("ab12/ab12x.cacnk", "12345"), ("cd34/cd34y.cacnk", "123")] {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), contents).unwrap();
        }
        let mut new = Store::new();
        collect(folder.path(), &mut new).unwrap();
        let old = Store::from([("ab12x.cacnk".into(), 5), ("ff.cacnk".into(), 9)]);
        assert_eq!((lacking(&old, &new), lacking(&Store::new(), &new)), (3, 8));
    }
}

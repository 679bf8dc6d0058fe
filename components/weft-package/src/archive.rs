//! `<id>.app.tar.zst`: a package in one file. A tar archive (POSIX.1-2024 pax, "ustar Interchange Format") in Zstandard (RFC 8878).
//!
//! Written with sorted entries, no times and no owners, so that the same package gives the same bytes. Read with suspicion: plain files
//! and folders with plain relative paths, each once, within the bounds of [`crate::limits`].

use crate::bounds::{Bounds, Fault};
use crate::disk::{self, Disk, grow_folders};
use crate::inventory::{self, Inventory};
use crate::output::write_with;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use tar::{Archive, Builder, EntryType, Header};
use weft_manifest::{AppId, Package};

/// What archives of packages are named by after the id.
pub const SUFFIX: &str = ".app.tar.zst";
const LEVEL: i32 = 9;
/// Bytes of a pax or GNU header that names a long path.
const MAX_EXTENSION: u64 = 16 << 10;
/// Bytes that one block of the compressed stream may need at once, as a power of two (RFC 8878 section 3.1.1.1.2): 32 MiB.
const WINDOW_LOG: u32 = 25;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is damaged or no .app.tar.zst archive", path.display())]
    Damaged { path: PathBuf, source: io::Error },
    #[error("{}: the entry `{entry}` {fault}", archive.display())]
    Entry { archive: PathBuf, entry: String, fault: Fault },
    #[error("{}: the entry `{entry}` is {kind}: a package has plain files and folders only", archive.display())]
    Special { archive: PathBuf, entry: String, kind: &'static str },
    #[error("{}: an entry has a path that is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    #[error("{}: the entry `{entry}` lies outside the folder {folder}", archive.display())]
    Outside { archive: PathBuf, entry: String, folder: String },
    #[error("{} unpacks to more than a package may have", .0.display())]
    TooLarge(PathBuf),
    #[error("{} goes on after its end", .0.display())]
    Trailing(PathBuf),
    #[error("{} is there already: name a folder that does not exist with --out", .0.display())]
    Exists(PathBuf),
    #[error(transparent)]
    Contents(#[from] inventory::Error),
    #[error(transparent)]
    Package(#[from] weft_manifest::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Packs a folder into an archive, below a folder named by the app's id.
pub fn pack(folder: &Path, to: &Path) -> Result<(), Error> {
    let id = Package::open(folder)?.manifest.id;
    let inventory = Inventory::of_folder(folder)?;
    let failed = |source| Error::Write { path: to.to_owned(), source };
    write_with(to, failed, |file| {
        let mut encoder = zstd::Encoder::new(file, LEVEL).map_err(failed)?;
        encoder.include_checksum(true).map_err(failed)?;
        let mut builder = Builder::new(encoder);
        for entry in inventory.entries() {
            let path = folder.join(&entry.path);
            let read = |source| Error::Read { path: path.clone(), source };
            let contents = File::open(&path).map_err(read)?;
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(entry.bytes);
            builder
                .append_data(&mut header, format!("{id}/{}", entry.path), contents.take(entry.bytes))
                .map_err(failed)?;
        }
        builder.into_inner().and_then(zstd::Encoder::finish).map(drop).map_err(failed)
    })
}

/// Unpacks an archive into a folder that is empty.
pub(crate) fn unpack(disk: &dyn Disk, archive: &Path, to: &Path) -> Result<(), Error> {
    let read = |source| Error::Read { path: archive.to_owned(), source };
    let file = File::open(archive).map_err(read)?;
    let packed = file.metadata().map_err(read)?.len();
    unpack_from(disk, BufReader::new(file), packed, archive, to)
}

/// The same from any source; `archive` is what errors call it.
pub fn unpack_from(
    disk: &dyn Disk,
    source: impl io::BufRead,
    packed: u64,
    archive: &Path,
    to: &Path,
) -> Result<(), Error> {
    let damaged = |source| Error::Damaged { path: archive.to_owned(), source };
    let mut decoder = zstd::Decoder::with_buffer(source).map_err(damaged)?;
    decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
    let most = Bounds::most(packed);
    let mut tar = Archive::new(decoder.take(most));
    let mut reader =
        Unpacker { disk, archive, to, bounds: Bounds::new(packed), folder: None, long_name: None };
    for entry in tar.entries().map_err(damaged)?.raw(true) {
        reader.entry(entry.map_err(damaged)?)?;
    }
    let mut rest = tar.into_inner();
    finish(&mut rest, archive)
}

/// What follows the last entry is padding, and little of it.
fn finish(rest: &mut io::Take<impl Read>, archive: &Path) -> Result<(), Error> {
    let mut buffer = [0; 4096];
    loop {
        let count =
            rest.read(&mut buffer).map_err(|source| Error::Damaged { path: archive.to_owned(), source })?;
        if count == 0 {
            break;
        }
        if buffer.iter().take(count).any(|byte| *byte != 0) {
            return Err(Error::Trailing(archive.to_owned()));
        }
    }
    if rest.limit() == 0 { Err(Error::TooLarge(archive.to_owned())) } else { Ok(()) }
}

/// Unpacks a package into a new folder, all of it or nothing.
pub fn unbundle(archive: &Path, to: &Path) -> Result<(), Error> {
    if to.symlink_metadata().is_ok() {
        return Err(Error::Exists(to.to_owned()));
    }
    let disk = disk::Host;
    disk.create_folder(to)?;
    let outcome = unpack(&disk, archive, to).and_then(|()| Ok(Package::open(to).map(drop)?));
    if outcome.is_err() {
        // The first error is the one to report.
        let _ = disk.remove_tree(to);
    }
    outcome
}

struct Unpacker<'a> {
    disk: &'a dyn Disk,
    archive: &'a Path,
    to: &'a Path,
    bounds: Bounds,
    /// The folder named by an id that everything lies in; an empty text where there is none. `None` before the first entry.
    folder: Option<String>,
    /// The path that a header before an entry gives to it.
    long_name: Option<String>,
}

impl Unpacker<'_> {
    fn entry<R: Read>(&mut self, mut entry: tar::Entry<'_, R>) -> Result<(), Error> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::GNULongName | EntryType::XHeader) {
            self.long_name = Some(self.extension(&mut entry, kind)?);
            return Ok(());
        }
        let name = match self.long_name.take() {
            Some(name) if !name.is_empty() => name,
            _ => String::from_utf8(entry.header().path_bytes().into_owned())
                .map_err(|_| Error::NotUtf8(self.archive.to_owned()))?,
        };
        let is_folder = kind == EntryType::Directory;
        if !is_folder && !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            let kind = describe(kind);
            return Err(Error::Special { archive: self.archive.to_owned(), entry: short(&name), kind });
        }
        let path = name.strip_prefix("./").unwrap_or(&name);
        let path = if is_folder { path.strip_suffix('/').unwrap_or(path) } else { path };
        let Some(path) = self.inside(path, is_folder)? else { return Ok(()) };
        let size = entry.size();
        let fault = |fault| Error::Entry { archive: self.archive.to_owned(), entry: short(&name), fault };
        let place = self.to.join(&path);
        if is_folder {
            self.bounds.folder(&path).map_err(fault)?;
            return Ok(grow_folders(self.disk, &place)?);
        }
        self.bounds.file(&path, size).map_err(fault)?;
        if let Some(parent) = place.parent() {
            grow_folders(self.disk, parent)?;
        }
        let written = self.disk.create_file(&place, &mut entry)?;
        if written != size {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::Damaged { path: self.archive.to_owned(), source });
        }
        Ok(())
    }

    /// The path below the folder of the package; `None` for that folder itself.
    fn inside(&mut self, path: &str, is_folder: bool) -> Result<Option<String>, Error> {
        if is_folder && matches!(path, "" | ".") {
            return Ok(None);
        }
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let folder = self.folder.get_or_insert_with(|| {
            let is_id = first.parse::<AppId>().is_ok() && (is_folder || !rest.is_empty());
            if is_id { first.to_owned() } else { String::new() }
        });
        if folder.is_empty() {
            return Ok(Some(path.to_owned()));
        }
        if first != folder {
            let (archive, folder) = (self.archive.to_owned(), folder.clone());
            return Err(Error::Outside { archive, entry: short(path), folder });
        }
        Ok(Some(rest.to_owned()).filter(|rest| !rest.is_empty() || path.contains('/')))
    }

    /// The path in a header that goes before an entry: all of a GNU one, the keyword `path` of a pax one.
    fn extension<R: Read>(&self, entry: &mut tar::Entry<'_, R>, kind: EntryType) -> Result<String, Error> {
        if entry.size() > MAX_EXTENSION {
            return Err(Error::TooLarge(self.archive.to_owned()));
        }
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Damaged { path: self.archive.to_owned(), source })?;
        let text = String::from_utf8(bytes).map_err(|_| Error::NotUtf8(self.archive.to_owned()))?;
        if kind == EntryType::GNULongName {
            return Ok(text.trim_end_matches('\0').to_owned());
        }
        let mut path = String::new();
        for record in text.lines() {
            let keyword = record.split_once(' ').map(|(_, rest)| rest).unwrap_or_default();
            match keyword.split_once('=') {
                Some(("path", value)) => value.clone_into(&mut path),
                // What would change how much is written, or where; the others say times and owners.
                Some((keyword, _))
                    if keyword.starts_with("GNU.sparse") || matches!(keyword, "size" | "linkpath") =>
                {
                    let (archive, entry) = (self.archive.to_owned(), short(keyword));
                    return Err(Error::Special { archive, entry, kind: "in an extended header" });
                }
                _ => {}
            }
        }
        Ok(path)
    }
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "neither a file nor a folder",
    }
}

/// A name from a hostile file, fit for a sentence.
fn short(name: &str) -> String {
    name.chars().take(120).flat_map(char::escape_default).collect()
}

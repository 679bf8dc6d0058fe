//! Archives that attack whoever unpacks them, each by its name.

mod common;

use common::{BASICS, ID, World, component, manifest};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use weft_package::archive;
use weft_package::limits::{MAX_DEPTH, MAX_FILES};

type Tar = Builder<Vec<u8>>;

fn header(name: &[u8], kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o4777);
    header.set_cksum();
    header
}

/// An entry under exactly that name, whatever the crate thinks of it.
fn add(tar: &mut Tar, name: &[u8], contents: &[u8]) {
    tar.append(&header(name, EntryType::Regular, contents.len() as u64), contents).unwrap();
}

fn good(tar: &mut Tar) {
    add(tar, b"wapp.toml", manifest("1.0.0", &[]).as_bytes());
    add(tar, b"app.wasm", &component(&BASICS));
    add(tar, b"ui/index.html", b"<p>1.0.0");
}

fn compress(bytes: &[u8], to: &Path) {
    fs::write(to, zstd::encode_all(bytes, 3).unwrap()).unwrap();
}

/// An archive with a good package and something more.
fn archive_with(world: &World, attack: impl FnOnce(&mut Tar)) -> PathBuf {
    let mut tar = Builder::new(Vec::new());
    good(&mut tar);
    attack(&mut tar);
    let path = world.path("attack.app.tar.zst");
    compress(&tar.into_inner().unwrap(), &path);
    path
}

fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// The same with one attempt, for archives that take their time.
fn not_installed(world: &World, archive: &Path, sentence: &str) {
    let error = world.install_dev(archive).expect_err("the attack succeeded: it is installed");
    assert!(text(&error).contains(sentence), "{}", text(&error));
    assert!(!world.active().exists());
}

/// Neither installed nor unbundled, nothing written outside, nothing left.
fn refused(world: &World, archive: &Path, sentence: &str) {
    let error = world.install_dev(archive).expect_err("the attack succeeded: it is installed");
    assert!(text(&error).contains(sentence), "{}", text(&error));
    assert!(!world.active().exists());
    let out = world.path("out");
    archive::unbundle(archive, &out).expect_err("the attack succeeded: it is unpacked");
    assert!(!out.exists(), "a part of it stays");
    assert!(!world.path("evil").exists() && !world.places.store().join("evil").exists(), "it broke out");
}

fn entry_refused(name: &[u8], sentence: &str) {
    let world = World::new();
    let archive = archive_with(&world, |tar| add(tar, name, b"evil"));
    refused(&world, &archive, sentence);
}

#[test]
fn what_is_packed_is_unpacked_and_the_same_twice() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let package = world.signed("1.0.0", &[], &key);
    let (first, second) = (world.path("a.app.tar.zst"), world.path("b.app.tar.zst"));
    archive::pack(&package, &first).unwrap();
    archive::pack(&package, &second).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    archive::unbundle(&first, &world.path("out")).unwrap();
    let read = |folder: &Path| weft_package::Inventory::of_folder(folder).unwrap();
    assert_eq!(read(&world.path("out")), read(&package));
    world.install(&first).unwrap();
    assert_eq!(world.version(), "1.0.0");
    assert!(
        archive::unbundle(&first, &world.path("out")).unwrap_err().to_string().contains("is there already")
    );
}

#[test]
fn archives_of_other_tools_are_read() {
    let world = World::new();
    let package = world.package("1.0.0", &[]);
    let tar = world.path("plain.tar");
    let status =
        std::process::Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&package).arg(".").status();
    assert!(status.unwrap().success());
    let archive = world.path("plain.app.tar.zst");
    compress(&fs::read(&tar).unwrap(), &archive);
    world.install_dev(&archive).unwrap();
    assert_eq!(world.version(), "1.0.0");
}

#[test]
fn parent_folder_in_a_path() {
    entry_refused(b"../evil", "not plain and relative");
    entry_refused(b"ui/../../evil", "not plain and relative");
    entry_refused(b"..", "not plain and relative");
}

#[test]
fn absolute_path() {
    entry_refused(b"/tmp/evil", "not plain and relative");
    entry_refused(b"//evil", "not plain and relative");
}

#[test]
fn path_with_control_characters_backslashes_or_empty_names() {
    entry_refused(b"ui/a\nb", "not plain and relative");
    entry_refused(b"ui\\evil", "not plain and relative");
    entry_refused(b"ui//evil", "not plain and relative");
    entry_refused(b"./../evil", "not plain and relative");
}

#[test]
fn path_that_is_not_utf8() {
    entry_refused(b"ui/\xff\xfe", "not UTF-8");
}

#[test]
fn reserved_folder() {
    entry_refused(b"data/evil", "reserved");
}

#[test]
fn same_path_twice() {
    entry_refused(b"wapp.toml", "is there twice");
    entry_refused(b"./app.wasm", "is there twice");
}

#[test]
fn file_as_a_folder_and_folder_as_a_file() {
    entry_refused(b"app.wasm/evil", "is there twice");
    entry_refused(b"ui", "is there twice");
}

#[test]
fn links_devices_and_pipes() {
    for (kind, sentence) in [
        (EntryType::Symlink, "is a symbolic link"),
        (EntryType::Link, "is a hard link"),
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "is a pipe"),
        (EntryType::GNUSparse, "neither a file nor a folder"),
        (EntryType::new(b'Z'), "neither a file nor a folder"),
    ] {
        let world = World::new();
        let archive = archive_with(&world, |tar| {
            let mut header = header(b"ui/evil", kind, 0);
            header.set_link_name("../../../evil").unwrap();
            header.set_cksum();
            tar.append(&header, &[][..]).unwrap();
        });
        refused(&world, &archive, sentence);
    }
}

#[test]
fn link_followed_by_a_file_through_it() {
    let world = World::new();
    let archive = archive_with(&world, |tar| {
        let mut link = header(b"out", EntryType::Symlink, 0);
        link.set_link_name("..").unwrap();
        link.set_cksum();
        tar.append(&link, &[][..]).unwrap();
        add(tar, b"out/evil", b"evil");
    });
    refused(&world, &archive, "is a symbolic link");
}

#[test]
fn long_name_headers_that_hide_a_path() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let world = World::new();
        let archive = archive_with(&world, |tar| {
            let name = if kind == EntryType::XHeader { "20 path=../../evil\n" } else { "../../evil\0" };
            tar.append(&header(b"long", kind, name.len() as u64), name.as_bytes()).unwrap();
            add(tar, b"ui/innocent", b"evil");
        });
        refused(&world, &archive, "not plain and relative");
    }
}

#[test]
fn long_name_header_without_end() {
    let world = World::new();
    let archive = archive_with(&world, |tar| {
        let name = vec![b'a'; 1 << 20];
        tar.append(&header(b"long", EntryType::GNULongName, name.len() as u64), &*name).unwrap();
    });
    refused(&world, &archive, "more than a package may have");
}

#[test]
fn extended_header_that_changes_the_size() {
    let world = World::new();
    let archive = archive_with(&world, |tar| {
        let record = "17 size=99999999\n";
        tar.append(&header(b"pax", EntryType::XHeader, record.len() as u64), record.as_bytes()).unwrap();
        add(tar, b"ui/innocent", b"evil");
    });
    refused(&world, &archive, "extended header");
}

#[test]
fn entry_outside_the_packages_folder() {
    let world = World::new();
    let mut tar = Builder::new(Vec::new());
    for (name, contents) in
        [("wapp.toml", manifest("1.0.0", &[]).into_bytes()), ("app.wasm", component(&BASICS))]
    {
        add(&mut tar, format!("{ID}/{name}").as_bytes(), &contents);
    }
    add(&mut tar, b"evil", b"evil");
    let archive = world.path("attack.app.tar.zst");
    compress(&tar.into_inner().unwrap(), &archive);
    refused(&world, &archive, "lies outside the folder");
}

#[test]
fn too_many_files() {
    let world = World::new();
    let archive = archive_with(&world, |tar| {
        for number in 0..MAX_FILES {
            add(tar, format!("f{number}").as_bytes(), b"");
        }
    });
    not_installed(&world, &archive, "over the limit");
}

#[test]
fn too_many_implied_folders() {
    let world = World::new();
    let archive = archive_with(&world, |tar| {
        for number in 0..MAX_FILES / 2 + 1 {
            add(tar, format!("d{number}/f").as_bytes(), b"");
        }
    });
    not_installed(&world, &archive, "over the limit");
}

#[test]
fn too_deep() {
    let world = World::new();
    let archive = archive_with(&world, |tar| add(tar, "d/".repeat(MAX_DEPTH + 1).as_bytes(), b""));
    refused(&world, &archive, "lies deeper");
    let archive =
        archive_with(&world, |tar| add(tar, format!("{}f", "d/".repeat(MAX_DEPTH)).as_bytes(), b""));
    refused(&world, &archive, "lies deeper");
}

#[test]
fn zip_bomb() {
    let world = World::new();
    let archive = archive_with(&world, |tar| add(tar, b"ui/bomb", &vec![0; 64 << 20]));
    assert!(fs::metadata(&archive).unwrap().len() < 16 << 10);
    refused(&world, &archive, "times as large");
}

#[test]
fn zip_bomb_behind_the_last_entry() {
    let world = World::new();
    let mut tar = Builder::new(Vec::new());
    good(&mut tar);
    let mut bytes = tar.into_inner().unwrap();
    bytes.resize(bytes.len() + (256 << 20), 0);
    let archive = world.path("attack.app.tar.zst");
    compress(&bytes, &archive);
    refused(&world, &archive, "more than a package may have");
}

#[test]
fn size_that_is_a_lie() {
    for size in [1 << 40, u64::MAX >> 1, 5000] {
        let world = World::new();
        let mut tar = Builder::new(Vec::new());
        good(&mut tar);
        let mut bytes = tar.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024);
        bytes.extend(header(b"ui/short", EntryType::Regular, size).as_bytes());
        bytes.extend([0; 512]);
        let archive = world.path("attack.app.tar.zst");
        compress(&bytes, &archive);
        let error = world.install_dev(&archive).expect_err("it is installed");
        let text = text(&error);
        assert!(
            ["than a package may", "is damaged", "package larger"].iter().any(|t| text.contains(t)),
            "{text}"
        );
    }
}

#[test]
fn truncated_anywhere() {
    let world = World::new();
    let package = world.package("1.0.0", &[]);
    let archive = world.path("whole.app.tar.zst");
    archive::pack(&package, &archive).unwrap();
    let bytes = fs::read(&archive).unwrap();
    for length in (0..bytes.len()).step_by(7) {
        let cut = world.path("cut.app.tar.zst");
        fs::write(&cut, &bytes[..length]).unwrap();
        world.install_dev(&cut).expect_err("a part is installed");
    }
    assert!(!world.active().exists());
}

#[test]
fn something_after_the_end() {
    let world = World::new();
    let archive = archive_with(&world, |_| {});
    let mut bytes = fs::read(&archive).unwrap();
    bytes.extend(zstd::encode_all(&b"evil"[..], 3).unwrap());
    fs::write(&archive, &bytes).unwrap();
    refused(&world, &archive, "goes on after its end");
}

#[test]
fn window_that_needs_all_memory() {
    let world = World::new();
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(30).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&vec![7; 1 << 20]).unwrap();
    let archive = world.path("window.app.tar.zst");
    fs::write(&archive, encoder.finish().unwrap()).unwrap();
    refused(&world, &archive, "is damaged");
}

#[test]
fn setuid_bits_are_not_kept() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let archive = archive_with(&world, |_| {});
    world.install_dev(&archive).unwrap();
    let mode = fs::metadata(world.active().join("app.wasm")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
}

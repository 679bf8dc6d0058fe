//! Images: accepted by the tools that check them, and refused when they were touched.

mod common;

use common::{World, id};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use weft_package::audit;
use weft_package::image::{self, ImageFiles};
use weft_package::key::SecretKey;
use weft_package::store::Options;

/// `None`, said on the way, where mkfs.erofs is missing.
fn built(world: &World, key: Option<&SecretKey>) -> Option<ImageFiles> {
    let package = match key {
        Some(key) => world.signed("1.0.0", &["fs:rw:app-data"], key),
        None => world.package("1.0.0", &["fs:rw:app-data"]),
    };
    fs::write(package.join("ui/large.txt"), "all work and no play\n".repeat(20_000)).unwrap();
    if let Some(key) = key {
        weft_package::signature::sign(&package, key).unwrap();
    }
    match image::build(&package, &world.path("clock.app.img"), key) {
        Err(image::Error::NoTool) => {
            eprintln!("skipped: mkfs.erofs is not installed (package erofs-utils)");
            None
        }
        built => Some(built.unwrap()),
    }
}

fn tool(program: &str, arguments: &[&Path]) -> Option<bool> {
    let found = ["/usr/sbin", "/sbin", "/usr/bin"].iter().map(|folder| Path::new(folder).join(program));
    let Some(program) = found.into_iter().find(|path| path.exists()) else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    Some(Command::new(program).args(arguments).status().unwrap().success())
}

#[test]
fn veritysetup_and_fsck_accept_what_is_built() {
    let world = World::new();
    let Some(files) = built(&world, None) else { return };
    let root_hash = PathBuf::from(fs::read_to_string(&files.root_hash).unwrap().trim());
    let verify = |image: &Path| tool("veritysetup", &[Path::new("verify"), image, &files.hash, &root_hash]);
    assert_ne!(verify(&files.image), Some(false));
    assert_ne!(tool("fsck.erofs", &[&files.image]), Some(false));
    let mut bytes = fs::read(&files.image).unwrap();
    bytes[5000] ^= 1;
    let flipped = world.path("flipped.img");
    fs::write(&flipped, bytes).unwrap();
    assert_ne!(verify(&flipped), Some(true));
}

#[test]
fn the_same_package_gives_the_same_image() {
    let (one, two) = (World::new(), World::new());
    let (Some(first), Some(second)) = (built(&one, None), built(&two, None)) else { return };
    assert_eq!(fs::read(first.image).unwrap(), fs::read(second.image).unwrap());
    assert_eq!(first.root_hash.file_name(), second.root_hash.file_name());
}

#[test]
fn image_is_read_back_and_installed_without_mounting() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let Some(files) = built(&world, Some(&key)) else { return };
    assert_eq!(files.signer(&[key.public()]).unwrap(), &key.public());
    world.install(&files.image).unwrap();
    assert_eq!(world.version(), "1.0.0");
    let page = fs::read_to_string(world.active().join("ui/large.txt")).unwrap();
    assert_eq!(page.len(), 21 * 20_000);
    let statements = audit::image(&files.image).unwrap();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0].id, id().to_string());
    assert!(statements[0].is_sound(), "{:?}", statements[0].faults().collect::<Vec<_>>());
}

#[test]
fn flipped_bits_of_image_tree_and_root_hash() {
    let world = World::new();
    let Some(files) = built(&world, None) else { return };
    for (file, step) in [(&files.image, 997), (&files.hash, 1009), (&files.root_hash, 5)] {
        let bytes = fs::read(file).unwrap();
        // Past the tree's own superblock: its unused bytes mean nothing.
        let start = if file == &files.hash { 4096 } else { 0 };
        for at in (start..bytes.len().saturating_sub(1)).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            fs::write(file, flipped).unwrap();
            let error = world.install_dev(&files.image).expect_err("a touched image is installed");
            let text = error.to_string();
            let known =
                ["block", "root hash", "no package", "is no EROFS"].iter().any(|known| text.contains(known));
            assert!(known, "byte {at} of {}: {text}", file.display());
        }
        fs::write(file, bytes).unwrap();
    }
    world.install_dev(&files.image).unwrap();
}

#[test]
fn root_hash_signed_by_another_publisher_or_by_none() {
    let world = World::new();
    let (key, stranger) = (world.key("key"), world.key("stranger"));
    let Some(files) = built(&world, Some(&stranger)) else { return };
    let error = files.signer(&[key.public()]).unwrap_err();
    assert!(error.to_string().contains("not signed by a trusted publisher"), "{error}");
    // A package signature over the same bytes is no signature over a root hash.
    fs::write(&files.signature, "0".repeat(128)).unwrap();
    files.signer(&[stranger.public()]).unwrap_err();
    fs::remove_file(&files.signature).unwrap();
    assert!(matches!(files.signer(&[stranger.public()]), Err(image::Error::Missing(_))));
}

#[test]
fn companions_that_are_missing_or_of_another_image() {
    let (world, other) = (World::new(), World::new());
    let (Some(files), Some(foreign)) = (built(&world, None), built(&other, Some(&world.key("key")))) else {
        return;
    };
    let hash = fs::read(&files.hash).unwrap();
    fs::copy(&foreign.hash, &files.hash).unwrap();
    world.install_dev(&files.image).expect_err("the tree of another image is taken");
    fs::remove_file(&files.hash).unwrap();
    let error = world.install_dev(&files.image).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    fs::write(&files.hash, hash).unwrap();
    fs::remove_file(&files.root_hash).unwrap();
    let error = world.install_dev(&files.image).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
}

#[test]
fn image_with_a_link_or_a_device() {
    let world = World::new();
    let folder = world.package("1.0.0", &[]);
    std::os::unix::fs::symlink("/etc/passwd", folder.join("ui/passwd")).unwrap();
    let image = world.path("raw.img");
    let Ok(status) = Command::new("mkfs.erofs").args(["--quiet", "-T0"]).arg(&image).arg(&folder).status()
    else {
        eprintln!("skipped: mkfs.erofs is not installed (package erofs-utils)");
        return;
    };
    assert!(status.success());
    let to = world.path("to");
    fs::create_dir(&to).unwrap();
    let bytes = image::read(&image).unwrap();
    let error = image::unpack_from(&weft_package::disk::Host, &bytes, &image, &to).unwrap_err();
    assert!(error.to_string().contains("is a link"), "{error}");
}

#[test]
fn garbage_and_truncated_images_end_with_a_reason() {
    let world = World::new();
    let Some(files) = built(&world, None) else { return };
    let bytes = fs::read(&files.image).unwrap();
    for length in (0..bytes.len()).step_by(509) {
        let to = world.path("to");
        fs::create_dir(&to).unwrap();
        // Some prefixes are whole where it counts; none may hang or panic.
        let _ = image::unpack_from(&weft_package::disk::Host, &bytes[..length], &files.image, &to);
        fs::remove_dir_all(&to).unwrap();
    }
    fs::write(world.path("empty.img"), "").unwrap();
    assert!(world.install_dev(&world.path("empty.img")).unwrap_err().to_string().contains("is no package"));
}

#[test]
fn image_kept_as_it_is_is_launched_from_its_signed_root_hash() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let Some(files) = built(&world, Some(&key)) else { return };
    let keep = Options { keep_image: true, ..Options::default() };
    weft_package::Store::new(&world.places).install(&files.image, keep).unwrap();
    let app = world.open().unwrap();
    let image = app.image.as_ref().expect("the image was unpacked");
    assert_eq!(image.signer(&[key.public()]).unwrap(), &key.public());
    assert_eq!(app.package.manifest.version.to_string(), "1.0.0");
    assert!(audit::stores(&world.places).unwrap()[0].is_sound());
    let mut bytes = fs::read(&image.image).unwrap();
    bytes[5000] ^= 1;
    fs::write(&image.image, bytes).unwrap();
    assert!(world.open().unwrap_err().to_string().contains("was changed after it was installed"));
    world.distrust(&key);
    weft_package::Store::new(&world.places)
        .install(&files.image, keep)
        .expect_err("an untrusted image is installed");
}

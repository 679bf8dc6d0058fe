//! Package images in the kernel: only signed ones are mounted, and no block is read that was not signed.

use crate::{CORE, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::path::Path;
use weft_ci::TestVm;
use weft_ci_agent::Command;
use weft_package::image::{self, ImageFiles};
use weft_package::key::{self, SecretKey};

const HELPER: &str = "/usr/bin/weft-mount-helper";
const STORE: &str = "/tmp/images/store";
const KEYS: &str = "/tmp/images/keys";
const MOUNTS: &str = "/run/weft/packages";
const MANIFEST: &str = "[package]\nid = \"org.weft.test\"\nname = \"Test\"\nversion = \"1.0.0\"\n\n[runtime]\nmodule = \"app.wasm\"\n";
/// Larger than what the kernel reads ahead of the manifest.
const COMPONENT_BYTES: usize = 256 << 10;

pub fn trials() -> Vec<Trial> {
    vec![vm_test("a_package_image_is_read_as_signed_or_not_at_all", CORE, package_image)]
}

fn package_image(vm: &mut TestVm) -> anyhow::Result<()> {
    let host = tempfile::tempdir()?;
    let files = build(host.path())?;
    vm.start_prepared()?;
    let image = std::fs::read(&files.image)?;
    vm.agent()?.write_bytes(
        &format!("{KEYS}/publisher.pub"),
        &std::fs::read(host.path().join("keys").join(key::PUBLIC_NAME))?,
    )?;
    for name in ["good", "early", "foreign"] {
        upload(vm, name, &files)?;
    }
    let flipped = |at: usize| {
        let mut bytes = image.clone();
        bytes[at] ^= 1;
        bytes
    };
    vm.agent()?.write_bytes(&format!("{STORE}/early.app.img"), &flipped(1100))?;
    let zeros = "0".repeat(128);
    vm.agent()?.write(&format!("{STORE}/foreign.app.roothash.sig"), &zeros)?;

    for (name, reason) in
        [("early", "not the image that was signed"), ("foreign", "signed by nobody"), ("gone", "cannot open")]
    {
        let (code, output) = mount(vm, name)?;
        ensure!(code == Some(1) && output.contains(reason), "{name}: {code:?} {output}");
    }
    let left = vm.agent()?.list(MOUNTS)?;
    ensure!(left.is_empty(), "left behind: {left:?}");

    let (code, output) = mount(vm, "good")?;
    ensure!(code == Some(0), "{output}");
    let mounted = vm.agent()?.read("/proc/self/mounts")?;
    let line = mounted.lines().find(|line| line.contains(MOUNTS)).unwrap_or_default();
    ensure!(line.contains("erofs ro,nosuid,nodev,noexec"), "{mounted}");
    let manifest = vm.agent()?.read(&format!("{MOUNTS}/good/wapp.toml"))?;
    ensure!(manifest == MANIFEST, "{manifest}");

    // Under the mount, in the middle of the component, which nobody has read yet.
    vm.agent()?.write_bytes(&format!("{STORE}/good.app.img"), &flipped(image.len() / 2))?;
    let read = vm.agent()?.read_bytes(&format!("{MOUNTS}/good/app.wasm"));
    let error = format!("{:#}", read.err().context("a changed block was read")?);
    ensure!(error.contains("Input/output error"), "{error}");
    let (code, output) = helper(vm, &["umount", &format!("{MOUNTS}/good")])?;
    ensure!(code == Some(0) && output.contains("the image was damaged"), "{output}");
    let devices = vm.agent()?.list("/sys/block")?;
    ensure!(!devices.iter().any(|name| name == "dm-1"), "left behind: {devices:?}");
    Ok(())
}

/// A signed image of a small package, whose component does not compress.
fn build(folder: &Path) -> anyhow::Result<ImageFiles> {
    let (package, keys) = (folder.join("package"), folder.join("keys"));
    std::fs::create_dir(&package)?;
    std::fs::create_dir(&keys)?;
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    // A component with one custom section, whose length is a LEB128 number of three bytes.
    let length = COMPONENT_BYTES + 2;
    let length = [length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
    let head = [b"\0asm\x0d\0\x01\0\0", &length[..], b"\x01n"].concat();
    let component: Vec<u8> = head.into_iter().chain(noise.take(COMPONENT_BYTES)).collect();
    std::fs::write(package.join("app.wasm"), component)?;
    std::fs::write(package.join("wapp.toml"), MANIFEST)?;
    let key = SecretKey::read(&key::generate(&keys)?.secret)?;
    Ok(image::build(&package, &folder.join("org.weft.test.app.img"), Some(&key))?)
}

fn upload(vm: &mut TestVm, name: &str, files: &ImageFiles) -> anyhow::Result<()> {
    for (file, extension) in [
        (&files.image, "img"),
        (&files.hash, "hash"),
        (&files.root_hash, "roothash"),
        (&files.signature, "roothash.sig"),
    ] {
        vm.agent()?.write_bytes(&format!("{STORE}/{name}.app.{extension}"), &std::fs::read(file)?)?;
    }
    Ok(())
}

fn mount(vm: &mut TestVm, name: &str) -> anyhow::Result<(Option<i32>, String)> {
    helper(vm, &["mount", &format!("{STORE}/{name}.app.img"), &format!("{MOUNTS}/{name}")])
}

fn helper(vm: &mut TestVm, words: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
    let arguments = [&["--store", STORE, "--trusted-keys", KEYS], words].concat();
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    vm.agent()?.run(Command { program: HELPER.to_owned(), arguments, ..Command::default() })
}

//! Secure Boot: the firmware starts what the enrolled key signed, and nothing else.

use crate::{CORE, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::process::Command;
use weft_ci::{Options, TestVm, disk, images};
use weft_image::stages::esp::{self, Loaders};
use weft_image::vm::{Mark, session};
use weft_release::Slot;
use weft_release::boot::{Entry, FOLDER};

const FIRST: &str = "EFI/BOOT/BOOTX64.EFI";
const BOOT_LOADER: &str = "EFI/systemd/systemd-bootx64.efi";
const KEY: &str = "ci/keys/secure-boot";
const OTHER_KEY: &str = "ci/keys/secure-boot-other";
/// Who says of which program that the firmware does not start it.
const LOADER_REFUSED: &str = "failed to load";
const LOADER_NOT_STARTED: &str = "failed to start";
const IMAGE_REFUSED: &str = "error loading \\efi\\linux";

pub fn trials() -> Vec<Trial> {
    let options = || Options { no_reboot: true, secure_boot: true, ..Options::default() };
    let trial = |name, test| vm_test_with(name, CORE, options, test);
    vec![
        trial("secure_boot_starts_what_its_key_signed", starts_signed),
        trial("secure_boot_refuses_an_unsigned_first_program", refuses_unsigned_first),
        trial("secure_boot_refuses_an_unsigned_boot_loader", refuses_unsigned_loader),
        trial("secure_boot_refuses_an_unsigned_kernel_image", refuses_unsigned_image),
        trial("secure_boot_refuses_a_kernel_image_of_another_key", refuses_other_key),
        trial("secure_boot_refuses_an_altered_command_line", refuses_altered),
    ]
}

/// The programs on the boot partition.
struct Programs {
    first: Vec<u8>,
    loader: Vec<u8>,
    image: Vec<u8>,
}

fn starts_signed(vm: &mut TestVm) -> anyhow::Result<()> {
    change(vm, Ok)?;
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready").map(drop)
}

fn refuses_unsigned_first(vm: &mut TestVm) -> anyhow::Result<()> {
    let unsigned = on_disk(vm)?.first;
    change(vm, |programs| Ok(Programs { first: unsigned, ..programs }))?;
    is_refused(vm, LOADER_REFUSED)
}

fn refuses_unsigned_loader(vm: &mut TestVm) -> anyhow::Result<()> {
    let unsigned = on_disk(vm)?.loader;
    change(vm, |programs| Ok(Programs { loader: unsigned, ..programs }))?;
    is_refused(vm, LOADER_NOT_STARTED)
}

fn refuses_unsigned_image(vm: &mut TestVm) -> anyhow::Result<()> {
    let unsigned = on_disk(vm)?.image;
    change(vm, |programs| Ok(Programs { image: unsigned, ..programs }))?;
    is_refused(vm, IMAGE_REFUSED)
}

fn refuses_other_key(vm: &mut TestVm) -> anyhow::Result<()> {
    let of_others = sign(&on_disk(vm)?.image, OTHER_KEY)?;
    change(vm, |programs| Ok(Programs { image: of_others, ..programs }))?;
    is_refused(vm, IMAGE_REFUSED)
}

/// The root hash is in the command line: a system of someone else's would need another one.
fn refuses_altered(vm: &mut TestVm) -> anyhow::Result<()> {
    let root_hash = vm.info.root_hash.clone();
    change(vm, |programs| {
        let mut image = programs.image;
        let at = image.windows(root_hash.len()).position(|window| window == root_hash.as_bytes());
        image[at.context("the kernel image does not have the root hash")?] ^= 1;
        Ok(Programs { image, ..programs })
    })?;
    is_refused(vm, IMAGE_REFUSED)
}

/// The firmware says that it refuses, and no kernel runs.
fn is_refused(vm: &mut TestVm, program: &str) -> anyhow::Result<()> {
    vm.start()?;
    let limit = session::boot_limit(vm.pace);
    let refused = |line: &str| {
        let line = line.to_ascii_lowercase();
        (line.contains(program) && line.contains("access denied")).then_some(())
    };
    vm.vm()?.console.wait(Mark::default(), limit, "the firmware's refusal", refused)?;
    let lines = vm.vm()?.console.lines_from(Mark::default());
    ensure!(!lines.iter().any(|line| line.contains("weft-init")), "PID 1 ran:\n{}", lines.join("\n"));
    Ok(())
}

/// The programs as the image has them: unsigned.
fn on_disk(vm: &TestVm) -> anyhow::Result<Programs> {
    let partition = disk::partition(&vm.info, "esp")?;
    let disk = vm.disk();
    let read = |path: &str| disk::esp_read(&disk, partition, path);
    let image = read(&format!("{FOLDER}/{}", entry(vm)?))?;
    Ok(Programs { first: read(FIRST)?, loader: read(BOOT_LOADER)?, image })
}

fn entry(vm: &TestVm) -> anyhow::Result<String> {
    Ok(Entry::fresh(Slot::A, vm.info.version.parse()?).file_name())
}

/// Writes the boot partition anew, with signed programs but for what is changed.
fn change(vm: &TestVm, change: impl FnOnce(Programs) -> anyhow::Result<Programs>) -> anyhow::Result<()> {
    let partition = disk::partition(&vm.info, "esp")?.clone();
    let Programs { first, loader, image } = on_disk(vm)?;
    let signed =
        Programs { first: sign(&first, KEY)?, loader: sign(&loader, KEY)?, image: sign(&image, KEY)? };
    let Programs { first, loader, image } = change(signed)?;
    let loaders = Loaders { first: &first, systemd_boot: &loader };
    let bytes = esp::build(partition.size >> 20, loaders, &entry(vm)?, &image)?;
    disk::overwrite(&vm.disk(), &partition, 0, &bytes)
}

/// Signs with a key of the tests, by the program that releases are signed with.
fn sign(program: &[u8], key: &str) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let (unsigned, signed) = (folder.path().join("unsigned"), folder.path().join("signed"));
    std::fs::write(&unsigned, program)?;
    let half = |extension: &str| images::checkout().join(key).with_extension(extension);
    let mut command = Command::new("sbsign");
    command.arg("--key").arg(half("key")).arg("--cert").arg(half("crt"));
    let output =
        command.arg("--output").arg(&signed).arg(&unsigned).output().context("sbsign is not installed")?;
    ensure!(output.status.success(), "sbsign failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(std::fs::read(signed)?)
}

//! A second release in slot b, put there while the machine is off: the next one of the repository, with a kernel image whose command line may
//! be another one. Broken in whatever way a test says.

use crate::{TestVm, disk, releases};
use anyhow::Context;
use std::fs;
use weft_release::Slot;

/// What the boot loader and the system call the second release (`cargo weft test`).
pub const VERSION: &str = "0.2.0";
const FOLDER: &str = "EFI/Linux";
const SECTION_HEADER: usize = 40;

/// The first release counts as good from now on; the second one has three tries. `change` gets the kernel's command line for slot b.
pub fn install(vm: &TestVm, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    install_as(vm, &fresh_name(), change)
}

/// [`install`] where two of the three tries are gone.
pub fn install_for_its_last_try(vm: &TestVm, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    install_as(vm, &format!("weft-b_{VERSION}+1-2.efi"), change)
}

fn install_as(vm: &TestVm, entry: &str, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    let (path, esp) = (vm.disk(), disk::partition(&vm.info, "esp")?.clone());
    let release = releases::newest(&vm.info.profile)?;
    let root = weft_release::target(&release.product, &release.version, weft_release::ROOT);
    let parts = [("root-b", &root), ("verity-b", &release.parts.verity)];
    for (label, part) in parts {
        let bytes = fs::read(releases::file(part)?)?;
        disk::overwrite(&path, disk::partition(&vm.info, label)?, 0, &bytes)?;
    }
    let names = disk::esp_names(&path, &esp, FOLDER)?;
    let [first] = names.as_slice() else { anyhow::bail!("not one boot entry, but {names:?}") };
    let mut kernel_image = releases::kernel_image(&release, Slot::B)?;
    let line = command_line(&kernel_image)?;
    replace_section(&mut kernel_image, b".cmdline", format!("{}\0", change(&line)).as_bytes())?;
    let good = format!("{FOLDER}/weft-a_{}.efi", vm.info.version);
    disk::esp_rename(&path, &esp, &format!("{FOLDER}/{first}"), &good)?;
    disk::esp_write(&path, &esp, &format!("{FOLDER}/{entry}"), &kernel_image)
}

fn command_line(kernel_image: &[u8]) -> anyhow::Result<String> {
    let sections = weft_image::pe::sections(kernel_image)?;
    let line = sections.iter().find(|(name, _)| name == ".cmdline").context("no command line")?;
    let text = line.1.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8(text.to_vec())?)
}

/// The boot entry before its first try.
pub fn fresh_name() -> String {
    format!("weft-b_{VERSION}+3.efi")
}

/// Gives a section of a PE image other contents, which are put at its end.
fn replace_section(image: &mut Vec<u8>, name: &[u8], contents: &[u8]) -> anyhow::Result<()> {
    let number = |image: &[u8], at: usize, length: usize| {
        image[at..at + length].iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte))
    };
    let header = number(image, 0x3c, 4);
    let (count, optional) = (number(image, header + 6, 2), number(image, header + 20, 2));
    let alignment = number(image, header + 24 + 36, 4);
    let table = header + 24 + optional;
    let entries = (0..count).map(|index| table + index * SECTION_HEADER);
    let entry = entries.into_iter().find(|entry| image[*entry..].starts_with(name));
    let entry = entry.with_context(|| format!("no section {}", String::from_utf8_lossy(name)))?;
    // Sections lie on pages of their own in memory.
    anyhow::ensure!(contents.len() <= 4096, "{} bytes do not fit into a page", contents.len());
    let offset = image.len().next_multiple_of(alignment);
    let length = contents.len().next_multiple_of(alignment);
    image.resize(offset, 0);
    image.extend_from_slice(contents);
    image.resize(offset + length, 0);
    for (at, value) in [(8, contents.len()), (16, length), (20, offset)] {
        image[entry + at..entry + at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    }
    Ok(())
}

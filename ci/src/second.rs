//! A second release in slot b, made of the first one while the machine is off: the same root image, and a kernel image whose command line and
//! version are other ones. Broken in whatever way a test says.

use crate::{TestVm, disk};
use anyhow::Context;

/// What the boot loader and the tests call the second release. Its root says the first one's version.
pub const VERSION: &str = "0.2.0";
const FOLDER: &str = "EFI/Linux";
const SECTION_HEADER: usize = 40;

/// The first release counts as good from now on; the second one has three tries. `change` gets the kernel's command line for slot b.
pub fn install(vm: &TestVm, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    let (path, esp) = (vm.disk(), disk::partition(&vm.info, "esp")?.clone());
    for (from, to) in [("root-a", "root-b"), ("verity-a", "verity-b")] {
        disk::copy(&path, disk::partition(&vm.info, from)?, disk::partition(&vm.info, to)?)?;
    }
    let names = disk::esp_names(&path, &esp, FOLDER)?;
    let [first] = names.as_slice() else { anyhow::bail!("not one boot entry, but {names:?}") };
    let mut kernel_image = disk::esp_read(&path, &esp, &format!("{FOLDER}/{first}"))?;
    let line = vm.info.command_line.replace("root-a", "root-b").replace("verity-a", "verity-b");
    replace_section(&mut kernel_image, b".cmdline", format!("{}\0", change(&line)).as_bytes())?;
    let release = format!(
        "NAME=\"WEFT OS\"\nID=weft\nVERSION=\"{VERSION}\"\nVERSION_ID={VERSION}\nPRETTY_NAME=\"WEFT OS {VERSION}\"\n"
    );
    replace_section(&mut kernel_image, b".osrel\0\0", release.as_bytes())?;
    let good = format!("{FOLDER}/weft-a_{}.efi", vm.info.version);
    disk::esp_rename(&path, &esp, &format!("{FOLDER}/{first}"), &good)?;
    disk::esp_write(&path, &esp, &format!("{FOLDER}/{}", fresh_name()), &kernel_image)
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

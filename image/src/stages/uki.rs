//! The unified kernel image of a slot: systemd's stub, the kernel, and the command line with the root hash in it.

use super::kernel::Kernel;
use super::secure_boot::{self, SigningKey};
use super::sysroot::Sysroot;
use super::verity::Verity;
use super::{Context, Error as StageError, read_file, write_file};
use crate::key::Key;
use crate::pe;
use semver::Version;
use std::path::PathBuf;
use weft_release::Slot;
use weft_release::boot::os_release;
use weft_verity::{FEC_ROOTS, Geometry};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("cannot assemble the unified kernel image")]
    Pe(#[from] pe::Error),
    #[error(transparent)]
    Sign(#[from] secure_boot::Error),
}

#[derive(Clone, Debug)]
pub struct Uki {
    pub image: PathBuf,
    pub command_line: String,
    pub key: String,
}

pub fn build(
    context: &Context<'_>,
    tools_root: &Sysroot,
    kernel: &Kernel,
    verity: &Verity,
    version: &Version,
    slot: Slot,
    signing: Option<&SigningKey>,
) -> Result<Uki, Error> {
    let command_line = command_line(verity, slot);
    let os_release = os_release(version);
    let key = Key::new("uki")
        .text("stub", &tools_root.key)
        .text("kernel", &kernel.key)
        .text("command line", &command_line)
        .text("os-release", &os_release)
        .finish();
    let folder = context.cheap_output("uki", &key, |_, output| {
        let image = assemble(tools_root, &read_file(&kernel.image)?, &command_line, version)?;
        Ok::<(), Error>(write_file(&output.join("weft.efi"), image)?)
    })?;
    let signed = secure_boot::sign(context, signing, &folder.join("weft.efi"), &key)?;
    Ok(Uki { image: signed.image, command_line, key: signed.key })
}

/// The unified kernel image of a kernel (`bzImage`), not signed.
pub fn assemble(
    tools_root: &Sysroot,
    kernel: &[u8],
    command_line: &str,
    version: &Version,
) -> Result<Vec<u8>, Error> {
    let stub = tools_root.path.join("usr/lib/systemd/boot/efi/linuxx64.efi.stub");
    let os_release = os_release(version);
    // The stub takes the command line to its first zero byte.
    let text = format!("{command_line}\0");
    let sections: [(&str, &[u8]); 3] =
        [(".osrel", os_release.as_bytes()), (".cmdline", text.as_bytes()), (".linux", kernel)];
    Ok(pe::add_sections(&read_file(&stub)?, &sections)?)
}

/// The kernel's command line: it sets verity up by itself, for there is no initramfs. A block that is corrupt or cannot be read is repaired
/// from the parity; beyond that, or in the hash tree, it is a panic, a panic a reboot, and three failed boots the other slot. Format of the
/// table: the kernel's `verity.rst` and `dm-init.rst`.
pub fn command_line(verity: &Verity, slot: Slot) -> String {
    let (root, hashes) = slot.labels();
    let blocks = verity.data_blocks;
    let sectors = blocks * 8;
    let geometry = Geometry::new(blocks);
    let (start, covered) = (geometry.fec_start(), geometry.fec_covered_blocks());
    let options = format!(
        "use_fec_from_device PARTLABEL={hashes} fec_start {start} fec_blocks {covered} fec_roots {FEC_ROOTS} panic_on_corruption panic_on_error"
    );
    let words = options.split(' ').count();
    format!(
        "root=/dev/dm-0 rootfstype=erofs ro dm-mod.waitfor=PARTLABEL={root},PARTLABEL={hashes} \
         dm-mod.create=\"vroot,,,ro,0 {sectors} verity 1 PARTLABEL={root} PARTLABEL={hashes} 4096 4096 {blocks} 1 sha256 {} {} {words} {options}\" \
         console=ttyS0 quiet panic=5",
        verity.root_hash, verity.salt
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_the_slot_and_the_root_hash() {
        let verity = Verity {
            hash_device: PathBuf::new(),
            root_hash: "ab".repeat(32),
            salt: "cd".repeat(32),
            data_blocks: 100,
            key: String::new(),
        };
        let line = command_line(&verity, Slot::B);
        assert!(
            line.contains(
                "ro,0 800 verity 1 PARTLABEL=root-b PARTLABEL=verity-b 4096 4096 100 1 sha256 abab"
            ),
            "{line}"
        );
        assert!(
            line.contains(
                "cdcd 10 use_fec_from_device PARTLABEL=verity-b fec_start 2 fec_blocks 101 fec_roots 2 panic_on_corruption panic_on_error\""
            ),
            "{line}"
        );
        assert!(line.ends_with("panic=5"), "{line}");
    }
}

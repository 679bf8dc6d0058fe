//! The unified kernel image of a slot: systemd's stub, the kernel, and the command line with the root hash in it.

use super::kernel::Kernel;
use super::sysroot::Sysroot;
use super::verity::Verity;
use super::{Context, Error as StageError, read_file, write_file};
use crate::key::Key;
use crate::pe;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("cannot assemble the unified kernel image")]
    Pe(#[from] pe::Error),
}

/// One of the two places that a system lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    A,
    B,
}

impl Slot {
    /// Partition labels of the root image and its hash device.
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::A => ("root-a", "verity-a"),
            Self::B => ("root-b", "verity-b"),
        }
    }
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
    slot: Slot,
) -> Result<Uki, Error> {
    let command_line = command_line(verity, slot);
    let stub = tools_root.path.join("usr/lib/systemd/boot/efi/linuxx64.efi.stub");
    let os_release = read_file(&context.workspace.root().join("rootfs-overlay/etc/os-release"))?;
    let key = Key::new("uki")
        .text("stub", &tools_root.key)
        .text("kernel", &kernel.key)
        .text("command line", &command_line)
        .bytes("os-release", &os_release)
        .finish();
    let folder = context.cheap_output("uki", &key, |_, output| {
        // The stub takes the command line to its first zero byte.
        let text = format!("{command_line}\0");
        let kernel = read_file(&kernel.image)?;
        let sections: [(&str, &[u8]); 3] =
            [(".osrel", &os_release), (".cmdline", text.as_bytes()), (".linux", &kernel)];
        let image = pe::add_sections(&read_file(&stub)?, &sections)?;
        Ok::<(), Error>(write_file(&output.join("weft.efi"), image)?)
    })?;
    Ok(Uki { image: folder.join("weft.efi"), command_line, key })
}

/// The kernel's command line: it sets verity up by itself, for there is no initramfs. A corrupt block is a panic, a panic a reboot, and
/// three failed boots the other slot. Format of the table: the kernel's `verity.rst` and `dm-init.rst`.
pub fn command_line(verity: &Verity, slot: Slot) -> String {
    let (root, hashes) = slot.labels();
    let blocks = verity.data_blocks;
    let sectors = blocks * 8;
    format!(
        "root=/dev/dm-0 rootfstype=erofs ro dm-mod.waitfor=PARTLABEL={root},PARTLABEL={hashes} \
         dm-mod.create=\"vroot,,,ro,0 {sectors} verity 1 PARTLABEL={root} PARTLABEL={hashes} 4096 4096 {blocks} 1 sha256 {} {} 1 panic_on_corruption\" \
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
        assert!(line.contains(" 1 panic_on_corruption\"") && line.ends_with("panic=5"), "{line}");
    }
}

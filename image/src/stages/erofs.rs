//! The root image: EROFS with zstd, made by mkfs.erofs of the pinned suite. The same tree gives the same bytes.

use super::rootfs::Rootfs;
use super::sysroot::Sysroot;
use super::{Context, Error};
use crate::key::Key;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every image has this one: an identity of its own would differ between builds, and the root hash is the identity.
const UUID: &str = "8c2a6f5e-1b0d-4f62-9a57-77656674726f";

/// How the image is packed; the figures behind the choice are in image/README.md.
const OPTIONS: [&str; 6] = ["-zzstd,level=5", "-C65536", "-T0", "-x-1", "--all-root", "--quiet"];

/// The root image.
#[derive(Clone, Debug)]
pub struct Erofs {
    pub image: PathBuf,
    pub key: String,
}

pub fn build(context: &Context<'_>, tools_root: &Sysroot, rootfs: &Rootfs) -> Result<Erofs, Error> {
    let key = Key::new("erofs")
        .text("tools", &tools_root.key)
        .text("rootfs", &rootfs.key)
        .text("options", &OPTIONS.join(" "))
        .text("uuid", UUID)
        .finish();
    let folder = context.cheap_output("erofs", &key, |tools, output| {
        let mut command = packing(tools_root, &rootfs.root(), &output.join("root.erofs"));
        Ok::<(), Error>(tools.run("packing the root image", &mut command)?)
    })?;
    Ok(Erofs { image: folder.join("root.erofs"), key })
}

/// The command that packs a tree into an image.
pub fn packing(tools_root: &Sysroot, tree: &Path, image: &Path) -> Command {
    let mut command = mkfs(tools_root);
    command.args(OPTIONS).arg("-U").arg(UUID).arg(image).arg(tree);
    command
}

/// A program of the tools' set, run through the loader and libraries of its own suite.
fn mkfs(tools: &Sysroot) -> Command {
    let root: &Path = &tools.path;
    let mut command = Command::new(root.join("usr/lib64/ld-linux-x86-64.so.2"));
    command
        .arg("--library-path")
        .arg(root.join("usr/lib/x86_64-linux-gnu"))
        .arg(root.join("usr/bin/mkfs.erofs"));
    command.env_remove("SOURCE_DATE_EPOCH");
    command
}

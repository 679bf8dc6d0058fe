//! The pristine state partition: an empty ext4 that grows online to whatever disk it lands on.

use super::{Context, Error, read_file, write_file};
use crate::key::Key;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Size of the file system before it grows.
pub const TEMPLATE_MIB: u64 = 32;
/// Identity and hash seed of every pristine state partition; nothing tells two apart before they are used.
const UUID: &str = "5b8f1d34-7c69-4a0e-8f1b-776566747374";
const ZSTD_LEVEL: i32 = 19;

/// The template as a file system image, and compressed as it goes into the root image for a reset.
#[derive(Clone, Debug)]
pub struct Template {
    pub image: PathBuf,
    pub compressed: PathBuf,
    pub key: String,
}

pub fn build(context: &Context<'_>) -> Result<Template, Error> {
    let version = Command::new("/sbin/mke2fs").arg("-V").output();
    let version =
        version.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    let key = Key::new("state")
        .text("mke2fs", &version)
        .text("size", &TEMPLATE_MIB.to_string())
        .text("arguments", &format!("{:?}", mke2fs(Path::new(""))))
        .finish();
    let folder = context.output("state", &key, |tools, output| {
        let image = output.join("state.ext4");
        tools.run("making the state template", &mut mke2fs(&image))?;
        let compressed = zstd::encode_all(&*read_file(&image)?, ZSTD_LEVEL)
            .map_err(|source| Error::Write { path: output.join("state.ext4.zst"), source })?;
        write_file(&output.join("state.ext4.zst"), compressed)
    })?;
    Ok(Template { image: folder.join("state.ext4"), compressed: folder.join("state.ext4.zst"), key })
}

/// `metadata_csum` finds silent damage; the resize room lets 32 MiB grow a thousandfold while mounted.
fn mke2fs(image: &Path) -> Command {
    let mut command = Command::new("/sbin/mke2fs");
    command.args(["-q", "-F", "-t", "ext4", "-b", "4096", "-L", "state", "-U", UUID, "-m", "0"]);
    command.args(["-O", "metadata_csum,resize_inode,64bit", "-J", "size=4"]);
    command.arg("-E").arg(format!(
        "hash_seed={UUID},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,resize=16777216,nodiscard"
    ));
    command.arg(image).arg(format!("{TEMPLATE_MIB}m"));
    // Time stamps of a reproducible file system.
    command.env("E2FSPROGS_FAKE_TIME", "1").env("LC_ALL", "C");
    command
}

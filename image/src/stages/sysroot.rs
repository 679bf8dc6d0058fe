//! Sysroots: a set of pinned packages unpacked in one folder, `<cache>/sysroot/<set>-<key>/`.

use super::{Context, Error, write_file};
use crate::packages::{lock, store};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The folders that Debian merged into /usr.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// An unpacked set of packages.
#[derive(Clone, Debug)]
pub struct Sysroot {
    pub path: PathBuf,
    /// Hash over the packages' names, versions and hashes.
    pub key: String,
}

/// Unpacks a set, or finds it unpacked.
pub fn unpack(context: &Context<'_>, set: &str) -> Result<Sysroot, Error> {
    let packages = context.packages(set)?;
    let key = lock::set_key(&packages);
    let name = format!("{set}-{key}");
    let place = context.cache.output("sysroot", &name);
    context.output("sysroot", &name, |tools, folder| {
        store::fetch(context.cache, tools, &context.sets.suite, &packages)?;
        for merged in MERGED {
            let error = |source| Error::Write { path: folder.join(merged), source };
            std::fs::create_dir_all(folder.join("usr").join(merged)).map_err(error)?;
            symlink(format!("usr/{merged}"), folder.join(merged)).map_err(error)?;
        }
        for package in &packages {
            store::unpack(context.cache, tools, package, folder)?;
        }
        write_compilers(folder, &place)
    })?;
    Ok(Sysroot { path: place, key })
}

/// C compilers for build scripts: the `cc` crate runs them both for the host's own tools and for the device, and only the
/// output folder tells which.
fn write_compilers(folder: &Path, place: &Path) -> Result<(), Error> {
    for (name, compiler) in [("weft-cc", "clang-19"), ("weft-c++", "clang++-19")] {
        let path = folder.join(name);
        let sysroot = place.display();
        let script = format!(
            "#!/bin/sh\ncase \"$OUT_DIR\" in\n*/x86_64-unknown-linux-gnu/*) exec {compiler} --sysroot={sysroot} \"$@\" ;;\nesac\nexec {compiler} \"$@\"\n"
        );
        write_file(&path, script)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .map_err(|source| Error::Write { path, source })?;
    }
    Ok(())
}

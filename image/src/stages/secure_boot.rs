//! Signatures for UEFI Secure Boot, made by sbsign: over the first program, systemd-boot and the unified kernel images, whose command line
//! has the root hash. So everything from the firmware to the last block of the root is signed by one key.

use super::sysroot::Sysroot;
use super::{Context, Error as StageError, copy_file};
use crate::key::Key;
use crate::tool;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(
        "{key} does not sign for the certificate {certificate}: name the two halves of one pair, as PEM files"
    )]
    Pair { key: PathBuf, certificate: PathBuf, source: Box<tool::Error> },
}

/// A key and its certificate, PEM files; the certificate is in the firmware's `db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    pub key: PathBuf,
    pub certificate: PathBuf,
}

/// A program for the firmware, signed where a key was given.
#[derive(Clone, Debug)]
pub struct Program {
    pub image: PathBuf,
    pub key: String,
}

/// The boot loader of the tools' set.
pub fn boot_loader(
    context: &Context<'_>,
    tools_root: &Sysroot,
    signing: Option<&SigningKey>,
) -> Result<Program, Error> {
    let image = tools_root.path.join("usr/lib/systemd/boot/efi/systemd-bootx64.efi");
    sign(context, signing, &image, &tools_root.key)
}

/// Signs a program. `input` is the key of its contents.
pub fn sign(
    context: &Context<'_>,
    signing: Option<&SigningKey>,
    image: &Path,
    input: &str,
) -> Result<Program, Error> {
    let Some(signing) = signing else {
        return Ok(Program { image: image.to_owned(), key: input.to_owned() });
    };
    let name = image.file_name().unwrap_or_default();
    let key = Key::new("signed")
        .text("program", input)
        .text("name", &name.to_string_lossy())
        .file("key", &signing.key)
        .and_then(|key| key.file("certificate", &signing.certificate))
        .map_err(StageError::from)?
        .finish();
    let folder = context.cheap_output("signed", &key, |tools, output| {
        let unsigned = output.join("unsigned");
        let signed = output.join(name);
        // sbsign fills up what it reads to the size that signing needs.
        copy_file(image, &unsigned)?;
        let mut command = Command::new("sbsign");
        command.arg("--key").arg(&signing.key).arg("--cert").arg(&signing.certificate);
        command.arg("--output").arg(&signed).arg(&unsigned);
        tools.run("signing for Secure Boot", &mut command).map_err(StageError::from)?;
        let mut check = Command::new("sbverify");
        check.arg("--cert").arg(&signing.certificate).arg(&signed);
        tools.run("checking the signature for Secure Boot", &mut check).map_err(|source| Error::Pair {
            key: signing.key.clone(),
            certificate: signing.certificate.clone(),
            source: Box::new(source),
        })?;
        std::fs::remove_file(&unsigned)
            .map_err(|source| StageError::Write { path: unsigned.clone(), source })?;
        Ok::<(), Error>(())
    })?;
    Ok(Program { image: folder.join(name), key })
}

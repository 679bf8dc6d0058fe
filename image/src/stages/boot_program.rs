//! The first program that the firmware starts, `components/weft-boot`: compiled for no operating system, and put into the format of the firmware.

use super::device_env::{TARGET, host_cargo, rustc_version};
use super::secure_boot::{self, Program, SigningKey};
use super::{Context, Error as StageError, read_file, write_file};
use crate::key::Key;
use crate::pe;
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection, ObjectSegment, SegmentFlags, elf};

const PROGRAM: &str = "weft-boot";
const FILE: &str = "weft-boot.efi";
/// Relative to the checkout.
const FOLDER: &str = "components/weft-boot";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("{PROGRAM} cannot be read as ELF")]
    Elf(#[from] object::Error),
    #[error("{PROGRAM} has {0}, which the firmware's loader would not know: write it without")]
    Unsupported(String),
    #[error(transparent)]
    Pe(#[from] pe::Error),
    #[error(transparent)]
    Sign(#[from] secure_boot::Error),
}

pub fn build(context: &Context<'_>, signing: Option<&SigningKey>) -> Result<Program, Error> {
    let folder = context.workspace.root().join(FOLDER);
    let rustc = rustc_version().map_err(StageError::from)?;
    let key = Key::new("boot program 1")
        .text("rustc", &rustc)
        .tree("sources", &folder)
        .map_err(StageError::from)?
        .finish();
    let output = context.output("boot-program", &key, |tools, output| {
        let target = context.cache.root().join("target/boot");
        let mut command = host_cargo(&folder);
        command.args(["build", "--locked", "--release", "--target", TARGET]);
        command.env("CARGO_TARGET_DIR", &target);
        tools.run(&format!("compiling {PROGRAM}"), &mut command).map_err(StageError::from)?;
        let built = read_file(&target.join(TARGET).join("release").join(PROGRAM))?;
        Ok::<(), Error>(write_file(&output.join(FILE), &to_pe(&built)?)?)
    })?;
    Ok(secure_boot::sign(context, signing, &output.join(FILE), &key)?)
}

/// The loaded parts of a position-independent ELF program as sections of a PE image, one page further on, since the headers are in the first.
fn to_pe(program: &[u8]) -> Result<Vec<u8>, Error> {
    let file = ElfFile64::<LittleEndian>::parse(program)?;
    let unsupported = |what: &str| Err(Error::Unsupported(what.to_owned()));
    if file.dynamic_relocations().is_some_and(|mut all| all.next().is_some()) {
        return unsupported("addresses that are adjusted when it is loaded");
    }
    for section in file.sections() {
        let object::SectionFlags::Elf { sh_flags } = section.flags() else { continue };
        let is_writable = sh_flags & u64::from(elf::SHF_WRITE) != 0;
        // The dynamic section, which is for a loader of ELF, is the one thing there may be.
        if is_writable && section.size() > 0 && section.name()? != ".dynamic" {
            return unsupported(&format!("memory of its own to write to ({})", section.name()?));
        }
    }
    let mut parts = Vec::new();
    for segment in file.segments() {
        let SegmentFlags::Elf { p_flags } = segment.flags() else { continue };
        if p_flags & elf::PF_W != 0 {
            continue;
        }
        let is_code = p_flags & elf::PF_X != 0;
        let Ok(address) = u32::try_from(segment.address()) else {
            return unsupported("addresses beyond 4 GiB");
        };
        parts.push(pe::Part { address: address + pe::PAGE, contents: segment.data()?, is_code });
    }
    let Ok(entry) = u32::try_from(file.entry()) else { return unsupported("addresses beyond 4 GiB") };
    Ok(pe::program(entry + pe::PAGE, &parts)?)
}

//! Runs an image in QEMU and drives it from outside: console, monitor, input and screenshots.
//!
//! `cargo weft run`, `shot` and `bench` use it, and so does the test harness in `ci/`.

pub mod accel;
pub mod console;
mod enrol;
pub mod firmware;
pub mod input;
pub mod layout;
pub mod machine;
pub mod network;
pub mod pace;
pub mod process;
pub mod qemu;
pub mod qmp;
pub mod screen;
pub mod session;
pub mod sparse;
mod sys;
pub mod work;

pub use accel::Accelerator;
pub use console::{Console, Mark};
pub use machine::{Display, Machine, Vm};
pub use pace::Pace;
pub use qemu::Qemu;
pub use screen::{Rect, Screenshot};

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a machine could not be started, or did not do what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{program} is not installed: `apt-get install qemu-system-x86` (or your distribution's QEMU 7.2 or newer)"
    )]
    QemuMissing { program: String, source: io::Error },
    #[error("{program} is version {found}, too old: install QEMU 7.2 or newer")]
    QemuTooOld { program: String, found: String },
    #[error("{program} --version says {said:?}, which names no version: install QEMU 7.2 or newer")]
    QemuVersion { program: String, said: String },
    #[error("the UEFI firmware OVMF is not installed (looked for {looked}): `apt-get install ovmf`")]
    FirmwareMissing { looked: String },
    #[error("{path} is no certificate in PEM")]
    NotACertificate { path: PathBuf },
    #[error(
        "the firmware's empty variables are in a format that is not known, or have no room for a certificate: install Debian's package ovmf"
    )]
    NotAVariableStore,
    #[error("KVM was asked for, but {why}: use `--accel auto` or `--accel tcg`")]
    NoKvm { why: String },
    #[error("cannot {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("another `cargo weft` works in {0}: end that one first")]
    WorkInUse(PathBuf),
    #[error("the disk {0} is in use by another machine: end that one first")]
    DiskInUse(PathBuf),
    #[error("QEMU did not start: {0}")]
    Start(String),
    #[error("QEMU ended while {waiting}: {said}")]
    Ended { waiting: String, said: String },
    #[error("nothing in {} s while {waiting}; the console's last lines:\n{tail}", limit.as_secs())]
    TimedOut { waiting: String, limit: Duration, tail: String },
    #[error("the QEMU monitor closed the connection while {0}")]
    MonitorClosed(String),
    #[error("the QEMU monitor cannot be read or written")]
    Monitor(#[source] io::Error),
    #[error("the QEMU monitor refused {command}: {description}")]
    Refused { command: String, description: String },
    #[error("the QEMU monitor said what is no QMP message: {said}")]
    NotQmp { said: String, source: serde_json::Error },
    #[error("{what:?} cannot be typed: only small letters, digits, space and `.-/` can")]
    Untypable { what: char },
    #[error("the screenshot {path} is not a binary PPM picture")]
    NotPpm { path: PathBuf },
    #[error("cannot encode {path} as PNG")]
    Png { path: PathBuf, source: png::EncodingError },
    #[error("memory size {0:?} is not understood: write it as 384M or 1G")]
    MemorySize(String),
}

pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn file_error(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}

/// Parses a memory size as QEMU writes it (`384M`, `1G`, a bare number being MiB) into MiB.
pub fn parse_memory(text: &str) -> Result<u32> {
    let wrong = || Error::MemorySize(text.to_owned());
    let (number, unit) = match text.trim_end_matches(['M', 'm', 'G', 'g']) {
        number if number.len() + 1 < text.len() => return Err(wrong()),
        number => (number, text[number.len()..].to_ascii_uppercase()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let factor = if unit == "G" { 1024 } else { 1 };
    number.checked_mul(factor).filter(|mib| *mib > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_sizes_are_read_as_qemu_reads_them() {
        assert_eq!(parse_memory("384M").unwrap(), 384);
        assert_eq!(parse_memory("384").unwrap(), 384);
        assert_eq!(parse_memory("1g").unwrap(), 1024);
        for wrong in ["", "M", "1GG", "0", "-1", "1T", "5000000G"] {
            let error = parse_memory(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }
}

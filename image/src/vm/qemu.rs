//! Which QEMU this host has, and what it can do.

use super::{Error, Result};
use std::process::{Command, Stdio};

const PROGRAM: &str = "qemu-system-x86_64";
const OLDEST: (u32, u32) = (7, 2);

/// A QEMU that is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    pub program: String,
    pub version: (u32, u32),
    /// Display backends that this build has, as `-display` names them.
    pub displays: Vec<String>,
    /// Whether it has virtio-multitouch-pci (QEMU 8.1 and newer).
    pub multitouch: bool,
}

impl Qemu {
    /// Finds QEMU on the PATH and asks it what it has.
    pub fn find() -> Result<Qemu> {
        Qemu::inspect(PROGRAM)
    }

    fn inspect(program: &str) -> Result<Qemu> {
        let version = parse_version(program, &ask(program, &["--version"])?)?;
        if version < OLDEST {
            return Err(Error::QemuTooOld {
                program: program.to_owned(),
                found: format!("{}.{}", version.0, version.1),
            });
        }
        let displays = parse_displays(&ask(program, &["-display", "help"])?);
        let multitouch = ask(program, &["-device", "help"])?.contains("\"virtio-multitouch-pci\"");
        Ok(Qemu { program: program.to_owned(), version, displays, multitouch })
    }

    /// The window backend to use on this desktop; `None` where there is no display, or QEMU has no backend for one.
    pub fn window(&self) -> Option<&'static str> {
        let display = ["WAYLAND_DISPLAY", "DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        // GTK's window starts at 640x480 and makes the guest take that size; SDL's takes the guest's.
        ["sdl", "gtk"]
            .into_iter()
            .find(|backend| display && self.displays.iter().any(|known| known == backend))
    }
}

fn ask(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::QemuMissing { program: program.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn parse_version(program: &str, said: &str) -> Result<(u32, u32)> {
    let first = said.lines().next().unwrap_or_default();
    let number = first.strip_prefix("QEMU emulator version ").and_then(|rest| {
        let mut parts = rest.split(|character: char| !character.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    number.ok_or_else(|| Error::QemuVersion { program: program.to_owned(), said: first.to_owned() })
}

fn parse_displays(said: &str) -> Vec<String> {
    // The list is one name a line, between a heading and advice that both have spaces.
    said.lines().filter(|line| !line.is_empty() && !line.contains(' ')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn versions_as_debian_and_others_print_them() {
        let parse = |said| parse_version("qemu", said);
        assert_eq!(
            parse("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright").unwrap(),
            (7, 2)
        );
        assert_eq!(parse("QEMU emulator version 10.0.2").unwrap(), (10, 0));
        assert!(
            parse("qemu: command not found").unwrap_err().to_string().contains("install QEMU 7.2 or newer")
        );
    }

    #[test]
    fn displays_as_qemu_lists_them() {
        let said = "Available display backend types:\nnone\ngtk\negl-headless\n\nSome display backends support suboptions\n";
        assert_eq!(parse_displays(said), ["none", "gtk", "egl-headless"]);
    }

    #[test]
    fn a_missing_or_old_qemu_is_named_with_the_fix() {
        let error = Qemu::inspect("/nowhere/qemu-system-x86_64").unwrap_err().to_string();
        assert!(
            error.contains("/nowhere/qemu-system-x86_64") && error.contains("apt-get install"),
            "{error}"
        );

        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("qemu");
        std::fs::write(&old, "#!/bin/sh\necho QEMU emulator version 5.2.0\n").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = Qemu::inspect(old.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("5.2") && error.contains("7.2 or newer"), "{error}");
    }
}

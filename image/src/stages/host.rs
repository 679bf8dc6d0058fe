//! What the build needs of the host: Debian packages, installed when they are missing.

use super::Error as StageError;
use crate::progress::Progress;
use crate::tool::{self, Tools};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("this is not Debian, so nothing can be installed by itself; install what gives these programs and files, then run the command again: {}", .0.join(", "))]
    OtherDistribution(Vec<String>),
    #[error("these Debian packages are missing and sudo is not there to install them; run as root: apt-get install {}", .0.join(" "))]
    NoSudo(Vec<String>),
    #[error("the host has {program} {found}, and {needed} or later is needed: upgrade it")]
    TooOld { program: &'static str, found: String, needed: &'static str },
}

/// A Debian package and a file that shows it is there, whatever put it there.
struct Need {
    package: &'static str,
    file: &'static str,
}

const fn need(package: &'static str, file: &'static str) -> Need {
    Need { package, file }
}

/// For building the kernel, device code, the engine and the image, and for running it.
const NEEDS: &[Need] = &[
    need("bc", "/usr/bin/bc"),
    need("binutils", "/usr/bin/ld"),
    need("bison", "/usr/bin/bison"),
    need("clang-19", "/usr/bin/clang-19"),
    need("cmake", "/usr/bin/cmake"),
    need("cryptsetup-bin", "/sbin/veritysetup"),
    need("dosfstools", "/sbin/fsck.fat"),
    need("e2fsprogs", "/sbin/mke2fs"),
    need("flex", "/usr/bin/flex"),
    need("g++", "/usr/bin/g++"),
    need("gcc", "/usr/bin/gcc"),
    need("gdisk", "/sbin/sgdisk"),
    need("libc6-dev", "/usr/include/stdio.h"),
    need("libclang-19-dev", "/usr/lib/llvm-19/lib/libclang.so"),
    need("libdevmapper-dev", "/usr/include/libdevmapper.h"),
    need("libegl1", "/usr/lib/x86_64-linux-gnu/libEGL.so.1"),
    need("libelf-dev", "/usr/include/libelf.h"),
    need("libgbm-dev", "/usr/include/gbm.h"),
    need("libinput-dev", "/usr/include/libinput.h"),
    need("libpixman-1-dev", "/usr/include/pixman-1/pixman.h"),
    need("libseat-dev", "/usr/include/libseat.h"),
    need("libssl-dev", "/usr/include/openssl/opensslv.h"),
    need("libudev-dev", "/usr/include/libudev.h"),
    need("libxkbcommon-dev", "/usr/include/xkbcommon/xkbcommon.h"),
    need("lld-19", "/usr/bin/ld.lld-19"),
    need("llvm-19", "/usr/bin/llvm-ar-19"),
    need("lz4", "/usr/bin/lz4"),
    need("m4", "/usr/bin/m4"),
    need("make", "/usr/bin/make"),
    need("nodejs", "/usr/bin/node"),
    need("ovmf", "/usr/share/OVMF/OVMF_CODE_4M.fd"),
    need("pkg-config", "/usr/bin/pkg-config"),
    need("python3", "/usr/bin/python3"),
    need("qemu-system-gui", "/usr/lib/x86_64-linux-gnu/qemu/ui-gtk.so"),
    need("qemu-system-x86", "/usr/bin/qemu-system-x86_64"),
    need("sbsigntool", "/usr/bin/sbsign"),
    need("xvfb", "/usr/bin/Xvfb"),
    need("xz-utils", "/usr/bin/xz"),
];

/// For apps that are built with Node.js or Python, in profiles that have such.
const SCRIPTED_APPS: &[Need] =
    &[need("npm", "/usr/bin/npm"), need("python3-venv", "/usr/share/doc/python3-venv")];

/// The oldest QEMU whose virtual devices and QMP commands are used.
const QEMU: &str = "7.2";

/// Whether nothing has to be installed.
pub fn is_complete() -> bool {
    missing(NEEDS).is_empty()
}

fn missing(needs: &'static [Need]) -> Vec<&'static Need> {
    needs.iter().filter(|need| !Path::new(need.file).exists()).collect()
}

/// Checks the host, installing what it lacks; `scripted_apps` says whether apps are built with Node.js or Python.
pub fn check(logs: &Path, progress: &Progress, scripted_apps: bool) -> Result<(), Error> {
    progress.begin("host check");
    let mut missing = missing(NEEDS);
    if scripted_apps {
        missing.extend(self::missing(SCRIPTED_APPS));
    }
    if !missing.is_empty() {
        install(&missing, logs, progress)?;
    }
    let version =
        tool::query("asking QEMU for its version", Command::new("qemu-system-x86_64").arg("--version"))
            .map_err(StageError::from)?;
    let found = qemu_version(&version);
    if numbers(found) < numbers(QEMU) {
        return Err(Error::TooOld { program: "qemu-system-x86_64", found: found.to_owned(), needed: QEMU });
    }
    progress.finish(missing.is_empty());
    Ok(())
}

fn install(missing: &[&Need], logs: &Path, progress: &Progress) -> Result<(), Error> {
    let packages: Vec<String> = missing.iter().map(|need| need.package.to_owned()).collect();
    if !is_debian(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()) {
        let named = missing.iter().map(|need| format!("{} ({})", need.file, need.package)).collect();
        return Err(Error::OtherDistribution(named));
    }
    progress.note(&format!("installing Debian packages: {}", packages.join(" ")));
    let tools = Tools::new(logs, "host", progress).map_err(StageError::from)?;
    for arguments in [vec!["update"], vec!["install", "--yes", "--no-install-recommends"]] {
        let mut command = as_root("env").ok_or_else(|| Error::NoSudo(packages.clone()))?;
        // Said behind sudo, which lets no variable through.
        command.args(["--unset=APT_CONFIG", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(&arguments);
        if arguments.len() > 1 {
            command.args(&packages);
        }
        tools.run("installing Debian packages", &mut command).map_err(StageError::from)?;
    }
    Ok(())
}

/// A command run as root: as it is, or through sudo, which may ask for a password on the terminal.
fn as_root(program: &str) -> Option<Command> {
    if rustix::process::geteuid().is_root() {
        return Some(Command::new(program));
    }
    let found = ["/usr/bin/sudo", "/bin/sudo"].map(PathBuf::from).into_iter().find(|path| path.exists())?;
    let mut command = Command::new(found);
    command.arg(program);
    Some(command)
}

fn is_debian(os_release: &str) -> bool {
    os_release.lines().any(|line| line.trim_matches('"') == "ID=debian")
}

/// The version in `QEMU emulator version 7.2.22 (Debian …)`.
fn qemu_version(text: &str) -> &str {
    text.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap_or("0")
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let captured = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright (c) 2003-2022";
        assert_eq!(qemu_version(captured), "7.2.22");
        assert!(numbers("7.2.22") >= numbers(QEMU));
        assert!(numbers("10.0.2") >= numbers(QEMU));
        assert!(numbers("5.2.0") < numbers(QEMU));
    }

    #[test]
    fn packages_are_listed_once_and_in_order() {
        for needs in [NEEDS, SCRIPTED_APPS] {
            assert!(needs.windows(2).all(|pair| pair[0].package < pair[1].package));
        }
    }

    #[test]
    fn only_debian_itself_is_served() {
        assert!(is_debian("NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(!is_debian("ID=ubuntu\nID_LIKE=debian\n"));
    }

    #[test]
    fn who_cannot_install_is_told_what_to_install() {
        let other = Error::OtherDistribution(vec!["/usr/bin/bc (bc)".to_owned()]).to_string();
        assert!(other.contains("not Debian") && other.ends_with("/usr/bin/bc (bc)"), "{other}");
        let no_sudo = Error::NoSudo(vec!["bc".to_owned(), "flex".to_owned()]).to_string();
        assert!(no_sudo.ends_with("apt-get install bc flex"), "{no_sudo}");
    }
}

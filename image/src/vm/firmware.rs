//! The UEFI firmware of the virtual machine: OVMF's code, and a copy of its variable store for each machine.

use super::enrol::enrol;
use super::{Error, Result, file_error};
use std::path::{Path, PathBuf};

/// Code and empty variables, as the distributions name them.
const PLACES: [(&str, &str); 4] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
];

/// The same with Secure Boot, which keeps its variables in system management mode.
const SECURE_PLACES: [(&str, &str); 2] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.secboot.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    pub code: PathBuf,
    variables: PathBuf,
    /// The one certificate whose programs it starts; anything is started without.
    certificate: Option<PathBuf>,
}

impl Firmware {
    pub fn find() -> Result<Firmware> {
        Firmware::find_in(&PLACES)
    }

    /// Firmware that starts only what this certificate's key signed.
    pub fn find_secure(certificate: &Path) -> Result<Firmware> {
        Ok(Firmware { certificate: Some(certificate.to_owned()), ..Firmware::find_in(&SECURE_PLACES)? })
    }

    /// What QEMU needs beside the code: variables that only the firmware itself can write.
    pub fn arguments(&self) -> &'static [&'static str] {
        match self.certificate {
            Some(_) => &["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"],
            None => &[],
        }
    }

    fn find_in(places: &[(&str, &str)]) -> Result<Firmware> {
        let found =
            places.iter().find(|(code, variables)| Path::new(code).exists() && Path::new(variables).exists());
        let (code, variables) = found.ok_or_else(|| {
            let looked: Vec<&str> = places.iter().map(|place| place.0).collect();
            Error::FirmwareMissing { looked: looked.join(", ") }
        })?;
        Ok(Firmware { code: code.into(), variables: variables.into(), certificate: None })
    }

    /// A machine's own variable store at `path`: an empty one unless it is there from an earlier start.
    pub fn variables_at(&self, path: &Path) -> Result<()> {
        if path.exists() {
            return Ok(());
        }
        let mut variables = std::fs::read(&self.variables)
            .map_err(file_error("read the empty UEFI variables", &self.variables))?;
        if let Some(certificate) = &self.certificate {
            enrol(&mut variables, certificate)?;
        }
        std::fs::write(path, variables).map_err(file_error("copy the empty UEFI variables to", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_firmware_names_the_package() {
        let error = Firmware::find_in(&[("/nowhere/CODE.fd", "/nowhere/VARS.fd")]).unwrap_err().to_string();
        assert!(error.contains("/nowhere/CODE.fd") && error.contains("apt-get install ovmf"), "{error}");
    }

    #[test]
    fn variables_are_copied_once() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.fd");
        std::fs::write(&empty, "empty").unwrap();
        let firmware = Firmware { code: "code".into(), variables: empty, certificate: None };
        let own = folder.path().join("own.fd");
        firmware.variables_at(&own).unwrap();
        std::fs::write(&own, "changed").unwrap();
        firmware.variables_at(&own).unwrap();
        assert_eq!(std::fs::read(&own).unwrap(), b"changed");
    }
}

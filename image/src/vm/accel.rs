//! Which accelerator QEMU gets.
//!
//! /dev/kvm alone proves nothing: on some machines it opens and a stock kernel then hangs in real mode. Only a processor that shows
//! its virtualisation extension can run one.

use super::{Error, Result};
use crate::cli::Accel as AccelChoice;
use std::fs::OpenOptions;

/// What QEMU is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    Kvm,
    Tcg,
}

impl Accelerator {
    /// Decides from this machine's processor and device node.
    pub fn choose(choice: AccelChoice) -> Result<Accelerator> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let opens = OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop);
        decide(choice, &cpuinfo, opens.map_err(|error| error.to_string()))
    }

    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Accelerator::Kvm => &["-accel", "kvm", "-cpu", "host"],
            // Emulated, string instructions go byte by byte: a guest that takes them for fast clears its pages eight times slower.
            Accelerator::Tcg => &["-accel", "tcg,thread=multi", "-cpu", "max,-erms,-fsrm"],
        }
    }
}

fn decide(
    choice: AccelChoice,
    cpuinfo: &str,
    kvm_opens: std::result::Result<(), String>,
) -> Result<Accelerator> {
    let extension = cpuinfo
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_ascii_whitespace().any(|flag| flag == "vmx" || flag == "svm"));
    let obstacle = match (extension, kvm_opens) {
        (false, _) => Some("the processor shows neither vmx nor svm".to_owned()),
        (true, Err(error)) => Some(format!("/dev/kvm does not open ({error})")),
        (true, Ok(())) => None,
    };
    match (choice, obstacle) {
        (AccelChoice::Tcg, _) | (AccelChoice::Auto, Some(_)) => Ok(Accelerator::Tcg),
        (AccelChoice::Auto | AccelChoice::Kvm, None) => Ok(Accelerator::Kvm),
        (AccelChoice::Kvm, Some(why)) => Err(Error::NoKvm { why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITH: &str = "processor : 0\nflags\t\t: fpu vmx sse\n";
    const WITHOUT: &str = "processor : 0\nflags\t\t: fpu sse\nvmx flags : none\n";

    #[test]
    fn kvm_needs_the_extension_and_the_device() {
        assert_eq!(decide(AccelChoice::Auto, WITH, Ok(())).unwrap(), Accelerator::Kvm);
        assert_eq!(decide(AccelChoice::Auto, WITHOUT, Ok(())).unwrap(), Accelerator::Tcg);
        assert_eq!(decide(AccelChoice::Auto, WITH, Err("denied".into())).unwrap(), Accelerator::Tcg);
        assert_eq!(decide(AccelChoice::Tcg, WITH, Ok(())).unwrap(), Accelerator::Tcg);
    }

    #[test]
    fn asking_for_kvm_where_it_cannot_work_says_why() {
        let error = decide(AccelChoice::Kvm, WITHOUT, Ok(())).unwrap_err().to_string();
        assert!(error.contains("neither vmx nor svm"), "{error}");
        let error = decide(AccelChoice::Kvm, WITH, Err("denied".into())).unwrap_err().to_string();
        assert!(error.contains("/dev/kvm does not open (denied)"), "{error}");
    }
}

//! A device with the old release in slot a and nothing in slot b, as files, and its program.

use super::{MIB, Parts, Result, empty, read, write};
use crate::bench::Error;
use crate::stages::esp::{self, Loaders};
use crate::vm::file_error;
use rustix::fs::Advice;
use semver::Version;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use weft_release::Slot;
use weft_release::boot::Entry;

const PROGRAM: &str = "weft-update";
/// Between two looks at the process.
const LOOK: Duration = Duration::from_millis(2);

pub struct Device {
    folder: PathBuf,
    program: PathBuf,
    version: String,
    product: String,
}

/// One run of the program.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub seconds: f64,
    pub peak_mib: f64,
}

impl Device {
    /// Makes the device in an empty folder, its partitions as large as those of the disk image.
    pub fn lay_out(folder: &Path, parts: &Parts) -> Result<Self> {
        empty(folder)?;
        for name in ["partitions", "state"] {
            empty(&folder.join(name))?;
        }
        let info = &parts.built.info;
        let device = Self {
            folder: folder.to_owned(),
            program: parts.program.clone(),
            version: info.version.clone(),
            product: weft_release::product(&info.profile),
        };
        let size = |label: &str| info.partition(label).map_or(0, |partition| partition.size);
        let version: Version = info.version.parse()?;
        let entry = Entry::fresh(Slot::A, version).refilled().file_name();
        // Nothing is booted, so there is no boot loader in it.
        let loaders = Loaders { first: &[], systemd_boot: &[] };
        let esp = esp::build(size("esp") >> 20, loaders, &entry, &read(&parts.built.ukis[0])?);
        let esp = esp.map_err(|error| Error::Program { program: PROGRAM, said: error.to_string() })?;
        device.partition("esp", size("esp"), &esp)?;
        device.partition("root-a", size("root-a"), &read(&parts.built.erofs)?)?;
        device.partition("verity-a", size("verity-a"), &read(&parts.built.verity.hash_device)?)?;
        device.partition("root-b", size("root-b"), &[])?;
        device.partition("verity-b", size("verity-b"), &[])?;
        Ok(device)
    }

    fn partition(&self, label: &str, size: u64, contents: &[u8]) -> Result<()> {
        let path = self.folder.join("partitions").join(label);
        write(&path, contents)?;
        let file = File::options().write(true).open(&path).map_err(file_error("open", &path))?;
        // What is read comes from the disk, as on a device that has just been started.
        let cold = || -> std::io::Result<()> {
            file.set_len(size)?;
            file.sync_all()?;
            Ok(rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?)
        };
        Ok(cold().map_err(file_error("write", &path))?)
    }

    /// Takes the newest release of a repository, trusting this root metadata.
    pub fn apply(&self, source: &str, root: &Path) -> Result<Run> {
        let config = self.folder.join("update.toml");
        write(&config, format!("source = {source:?}\nproduct = {:?}\n", self.product))?;
        let (said, log) = (self.folder.join("status.json"), self.folder.join("log"));
        let create = |path: &Path| File::create(path).map_err(file_error("create", path));
        let mut command = Command::new(&self.program);
        command.arg("apply").arg("--json").arg("--config").arg(config).arg("--root").arg(root);
        command.arg("--state").arg(self.folder.join("state"));
        command.arg("--partitions").arg(self.folder.join("partitions"));
        command.args(["--slot", "a", "--running", &self.version]);
        command.stdin(Stdio::null()).stdout(create(&said)?).stderr(create(&log)?);
        let start = Instant::now();
        let mut child = command.spawn().map_err(Error::Process)?;
        let peak_mib = watch(&mut child)?;
        let run = Run { seconds: start.elapsed().as_secs_f64(), peak_mib };
        let status = child.wait().map_err(Error::Process)?;
        let outcome = String::from_utf8_lossy(&read(&said)?).into_owned();
        // A device that found nothing to do is no success here.
        if status.success() && outcome.contains("\"activated\"") {
            return Ok(run);
        }
        let log = String::from_utf8_lossy(&read(&log)?).into_owned();
        Err(Error::Program { program: PROGRAM, said: format!("{status}: {outcome}{log}") })
    }
}

/// Waits for a process and returns the most memory it had, in MiB. What it takes in its last two milliseconds is missed.
fn watch(child: &mut Child) -> Result<f64> {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = f64::NAN;
    loop {
        // A process that has ended has no memory any more.
        peak = std::fs::read_to_string(&path).ok().and_then(|text| peak_kib(&text)).unwrap_or(peak);
        if child.try_wait().map_err(Error::Process)?.is_some() {
            return Ok(peak * 1024.0 / MIB);
        }
        std::thread::sleep(LOOK);
    }
}

/// The peak of resident memory in `/proc/<id>/status`.
fn peak_kib(status: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_memory_is_read() {
        assert_eq!(peak_kib("VmPeak:\t  9000 kB\nVmHWM:\t    5120 kB\nVmRSS:\t 4000 kB\n"), Some(5120.0));
        assert_eq!(peak_kib("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn a_process_is_watched_to_its_end() {
        let mut child = Command::new("dd")
            .args(["if=/dev/zero", "of=/dev/null", "bs=48M", "count=100"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let peak = watch(&mut child).unwrap();
        assert!((48.0..64.0).contains(&peak), "{peak}");
        assert!(child.wait().unwrap().success());
    }
}

//! The EFI system partition: FAT32 with systemd-boot and one unified kernel image.

use super::Error as StageError;
use fatfs::{Date, DateTime, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("cannot make the EFI system partition")]
    Format(#[source] io::Error),
    #[error("cannot put {path} on the EFI system partition of {mib} MiB")]
    File { path: PathBuf, mib: u64, source: io::Error },
}

/// Boots what is there at once, without a menu.
const LOADER_CONF: &str = "timeout 0\neditor no\n";
const VOLUME_ID: u32 = 0x5745_4654;

/// The first day that FAT knows, for every file. (A time of all zeros is none, and EDK II refuses to rename a file that has it, which
/// is how boots are counted.)
#[derive(Debug)]
struct FirstDay;

static FIRST_DAY: FirstDay = FirstDay;

impl TimeProvider for FirstDay {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

/// The file name that systemd-boot counts down: three tries, then another entry is preferred.
pub fn uki_name(version: &str) -> String {
    format!("weft_{version}+3.efi")
}

/// The whole partition, `mib` MiB long.
pub fn build(mib: u64, boot_loader: &[u8], uki_name: &str, uki: &[u8]) -> Result<Vec<u8>, Error> {
    let mut disk = vec![0; (mib << 20) as usize];
    let options = FormatVolumeOptions::new()
        .fat_type(FatType::Fat32)
        .bytes_per_cluster(512)
        .volume_id(VOLUME_ID)
        .volume_label(*b"ESP        ");
    fatfs::format_volume(Cursor::new(&mut disk), options).map_err(Error::Format)?;
    {
        let options = FsOptions::new().time_provider(&FIRST_DAY);
        let fs = FileSystem::new(Cursor::new(&mut disk), options).map_err(Error::Format)?;
        let root = fs.root_dir();
        for folder in ["EFI", "EFI/BOOT", "EFI/Linux", "loader"] {
            root.create_dir(folder).map_err(Error::Format)?;
        }
        let uki_path = format!("EFI/Linux/{uki_name}");
        let files: [(&str, &[u8]); 3] = [
            ("EFI/BOOT/BOOTX64.EFI", boot_loader),
            ("loader/loader.conf", LOADER_CONF.as_bytes()),
            (&uki_path, uki),
        ];
        for (path, contents) in files {
            let write = || {
                let mut file = root.create_file(path)?;
                file.truncate()?;
                file.write_all(contents)?;
                file.flush()
            };
            write().map_err(|source| Error::File { path: Path::new(path).to_owned(), mib, source })?;
        }
    }
    Ok(disk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn files_read_back_and_two_builds_are_alike() {
        let build = || build(40, b"loader", &uki_name("0.1.0"), &[9; 100_000]).unwrap();
        let mut disk = build();
        assert!(disk == build(), "the partition differs between two builds");
        let fs = FileSystem::new(Cursor::new(&mut disk), FsOptions::new()).unwrap();
        let mut contents = Vec::new();
        let mut uki = fs.root_dir().open_file("EFI/Linux/weft_0.1.0+3.efi").unwrap();
        uki.read_to_end(&mut contents).unwrap();
        assert_eq!(contents, [9; 100_000]);
        let entry = fs.root_dir().open_dir("EFI/Linux").unwrap().iter().last().unwrap().unwrap();
        assert_eq!(entry.modified().date.day, 1, "EDK II takes no file without a time");
    }

    #[test]
    fn a_kernel_that_does_not_fit_is_an_error() {
        let error = build(34, b"loader", "weft.efi", &vec![1; 40 << 20]).unwrap_err();
        assert!(matches!(error, Error::File { mib: 34, .. }), "{error}");
    }
}

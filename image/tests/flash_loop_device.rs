//! Flashing onto a real block device: a loop device, where this machine lets us have one.

use std::path::{Path, PathBuf};
use std::process::Command;
use weft_image::flash::{Error, Layout, inspect, to_device};

/// A loop device over a file; detached when dropped.
struct Loop(PathBuf);

impl Loop {
    fn attach(file: &Path) -> Option<Loop> {
        let output =
            Command::new("losetup").args(["--find", "--show", "--partscan"]).arg(file).output().ok()?;
        let name = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| Loop(name.trim().into()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.0).status();
    }
}

fn file_of(folder: &Path, name: &str, mib: u64) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().set_len(mib << 20).unwrap();
    path
}

fn image(folder: &Path) -> PathBuf {
    let path = file_of(folder, "kiosk.img", 8);
    let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let size = gpt::disk::LogicalBlockSize::Lb512;
    let config = gpt::GptConfig::new().writable(true).logical_block_size(size);
    let mut table = config.create_from_device(file, None).unwrap();
    table.add_partition("state", 6 << 20, gpt::partition_types::LINUX_FS, 0, Some(2048)).unwrap();
    table.write().unwrap();
    path
}

#[test]
fn a_disk_is_flashed_verified_and_refused_while_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let image = image(folder.path());
    let Some(disk) = Loop::attach(&file_of(folder.path(), "disk", 64)) else {
        println!("skipped: this machine gives no loop device to this user");
        return;
    };

    assert!(matches!(inspect(&disk.0, 0, false), Err(Error::NotRemovable(_))));
    let small = inspect(&disk.0, 65 << 20, true).unwrap_err().to_string();
    assert!(small.contains("has 64 MiB") && small.contains("needs 65 MiB"), "{small}");

    let target = inspect(&disk.0, 8 << 20, true).unwrap();
    assert_eq!(target.size, 64 << 20);
    let mut layout = Layout::new(&image, target.size).unwrap();
    to_device(&mut layout, &disk.0, |_, _| {}).unwrap();
    let table = gpt::GptConfig::new().only_valid_headers(true).open(folder.path().join("disk")).unwrap();
    assert_eq!(table.partitions()[&1].last_lba, (63 << 20) / 512 - 1);

    let stacked = Loop::attach(&disk.0).unwrap();
    let error = inspect(&disk.0, 0, true).unwrap_err().to_string();
    assert!(error.contains("in use") && error.contains("is behind loop"), "{error}");
    drop(stacked);

    let swap = Command::new("mkswap").arg(&disk.0).output().is_ok_and(|output| output.status.success())
        && Command::new("swapon").arg(&disk.0).status().is_ok_and(|status| status.success());
    if swap {
        let error = inspect(&disk.0, 0, true).unwrap_err().to_string();
        let busy = to_device(&mut layout, &disk.0, |_, _| {}).unwrap_err();
        assert!(Command::new("swapoff").arg(&disk.0).status().unwrap().success());
        assert!(error.contains("swap space"), "{error}");
        assert!(matches!(busy, Error::InUse { .. }), "{busy}");
    }
}

//! Our hash devices against `veritysetup` of cryptsetup, which the kernel's developers maintain: the same bytes, accepted by it, and
//! repaired by it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use weft_verity::{BLOCK_SIZE, FEC_ROOTS, Geometry, Superblock, build, parity};

const SALT: [u8; 32] = [0x5a; 32];
const UUID: &str = "6f1c8a52-33c4-4c0e-9d5a-0123456789ab";

fn veritysetup() -> Option<PathBuf> {
    let found = ["/usr/sbin/veritysetup", "/sbin/veritysetup"].map(PathBuf::from);
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: veritysetup is not installed (package cryptsetup-bin)");
    }
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An image and its hash device, as files.
struct Device {
    folder: tempfile::TempDir,
    geometry: Geometry,
    root: String,
    hashes: Vec<u8>,
}

impl Device {
    fn new(blocks: usize, with_parity: bool) -> Self {
        let data: Vec<u8> =
            (0..blocks * BLOCK_SIZE).map(|index| (index % 251 + index / BLOCK_SIZE) as u8).collect();
        let (root, tree) = build(&*data, &SALT).unwrap();
        let uuid: Vec<u8> = UUID
            .replace('-', "")
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let geometry = Geometry::new(blocks as u64);
        let superblock =
            Superblock { uuid: uuid.try_into().unwrap(), data_blocks: blocks as u64, salt: SALT.to_vec() };
        let mut hashes = superblock.to_block().unwrap();
        hashes.extend(&tree);
        if with_parity {
            hashes.extend(parity(&geometry, &*data, &tree).unwrap());
            assert_eq!(hashes.len() as u64, geometry.repairable_hash_device_bytes());
        }
        let device = Self { folder: tempfile::tempdir().unwrap(), geometry, root: hex(&root), hashes };
        std::fs::write(device.path("data"), data).unwrap();
        std::fs::write(device.path("hashes"), &device.hashes).unwrap();
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is said of the parity on a hash device.
    fn fec(&self, hashes: &Path) -> [String; 3] {
        [
            format!("--fec-device={}", hashes.display()),
            format!("--fec-offset={}", self.geometry.fec_start() * BLOCK_SIZE as u64),
            format!("--fec-roots={FEC_ROOTS}"),
        ]
    }

    /// What veritysetup makes of the same image, and what it prints.
    fn formatted(&self, veritysetup: &Path, with_parity: bool) -> (Vec<u8>, String) {
        let theirs = self.path("theirs");
        std::fs::write(&theirs, []).unwrap();
        let mut command = Command::new(veritysetup);
        command.arg("format").args([&self.path("data"), &theirs]);
        command.args(["--uuid", UUID, "--salt", &hex(&SALT)]);
        if with_parity {
            command.args(self.fec(&theirs));
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (std::fs::read(&theirs).unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn verify(&self, veritysetup: &Path, root: &str, with_parity: bool) -> Output {
        let hashes = self.path("hashes");
        let mut command = Command::new(veritysetup);
        command.arg("verify").args([&self.path("data"), &hashes]).arg(root);
        if with_parity {
            command.args(self.fec(&hashes));
        }
        command.output().unwrap()
    }

    /// Turns every bit of a part of a file.
    fn damage(&self, name: &str, part: Range<usize>) {
        let mut bytes = std::fs::read(self.path(name)).unwrap();
        bytes[part].iter_mut().for_each(|byte| *byte = !*byte);
        std::fs::write(self.path(name), bytes).unwrap();
    }
}

#[test]
fn the_same_bytes_as_veritysetup_format_and_accepted_by_verify() {
    let Some(veritysetup) = veritysetup() else { return };
    for blocks in [1, 2, 127, 128, 129, 16384, 16385] {
        let device = Device::new(blocks, false);
        let (theirs, printed) = device.formatted(&veritysetup, false);
        let (root, ours) = (&device.root, &device.hashes);
        assert!(printed.contains(root), "{blocks} blocks: root hash {root} is not in\n{printed}");
        assert!(*ours == theirs[..ours.len()], "{blocks} blocks: the hash devices differ");
        assert!(theirs[ours.len()..].iter().all(|byte| *byte == 0), "{blocks} blocks: theirs has more");
        let accepts = |root: &str| device.verify(&veritysetup, root, false).status.success();
        assert!(accepts(root), "{blocks} blocks: refused");
        assert!(!accepts(&"0".repeat(64)), "{blocks} blocks: a wrong root hash was accepted");
    }
}

#[test]
fn the_same_parity_as_veritysetup_format() {
    let Some(veritysetup) = veritysetup() else { return };
    for blocks in [1, 2, 250, 251, 252, 300, 2600] {
        let device = Device::new(blocks, true);
        let (theirs, printed) = device.formatted(&veritysetup, true);
        assert!(printed.contains(&device.root), "{blocks} blocks: another root hash\n{printed}");
        assert!(device.hashes == theirs, "{blocks} blocks: the hash devices differ");
    }
}

#[test]
fn a_rotten_block_of_data_or_tree_is_repaired_and_more_than_parity_can_is_not() {
    let Some(veritysetup) = veritysetup() else { return };
    let block = |number: usize| number * BLOCK_SIZE..(number + 1) * BLOCK_SIZE;
    let outcome = |damage: &dyn Fn(&Device)| {
        let device = Device::new(300, true);
        damage(&device);
        assert!(!device.verify(&veritysetup, &device.root, false).status.success(), "nothing is damaged");
        device.verify(&veritysetup, &device.root, true)
    };
    let repaired = |damage: &dyn Fn(&Device)| {
        let output = outcome(damage);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("repairable errors"), "{said}");
    };
    repaired(&|device| device.damage("data", block(7)));
    repaired(&|device| device.damage("data", block(299)));
    repaired(&|device| device.damage("hashes", block(1)));
    // Neighbours are in different code words.
    repaired(&|device| device.damage("data", 8 * BLOCK_SIZE..10 * BLOCK_SIZE));
    let lost = outcome(&|device| {
        let stride = device.geometry.fec_columns() as usize;
        device.damage("data", block(7));
        device.damage("data", block(7 + stride));
    });
    assert!(!lost.status.success(), "{}", String::from_utf8_lossy(&lost.stdout));
}

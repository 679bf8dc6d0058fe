//! Our hash devices against `veritysetup` of cryptsetup, which the kernel's developers maintain: the same bytes, and accepted by it.

use std::path::{Path, PathBuf};
use std::process::Command;
use weft_verity::{BLOCK_SIZE, Superblock, build};

const SALT: [u8; 32] = [0x5a; 32];
const UUID: &str = "6f1c8a52-33c4-4c0e-9d5a-0123456789ab";

fn veritysetup() -> Option<PathBuf> {
    ["/usr/sbin/veritysetup", "/sbin/veritysetup"].map(PathBuf::from).into_iter().find(|path| path.exists())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_data(path: &Path, blocks: usize) -> Vec<u8> {
    let data: Vec<u8> =
        (0..blocks * BLOCK_SIZE).map(|index| (index % 251 + index / BLOCK_SIZE) as u8).collect();
    std::fs::write(path, &data).unwrap();
    data
}

fn hash_device(data: &[u8]) -> (String, Vec<u8>) {
    let (root, tree) = build(data, &SALT).unwrap();
    let uuid: Vec<u8> = UUID
        .replace('-', "")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let superblock = Superblock {
        uuid: uuid.try_into().unwrap(),
        data_blocks: (data.len() / BLOCK_SIZE) as u64,
        salt: SALT.to_vec(),
    };
    let mut device = superblock.to_block().unwrap();
    device.extend(tree);
    (hex(&root), device)
}

#[test]
fn the_same_bytes_as_veritysetup_format_and_accepted_by_verify() {
    let Some(veritysetup) = veritysetup() else {
        eprintln!("skipped: veritysetup is not installed (package cryptsetup-bin)");
        return;
    };
    for blocks in [1, 2, 127, 128, 129, 16384, 16385] {
        let folder = tempfile::tempdir().unwrap();
        let [data, ours, theirs] = ["data", "ours", "theirs"].map(|name| folder.path().join(name));
        let (root, device) = hash_device(&write_data(&data, blocks));
        std::fs::write(&ours, &device).unwrap();

        let format = Command::new(&veritysetup)
            .arg("format")
            .args([&data, &theirs])
            .args(["--uuid", UUID, "--salt", &hex(&SALT)])
            .output()
            .unwrap();
        assert!(format.status.success(), "{}", String::from_utf8_lossy(&format.stderr));
        let printed = String::from_utf8_lossy(&format.stdout).into_owned();
        assert!(printed.contains(&root), "{blocks} blocks: root hash {root} is not in\n{printed}");
        let theirs = std::fs::read(&theirs).unwrap();
        assert!(device == theirs[..device.len()], "{blocks} blocks: the hash devices differ");
        assert!(theirs[device.len()..].iter().all(|byte| *byte == 0), "{blocks} blocks: theirs has more");

        let verify = |root: &str| {
            Command::new(&veritysetup).arg("verify").args([&data, &ours]).arg(root).output().unwrap().status
        };
        assert!(verify(&root).success(), "{blocks} blocks: refused");
        assert!(!verify(&"0".repeat(64)).success(), "{blocks} blocks: a wrong root hash was accepted");
    }
}

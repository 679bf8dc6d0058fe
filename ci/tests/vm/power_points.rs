//! Disks as a power cut leaves them, replayed from what a machine wrote.

use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use weft_ci::disk_log::{DiskLog, Event};
use weft_ci::{TestVm, disk, releases};
use weft_release::boot::{Candidate, Entry, choose};
use weft_release::{Index, Release, Slot};

/// Moments of an update that are looked at.
const POINTS: usize = 100;
const FOLDER: &str = "EFI/Linux";
const BLOCK: usize = 4096;

/// A disk that was left, which is the machine's now.
pub struct Point {
    pub index: usize,
    /// What the boot loader starts.
    pub boots: Entry,
}

/// Puts [`POINTS`] disks into the machine one after the other and has each looked at; returns how many there were. Half of them end between
/// two writes as they came; on the others any of the writes since the last flush may be missing.
pub fn points(
    vm: &mut TestVm,
    log: &DiskLog,
    next: &Release,
    mut look: impl FnMut(&mut TestVm, Point) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let begin = first_change(vm, log)?;
    let moments: BTreeSet<usize> =
        (0..POINTS).map(|point| begin + (log.events.len() - begin) * point / (POINTS - 1)).collect();
    // All up to the last flush, and what came since.
    let flushed = vm.folder().join("flushed.img");
    std::fs::copy(&vm.info.image, &flushed)?;
    let (base, mut done) = (File::options().read(true).write(true).open(&flushed)?, 0);
    for (index, moment) in moments.iter().enumerate() {
        let last = log.events[..*moment].iter().rposition(|event| *event == Event::Flush);
        for event in &log.events[done..last.unwrap_or(done).max(done)] {
            log.replay(event, &base)?;
        }
        done = last.unwrap_or(done).max(done);
        let path = vm.disk();
        std::fs::copy(&flushed, &path)?;
        let cut = File::options().read(true).write(true).open(&path)?;
        let mut survives = survivors(index);
        for event in &log.events[done..*moment] {
            if survives(event) {
                log.replay(event, &cut)?;
            }
        }
        let boots = judge(vm, next).with_context(|| format!("power cut after {moment} writes"))?;
        look(vm, Point { index, boots }).with_context(|| format!("power cut after {moment} writes"))?;
    }
    Ok(moments.len())
}

/// Which of the writes that were not flushed are on the disk: all at an even point, drawn ones at an odd one (xorshift).
fn survivors(index: usize) -> impl FnMut(&Event) -> bool {
    let mut state = index as u32 | 1;
    move |event| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let durable = matches!(event, Event::Write { durable: true, .. });
        index.is_multiple_of(2) || durable || state >> 31 == 1
    }
}

/// The first write to the other slot.
fn first_change(vm: &TestVm, log: &DiskLog) -> anyhow::Result<usize> {
    let parts = ["root-b", "verity-b"].map(|label| disk::partition(&vm.info, label).cloned());
    let parts = parts.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let position = log.events.iter().position(|event| match event {
        Event::Write { offset, .. } => {
            parts.iter().any(|part| (part.offset..part.offset + part.size).contains(offset))
        }
        Event::Flush => false,
    });
    position.context("nothing of the update is in the log")
}

/// What the boot loader does with the machine's disk: its choice must be a whole system, and the state partition one that can be repaired.
fn judge(vm: &TestVm, next: &Release) -> anyhow::Result<Entry> {
    let (path, esp) = (vm.disk(), disk::partition(&vm.info, "esp")?.clone());
    let names = disk::esp_names(&path, &esp, FOLDER)?;
    let mut candidates = Vec::new();
    for name in &names {
        let image = disk::esp_read(&path, &esp, &format!("{FOLDER}/{name}"))?;
        let sections = weft_image::pe::sections(&image).unwrap_or_default();
        let release = sections.iter().find(|(section, _)| section == ".osrel");
        let release = release.map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        // What has no release in it is passed over.
        candidates.extend(release.and_then(|release| Candidate::new(name, &release)));
    }
    let chosen = choose(&candidates).with_context(|| format!("nothing to start among {names:?}"))?;
    let entry = Entry::parse(&chosen.file_name).with_context(|| format!("{chosen:?} is not ours"))?;
    let (root_hash, kernel_image) = match entry.slot {
        Slot::A => (vm.info.root_hash.clone(), first_kernel_image(vm)?),
        Slot::B => (hex(&next.root_hash), releases::kernel_image(next, Slot::B)?),
    };
    let found = disk::esp_read(&path, &esp, &format!("{FOLDER}/{}", chosen.file_name))?;
    ensure!(found == kernel_image, "the kernel image {} is torn", chosen.file_name);
    whole(vm, entry.slot, &root_hash)?;
    state_is_repairable(vm, &path)?;
    Ok(entry)
}

/// What the image came with.
fn first_kernel_image(vm: &TestVm) -> anyhow::Result<Vec<u8>> {
    let esp = disk::partition(&vm.info, "esp")?;
    let names = disk::esp_names(&vm.info.image, esp, FOLDER)?;
    let name = names.first().context("the image has no kernel image")?;
    disk::esp_read(&vm.info.image, esp, &format!("{FOLDER}/{name}"))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every block of a slot against the hash tree with that root.
fn whole(vm: &TestVm, slot: Slot, root_hash: &str) -> anyhow::Result<()> {
    let (root, verity) = slot.labels();
    let file = File::open(vm.disk())?;
    let read = |label: &str| -> anyhow::Result<Vec<u8>> {
        let partition = disk::partition(&vm.info, label)?;
        let mut bytes = vec![0; partition.size as usize];
        file.read_exact_at(&mut bytes, partition.offset)?;
        Ok(bytes)
    };
    let hashes = read(verity)?;
    let superblock = weft_verity::Superblock::from_block(&hashes)?;
    let bytes: Vec<u8> = (0..root_hash.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&root_hash[at..at + 2], 16))
        .collect::<Result<_, _>>()?;
    let digest = bytes.as_slice().try_into()?;
    let index = Index::read(&hashes, superblock.data_blocks, &digest, &superblock.salt)?;
    let data = read(root)?;
    let rotten =
        (0..index.blocks()).find(|block| !index.holds(*block, &data[*block as usize * BLOCK..][..BLOCK]));
    ensure!(rotten.is_none(), "the boot loader starts slot {slot}, whose block {rotten:?} is not there");
    Ok(())
}

fn state_is_repairable(vm: &TestVm, path: &Path) -> anyhow::Result<()> {
    let state = disk::partition(&vm.info, "state")?;
    let copy = vm.folder().join("state.img");
    let mut bytes = vec![0; state.size as usize];
    File::open(path)?.read_exact_at(&mut bytes, state.offset)?;
    std::fs::write(&copy, bytes)?;
    let output = Command::new("/sbin/e2fsck").args(["-p", "-f"]).arg(&copy).output()?;
    // e2fsck(8): 0 nothing to do, 1 repaired.
    let code = output.status.code();
    ensure!(
        matches!(code, Some(0 | 1)),
        "the state partition is beyond repair ({code:?}): {}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

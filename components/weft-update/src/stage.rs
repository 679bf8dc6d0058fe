//! Choosing a release and getting it into the other slot.

use crate::delta::{self, Held, RootTarget, Slots};
use crate::device::{BlockDevice, SECTOR};
use crate::esp::{self, BootEntries};
use crate::machine::{self, Machine, is_kept};
use crate::records::{self, STAGED, Staged, Standing, UKI};
use crate::repository::{self, Repository};
use crate::state::{self, Phase, Progress, STATUS, Status};
use semver::Version;
use sha2::{Digest, Sha256};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use weft_release::boot::{Entry, is_considered};
use weft_release::{ARCHITECTURE, Admission, Device, Index, IndexError, Refusal, Release, Slot, admit};

/// Bytes of a kernel image at most.
const MAX_UKI: u64 = 16 << 20;
/// A status file is flushed to the disk, so not too often.
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// Why a release is not in the other slot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Repository(#[from] repository::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no release can be read")]
    Release(#[from] weft_release::Error),
    #[error("the update source has no release")]
    Empty,
    #[error("version {0} runs on trial: an update waits until it is kept")]
    OnTrial(Version),
    #[error("the hash tree from the update source is not the one that was signed")]
    Tree(#[from] IndexError),
    #[error("the hash tree and its parity have {found} bytes at the update source, and must have {expected}")]
    TreeLength { found: u64, expected: u64 },
    #[error(
        "the hash tree needs {needed} bytes, and its partition has {room}: the device's partitions are too small for it"
    )]
    TreeTooLarge { needed: u64, room: u64 },
    #[error("cannot write the other slot's hash tree")]
    Write(#[source] std::io::Error),
    #[error(transparent)]
    Delta(#[from] delta::Error),
    #[error(transparent)]
    Esp(#[from] esp::Error),
    #[error(transparent)]
    Machine(#[from] machine::Error),
    #[error(transparent)]
    State(#[from] state::Error),
}

/// What a look at a repository came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The newest release runs.
    Current,
    Take(Box<Release>, Admission),
}

/// The newest release that this device may install; why the newest cannot be, if none can.
pub fn choose(
    repository: &Repository,
    machine: &Machine,
    product: &str,
    standing: &Standing,
) -> Result<Choice, Error> {
    let device = Device {
        product: product.to_owned(),
        architecture: ARCHITECTURE.to_owned(),
        version: machine.version.clone(),
        epoch: standing.epoch.max(machine.epoch),
    };
    let (mut releases, mut unreadable) = (Vec::new(), None);
    for release in repository.releases() {
        match release {
            Ok(release) => releases.push(release),
            Err(error) => unreadable = Some(error),
        }
    }
    // The own product's first, each newest first.
    releases.sort_by(|a, b| {
        let own = |release: &Release| release.product == product;
        own(b).cmp(&own(a)).then_with(|| b.version.cmp(&a.version))
    });
    let mut refused = None;
    for release in releases {
        match admit(&release, &device) {
            Ok(Admission::Current) => return Ok(Choice::Current),
            Ok(admission) => return Ok(Choice::Take(Box::new(release), admission)),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    match (refused, unreadable) {
        (Some(refusal), _) => Err(refusal.into()),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(Error::Empty),
    }
}

/// Brings a release into the other slot, up to but not including the boot loader. What is complete already is left as it is.
pub fn download(
    machine: &Machine,
    repository: &Repository,
    release: &Release,
    connections: usize,
) -> Result<Progress, Error> {
    let (store, slot) = (&*machine.store, machine.running.other());
    let _lock = store.lock()?;
    let mut esp = machine.open_esp()?;
    if !is_kept(&esp, machine.running)? {
        return Err(Error::OnTrial(machine.version.clone()));
    }
    // Before anything is given up, everything small is fetched and checked: a source that is no good costs the device nothing.
    let verity = read_tree(machine, repository, release)?;
    let index = Index::read(&verity, release.data_blocks, &release.root_hash, &release.salt)?;
    if is_staged(machine, release)? {
        let bytes = index.blocks() * u64::from(release.block_size);
        return Ok(Progress { done: bytes, total: bytes, fetched: 0 });
    }
    let uki = repository.read(release.parts.uki(slot), MAX_UKI)?;
    delta::check_room(&*machine.other_root, &index)?;
    let replaced = entries_but(&esp, machine.running)?;
    esp.check_room(uki.len() as u64, &replaced)?;
    // What was staged is no more, and the boot loader forgets the other slot before its bytes change.
    store.remove(STAGED)?;
    store.save(UKI, &uki)?;
    let staged = Staged {
        slot: slot.to_string(),
        release: release.clone(),
        uki_sha256: sha256(&uki),
        verity_sha256: sha256(&verity),
    };
    drop(uki);
    for name in &replaced {
        esp.remove(name)?;
    }
    let slots = Slots { running: &*machine.running_root, other: &*machine.other_root };
    let trees = Slots { running: &*machine.running_verity, other: &*machine.other_verity };
    let held = Held::read(slots, trees, &index, &release.salt);
    write_tree(&*machine.other_verity, &verity)?;
    drop(verity);
    let root =
        repository.target(&weft_release::target(&release.product, &release.version, weft_release::ROOT))?;
    let target = RootTarget { source: &*repository.source, path: &root.path };
    let reporter = Reporter::new(machine, release);
    let connections = if repository.source.is_remote() { connections } else { 1 };
    let progress =
        delta::fill(slots, held, &index, &target, connections, &|progress| reporter.note(progress))?;
    state::save(store, STAGED, &staged)?;
    Ok(progress)
}

/// Whatever the boot loader would start besides a slot's own entries, also under names that are none of this system's.
fn entries_but(esp: &dyn BootEntries, slot: Slot) -> Result<Vec<String>, Error> {
    let is_own = |name: &str| Entry::parse(name).is_some_and(|entry| entry.slot == slot);
    let mut names = esp.names()?;
    names.retain(|name| is_considered(name) && !is_own(name));
    Ok(names)
}

/// The hash device, from the other slot where an interrupted download left it, else from the source.
fn read_tree(machine: &Machine, repository: &Repository, release: &Release) -> Result<Vec<u8>, Error> {
    let target = repository.target(&release.parts.verity)?;
    let room = machine.other_verity.len();
    if target.length != release.hash_bytes {
        return Err(Error::TreeLength { found: target.length, expected: release.hash_bytes });
    }
    if target.length > room {
        return Err(Error::TreeTooLarge { needed: target.length, room });
    }
    let mut kept = vec![0; target.length as usize];
    if machine.other_verity.read(0, &mut kept).is_ok() && target.path.contains(&sha256(&kept)) {
        return Ok(kept);
    }
    drop(kept);
    Ok(repository.read(&release.parts.verity, room)?)
}

fn write_tree(device: &dyn BlockDevice, tree: &[u8]) -> Result<(), Error> {
    let mut padded = tree.to_vec();
    padded.resize(padded.len().next_multiple_of(SECTOR), 0);
    device.write(0, &padded).map_err(Error::Write)?;
    device.flush().map_err(Error::Write)
}

fn is_staged(machine: &Machine, release: &Release) -> Result<bool, Error> {
    let staged = records::staged(&*machine.store)?;
    let slot = machine.running.other().to_string();
    Ok(staged.is_some_and(|staged| staged.release == *release && staged.slot == slot))
}

/// In hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The other slot of a text record.
pub fn slot_of(staged: &Staged) -> Option<Slot> {
    staged.slot.parse().ok()
}

/// Writes `status.json` now and then.
struct Reporter<'a> {
    machine: &'a Machine,
    version: String,
    last: Mutex<Option<Instant>>,
}

impl<'a> Reporter<'a> {
    fn new(machine: &'a Machine, release: &Release) -> Self {
        Self { machine, version: release.version.to_string(), last: Mutex::new(None) }
    }

    fn note(&self, progress: Progress) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < REPORT_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let version = Some(self.version.clone());
        let status = Status { phase: Phase::Downloading, version, progress: Some(progress), error: None };
        if let Err(error) = state::save(&*self.machine.store, STATUS, &status) {
            tracing::warn!("{error}, ignoring");
        }
    }
}

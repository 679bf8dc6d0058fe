//! Any sequence of installations, updates, rollbacks, removals, sessions and power cuts leaves the store whole.

mod common;

use common::recorder::{Recorder, after_power_cut};
use common::{ID, World, id, places};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use weft_package::launch::{self, Launchable, Refusal};
use weft_package::store::{self, Options};
use weft_package::{Places, Store, TrustStore, key::SecretKey, signature};

const VERSIONS: u8 = 4;
const GRANTS: [&[&str]; 3] = [&[], &["sys:notifications"], &["sys:notifications", "net:fetch"]];

#[derive(Debug, Clone)]
enum Step {
    Install {
        version: u8,
        grants: usize,
        publisher: usize,
        approve: bool,
    },
    Rollback,
    Uninstall,
    Approve,
    OpenSession,
    EndSession,
    /// The next step is cut off behind so many of its changes; of the unsafe ones those survive whose bit is set.
    PowerCut {
        after: prop::sample::Index,
        survivors: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..VERSIONS, 0..GRANTS.len(), 0..2usize, any::<bool>()).prop_map(|(version, grants, publisher, approve)| {
            Step::Install { version, grants, publisher, approve }
        }),
        2 => Just(Step::Rollback),
        1 => Just(Step::Uninstall),
        1 => Just(Step::Approve),
        1 => Just(Step::OpenSession),
        1 => Just(Step::EndSession),
        3 => (any::<prop::sample::Index>(), any::<u64>()).prop_map(|(after, survivors)| Step::PowerCut { after, survivors }),
    ]
}

/// What is known to be true.
#[derive(Debug, Clone, PartialEq, Default)]
struct Model {
    active: Option<(u8, usize)>,
    owner: Option<usize>,
}

struct Run {
    world: World,
    packages: PathBuf,
    keys: [SecretKey; 2],
    root: PathBuf,
    serial: u32,
    model: Model,
    session: Option<(Launchable, String)>,
    /// Whether a power cut may have undone the removal of a revision, which the next change does again.
    undone: bool,
}

impl Run {
    fn new() -> Self {
        let world = World::new();
        let keys = [world.key("first"), world.key("second")];
        keys.iter().for_each(|key| world.trust(key));
        let packages = world.path("packages");
        let root = world.path("world");
        Self { world, packages, keys, root, serial: 0, model: Model::default(), session: None, undone: false }
    }

    fn places(&self) -> Places {
        places(&self.root)
    }

    fn package(&self, version: u8, grants: usize, publisher: usize) -> PathBuf {
        let folder = self.packages.join(format!("{version}-{grants}-{publisher}"));
        if !folder.exists() {
            common::package(&folder, &format!("{version}.0.0"), GRANTS[grants]);
            fs::write(folder.join("ui/grants"), grants.to_string()).unwrap();
            signature::sign(&folder, &self.keys[publisher]).unwrap();
        }
        folder
    }

    /// Makes a step and says what the model is then, if it succeeds.
    fn attempt(&self, step: &Step, store: &Store<'_>) -> (Result<(), store::Error>, Model) {
        let mut after = self.model.clone();
        let outcome = match step {
            Step::Install { version, grants, publisher, approve } => {
                after = Model { active: Some((*version, *grants)), owner: Some(*publisher) };
                let options = Options { approve: *approve, ..Options::default() };
                store.install(&self.package(*version, *grants, *publisher), options).map(drop)
            }
            Step::Rollback => store.rollback(&id()).map(|manifest| {
                let grants = GRANTS.iter().position(|grants| grants.len() == manifest.capabilities.len());
                after.active = Some((manifest.version.major as u8, grants.unwrap()));
            }),
            Step::Uninstall => {
                after.active = None;
                store.uninstall(&id(), false)
            }
            Step::Approve => store.approve(&id(), &[]).map(drop),
            Step::OpenSession | Step::EndSession | Step::PowerCut { .. } => Ok(()),
        };
        (outcome, after)
    }

    /// Whether the step had to be refused, by the rules and not by the code.
    fn must_be_refused(&self, step: &Step) -> bool {
        match step {
            Step::Install { version, publisher, grants, approve } => {
                let other_owner = self.model.owner.is_some_and(|owner| owner != *publisher);
                let older = self.model.active.is_some_and(|(active, _)| *version < active);
                // An earlier approval may cover it; without one it is refused. That part is decided by the caller.
                let _ = (grants, approve);
                other_owner || older
            }
            Step::Rollback | Step::Approve => self.model.active.is_none(),
            Step::Uninstall => self.model.active.is_none() || self.session.is_some(),
            _ => false,
        }
    }

    fn look(&self) -> Option<(u8, usize)> {
        match launch::open(&self.places(), &id()) {
            Ok(app) => {
                let version = app.package.manifest.version.major as u8;
                let grants: usize =
                    fs::read_to_string(app.package.folder.join("ui/grants")).unwrap().parse().unwrap();
                assert_eq!(app.package.manifest.capabilities.len(), GRANTS[grants].len());
                Some((version, grants))
            }
            Err(Refusal::NotInstalled { .. }) => None,
            Err(refusal) => panic!("the app is left broken: {refusal}"),
        }
    }

    fn check(&self) {
        assert_eq!(self.look(), self.model.active);
        if let Some((session, page)) = &self.session {
            let now = fs::read_to_string(session.package.folder.join("ui/grants")).unwrap();
            assert_eq!(&now, page, "a live session lost its files");
        }
        let revisions = self.places().store().join(".revisions").join(ID);
        let kept = fs::read_dir(revisions).into_iter().flatten().count();
        // The active one, the one before it, and their history.
        let most = 3 + usize::from(self.undone) + usize::from(self.session.is_some());
        assert!(kept <= most, "{kept} entries in the folder of revisions");
        assert_eq!(TrustStore::read(&self.places().trusted_keys).keys().len(), 2);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::OpenSession => {
                self.session = launch::open(&self.places(), &id()).ok().map(|app| {
                    let page = fs::read_to_string(app.package.folder.join("ui/grants")).unwrap();
                    (app, page)
                });
            }
            Step::EndSession => self.session = None,
            _ => {
                let must_be_refused = self.must_be_refused(step);
                let places = self.places();
                let (outcome, after) = self.attempt(step, &Store::new(&places));
                assert!(!(must_be_refused && outcome.is_ok()), "{step:?} succeeded in {:?}", self.model);
                if outcome.is_ok() {
                    self.model = after;
                    self.undone &= matches!(step, Step::Approve);
                }
            }
        }
        self.check();
    }

    fn cut(&mut self, step: &Step, after: prop::sample::Index, survivors: u64) {
        // The machine is off: nobody runs.
        self.session = None;
        let before = self.copy("before");
        let recorder = Recorder::default();
        let places = self.places();
        let (outcome, new) = self.attempt(step, &Store::with_disk(&places, &recorder));
        let changes = recorder.changes();
        let count = after.index(changes.len() + 1);
        let root = self.fresh("cut");
        after_power_cut(&before, &self.root, &root, &changes[..count], |index| {
            survivors >> (index % 64) & 1 == 1
        });
        self.root = root;
        let found = self.look();
        let allowed = [Some(&self.model), outcome.is_ok().then_some(&new)];
        assert!(
            allowed.iter().flatten().any(|model| model.active == found),
            "{found:?} after {step:?} in {:?}",
            self.model
        );
        self.model.active = found;
        self.undone = true;
        let records = weft_package::record::Records::of(&self.places(), &id());
        self.model.owner = records.owner().unwrap().map(|owner| {
            self.keys.iter().position(|key| owner.to_string() == key.public().to_hex()).unwrap()
        });
        self.check();
    }

    fn fresh(&mut self, name: &str) -> PathBuf {
        self.serial += 1;
        self.world.path(&format!("{name}-{}", self.serial))
    }

    fn copy(&mut self, name: &str) -> PathBuf {
        let to = self.fresh(name);
        common::recorder::copy_tree(Path::new(&self.root), &to);
        to
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_history_leaves_a_whole_store(steps in prop::collection::vec(step(), 1..14)) {
        let mut run = Run::new();
        let mut cut = None;
        for step in &steps {
            match (step, cut.take()) {
                (Step::PowerCut { after, survivors }, _) => cut = Some((*after, *survivors)),
                (step, Some((after, survivors))) => run.cut(step, after, survivors),
                (step, None) => run.step(step),
            }
        }
    }
}

//! The description of a confined process.

use crate::identity::User;
use crate::kind::Kind;
use crate::places::{Access, Place};
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;

/// A process as it shall be; nothing of the caller's is inherited but what stands here.
#[derive(Debug)]
pub struct Sandbox {
    pub kind: Kind,
    /// Absolute path, also the first argument.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// The caller's own where there is none.
    pub user: Option<User>,
    /// Other users whom it can tell by their numbers, of those who connect to it; it cannot become them.
    pub known_users: Vec<u32>,
    /// Whether it gets namespaces and a mount tree of its own. Without, it still has all the rest.
    pub namespaces: bool,
    /// What it sees beyond what its kind always sees.
    pub places: Vec<Place>,
    /// Its descriptors by their numbers there. A standard stream that is not named is `/dev/null`.
    pub descriptors: Vec<(RawFd, OwnedFd)>,
    /// The folder of the cgroup (v2) that it starts in.
    pub cgroup: Option<OwnedFd>,
}

impl Sandbox {
    /// A process of this kind with nothing beyond what the kind always has.
    pub fn new(kind: Kind, program: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            known_users: Vec::new(),
            namespaces: true,
            places: Vec::new(),
            descriptors: Vec::new(),
            cgroup: None,
        }
    }

    /// Everything that it sees, folders before what lies in them.
    pub(crate) fn all_places(&self) -> Vec<Place> {
        let mut places = self.kind.places();
        if !self.program.starts_with("/usr/") {
            places.push(Place::new(&self.program, Access::Execute));
        }
        places.extend(self.places.iter().cloned());
        places.sort_by(|a, b| a.path.components().cmp(b.path.components()));
        places
    }
}

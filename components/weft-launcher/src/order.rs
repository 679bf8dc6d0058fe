//! From a request to a description of the process: what is asked for is checked here, and everything else is decided here.

use crate::accounts::Accounts;
use crate::config::{Config, DISPLAY_GROUP, DOCUMENTS_GROUP};
use crate::folders;
use crate::uids::{self, Uids};
use rustix::fd::OwnedFd;
use weft_ipc::launcher::{Access, Kind, Spawn};
use weft_manifest::{AppId, InvalidId};
use weft_sandbox::{Access as Seen, Place, Sandbox, User};

/// Variables that a process may be given; all the others would reach the dynamic linker or a library's configuration.
const VARIABLES: [&str; 5] = ["LANG", "LC_ALL", "RUST_BACKTRACE", "TZ", "WAYLAND_DISPLAY"];
/// With this prefix, variables are our own programs'.
const OWN_VARIABLES: &str = "WEFT_";
/// Every user id that processes of no app have.
const PORTAL_USER: &str = "weft-portal";
const FETCH_USER: &str = "weft-fetch";
const COMPILE_USER: &str = "weft-compile";

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    App(#[from] InvalidId),
    #[error("{0} may not be shown to a process: name a package, its compiled code or a socket of appd")]
    Path(String),
    #[error("the variable {0} may not be set")]
    Variable(String),
    #[error("a process of this kind gets no {0}")]
    NotForKind(&'static str),
    #[error("{0} is in neither /etc/passwd nor /etc/group")]
    Account(&'static str),
    #[error(transparent)]
    Uid(#[from] uids::Error),
    #[error(transparent)]
    Folder(#[from] folders::Error),
}

/// What is needed to decide.
#[derive(Debug)]
pub struct Desk {
    pub config: Config,
    pub accounts: Accounts,
    pub uids: Uids,
}

impl Desk {
    /// The process that was asked for, with its folders made. `descriptors` are as many as the request names.
    pub fn describe(&mut self, spawn: Spawn, descriptors: Vec<OwnedFd>) -> Result<Sandbox, Refusal> {
        let app: AppId = spawn.app_id.parse()?;
        check(&spawn)?;
        let (kind, program) = program(spawn.kind);
        let mut sandbox = Sandbox::new(kind, self.config.programs.join(program));
        sandbox.arguments = spawn.arguments.clone();
        sandbox.environment = environment(&spawn)?;
        for path in &spawn.readable {
            if !self.config.may_show(path.as_ref()) {
                return Err(Refusal::Path(path.clone()));
            }
            sandbox.places.push(Place::new(path, Seen::Read));
        }
        let app_uid = self.uids.of(&app)?;
        let mut user = self.user(spawn.kind, app_uid)?;
        if spawn.kind == Kind::FilePortal {
            // It tells its one client by the user that the kernel attests, which must have a number there to be told.
            sandbox.known_users = vec![app_uid];
            sandbox.arguments.extend(["--peer-uid".into(), app_uid.to_string()]);
        }
        if spawn.data != Access::None {
            sandbox.places.push(self.data(&app, app_uid, spawn.data)?);
        }
        if spawn.documents != Access::None {
            let group = self.group(DOCUMENTS_GROUP)?;
            folders::make(&self.config.documents, 0o2770, 0, group)?;
            user.groups.push(group);
            sandbox.places.push(Place::new(&self.config.documents, seen(spawn.documents)));
        }
        if spawn.display {
            user.groups.push(self.group(DISPLAY_GROUP)?);
            sandbox.places.push(Place::new(&self.config.display, Seen::Socket));
        }
        sandbox.user = Some(user);
        let mut descriptors = descriptors.into_iter();
        sandbox.descriptors = spawn.fds.iter().copied().zip(&mut descriptors).collect();
        sandbox.cgroup = descriptors.next();
        Ok(sandbox)
    }

    fn user(&self, kind: Kind, app_uid: u32) -> Result<User, Refusal> {
        let name = match kind {
            Kind::Runtime | Kind::AppShell => {
                return Ok(User { uid: app_uid, gid: app_uid, groups: Vec::new() });
            }
            Kind::FilePortal => PORTAL_USER,
            Kind::Fetch => FETCH_USER,
            Kind::Compile => COMPILE_USER,
        };
        let (uid, gid) = self.accounts.user(name).ok_or(Refusal::Account(name))?;
        Ok(User { uid, gid, groups: Vec::new() })
    }

    fn group(&self, name: &'static str) -> Result<u32, Refusal> {
        self.accounts.group(name).ok_or(Refusal::Account(name))
    }

    fn data(&self, app: &AppId, uid: u32, access: Access) -> Result<Place, Refusal> {
        // Others may pass through to what is theirs, and not look around.
        folders::make(&self.config.app_data, 0o711, 0, 0)?;
        let folder = self.config.app_data.join(app.as_str());
        folders::make(&folder, 0o700, uid, uid)?;
        Ok(Place::new(folder, seen(access)))
    }
}

/// What no process of a kind has a use for is refused, whoever asks for it.
fn check(spawn: &Spawn) -> Result<(), Refusal> {
    let refuse = |asked: bool, what| if asked { Err(Refusal::NotForKind(what)) } else { Ok(()) };
    let of_app = matches!(spawn.kind, Kind::Runtime | Kind::AppShell);
    refuse(spawn.display && spawn.kind != Kind::AppShell, "display")?;
    refuse(spawn.data != Access::None && spawn.kind != Kind::Runtime, "data of an app")?;
    let documents = matches!(spawn.kind, Kind::Runtime | Kind::FilePortal);
    refuse(spawn.documents != Access::None && !documents, "documents")?;
    refuse(!spawn.readable.is_empty() && !of_app && spawn.kind != Kind::Compile, "files")
}

/// The program of a kind of process.
fn program(kind: Kind) -> (weft_sandbox::Kind, &'static str) {
    match kind {
        Kind::Runtime => (weft_sandbox::Kind::Runtime, "weft-runtime"),
        Kind::AppShell => (weft_sandbox::Kind::AppShell, "weft-app-shell"),
        Kind::FilePortal => (weft_sandbox::Kind::FilePortal, "weft-file-portal"),
        Kind::Fetch => (weft_sandbox::Kind::Fetch, "weft-fetch"),
        Kind::Compile => (weft_sandbox::Kind::Compile, "weft-compile"),
    }
}

fn seen(access: Access) -> Seen {
    if access == Access::Rw { Seen::Write } else { Seen::Read }
}

fn environment(spawn: &Spawn) -> Result<Vec<(String, String)>, Refusal> {
    let plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let allowed = |name: &str| VARIABLES.contains(&name) || name.starts_with(OWN_VARIABLES) && plain(name);
    if let Some((name, _)) = spawn.environment.iter().find(|(name, _)| !allowed(name)) {
        return Err(Refusal::Variable(name.clone()));
    }
    let fixed = [("PATH", "/usr/bin"), ("HOME", "/tmp"), ("TMPDIR", "/tmp"), ("XDG_RUNTIME_DIR", "/tmp")];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(fixed.into_iter().chain(spawn.environment.iter().cloned()).collect())
}

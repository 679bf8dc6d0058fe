//! Where the attacks take place: things to steal, somebody to connect to, and the ways in and out of the sandbox.

use rustix::process::{Pid, WaitOptions, waitpid};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use weft_sandbox::{Access, Error, Kind, Place, Sandbox, User};

const UID: u32 = 54_321;

/// How an attack ended.
#[derive(Debug)]
pub enum Outcome {
    Reached(String),
    /// For these reasons.
    #[allow(dead_code)]
    Refused(String),
    /// Ended by a filter.
    Killed,
    /// The attack itself did not work.
    Broken(String),
}

pub struct Stage {
    folder: TempDir,
    attacker: PathBuf,
    pub tcp: String,
    pub abstract_name: String,
    _listeners: (TcpListener, UnixListener, UnixListener),
    /// Inheritable, as a careless launcher would have it.
    _secret: fs::File,
}

impl Stage {
    pub fn new() -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("weft-sandbox")
            .tempdir_in("/var/tmp")
            .map_err(|e| e.to_string())?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["own", "shown", "other"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path().join("own"), Some(UID), Some(UID)).unwrap();
        }
        fs::write(folder.path().join("other/secret"), "of another app").unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let abstract_name = format!("weft-sandbox-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let secret = fs::File::open(folder.path().join("other/secret")).unwrap();
        rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
        let socket = UnixListener::bind(folder.path().join("socket")).unwrap();
        let stage = Self {
            attacker: Self::attacker(&folder),
            tcp: tcp.local_addr().unwrap().to_string(),
            _listeners: (tcp, UnixListener::bind_addr(&address).unwrap(), socket),
            abstract_name,
            folder,
            _secret: secret,
        };
        match stage.sandbox(Kind::Runtime, &[]).0.spawn() {
            Ok(child) => wait(child.pid),
            Err(error @ (Error::Clone(_) | Error::Map { .. })) => return Err(full(&error)),
            Err(error) => panic!("{}", full(&error)),
        };
        Ok(stage)
    }

    /// The example program, where any user can execute it.
    fn attacker(folder: &TempDir) -> PathBuf {
        let mut built = std::env::current_exe().unwrap();
        built.pop();
        built.pop();
        let place = folder.path().join("attacker");
        fs::copy(built.join("examples/attacker"), &place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn sandbox(&self, kind: Kind, arguments: &[&str]) -> (Sandbox, std::io::PipeReader) {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut sandbox = Sandbox::new(kind, &self.attacker);
        sandbox.arguments = arguments.iter().map(|argument| argument.to_string()).collect();
        sandbox.user =
            rustix::process::geteuid().is_root().then_some(User { uid: UID, gid: UID, groups: vec![] });
        sandbox.places =
            vec![Place::new(self.path("own"), Access::Write), Place::new(self.path("shown"), Access::Read)];
        let errors = std::io::stderr().lock().as_raw_fd();
        assert_eq!(errors, 2);
        sandbox.descriptors = vec![(1, writer.into())];
        (sandbox, reader)
    }

    /// The attack in the sandbox of a kind.
    pub fn within(&self, kind: Kind, namespaces: bool, name: &str, argument: &str) -> Outcome {
        let (mut sandbox, mut reader) = self.sandbox(kind, &[name, argument]);
        sandbox.namespaces = namespaces;
        let child = match sandbox.spawn() {
            Ok(child) => child,
            Err(error) => return Outcome::Broken(full(&error)),
        };
        drop(sandbox);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        match wait(child.pid) {
            Some(libc::SIGSYS) => Outcome::Killed,
            Some(signal) => Outcome::Broken(format!("ended by signal {signal}: {text}")),
            None => outcome(&text),
        }
    }

    /// The same without any.
    pub fn without(&self, name: &str, argument: &str) -> Outcome {
        let output =
            Command::new(&self.attacker).args([name, argument]).env("WEFT_SECRET", "x").output().unwrap();
        outcome(&String::from_utf8_lossy(&output.stdout))
    }
}

fn outcome(text: &str) -> Outcome {
    match text.trim().split_once(' ') {
        Some(("refused", "no such attack" | "no such call")) => Outcome::Broken("no such attack".into()),
        Some(("reached", what)) => Outcome::Reached(what.to_owned()),
        Some(("refused", why)) => Outcome::Refused(why.to_owned()),
        _ => Outcome::Broken(format!("said {text:?}")),
    }
}

/// The signal that ended it.
fn wait(pid: u32) -> Option<i32> {
    let pid = Pid::from_raw(pid.cast_signed());
    waitpid(pid, WaitOptions::empty()).unwrap().and_then(|(_, status)| status.terminating_signal())
}

fn full(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", full(source)),
        None => error.to_string(),
    }
}

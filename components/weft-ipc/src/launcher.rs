//! What appd asks of the launcher, the one program that may start processes under another user's id, and what it answers.
//!
//! A `SOCK_SEQPACKET` Unix socket (unix(7)) at [`SOCKET`]: one message a packet, MessagePack with named fields, descriptors attached by
//! `SCM_RIGHTS`. A [`Request::Spawn`] carries its descriptors in the order of `fds`, then that of the session's cgroup folder when
//! `cgroup` is set. A [`Response::Spawned`] carries one: the process's pidfd (pidfd_open(2)).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where PID 1 listens for the launcher; only appd may connect.
pub const SOCKET: &str = "/run/weft/launcher.sock";
/// The variable that names the socket to appd; without it there is no launcher.
pub const SOCKET_VARIABLE: &str = "WEFT_LAUNCHER_SOCKET";
/// Holds one folder for each app, made by the launcher and owned by the app's user; a process sees its own at the same path. It is where
/// `weft-package` looks for data that an app left, with the `XDG_DATA_HOME` of appd's service.
pub const APP_DATA: &str = "/state/appd/.local/share/weft/app-data";
/// The documents of the device's owner; a process that may see them sees them at the same path.
pub const DOCUMENTS: &str = "/state/documents";

/// The longest packet in bytes.
pub const MAX_PACKET_LEN: usize = 64 * 1024;
/// The most descriptors of one packet, the cgroup included.
pub const MAX_DESCRIPTORS: usize = 16;
/// The highest number that a process may get a descriptor under.
pub const MAX_TARGET: i32 = 63;
pub const MAX_ARGUMENTS: usize = 128;
pub const MAX_VARIABLES: usize = 64;
pub const MAX_READABLE: usize = 32;
/// Bytes of one argument, variable or path.
pub const MAX_TEXT_LEN: usize = 4096;

/// What is started: decides program, user, system calls and everything else that does not depend on the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `weft-runtime`, as the app's user.
    Runtime,
    /// `weft-app-shell`, as the app's user.
    AppShell,
    /// `weft-file-portal`, as a user of its own.
    FilePortal,
    /// `weft-fetch`, as a user of its own; the only kind that sees the device's network.
    Fetch,
    /// `weft-compile`, as a user of its own.
    Compile,
}

/// How much of a folder a process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    #[default]
    None,
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// The caller's own number for the process, not in use by another living one.
    pub id: u64,
    pub kind: Kind,
    pub app_id: String,
    pub session_id: u64,
    /// Without the program's own name.
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// The app's folder below [`APP_DATA`].
    #[serde(default)]
    pub data: Access,
    /// [`DOCUMENTS`].
    #[serde(default)]
    pub documents: Access,
    /// Absolute paths of files and folders that the process sees read-only, at the same paths.
    #[serde(default)]
    pub readable: Vec<String>,
    /// Whether it may connect to the compositor.
    #[serde(default)]
    pub display: bool,
    /// The number of each attached descriptor in the process. A standard stream that is not named is `/dev/null`.
    #[serde(default)]
    pub fds: Vec<i32>,
    /// Whether the last attached descriptor is the cgroup folder to start it in.
    #[serde(default)]
    pub cgroup: bool,
}

/// From appd to the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    Spawn(Spawn),
    /// Ends a process at once (SIGKILL); answered by its [`Response::Exited`]. Unknown ids are ignored: it may have just ended.
    Kill {
        id: u64,
    },
}

/// From the launcher to appd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// It runs its program; `pid` is its number in the device's own pid namespace.
    Spawned { id: u64, pid: u32 },
    /// Nothing was started.
    Refused { id: u64, reason: String },
    /// It ended by itself with `code`, or by `signal`.
    Exited { id: u64, code: Option<i32>, signal: Option<i32> },
}

/// Why a packet is no message, or a message no packet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a packet of {0} bytes is over the limit of {MAX_PACKET_LEN} bytes")]
    TooLong(usize),
    #[error("{field} has {count} entries, at most {most} are allowed")]
    TooMany { field: &'static str, count: usize, most: usize },
    #[error("{field} has a text of {len} bytes or with a zero byte, use at most {MAX_TEXT_LEN} plain bytes")]
    Text { field: &'static str, len: usize },
    #[error("descriptor number {0} cannot be used: choose different ones from 0 to {MAX_TARGET}")]
    Target(i32),
    #[error("the packet holds {attached} descriptors, its message names {named}")]
    Descriptors { named: usize, attached: usize },
    #[error("the message cannot be encoded")]
    Encode(#[source] rmp_serde::encode::Error),
    #[error("the packet is not a message of the launcher's channel")]
    Decode(#[source] rmp_serde::decode::Error),
}

impl Spawn {
    /// How many descriptors come with it.
    pub fn descriptors(&self) -> usize {
        self.fds.len() + usize::from(self.cgroup)
    }

    /// Checks every limit of this module; whether paths and ids may be used is the launcher's to decide.
    pub fn check(&self) -> Result<(), Error> {
        let count = |field, count, most| match count > most {
            true => Err(Error::TooMany { field, count, most }),
            false => Ok(()),
        };
        count("arguments", self.arguments.len(), MAX_ARGUMENTS)?;
        count("environment", self.environment.len(), MAX_VARIABLES)?;
        count("readable", self.readable.len(), MAX_READABLE)?;
        count("fds", self.descriptors(), MAX_DESCRIPTORS)?;
        text("app_id", &self.app_id)?;
        self.arguments.iter().try_for_each(|argument| text("arguments", argument))?;
        self.readable.iter().try_for_each(|path| text("readable", path))?;
        for (key, value) in &self.environment {
            text("environment", key)?;
            text("environment", value)?;
        }
        for (at, number) in self.fds.iter().enumerate() {
            if !(0..=MAX_TARGET).contains(number) || self.fds.iter().skip(at + 1).any(|other| other == number)
            {
                return Err(Error::Target(*number));
            }
        }
        Ok(())
    }
}

fn text(field: &'static str, text: &str) -> Result<(), Error> {
    match text.len() > MAX_TEXT_LEN || text.contains('\0') {
        true => Err(Error::Text { field, len: text.len() }),
        false => Ok(()),
    }
}

/// The packet of a message.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, Error> {
    let packet = rmp_serde::to_vec_named(message).map_err(Error::Encode)?;
    match packet.len() > MAX_PACKET_LEN {
        true => Err(Error::TooLong(packet.len())),
        false => Ok(packet),
    }
}

/// The message of a packet.
pub fn decode<M: DeserializeOwned>(packet: &[u8]) -> Result<M, Error> {
    match packet.len() > MAX_PACKET_LEN {
        true => Err(Error::TooLong(packet.len())),
        false => rmp_serde::from_slice(packet).map_err(Error::Decode),
    }
}

/// The request of a packet that came with so many descriptors, within every limit.
pub fn request(packet: &[u8], attached: usize) -> Result<Request, Error> {
    let request = decode(packet)?;
    let named = match &request {
        Request::Spawn(spawn) => {
            spawn.check()?;
            spawn.descriptors()
        }
        Request::Kill { .. } => 0,
    };
    match named == attached {
        true => Ok(request),
        false => Err(Error::Descriptors { named, attached }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spawn() -> Spawn {
        Spawn {
            id: 1,
            kind: Kind::AppShell,
            app_id: "org.weft.demo.counter".into(),
            session_id: 7,
            arguments: vec!["--ui".into()],
            environment: vec![("LANG".into(), "C.UTF-8".into())],
            data: Access::Rw,
            documents: Access::None,
            readable: vec!["/usr/share/weft/apps/org.weft.demo.counter".into()],
            display: true,
            fds: vec![1, 2, 3],
            cgroup: true,
        }
    }

    #[test]
    fn a_request_survives_the_wire() {
        for (message, attached) in [(Request::Spawn(spawn()), 4), (Request::Kill { id: 3 }, 0)] {
            assert_eq!(request(&encode(&message).unwrap(), attached).unwrap(), message);
        }
    }

    #[test]
    fn a_descriptor_too_many_or_too_few_is_refused() {
        let packet = encode(&Request::Spawn(spawn())).unwrap();
        for attached in [0, 3, 5] {
            assert!(matches!(request(&packet, attached), Err(Error::Descriptors { named: 4, .. })));
        }
        assert!(request(&encode(&Request::Kill { id: 3 }).unwrap(), 1).is_err());
    }

    #[test]
    fn limits_are_kept() {
        let refused = |change: &dyn Fn(&mut Spawn)| {
            let mut spawn = spawn();
            change(&mut spawn);
            let attached = spawn.descriptors();
            encode(&Request::Spawn(spawn)).and_then(|packet| request(&packet, attached)).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(refused(&|spawn| spawn.fds = vec![1, 1]));
        assert!(refused(&|spawn| spawn.fds = vec![-1]));
        assert!(refused(&|spawn| spawn.fds = vec![MAX_TARGET + 1]));
        assert!(refused(&|spawn| spawn.fds = (0..=16).collect()));
        assert!(refused(&|spawn| spawn.arguments = vec![String::new(); MAX_ARGUMENTS + 1]));
        assert!(refused(&|spawn| spawn.arguments = vec!["a\0b".into()]));
        assert!(refused(&|spawn| spawn.readable = vec!["/x".into(); MAX_READABLE + 1]));
        assert!(refused(&|spawn| spawn.environment = vec![("K".into(), "v".repeat(MAX_TEXT_LEN + 1))]));
        assert!(refused(&|spawn| spawn.arguments = vec!["x".repeat(MAX_TEXT_LEN); 20]), "packet too long");
    }

    #[test]
    fn unknown_fields_and_kinds_are_refused() {
        let mut value: serde_json::Value = serde_json::to_value(Request::Spawn(spawn())).unwrap();
        assert!(request(&rmp_serde::to_vec_named(&value).unwrap(), 4).is_ok());
        value["kind"] = "root-shell".into();
        assert!(request(&rmp_serde::to_vec_named(&value).unwrap(), 4).is_err());
        value["kind"] = "runtime".into();
        value["uid"] = 0.into();
        assert!(request(&rmp_serde::to_vec_named(&value).unwrap(), 4).is_err());
    }

    proptest! {
        #[test]
        fn any_packet_is_taken_or_refused(packet in prop::collection::vec(any::<u8>(), 0..512), attached in 0usize..20) {
            let _ = request(&packet, attached);
        }
    }
}

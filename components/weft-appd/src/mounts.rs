//! Package images: mounted by the mount helper for as long as a session runs from them.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weft_ipc::frame;
use weft_ipc::mount::{Answer, Request};

/// Where the helper mounts.
const MOUNTS: &str = "/run/weft/packages";
/// The helper takes milliseconds; appd's loop stands still meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why an image is not mounted, or not taken away.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} is a package image, and nobody mounts it: set WEFT_MOUNT_HELPER to the mount helper's socket", .0.display())]
    NoHelper(PathBuf),
    #[error("cannot ask the mount helper at {}", socket.display())]
    Ask { socket: PathBuf, source: frame::Error },
    #[error("the mount helper refuses: {0}")]
    Refused(String),
    #[error("the mount helper answers what was not asked")]
    Confused,
    #[error("{} is not text, as a request to the mount helper must be", .0.display())]
    NotText(PathBuf),
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        crate::chain::chain(&error)
    }
}

/// A mounted image.
#[derive(Debug)]
pub struct Mounted {
    socket: PathBuf,
    pub folder: PathBuf,
    /// The key of who signed it, in hexadecimal digits.
    pub publisher: String,
}

impl Mounted {
    /// Mounts `image` under a name of its own.
    pub fn new(helper: Option<&Path>, image: &Path, name: &str) -> Result<Self, Error> {
        let socket = helper.ok_or_else(|| Error::NoHelper(image.to_owned()))?;
        let folder = Path::new(MOUNTS).join(name);
        // Left by an appd that died.
        let _ = ask(socket, &Request::Umount { mountpoint: text(&folder)? });
        match ask(socket, &Request::Mount { image: text(image)?, mountpoint: text(&folder)? })? {
            Answer::Mounted { publisher } => Ok(Self { socket: socket.to_owned(), folder, publisher }),
            Answer::Error { reason } => Err(Error::Refused(reason)),
            Answer::Unmounted { .. } => Err(Error::Confused),
        }
    }

    /// Takes it away; `true` when a block of it was not the one that was signed.
    pub fn end(self) -> Result<bool, Error> {
        match ask(&self.socket, &Request::Umount { mountpoint: text(&self.folder)? })? {
            Answer::Unmounted { corrupted } => Ok(corrupted),
            Answer::Error { reason } => Err(Error::Refused(reason)),
            Answer::Mounted { .. } => Err(Error::Confused),
        }
    }
}

fn ask(socket: &Path, request: &Request) -> Result<Answer, Error> {
    let failed = |source| Error::Ask { socket: socket.to_owned(), source };
    let connect = || -> io::Result<UnixStream> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    };
    let mut stream = connect().map_err(|error| failed(error.into()))?;
    frame::write(&mut stream, request).map_err(failed)?;
    let answer = frame::read(&mut stream).map_err(failed)?;
    answer.ok_or_else(|| failed(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
}

fn text(path: &Path) -> Result<String, Error> {
    path.to_str().map(str::to_owned).ok_or_else(|| Error::NotText(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A helper that answers these, each on a connection of its own, and returns what it was asked.
    fn helper(socket: &Path, answers: Vec<Answer>) -> std::thread::JoinHandle<Vec<Request>> {
        let listener = UnixListener::bind(socket).unwrap();
        std::thread::spawn(move || {
            let serve = |answer: &Answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = frame::read(&mut stream).unwrap().unwrap();
                frame::write(&mut stream, answer).unwrap();
                request
            };
            answers.iter().map(serve).collect()
        })
    }

    #[test]
    fn an_image_is_mounted_under_the_sessions_name_and_its_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("mount.sock");
        let nothing = Answer::Error { reason: "not mounted".into() };
        let mounted = Answer::Mounted { publisher: "ab".into() };
        let asked = helper(&socket, vec![nothing, mounted, Answer::Unmounted { corrupted: true }]);
        let image = Path::new("/state/apps/x.app.img");
        let mounted = Mounted::new(Some(&socket), image, "org.weft.x-3").unwrap();
        assert_eq!(mounted.folder, Path::new("/run/weft/packages/org.weft.x-3"));
        assert!(mounted.end().unwrap());
        let mountpoint = "/run/weft/packages/org.weft.x-3".to_owned();
        let umount = Request::Umount { mountpoint: mountpoint.clone() };
        let mount = Request::Mount { image: "/state/apps/x.app.img".into(), mountpoint };
        assert_eq!(asked.join().unwrap(), [umount.clone(), mount, umount]);
    }

    #[test]
    fn a_refusal_is_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("mount.sock");
        let no = || Answer::Error { reason: "signed by nobody".into() };
        let asked = helper(&socket, vec![no(), no()]);
        let refused = Mounted::new(Some(&socket), Path::new("/x.app.img"), "x-1").unwrap_err();
        assert!(refused.to_string().contains("signed by nobody"));
        asked.join().unwrap();
        assert!(matches!(Mounted::new(None, Path::new("/x.app.img"), "x-1"), Err(Error::NoHelper(_))));
    }
}

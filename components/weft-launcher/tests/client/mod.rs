//! A service with folders of its own, and a caller of it.

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::fs;
use std::io::{IoSlice, IoSliceMut, PipeReader, PipeWriter, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use tempfile::TempDir;
use weft_ipc::launcher::{self, Request, Response, Spawn};
use weft_launcher::{Accounts, Config};

pub struct Service {
    folder: std::sync::Arc<TempDir>,
    process: Mutex<Child>,
}

/// The service's own process: as its service file has it.
pub fn serve(folder: &Path) {
    let kept =
        CapabilitySet::CHOWN | CapabilitySet::DAC_OVERRIDE | CapabilitySet::SETUID | CapabilitySet::SETGID;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).unwrap();
    rustix::thread::set_no_new_privs(true).unwrap();
    let config = Config {
        programs: folder.join("programs"),
        uids: folder.join("uids"),
        app_data: folder.join("app-data"),
        documents: folder.join("documents"),
        display: folder.join("display"),
        readable: vec![folder.join("packages")],
        client: 0,
    };
    let accounts = Accounts::parse("weft-fetch:x:105:105::/:\n", "weft-documents:x:112:\n");
    let listener = seqpacket();
    let path = folder.join("socket");
    let _ = fs::remove_file(&path);
    rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    rustix::net::listen(&listener, 8).unwrap();
    fs::write(folder.join("ready"), "").unwrap();
    weft_launcher::serve(&listener, config, accounts).unwrap();
}

fn seqpacket() -> OwnedFd {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

impl Service {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("weft-launcher").tempdir_in("/var/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["programs", "packages", "display"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut probe = std::env::current_exe().unwrap();
        probe.pop();
        probe.pop();
        for program in ["weft-runtime", "weft-app-shell", "weft-fetch"] {
            fs::copy(probe.join("examples/probe"), folder.path().join("programs").join(program)).unwrap();
        }
        Self::in_folder(folder.into())
    }

    fn in_folder(folder: std::sync::Arc<TempDir>) -> Self {
        let ready = folder.path().join("ready");
        let _ = fs::remove_file(&ready);
        let process = Command::new(std::env::current_exe().unwrap()).arg(folder.path()).spawn().unwrap();
        // Its socket cannot be waited for otherwise; connecting before it listens would fail.
        while !ready.exists() {
            std::thread::yield_now();
        }
        Self { folder, process: Mutex::new(process) }
    }

    /// Another one on the same folders.
    pub fn restart(&self) -> Self {
        self.kill();
        Self::in_folder(self.folder.clone())
    }

    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn connect(&self) -> Client {
        let socket = seqpacket();
        rustix::net::connect(&socket, &SocketAddrUnix::new(self.folder.path().join("socket")).unwrap())
            .unwrap();
        Client(socket)
    }

    /// As another user: a process of that user connects and hands the connection over by living on its standard input.
    pub fn connect_as(&self, uid: u32) -> Client {
        let socket = seqpacket();
        let address = SocketAddrUnix::new(self.folder.path().join("socket")).unwrap();
        // The credentials of a connection are those of the moment of connect(2); only the effective user changes, and only for it.
        let root = rustix::process::geteuid();
        let set = |uid| rustix::thread::set_thread_res_uid(root, uid, root).unwrap();
        set(rustix::process::Uid::from_raw(uid));
        let outcome = rustix::net::connect(&socket, &address);
        set(root);
        outcome.unwrap();
        Client(socket)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

pub struct Client(OwnedFd);

impl Client {
    pub fn send_raw(&self, packet: &[u8]) {
        self.send(packet, &[]);
    }

    fn send(&self, packet: &[u8], descriptors: &[OwnedFd]) {
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(borrowed.is_empty() || control.push(SendAncillaryMessage::ScmRights(&borrowed)));
        rustix::net::sendmsg(&self.0, &[IoSlice::new(packet)], &mut control, SendFlags::NOSIGNAL).unwrap();
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let mut packet = vec![0; launcher::MAX_PACKET_LEN];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = rustix::net::recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut packet)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let bytes = got.map_or(0, |got| got.bytes);
        packet.truncate(bytes);
        (bytes > 0).then_some(packet)
    }

    /// Whether the service hung up.
    pub fn ended(&self) -> bool {
        self.receive().is_none()
    }

    pub fn next(&mut self) -> Response {
        launcher::decode(&self.receive().expect("the service hung up")).unwrap()
    }

    pub fn ask(&mut self, request: &Request, descriptors: &[OwnedFd]) -> Response {
        self.send(&launcher::encode(request).unwrap(), descriptors);
        self.next()
    }

    /// Starts a process; its output.
    pub fn start(&mut self, spawn: Spawn) -> PipeReader {
        let (reader, writer) = pipe();
        let answer = self.ask(&Request::Spawn(spawn), &[writer.into()]);
        assert!(matches!(answer, Response::Spawned { .. }), "{answer:?}");
        reader
    }

    /// Starts a process and waits for its end; its output.
    pub fn run(&mut self, spawn: Spawn) -> String {
        let mut output = self.start(spawn);
        let said = read_to_end(&mut output);
        let answer = self.next();
        assert_eq!(answer, Response::Exited { id: 1, code: Some(0), signal: None }, "{said}");
        said
    }
}

pub fn pipe() -> (PipeReader, PipeWriter) {
    std::io::pipe().unwrap()
}

pub fn read_to_end(output: &mut PipeReader) -> String {
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    text
}

pub fn read_until(output: &mut PipeReader, word: &str) {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(word) {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&text));
        text.extend(byte);
    }
}

/// A cgroup (v2) of this test's own.
pub struct Cgroup(PathBuf);

impl Cgroup {
    pub fn new() -> Option<Self> {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let root = roots.iter().find(|root| Path::new(root).join("cgroup.controllers").exists())?;
        let folder = Path::new(root).join(format!("weft-launcher-test-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        Some(Self(folder))
    }

    pub fn open(&self) -> OwnedFd {
        fs::File::open(&self.0).unwrap().into()
    }

    pub fn processes(&self) -> String {
        fs::read_to_string(self.0.join("cgroup.procs")).unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

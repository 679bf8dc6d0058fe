//! appd and its launcher, which the test plays: what is asked for, what becomes of it, and what happens when the launcher goes.

mod harness;

use harness::{Appd, PATIENCE, wait_for};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use weft_ipc::appd::{AppState, Request as ToAppd, Response as FromAppd};
use weft_ipc::launcher::{Access, Kind, Request, Response, Spawn, encode, request};

const APP: &str = "org.weft.test";

struct Launcher {
    listener: OwnedFd,
    _folder: tempfile::TempDir,
    path: String,
}

struct Connection(OwnedFd);

/// What a process that was asked for would have.
struct Process {
    spawn: Spawn,
    descriptors: BTreeMap<i32, OwnedFd>,
}

impl Launcher {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("launcher.sock");
        let flags = SocketFlags::CLOEXEC;
        let listener =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&listener, 4).unwrap();
        Self { listener, _folder: folder, path: path.to_str().unwrap().to_owned() }
    }

    fn appd(&self) -> Appd {
        let appd = Appd::start_fake(&[("WEFT_LAUNCHER_SOCKET", &self.path)]);
        appd.install(APP, "[ui]\nentry = \"ui/index.html\"", "");
        appd
    }

    fn accept(&self) -> Connection {
        let connection = rustix::net::accept(&self.listener).unwrap();
        rustix::net::sockopt::set_socket_timeout(
            &connection,
            rustix::net::sockopt::Timeout::Recv,
            Some(PATIENCE),
        )
        .unwrap();
        Connection(connection)
    }
}

impl Connection {
    fn next(&self) -> (Request, Vec<OwnedFd>) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut buffer = vec![0; 65536];
        let mut pieces = [IoSliceMut::new(&mut buffer)];
        let got = rustix::net::recvmsg(&self.0, &mut pieces, &mut control, RecvFlags::empty()).unwrap();
        let messages = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptors: Vec<OwnedFd> = messages.flatten().collect();
        (request(&buffer[..got.bytes], descriptors.len()).unwrap(), descriptors)
    }

    /// The next process that is asked for.
    fn spawn(&self) -> Process {
        let (Request::Spawn(spawn), descriptors) = self.next() else { panic!("no Spawn") };
        let descriptors = spawn.fds.iter().copied().zip(descriptors).collect();
        Process { spawn, descriptors }
    }

    fn killed(&self) -> u64 {
        let (Request::Kill { id }, _) = self.next() else { panic!("no Kill") };
        id
    }

    fn say(&self, response: &Response) {
        rustix::net::send(&self.0, &encode(response).unwrap(), SendFlags::empty()).unwrap();
    }

    /// Has the process run and say that it is ready; what it has is returned.
    fn run(&self, pid: u32) -> Process {
        let mut process = self.spawn();
        self.say(&Response::Spawned { id: process.spawn.id, pid });
        let token = process.spawn.environment.iter().find(|(name, _)| name == "WEFT_READY_TOKEN").unwrap();
        let mut stdout = File::from(process.descriptors.remove(&1).unwrap());
        writeln!(stdout, "READY {}", token.1).unwrap();
        process
    }
}

impl Process {
    fn value(&self, option: &str) -> &str {
        let at = self.spawn.arguments.iter().position(|argument| argument == option).unwrap();
        &self.spawn.arguments[at + 1]
    }

    /// Its end of the session channel.
    fn channel(&mut self) -> UnixStream {
        let number: i32 = self.value("--ipc-fd").parse().unwrap();
        let stream = UnixStream::from(self.descriptors.remove(&number).unwrap());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

#[test]
fn a_session_is_asked_for_with_all_it_may_have_and_nothing_else() {
    let launcher = Launcher::start();
    let appd = launcher.appd();
    appd.install_with(
        APP,
        "capabilities = [\"fs:rw:app-data\", \"net:fetch:example.org\"]",
        "[ui]\nentry = \"ui/index.html\"",
        "",
    );
    let mut client = appd.client();
    let session = client.launch_only(APP);
    let connection = launcher.accept();

    let fetch = connection.spawn();
    assert_eq!((fetch.spawn.kind, fetch.spawn.app_id.as_str()), (Kind::Fetch, APP));
    assert_eq!(fetch.value("--allow"), "example.org");
    assert!(fetch.spawn.readable.is_empty() && fetch.spawn.data == Access::None && !fetch.spawn.display);
    connection.say(&Response::Spawned { id: fetch.spawn.id, pid: 100 });

    let mut runtime = connection.run(101);
    assert_eq!((runtime.spawn.kind, runtime.spawn.session_id), (Kind::Runtime, session));
    assert_eq!((runtime.spawn.data, runtime.spawn.documents), (Access::Rw, Access::None));
    assert_eq!(runtime.value("--preopen"), format!("{}/{APP}::/data::rw", weft_ipc::launcher::APP_DATA));
    assert!(runtime.value("--fetch-fd").parse::<i32>().is_ok() && !runtime.spawn.display);
    let package = std::fs::canonicalize(appd.folder.path().join("apps").join(APP)).unwrap();
    assert!(runtime.spawn.readable.contains(&package.to_str().unwrap().to_owned()));

    let mut shell = connection.run(102);
    assert_eq!((shell.spawn.kind, shell.spawn.display), (Kind::AppShell, true));
    assert_eq!((shell.spawn.data, shell.spawn.documents), (Access::None, Access::None));
    assert!(shell.spawn.environment.iter().all(|(name, _)| name.starts_with("WEFT_") || name == "LANG"));
    assert_eq!(client.ready(APP), session);

    // The page and the component are connected.
    let (mut page, mut component) = (shell.channel(), runtime.channel());
    page.write_all(b"\"hello\"\n").unwrap();
    let mut heard = [0; 8];
    std::io::Read::read_exact(&mut component, &mut heard).unwrap();
    assert_eq!(&heard, b"\"hello\"\n");

    // An end: the channels close, helpers are killed, and what stays is killed too.
    client.send(&ToAppd::TerminateApp { session_id: session });
    assert_eq!(connection.killed(), fetch.spawn.id);
    assert_eq!(std::io::Read::read(&mut component, &mut heard).unwrap(), 0);
    let mut stubborn = [connection.killed(), connection.killed(), connection.killed()];
    stubborn.sort_unstable();
    assert_eq!(stubborn, [fetch.spawn.id, runtime.spawn.id, shell.spawn.id]);
    for id in stubborn {
        connection.say(&Response::Exited { id, code: None, signal: Some(9) });
    }
    client.expect("the end", |response| {
        (*response == FromAppd::AppState { session_id: session, state: AppState::Stopped }).then_some(())
    });
}

#[test]
fn a_refusal_is_told_and_a_launcher_that_goes_takes_its_sessions_along() {
    let launcher = Launcher::start();
    let appd = launcher.appd();
    let mut client = appd.client();
    client.launch_only(APP);
    let connection = launcher.accept();
    let refused = connection.spawn();
    connection.say(&Response::Refused { id: refused.spawn.id, reason: "no room".into() });
    let (code, message) = client.error();
    assert!(code == 500 && message.contains("no room"), "{code} {message}");

    // Tried again.
    connection.run(200);
    connection.run(201);
    let session = client.ready(APP);
    drop(connection);
    client.expect("the end", |response| {
        (*response == FromAppd::AppState { session_id: session, state: AppState::Stopped }).then_some(())
    });
    let connection = launcher.accept();
    connection.run(300);
    connection.run(301);
    assert_ne!(client.ready(APP), session);
    client.send(&ToAppd::QueryCrashReports { app_id: None });
    let reports = client.expect("CRASH_REPORTS", |response| match response {
        FromAppd::CrashReports { reports } => Some(reports.len()),
        _ => None,
    });
    assert!(reports >= 1);
}

#[test]
fn without_a_launcher_nothing_is_started_and_the_reason_is_told() {
    let appd = Appd::start_fake(&[("WEFT_LAUNCHER_SOCKET", "/nonexistent/launcher.sock")]);
    appd.install(APP, "", "");
    let mut client = appd.client();
    client.launch_only(APP);
    let (code, message) = client.error();
    assert!(code == 500 && message.contains("/nonexistent/launcher.sock"), "{code} {message}");
    wait_for("no process", || appd.children().is_empty().then_some(()));
}

#[test]
fn whether_a_page_answers_is_told_to_who_asks() {
    let launcher = Launcher::start();
    let appd = launcher.appd();
    let mut client = appd.client();
    let session = client.launch_only(APP);
    let connection = launcher.accept();
    let _component = connection.run(101);
    let mut shell = connection.spawn();
    connection.say(&Response::Spawned { id: shell.spawn.id, pid: 102 });
    let token =
        shell.spawn.environment.iter().find(|(name, _)| name == "WEFT_READY_TOKEN").unwrap().1.clone();
    let mut stdout = File::from(shell.descriptors.remove(&1).unwrap());
    writeln!(stdout, "ALIVE forged\nREADY {token}").unwrap();
    assert_eq!(client.ready(APP), session);
    let mut health = || {
        client.send(&ToAppd::QueryHealth);
        client.expect("HEALTH", |response| match response {
            FromAppd::Health { apps } => Some(apps.clone()),
            _ => None,
        })
    };
    let before = health();
    assert_eq!((before.len(), before[0].session_id, before[0].page_silent_ms), (1, session, None));
    assert!(before[0].state == AppState::Running && before[0].has_page && !before[0].wanted);
    writeln!(stdout, "ALIVE {token}").unwrap();
    wait_for("a sign of life", || health()[0].page_silent_ms);
}

#[test]
fn an_app_that_should_run_and_does_not_is_listed() {
    let launcher = Launcher::start();
    let appd =
        Appd::start_fake(&[("WEFT_LAUNCHER_SOCKET", &launcher.path), ("WEFT_AUTOSTART", "org.weft.gone")]);
    let mut client = appd.client();
    client.send(&ToAppd::QueryHealth);
    let apps = client.expect("HEALTH", |response| match response {
        FromAppd::Health { apps } => Some(apps.clone()),
        _ => None,
    });
    assert_eq!((apps.len(), apps[0].app_id.as_str(), apps[0].wanted), (1, "org.weft.gone", true));
    assert_eq!(apps[0].state, AppState::NotFound);
    client.send(&ToAppd::FactoryReset);
    let (code, message) = client.error();
    assert!(code == 500 && message.contains("no device"), "{code} {message}");
}

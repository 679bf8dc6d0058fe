//! A whole appd in a folder of its own, with the real runtime and a fake shell.
#![allow(dead_code, reason = "each test program uses a part of it")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use weft_ipc::appd::{Request, Response};
use weft_ipc::frame;
use weft_ipc::session::{Answer, Ask, Line, Notice};
use weft_package::store::Options;
use weft_package::{Places, Store};

/// Generous: tests share the machine with builds.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const COUNTER: &str = "org.weft.demo.counter";

/// appd in a temporary world; dropped, it is killed.
pub struct Appd {
    pub folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    pub process: Child,
    installs: AtomicU32,
}

impl Appd {
    /// With the counter and the test apps installed, and `environment` on top of the usual one.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        install_apps(folder.path());
        Self::start_in(folder, environment)
    }

    /// Without any app.
    pub fn start_empty(environment: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), environment)
    }

    fn start_in(folder: tempfile::TempDir, environment: &[(&str, &str)]) -> Self {
        let environment: Vec<_> =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let process = spawn(folder.path(), &environment);
        Self { folder, environment, process, installs: AtomicU32::new(0) }
    }

    /// With fake components: see `examples/fake_runtime.rs`.
    pub fn start_fake(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut environment: Vec<_> =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let fake = example("fake_runtime").to_str().unwrap().to_owned();
        environment.push(("WEFT_RUNTIME_BIN".to_owned(), fake));
        let components = folder.path().join("components");
        environment.push(("WEFT_COMPILED_DIR".to_owned(), components.to_str().unwrap().to_owned()));
        let process = spawn(folder.path(), &environment);
        Self { folder, environment, process, installs: AtomicU32::new(0) }
    }

    /// Installs an app with a fake component.
    pub fn install(&self, id: &str, manifest: &str, script: &str) {
        self.install_with(id, "", manifest, script);
    }

    /// The same with lines of `[package]`, such as its capabilities.
    pub fn install_with(&self, id: &str, package: &str, rest: &str, script: &str) {
        let folder = self.folder.path().join("packages").join(id);
        std::fs::create_dir_all(folder.join("ui")).unwrap();
        let version = self.installs.fetch_add(1, Ordering::Relaxed);
        let manifest = format!(
            "[package]\nid = \"{id}\"\nname = \"Test\"\nversion = \"1.0.{version}\"\n{package}\n[runtime]\nmodule = \"app.wasm\"\n{rest}\n"
        );
        std::fs::write(folder.join("wapp.toml"), manifest).unwrap();
        std::fs::write(folder.join("ui/index.html"), "").unwrap();
        // A component without anything in it (component-model/design/mvp/Binary.md, preamble).
        std::fs::write(folder.join("app.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
        std::fs::write(folder.join("script"), script).unwrap();
        install(self.folder.path(), &folder);
    }

    /// The component of a session, played by the test.
    pub fn component(&self, session: u64) -> Page {
        let path = self.folder.path().join(format!("components/{session}.sock"));
        Page::connect(&path)
    }

    /// The file of a WebSocket's port or token.
    pub fn runtime_file(&self, name: &str) -> String {
        let path = self.folder.path().join("run/weft").join(name);
        wait_for(name, || std::fs::read_to_string(&path).ok().filter(|text| !text.is_empty()))
    }

    /// Ends appd in order and starts it again.
    pub fn restart(&mut self) {
        signal(i32::try_from(self.process.id()).unwrap(), Signal::TERM);
        self.process.wait().unwrap();
        std::fs::remove_file(self.socket()).unwrap();
        self.process = spawn(self.folder.path(), &self.environment);
    }

    /// Open descriptors of appd itself.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    /// Children of appd, dead ones included (proc_pid_children(5)).
    pub fn children(&self) -> Vec<String> {
        let pid = self.process.id();
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Kills appd without a warning and starts it again.
    pub fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::remove_file(self.socket()).unwrap();
        self.process = spawn(self.folder.path(), &self.environment);
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/weft/appd.sock")
    }

    pub fn client(&self) -> Client {
        let stream = wait_for("appd's socket", || UnixStream::connect(self.socket()).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream }
    }

    /// The page of a session, once its shell runs.
    pub fn page(&self, session: u64) -> Page {
        Page::connect(&self.folder.path().join(format!("pages/{session}.sock")))
    }

    /// Process ids of the living processes of this appd's sessions that run the program.
    pub fn processes(&self, name: &str) -> Vec<i32> {
        let marker = format!("XDG_RUNTIME_DIR={}", self.folder.path().join("run").display());
        let folder = self.folder.path().to_str().unwrap().to_owned();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| {
            let read = |file: &str| {
                let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let own_world = read("environ").contains(&marker) || read("cmdline").contains(&folder);
            let program = read("cmdline").split('\0').next().unwrap_or_default().to_owned();
            Path::new(&program).file_name().is_some_and(|file| file == name) && own_world
        })
        .collect()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Memory of appd itself (proc_pid_status(5)).
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Listens where appd looks for the compositor.
    pub fn compositor(&self) -> Compositor {
        let path = self.folder.path().join("run/weft/compositor.sock");
        wait_for("appd's folder", || path.parent()?.exists().then_some(()));
        Compositor(UnixListener::bind(path).unwrap())
    }

    pub fn data(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("data/weft/app-data").join(file)).ok()
    }
}

impl Drop for Appd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- log of appd\n{log}---");
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &Path, environment: &[(String, String)]) -> Child {
    for name in ["run", "pages", "components", "data", "home", "apps"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for folder in [folder.join("pages"), folder.join("components")] {
        for old in std::fs::read_dir(folder).unwrap().flatten() {
            std::fs::remove_file(old.path()).unwrap();
        }
    }
    let real = !environment.iter().any(|(name, _)| name == "WEFT_RUNTIME_BIN");
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weft-appd"));
    command
        .env_clear()
        .env("WEFT_APP_STORE", folder.join("apps"))
        .env("WEFT_APP_SHELL_BIN", example("fake_shell"))
        .env("FAKE_SHELL_DIR", folder.join("pages"))
        .env("WEFT_TRUSTED_KEYS", folder.join("keys"))
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("HOME", folder.join("home"))
        .env("WEFT_APPD_WS_PORT", "0")
        .env("WEFT_LOG", "debug")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    if real {
        command.env("WEFT_RUNTIME_BIN", program("weft-runtime"));
        if environment.iter().any(|(name, _)| name == "WEFT_COMPILE_BIN") {
            command.env_remove("WEFT_COMPILED_DIR");
        } else {
            command.env("WEFT_COMPILED_DIR", compiled());
        }
    }
    command.spawn().unwrap()
}

/// A connection to appd's socket.
pub struct Client {
    pub stream: UnixStream,
}

impl Client {
    pub fn send(&mut self, request: &Request) {
        frame::write(&mut self.stream, request).unwrap();
    }

    pub fn next(&mut self) -> Response {
        frame::read(&mut self.stream).unwrap().expect("appd closed the connection")
    }

    /// The first answer that `pick` takes; others are passed over.
    pub fn expect<T>(&mut self, what: &str, pick: impl Fn(&Response) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while Instant::now() < end {
            let response = match frame::read(&mut self.stream) {
                Ok(Some(response)) => response,
                other => panic!("waiting for {what}: {other:?} after {seen:?}"),
            };
            if let Some(picked) = pick(&response) {
                return picked;
            }
            seen.push(response);
        }
        panic!("waiting for {what}, saw {seen:?}");
    }

    /// Launches an app and waits until it is ready; its session.
    pub fn launch(&mut self, app: &str) -> u64 {
        let id = self.launch_only(app);
        self.ready(app);
        id
    }

    pub fn launch_only(&mut self, app: &str) -> u64 {
        self.send(&Request::LaunchApp { app_id: app.to_owned(), surface_id: 0 });
        self.expect("LAUNCH_ACK", |response| match response {
            Response::LaunchAck { session_id, app_id } if app_id == app => Some(*session_id),
            _ => None,
        })
    }

    /// The next session of the app that gets ready.
    pub fn ready(&mut self, app: &str) -> u64 {
        self.expect("APP_READY", |response| match response {
            Response::AppReady { session_id, app_id } if app_id == app => Some(*session_id),
            _ => None,
        })
    }

    /// All answers up to and with the first that `last` takes.
    pub fn until(&mut self, last: impl Fn(&Response) -> bool) -> Vec<Response> {
        let mut seen = vec![self.next()];
        while !seen.last().is_some_and(&last) {
            seen.push(self.next());
        }
        seen
    }

    pub fn error(&mut self) -> (u32, String) {
        self.expect("ERROR", |response| match response {
            Response::Error { code, message } => Some((*code, message.clone())),
            _ => None,
        })
    }
}

/// Stands in for the compositor.
pub struct Compositor(UnixListener);

impl Compositor {
    pub fn accept(&self) -> Connection {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection(stream)
    }
}

pub struct Connection(UnixStream);

impl Connection {
    /// The next message, as text.
    pub fn next(&mut self) -> String {
        let message = frame::read::<weft_ipc::compositor::ToCompositor>(&mut self.0).unwrap();
        format!("{:?}", message.expect("appd closed the connection"))
    }
}

/// The page's end of a session channel.
pub struct Page {
    pub reader: BufReader<UnixStream>,
    pub stream: UnixStream,
}

impl Page {
    fn connect(path: &Path) -> Self {
        let stream = wait_for("the other end", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { reader: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    /// Sends a notice, as a runtime does.
    pub fn tell(&mut self, notice: Notice) {
        self.stream.write_all(Line::Notice(notice).encode().unwrap().as_bytes()).unwrap();
    }

    /// The next line, as it is meant.
    pub fn next(&mut self) -> Line {
        let mut line = String::new();
        assert!(self.reader.read_line(&mut line).unwrap() > 0, "appd closed the channel");
        Line::decode(line.as_bytes()).unwrap()
    }

    /// Asks appd as a runtime does.
    pub fn question(&mut self, ask: Ask) -> Answer {
        self.tell(Notice::Ask { id: 7, ask });
        loop {
            if let Line::Notice(Notice::Answer { id: 7, answer }) = self.next() {
                return answer;
            }
        }
    }

    pub fn say(&mut self, message: &str) {
        self.stream.write_all(weft_ipc::session::encode(message).unwrap().as_bytes()).unwrap();
    }

    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        weft_ipc::session::decode(&line).unwrap_or(line)
    }

    pub fn ask(&mut self, message: &str) -> String {
        self.say(message);
        self.hear()
    }
}

pub fn wait_for<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = get() {
            return value;
        }
        assert!(Instant::now() < end, "no {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn kill(pid: i32) {
    signal(pid, Signal::KILL);
}

pub fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn install_apps(world: &Path) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let counter = world.join("packages").join(COUNTER);
    std::fs::create_dir_all(counter.join("ui")).unwrap();
    std::fs::copy(repository.join("apps").join(COUNTER).join("wapp.toml"), counter.join("wapp.toml"))
        .unwrap();
    std::fs::write(counter.join("ui/index.html"), "<!doctype html>").unwrap();
    std::fs::copy(counter_component(), counter.join("app.wasm")).unwrap();
    install(world, &counter);
}

/// Installs a package for development.
pub fn install(world: &Path, package: &Path) {
    let places = places(world);
    let options = Options { development: true, claim_data: true, approve: true, keep_image: false };
    Store::new(&places).install(package, options).unwrap();
}

/// The folders that appd is told by its environment.
pub fn places(world: &Path) -> Places {
    Places {
        stores: vec![world.join("apps")],
        system: "/usr/share/weft/apps".into(),
        trusted_keys: vec![world.join("keys")],
        data: world.join("data/weft"),
    }
}

/// A program of the workspace: built here, unless `WEFT_TEST_BIN` names a folder with those that were built elsewhere.
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        if let Some(folder) = std::env::var_os("WEFT_TEST_BIN") {
            return folder.into();
        }
        cargo(&["build", "--package", "weft-runtime", "--package", "weft-compile"], "../..", &target());
        target().join("debug")
    };
    BUILT.get_or_init(build).join(name)
}

/// A fake program of the examples.
fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        cargo(&["build", "--package", "weft-appd", "--examples"], "../..", &target());
    });
    target().join("debug/examples").join(name)
}

/// The counter's component: built here, unless `WEFT_COUNTER_WASM` names one that was built elsewhere.
fn counter_component() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        if let Some(built) = std::env::var_os("WEFT_COUNTER_WASM") {
            return built.into();
        }
        let target = target().join("apps");
        cargo(&["build", "--release", "--target", "wasm32-wasip2"], "../../apps", &target);
        target.join("wasm32-wasip2/release/weft-demo-counter.wasm")
    };
    BUILT.get_or_init(build).clone()
}

/// A folder with the counter's compiled code.
fn compiled() -> PathBuf {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    let compile = || {
        let folder = target().join("compiled-for-appd-tests");
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new(program("weft-compile"));
        command.arg(counter_component()).arg("--output").arg(&folder);
        assert!(command.status().unwrap().success());
        folder
    };
    COMPILED.get_or_init(compile).clone()
}

/// The target folder that this test was built in: `<target>/<profile>/deps/<test>`.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

fn cargo(arguments: &[&str], folder: &str, target: &Path) {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--quiet")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .env("CARGO_TARGET_DIR", target)
        .status()
        .unwrap();
    assert!(status.success(), "cargo {arguments:?} failed");
}

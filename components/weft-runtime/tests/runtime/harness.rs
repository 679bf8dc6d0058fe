//! Sessions of components from text, and of the probes in `ci/probes`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use weft_component::{DEFAULT_STACK, Module};
use weft_ipc::session::{Decoder, Line, Notice};
use weft_runtime::Exit;

/// A component that says it is ready and then runs `body` in `run`, a core function that returns an i32: 0 for ok.
pub fn component(body: &str) -> String {
    include_str!("../../../../ci/probes/ready.wat").replace("BODY", body)
}

/// The file of a probe, built once.
pub fn probe(name: &str) -> PathBuf {
    static BUILT: Mutex<bool> = Mutex::new(false);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probes");
    let mut built = BUILT.lock().unwrap();
    if !*built {
        let probes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/probes");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(probes).args([
            "build",
            "--locked",
            "--release",
            "--target",
            "wasm32-wasip2",
            "--target-dir",
        ]);
        // What cargo sets for the tests is for the host.
        cargo.arg(&target).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        assert!(cargo.status().unwrap().success(), "build the probes: rustup target add wasm32-wasip2");
        *built = true;
    }
    target.join("wasm32-wasip2/release").join(name).with_extension("wasm")
}

/// Where compiled code of all tests is kept, by the hash of its module.
fn code_cache() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    std::fs::create_dir_all(&cache).unwrap();
    cache
}

/// A folder with a module.
pub struct World {
    folder: Arc<tempfile::TempDir>,
}

impl World {
    /// With the component as `app.wasm`.
    pub fn new(text: &str) -> Self {
        Self::with_bytes(&wat::parse_str(text).unwrap())
    }

    pub fn probe(name: &str) -> Self {
        Self::with_bytes(&std::fs::read(probe(name)).unwrap())
    }

    pub fn with_bytes(bytes: &[u8]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("app.wasm"), bytes).unwrap();
        let world = Self { folder };
        world.compile();
        world
    }

    /// As `weft-compile` does it; nothing where there is nothing to compile.
    fn compile(&self) {
        let Ok(module) = Module::read(&self.module()) else { return };
        let place = self.code_place(&module);
        if place.exists() {
            return;
        }
        let engine = weft_component::engine(DEFAULT_STACK).unwrap();
        let Ok(component) = weft_component::component(&engine, &module) else { return };
        // Others may compile the same at the same time; the last one to be done wins.
        let mut temporary = tempfile::NamedTempFile::new_in(code_cache()).unwrap();
        temporary.write_all(&component.serialize().unwrap()).unwrap();
        temporary.persist(place).unwrap();
    }

    fn code_place(&self, module: &Module) -> PathBuf {
        code_cache().join(module.code_name())
    }

    pub fn code(&self) -> Vec<u8> {
        std::fs::read(self.code_place(&Module::read(&self.module()).unwrap())).unwrap()
    }

    pub fn module(&self) -> PathBuf {
        self.folder.path().join("app.wasm")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft-runtime"));
        command.env_clear().env("WEFT_READY_TOKEN", "token").env("WEFT_LOG", "info");
        command.env("WEFT_COMPILED_DIR", code_cache());
        command
    }

    pub fn session(&self, options: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["org.weft.test.app", "1", "--module"]).arg(self.module()).args(options);
        command
    }

    pub fn run(&self, options: &[&str]) -> Outcome {
        Outcome(self.session(options).output().unwrap())
    }

    /// Starts the session with a channel; what the test holds is the other end.
    pub fn open(&self, options: &[&str]) -> (Child, UnixStream) {
        self.open_with(options, &[])
    }

    /// As [`World::open`], with more descriptors, each behind its option.
    pub fn open_with(&self, options: &[&str], more: &[(&str, &UnixStream)]) -> (Child, UnixStream) {
        let (own, theirs) = UnixStream::pair().unwrap();
        let mut command = self.session(options);
        for (option, stream) in [("--ipc-fd", &theirs)].iter().chain(more) {
            rustix::io::fcntl_setfd(stream, rustix::io::FdFlags::empty()).unwrap();
            command.args([(*option).to_owned(), stream.as_raw_fd().to_string()]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        own.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        (command.spawn().unwrap(), own)
    }

    /// A session that takes orders.
    pub fn serve(&self, options: &[&str]) -> Served {
        self.serve_with(options, &[])
    }

    pub fn serve_with(&self, options: &[&str], more: &[(&str, &UnixStream)]) -> Served {
        let (child, channel) = self.open_with(options, more);
        Served { child, channel, decoder: Decoder::default(), _folder: self.folder.clone() }
    }
}

/// A session of a probe.
pub struct Served {
    pub child: Child,
    pub channel: UnixStream,
    decoder: Decoder,
    /// The module is read once the process runs.
    _folder: Arc<tempfile::TempDir>,
}

impl Served {
    pub fn say(&mut self, line: &Line) {
        self.channel.write_all(line.encode().unwrap().as_bytes()).unwrap();
    }

    pub fn hear(&mut self) -> Line {
        loop {
            if let Some(line) = self.decoder.next_line().unwrap() {
                return line;
            }
            let mut buffer = [0; 1 << 16];
            let read = self.channel.read(&mut buffer).unwrap();
            assert!(read > 0, "the session ended");
            self.decoder.push(&buffer[..read]);
        }
    }

    pub fn hear_notice(&mut self) -> Notice {
        match self.hear() {
            Line::Notice(notice) => notice,
            Line::Message(message) => panic!("a message instead of a notice: {message}"),
        }
    }

    pub fn hear_message(&mut self) -> String {
        match self.hear() {
            Line::Message(message) => message,
            Line::Notice(notice) => panic!("a notice instead of a message: {notice:?}"),
        }
    }

    /// Gives an order and waits for its answer.
    pub fn order(&mut self, order: &str) -> String {
        self.say(&Line::Message(order.to_owned()));
        self.hear_message()
    }

    /// Checks that the order is done, and returns what it said.
    pub fn done(&mut self, order: &str) -> String {
        let answer = self.order(order);
        answer.strip_prefix("ok ").unwrap_or_else(|| panic!("{order}: {answer}")).to_owned()
    }

    /// Checks that the order fails.
    pub fn fails(&mut self, order: &str, why: &str) {
        let answer = self.order(order);
        assert!(answer.starts_with("error ") && answer.contains(why), "{order}: {answer}");
    }

    /// Gives an order that the session does not survive.
    pub fn ends(mut self, order: &str) -> Outcome {
        self.say(&Line::Message(order.to_owned()));
        Outcome(self.child.wait_with_output().unwrap())
    }

    /// Ends the session as its host does.
    pub fn close(self) -> Outcome {
        drop(self.channel);
        Outcome(self.child.wait_with_output().unwrap())
    }
}

/// Reads the line that says that the session is ready.
pub fn wait_ready(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "READY token\n");
}

pub struct Outcome(pub Output);

impl Outcome {
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    /// Checks the exit code and that the log says why, in one line that is an error.
    #[track_caller]
    pub fn is(&self, exit: Exit, why: &str) {
        assert_eq!(self.0.status.code(), Some(exit as i32), "{}", self.log());
        let log = self.log();
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(errors.len(), usize::from(exit != Exit::Done && exit != Exit::GuestFailed), "{log}");
        assert!(log.contains(why), "`{why}` is not in: {log}");
    }
}

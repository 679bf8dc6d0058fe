//! From the start of `weft-runtime` to its `READY`, with compiled code that is sealed and warm.

use super::process::Process;
use super::world::World;
use super::{COMMAND, COUNTER, millis};
use crate::bench::{Bound, Error, Figure, Result, median};
use crate::vm::file_error;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const LAUNCHES: usize = 51;
const RUNTIME: &str = "weft-runtime";
/// Any key will do.
const KEY: [u8; 32] = [0x5a; 32];

pub fn launch(world: &World) -> Result<Figure> {
    world.pack(&["install", "--dev"], &world.app(COUNTER))?;
    let start = {
        // appd compiles and seals the code, and shows how it starts a session.
        let mut appd = world.start()?;
        appd.launch(COUNTER)?;
        Start::of(appd.process().child(RUNTIME)?)?
    };
    // The key of appd's code stays with appd: the same code, sealed with another one.
    let (key, code) = (world.path("bench-key"), world.path("counter.cwasm"));
    std::fs::write(&key, KEY).map_err(file_error("write", &key))?;
    let module = world.app(COUNTER).join("app.wasm");
    let (output, with) = (code.display().to_string(), key.display().to_string());
    world.run("weft-compile", &["-o", &output, "--key", &with], &module)?;
    let start = start.with_code(&code);
    let mut times = Vec::new();
    for _ in 0..LAUNCHES {
        times.push(start.repeat(&key)?);
    }
    Ok(Figure {
        name: "launch of the counter's component to READY",
        value: median(times),
        unit: "ms",
        bound: Bound::AtMost,
        limit: 15.0,
        command: COMMAND,
        note: format!("median of {LAUNCHES}, started as weft-appd does, code sealed and warm"),
    })
}

/// How a process was started.
struct Start {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<OsString>,
}

impl Start {
    fn of(process: Process) -> Result<Start> {
        let mut words = process.strings("cmdline")?.into_iter();
        let program = words.next().unwrap_or_default();
        Ok(Start { program, arguments: words.collect(), environment: process.strings("environ")? })
    }

    /// The same with other compiled code.
    fn with_code(mut self, code: &Path) -> Start {
        let option = self.arguments.iter().position(|argument| argument == "--compiled");
        if let Some(value) = option.and_then(|option| self.arguments.get_mut(option + 1)) {
            *value = code.into();
        }
        self
    }

    /// Starts it again, with channels of its own, and returns the milliseconds until it was ready.
    fn repeat(&self, key: &Path) -> Result<f64> {
        let key = File::open(key).map_err(file_error("read", key))?;
        let (channel, theirs) = UnixStream::pair().map_err(Error::Process)?;
        let mut command = self.command([("--ipc-fd", theirs.as_fd()), ("--compiled-key-fd", key.as_fd())])?;
        let start = Instant::now();
        let mut child = command.spawn().map_err(Error::Process)?;
        let mut said = String::new();
        if let Some(stdout) = &mut child.stdout {
            BufReader::new(stdout).read_line(&mut said).map_err(Error::Process)?;
        }
        let time = millis(start);
        // It ends when its host is gone.
        drop((channel, theirs));
        let status = child.wait().map_err(Error::Process)?;
        if said.starts_with("READY ") && status.success() {
            return Ok(time);
        }
        Err(Error::Program { program: RUNTIME, said: format!("{status} after {said:?}") })
    }

    /// The same command, with other descriptors behind these options.
    fn command<const N: usize>(&self, descriptors: [(&str, BorrowedFd<'_>); N]) -> Result<Command> {
        let (program, mut arguments) = (&self.program, self.arguments.iter());
        let mut command = Command::new(program);
        while let Some(argument) = arguments.next() {
            command.arg(argument);
            if let Some((_, descriptor)) = descriptors.iter().find(|(option, _)| argument == option) {
                // Inherited, as appd's are.
                let inherited = rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty());
                inherited.map_err(|error| Error::Process(error.into()))?;
                command.arg(descriptor.as_raw_fd().to_string());
                arguments.next();
            }
        }
        command.env_clear();
        for variable in &self.environment {
            if let Some((name, value)) = variable.to_string_lossy().split_once('=') {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(command)
    }
}

//! A folder with all that `weft-appd` and `weft-pack` are told by their environment, and appd in it.

use super::page::{self, Page};
use super::process::Process;
use super::{Error, Result};
use crate::pipeline::Native;
use crate::vm::file_error;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use weft_ipc::appd::{Request, Response};
use weft_ipc::frame;

/// Longer than a session takes to start with its code to be compiled first, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many of the last lines of appd's log an error shows.
const TAIL: usize = 15;

/// Dropped, it leaves nothing.
pub struct World {
    folder: TempDir,
    native: Native,
}

impl World {
    pub fn create(native: &Native) -> Result<World> {
        // Below the system's folder for temporary files: the path of a socket has room for about a hundred characters (unix(7)).
        let folder = tempfile::tempdir().map_err(file_error("make a folder in", &std::env::temp_dir()))?;
        let world = World { folder, native: native.clone() };
        for name in ["run", "keys"] {
            world.make_folder(name)?;
        }
        Ok(world)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn make_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path(name);
        std::fs::create_dir_all(&folder).map_err(file_error("create", &folder))?;
        Ok(folder)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, contents).map_err(file_error("write", &path))?;
        Ok(path)
    }

    /// A program with this world as its environment, and nothing else.
    pub fn command(&self, program: &str) -> Command {
        let programs = &self.native.programs;
        let mut command = Command::new(programs.join(program));
        command.env_clear().stdin(Stdio::null());
        for (name, place) in [
            ("WEFT_APP_STORE", "apps"),
            ("WEFT_TRUSTED_KEYS", "keys"),
            ("WEFT_APP_SHELL_BIN", page::PROGRAM),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_DOCUMENTS_DIR", "documents"),
            ("NOTIFY_SOCKET", "notify"),
            ("HOME", "home"),
        ] {
            command.env(name, self.path(place));
        }
        for (name, program) in [
            ("WEFT_RUNTIME_BIN", "weft-runtime"),
            ("WEFT_COMPILE_BIN", "weft-compile"),
            ("WEFT_FETCH_BIN", "weft-fetch"),
            ("WEFT_FILE_PORTAL_BIN", "weft-file-portal"),
        ] {
            command.env(name, programs.join(program));
        }
        // As on the device; the cgroups of a desktop belong to somebody else.
        command.env("WEFT_LOG", "info").env("WEFT_APPD_WS_PORT", "off").env("WEFT_DISABLE_CGROUP", "1");
        command
    }

    /// Runs `weft-pack` to its end.
    pub fn pack(&self, arguments: &[&str], package: &Path) -> Result<()> {
        self.run("weft-pack", arguments, package)
    }

    /// Runs a program to its end; a file comes last.
    pub fn run(&self, program: &'static str, arguments: &[&str], file: &Path) -> Result<()> {
        let output = self.command(program).args(arguments).arg(file).output().map_err(Error::Process)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Program { program, said: format!("{} {}: {said}", arguments.join(" "), file.display()) })
    }

    /// An app as the device has it.
    pub fn app(&self, id: &str) -> PathBuf {
        self.native.apps.join(id)
    }

    /// Starts appd and returns once it serves.
    pub fn start(&self) -> Result<Appd<'_>> {
        page::write_program(self)?;
        let path = self.path("notify");
        let notify = UnixDatagram::bind(&path).map_err(file_error("listen on", &path))?;
        notify.set_read_timeout(Some(PATIENCE)).map_err(Error::Process)?;
        let path = self.log();
        let log = std::fs::File::create(&path).map_err(file_error("create", &path))?;
        let copy = log.try_clone().map_err(file_error("write", &path))?;
        let process = self.command("weft-appd").stdout(copy).stderr(log).spawn().map_err(Error::Process)?;
        let mut appd = Appd { world: self, process, client: None };
        // The first thing that appd tells is that it is ready (sd_notify(3)).
        notify.recv(&mut [0; 256]).map_err(|error| appd.failed("weft-appd starts", error))?;
        let connect = || -> std::io::Result<UnixStream> {
            let client = UnixStream::connect(self.path("run/weft/appd.sock"))?;
            client.set_read_timeout(Some(PATIENCE))?;
            Ok(client)
        };
        appd.client = Some(connect().map_err(|error| appd.failed("connecting to weft-appd", error))?);
        Ok(appd)
    }

    fn log(&self) -> PathBuf {
        self.path("appd.log")
    }
}

/// A running appd with a connection to it; dropped, it is killed, and its sessions with it.
pub struct Appd<'a> {
    pub world: &'a World,
    process: Child,
    client: Option<UnixStream>,
}

impl Appd<'_> {
    /// Launches an app and returns its session once its page is ready.
    pub fn launch(&mut self, app: &str) -> Result<u64> {
        let waiting = "an app is launched";
        let Some(client) = &mut self.client else { return Err(self.failed(waiting, "not connected")) };
        let request = Request::LaunchApp { app_id: app.to_owned(), surface_id: 0 };
        if let Err(error) = frame::write(client, &request) {
            return Err(self.failed(waiting, error));
        }
        loop {
            match frame::read(client) {
                Ok(Some(Response::AppReady { session_id, app_id })) if app_id == app => {
                    return Ok(session_id);
                }
                Ok(Some(Response::Error { message, .. })) => return Err(self.failed(waiting, message)),
                Ok(Some(_)) => {}
                Ok(None) => return Err(self.failed(waiting, "the connection is closed")),
                Err(error) => return Err(self.failed(waiting, error)),
            }
        }
    }

    /// The page's end of a session's channel, as `weft-app-shell` is given it.
    pub fn page(&self, session: u64) -> Result<Page> {
        Page::take(self.world, session)
    }

    pub fn process(&self) -> Process {
        Process(self.process.id())
    }

    /// What went wrong, with what appd has to say about it.
    pub fn failed(&self, waiting: &'static str, problem: impl ToString) -> Error {
        let log = std::fs::read(self.world.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n");
        Error::Session { waiting, problem: problem.to_string(), tail }
    }
}

impl Drop for Appd<'_> {
    fn drop(&mut self) {
        // Its children die with it (PR_SET_PDEATHSIG); it can only be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

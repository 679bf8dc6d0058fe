//! The device's programs on the host, run through the loader of the image's root.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The image's programs, with a compositor that runs.
pub struct Device {
    root: PathBuf,
    home: PathBuf,
    display: PathBuf,
    _compositor: Running,
}

impl Device {
    /// Starts the compositor; what the programs write goes below `folder`.
    pub fn start(folder: &Path) -> Self {
        let root = std::env::var_os("WEFT_DEVICE_ROOT")
            .map(PathBuf::from)
            .expect("WEFT_DEVICE_ROOT must name the root of a kiosk image; `cargo weft test` passes it");
        let display = folder.join("wayland");
        let compositor = program(&root, "weft-compositor", "weft-compositor", folder)
            .args(["--headless", "1280x800", "--socket"])
            .arg(&display)
            .env("WEFT_COMPOSITOR_SOCKET", folder.join("compositor.sock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map(Running)
            .expect("the image's compositor starts");
        let start = Instant::now();
        while !display.exists() {
            assert!(start.elapsed() < PATIENCE, "the compositor does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { root, home: folder.to_owned(), display, _compositor: compositor }
    }

    /// A font of the image.
    pub fn font(&self) -> PathBuf {
        self.root.join("usr/share/fonts/opentype/inter/Inter-Regular.otf")
    }

    /// Shows a page of a package.
    pub fn show(&self, app: &str, package: &Path, page: &str) -> Result<Shown, String> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        let process = program(&self.root, "weft-app-shell", "weft-web", &self.home)
            .args([app, "1", "--ipc-fd", &theirs.as_raw_fd().to_string(), "--package"])
            .arg(package)
            .arg("--ui")
            .arg(package.join(page))
            .env("WAYLAND_DISPLAY", &self.display)
            .env("WEFT_UI_KIT", self.root.join("usr/share/weft/ui-kit/weft-ui-kit.js"))
            .spawn()
            .map(Running)
            .map_err(|error| format!("the shell does not start: {error}"))?;
        Ok(Shown { process, lines: BufReader::new(ours) })
    }
}

/// A program of the root as itself: its own loader, libraries, fonts, keyboards and authorities.
fn program(root: &Path, name: &str, file: &str, home: &Path) -> Command {
    let loader = root.join("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    assert!(loader.exists(), "{} is no root of an image", root.display());
    let mut command = Command::new(loader);
    command.args(["--argv0", name, "--library-path"]);
    command.arg(root.join("usr/lib/x86_64-linux-gnu")).arg(root.join("usr/bin").join(file));
    command.env_clear().env("HOME", home).env("XDG_RUNTIME_DIR", home).env("WEFT_LOG", "error");
    command.env("FONTCONFIG_SYSROOT", root).env("XKB_CONFIG_ROOT", root.join("usr/share/X11/xkb"));
    command.env("SSL_CERT_FILE", root.join("etc/ssl/certs/ca-certificates.crt"));
    command
}

/// A page on the screen, and the channel to it.
pub struct Shown {
    process: Running,
    lines: BufReader<UnixStream>,
}

impl Shown {
    /// The next message of the page, which is JSON.
    pub fn line(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(|error| format!("the page says nothing: {error}"))?;
        if line.is_empty() {
            return Err(format!("the shell ended with {:?}", self.process.0.wait()));
        }
        let message = weft_ipc::session::decode(&line).map_err(|error| format!("{error}: {line:?}"))?;
        serde_json::from_str(&message).map_err(|error| format!("{error}: {message:?}"))
    }

    pub fn say(&mut self, message: &str) -> Result<(), String> {
        let line = weft_ipc::session::encode(message).map_err(|error| error.to_string())?;
        self.lines.get_mut().write_all(line.as_bytes()).map_err(|error| format!("the shell is gone: {error}"))
    }

    /// Ends the session; the shell must leave in order.
    pub fn end(mut self) -> Result<(), String> {
        if let Some(status) = self.process.0.try_wait().unwrap() {
            return Err(format!("the shell ended with {status}"));
        }
        let _ = self.lines.get_ref().shutdown(Shutdown::Both);
        let status = self.process.0.wait().unwrap();
        if status.success() { Ok(()) } else { Err(format!("with its session the shell ended with {status}")) }
    }
}

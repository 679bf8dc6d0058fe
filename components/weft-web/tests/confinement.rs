//! Runs the pages of `tests/pages` that try to leave their package, in the real shell under a real compositor.
//!
//! `WEFT_APP_SHELL` names a `weft-app-shell` with its engine (or a script of that name which starts one) and `WEFT_COMPOSITOR` a
//! `weft-compositor`. Without them the test says that it is skipped: both are built by the pipeline, not by this workspace.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Long enough for a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pages that try nothing.
const HARMLESS: [&str; 2] = ["bridge", "input"];

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn no_page_leaves_its_package() {
    let program = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(shell), Some(compositor)) = (program("WEFT_APP_SHELL"), program("WEFT_COMPOSITOR")) else {
        eprintln!("skipped: WEFT_APP_SHELL and WEFT_COMPOSITOR name no programs");
        return;
    };
    listen_outside();
    let folder = tempfile::tempdir().unwrap();
    let display = folder.path().join("wayland");
    let _compositor = start_compositor(&compositor, &display, folder.path());
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".html")?.to_owned()))
        .filter(|name| !HARMLESS.contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(names.len() > 20, "the pages are in {}", pages.display());
    let failures: Vec<String> =
        names.iter().filter_map(|name| attack(&shell, &display, &pages, name).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Counts whoever comes to the address that the pages know.
fn listen_outside() {
    let listener = TcpListener::bind("127.0.0.1:7999").unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            CONNECTIONS.fetch_add(1, Ordering::Relaxed);
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok",
            );
        }
    });
}

fn start_compositor(program: &Path, display: &Path, folder: &Path) -> Running {
    let compositor = Command::new(program)
        .args(["--headless", "1280x800", "--socket"])
        .arg(display)
        .env("XDG_RUNTIME_DIR", folder)
        .env("WEFT_COMPOSITOR_SOCKET", folder.join("compositor.sock"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let start = Instant::now();
    while !display.exists() {
        assert!(start.elapsed() < PATIENCE, "the compositor does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    compositor
}

/// Shows one page and hears its report; the error says what came through.
fn attack(shell: &Path, display: &Path, pages: &Path, name: &str) -> Result<(), String> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    let before = CONNECTIONS.load(Ordering::Relaxed);
    let mut shown = Command::new(shell)
        .args(["org.weft.test.attack", "1", "--ipc-fd", &theirs.as_raw_fd().to_string(), "--package"])
        .arg(pages)
        .arg("--ui")
        .arg(pages.join(format!("{name}.html")))
        .env("WAYLAND_DISPLAY", display)
        .env("WEFT_UI_KIT", "/dev/null")
        .env("WEFT_LOG", "error")
        .spawn()
        .map(Running)
        .unwrap();
    drop(theirs);
    let mut line = String::new();
    BufReader::new(&ours).read_line(&mut line).map_err(|e| format!("{name}: no report: {e}"))?;
    let report = weft_ipc::session::decode(&line).map_err(|e| format!("{name}: {e}: {line:?}"))?;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    // What was on its way when the page reported is given the time to arrive.
    std::thread::sleep(Duration::from_millis(300));
    if report["outcome"] != "refused" {
        return Err(format!("{name}: {report}"));
    }
    if CONNECTIONS.load(Ordering::Relaxed) != before {
        return Err(format!("{name}: it reached the listener"));
    }
    if let Some(status) = shown.0.try_wait().unwrap() {
        return Err(format!("{name}: the shell ended with {status}"));
    }
    ours.shutdown(Shutdown::Both).unwrap();
    let status = shown.0.wait().unwrap();
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name}: with its session the shell ended with {status}"))
    }
}

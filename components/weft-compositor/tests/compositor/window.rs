//! The program in a window of a desktop, which is an X server whose screen is a file.

use crate::client::Client;
use crate::output::{BACKDROP, RED, eventually};
use crate::process::{Running, program};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An X server (Xvfb(1)) that keeps its screen in a file of the format XWD.
struct Desktop {
    _server: Running,
    name: String,
    screen: PathBuf,
}

impl Desktop {
    fn start(folder: &Path) -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-fbdir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map(Running)
            .expect("Xvfb starts; `apt-get install xvfb` where it is missing");
        let mut number = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { _server: server, name: format!(":{}", number.trim()), screen: folder.join("Xvfb_screen0") }
    }

    /// A pixel's red, green and blue.
    fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let file = std::fs::read(&self.screen).ok()?;
        // XWDFile.h: big-endian words, then colours of 12 bytes, then rows of 32-bit pixels, here little-endian.
        let word = |index: usize| {
            let bytes = file.get(index * 4..index * 4 + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes) as usize)
        };
        let (header, row, colours) = (word(0)?, word(12)?, word(19)?);
        let at = header + colours * 12 + y * row + x * 4;
        let [blue, green, red] = file.get(at..at + 3)?.try_into().ok()?;
        Some([red, green, blue])
    }

    /// Waits until every one of these pixels has its colour.
    fn shows(&self, wanted: &[(usize, usize, [u8; 3])]) {
        eventually(|| {
            for &(x, y, colour) in wanted {
                let found = self.pixel(x, y);
                // OpenGL rounds colours as it likes.
                let is_near = |found: [u8; 3]| (0..3).all(|part| found[part].abs_diff(colour[part]) <= 1);
                if !found.is_some_and(is_near) {
                    return Err(format!("at {x}, {y} is {found:?} instead of {colour:?}"));
                }
            }
            Ok(())
        });
    }
}

#[test]
fn a_window_shows_an_app_above_the_task_bar() {
    let folder = tempfile::tempdir().unwrap();
    let desktop = Desktop::start(folder.path());
    let socket = folder.path().join("wayland-7");
    let _running = program()
        .args(["--winit", "--socket"])
        .arg(&socket)
        .env("DISPLAY", &desktop.name)
        .env("XDG_RUNTIME_DIR", folder.path())
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("NOTIFY_SOCKET")
        .spawn()
        .map(Running)
        .unwrap();
    let mut stream = None;
    eventually(|| {
        stream = Some(UnixStream::connect(&socket).map_err(|error| format!("no compositor: {error}"))?);
        Ok(())
    });
    let mut client = Client::over(stream.unwrap());
    let _window = client.show("app", "application", RED);
    // Without a window manager the window is at the top left of the screen, 1280x800.
    assert_eq!(client.size(), (1280, 752));
    desktop.shows(&[(4, 4, RED), (1270, 740, RED), (4, 790, BACKDROP), (1350, 400, [0, 0, 0])]);
}

#[test]
fn without_a_desktop_it_says_so() {
    let output = program()
        .arg("--winit")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("no window opens on this desktop"), "{error}");
}

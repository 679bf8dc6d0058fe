//! A compositor that draws into memory, in a thread of the test.

use calloop::channel::{Sender, channel};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weft_compositor::backend::headless::{Command, Picture};
use weft_compositor::input::{Input, InputKind};
use weft_compositor::server::{Error, run_in_memory};
use weft_compositor::windows::Extent;

pub const SIZE: Extent = Extent { width: 320, height: 200 };
/// Where apps are on it: all but the task bar.
pub const WORK_HEIGHT: i32 = 200 - 48;

pub const BACKDROP: [u8; 3] = [14, 16, 23];
pub const RED: [u8; 3] = [200, 0, 0];
pub const GREEN: [u8; 3] = [0, 180, 0];
pub const BLUE: [u8; 3] = [0, 0, 220];

/// How long anything may take on a busy machine before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Output {
    commands: Sender<Command>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Output {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// With a socket for appd.
    pub fn start_with(appd: Option<&Path>) -> Self {
        Self::start_as(appd, None)
    }

    /// As on a device: only this user's clients may be the system UI, and no others are shown but those of sessions.
    pub fn start_as(appd: Option<&Path>, panel_uid: Option<u32>) -> Self {
        Self::start_full(appd, None, panel_uid)
    }

    /// With a socket for who asks what is on the screen.
    pub fn start_watched(screen: &Path) -> Self {
        Self::start_full(None, Some(screen), None)
    }

    fn start_full(appd: Option<&Path>, screen: Option<&Path>, panel_uid: Option<u32>) -> Self {
        let [appd, screen] = [appd, screen].map(|path| path.map(|path| UnixListener::bind(path).unwrap()));
        let (commands, channel) = channel();
        let thread = std::thread::spawn(move || run_in_memory(SIZE, channel, appd, screen, panel_uid));
        Self { commands, thread: Some(thread) }
    }

    pub fn send(&self, command: Command) {
        self.commands.send(command).unwrap();
    }

    /// A new client's end of a connection.
    pub fn connect(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.send(Command::Connect(theirs));
        ours
    }

    pub fn picture(&self) -> Picture {
        let (sender, answer) = std::sync::mpsc::channel();
        self.send(Command::Picture(sender));
        answer.recv_timeout(PATIENCE).expect("the compositor answers")
    }

    /// Waits until every one of these pixels has its colour.
    pub fn shows(&self, pixels: &[(i32, i32, [u8; 3])]) {
        let wrong = |picture: &Picture| {
            let differs = |(x, y, colour): &&(i32, i32, [u8; 3])| picture.pixel(*x, *y) != Some(*colour);
            pixels.iter().find(differs).map(|(x, y, colour)| (*x, *y, *colour, picture.pixel(*x, *y)))
        };
        eventually(|| match wrong(&self.picture()) {
            None => Ok(()),
            Some((x, y, wanted, seen)) => Err(format!("pixel {x},{y} is {seen:?} and not {wanted:?}")),
        });
    }

    pub fn input(&self, kind: InputKind) {
        self.send(Command::Input(Input { time_us: 1_000_000, kind }));
    }

    pub fn move_to(&self, x: i32, y: i32) {
        let (x, y) = (f64::from(x) / f64::from(SIZE.width), f64::from(y) / f64::from(SIZE.height));
        self.input(InputKind::PointerTo { x, y });
    }

    pub fn click(&self, x: i32, y: i32) {
        const BTN_LEFT: u32 = 0x110;
        self.move_to(x, y);
        self.input(InputKind::Button { code: BTN_LEFT, pressed: true });
        self.input(InputKind::Button { code: BTN_LEFT, pressed: false });
    }

    pub fn key(&self, code: u32) {
        self.input(InputKind::Key { code, pressed: true });
        self.input(InputKind::Key { code, pressed: false });
    }

    /// Fingers come down beside each other, move by the same way, and are lifted.
    pub fn swipe(&self, fingers: u32, dx: f64, dy: f64) {
        let at = |slot: u32| (0.2 + 0.1 * f64::from(slot), 0.7);
        for slot in 0..fingers {
            let (x, y) = at(slot);
            self.input(InputKind::TouchDown { slot, x, y });
        }
        for slot in 0..fingers {
            let (x, y) = (at(slot).0 + dx / f64::from(SIZE.width), at(slot).1 + dy / f64::from(SIZE.height));
            self.input(InputKind::TouchTo { slot, x, y });
        }
        self.input(InputKind::TouchFrame);
        for slot in 0..fingers {
            self.input(InputKind::TouchUp { slot });
        }
        self.input(InputKind::TouchFrame);
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let stopped = self.commands.send(Command::Stop).is_ok();
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(stopped, "the compositor ended by itself");
            assert!(matches!(ended, Some(Ok(Ok(())))), "the compositor failed: {ended:?}");
        }
    }
}

/// Waits until there is no complaint, and fails with the last one.
pub fn eventually(mut check: impl FnMut() -> Result<(), String>) {
    let start = Instant::now();
    loop {
        match check() {
            Ok(()) => return,
            Err(complaint) if start.elapsed() > PATIENCE => panic!("{complaint}"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

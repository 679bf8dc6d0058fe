//! Who is asked, over which socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weft_ipc::appd::{AppHealth, Request, Response};
use weft_ipc::frame;
use weft_ipc::line::Line;
use weft_ipc::screen::{self, Screen};
use weft_state::health::Report;

/// Whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages to everybody that may come before the answer.
const OTHERS: usize = 64;
const REPLY_LIMIT: u64 = 64 << 10;

/// What can be asked; errors are sentences that name who does not answer.
pub trait Sources {
    fn init(&mut self) -> Result<Report, String>;
    fn screen(&mut self) -> Result<Screen, String>;
    fn apps(&mut self) -> Result<Vec<AppHealth>, String>;
    /// A request to PID 1 that it only acknowledges.
    fn tell(&mut self, request: &str) -> Result<(), String>;
}

/// The sockets of a device.
#[derive(Debug, Clone)]
pub struct Sockets {
    pub init: PathBuf,
    pub screen: PathBuf,
    pub appd: PathBuf,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            init: "/run/weft/init.sock".into(),
            screen: screen::SOCKET.into(),
            appd: "/run/weft/appd.sock".into(),
        }
    }
}

impl Sources for Sockets {
    fn init(&mut self) -> Result<Report, String> {
        let text = converse(&self.init, "health\n").map_err(silent("PID 1"))?;
        serde_json::from_str(&text).map_err(|_| format!("PID 1 says no health but {:?}", text.trim()))
    }

    fn screen(&mut self) -> Result<Screen, String> {
        let text = converse(&self.screen, "").map_err(silent("the compositor"))?;
        Screen::from_line(&text).ok_or_else(|| "the compositor does not say what is on the screen".to_owned())
    }

    fn apps(&mut self) -> Result<Vec<AppHealth>, String> {
        ask_appd(&self.appd).map_err(silent("appd"))
    }

    fn tell(&mut self, request: &str) -> Result<(), String> {
        let text = converse(&self.init, &format!("{request}\n")).map_err(silent("PID 1"))?;
        match text.trim() {
            "ok" => Ok(()),
            refusal => Err(format!("PID 1 refuses `{request}`: {refusal}")),
        }
    }
}

fn silent(who: &'static str) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{who} does not answer: {error}")
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// One request, then lines until the other end closes.
fn converse(socket: &Path, request: &str) -> io::Result<String> {
    let mut stream = connect(socket)?;
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    BufReader::new(stream.take(REPLY_LIMIT)).read_line(&mut text)?;
    Ok(text)
}

fn ask_appd(socket: &Path) -> io::Result<Vec<AppHealth>> {
    let mut stream = connect(socket)?;
    frame::write(&mut stream, &Request::QueryHealth).map_err(io::Error::other)?;
    for _ in 0..OTHERS {
        match frame::read(&mut stream).map_err(io::Error::other)? {
            Some(Response::Health { apps }) => return Ok(apps),
            Some(_) => {}
            None => break,
        }
    }
    Err(io::Error::other("it told everything but the health of apps"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use weft_ipc::appd::AppState;

    fn sockets(folder: &Path) -> Sockets {
        let path = |name: &str| folder.join(name);
        Sockets { init: path("init"), screen: path("screen"), appd: path("appd") }
    }

    fn serve(path: &Path, answer: impl FnOnce(UnixStream) + Send + 'static) -> std::thread::JoinHandle<()> {
        let listener = UnixListener::bind(path).unwrap();
        std::thread::spawn(move || answer(listener.accept().unwrap().0))
    }

    #[test]
    fn everybody_is_asked_in_their_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut sockets = sockets(folder.path());
        let screen = Screen { connected: true, presenting: true, windows: Vec::new() };
        let line = screen.to_line();
        let compositor = serve(&sockets.screen, move |mut stream| stream.write_all(line.as_bytes()).unwrap());
        assert_eq!(sockets.screen(), Ok(screen));
        let app = AppHealth {
            app_id: "org.weft.test".into(),
            session_id: 1,
            wanted: true,
            state: AppState::Running,
            has_page: true,
            page_silent_ms: Some(3),
        };
        let told = vec![app.clone()];
        let appd = serve(&sockets.appd, move |mut stream| {
            assert_eq!(frame::read::<Request>(&mut stream).unwrap(), Some(Request::QueryHealth));
            let other = Response::InstalledApps { apps: Vec::new() };
            frame::write(&mut stream, &other).unwrap();
            frame::write(&mut stream, &Response::Health { apps: told }).unwrap();
        });
        assert_eq!(sockets.apps(), Ok(vec![app]));
        let init = serve(&sockets.init, |mut stream| {
            let mut request = [0; 5];
            stream.read_exact(&mut request).unwrap();
            assert_eq!(&request, b"good\n");
            stream.write_all(b"error: only root decides about a release\n").unwrap();
        });
        assert!(sockets.tell("good").unwrap_err().contains("only root"));
        for thread in [compositor, appd, init] {
            thread.join().unwrap();
        }
    }

    #[test]
    fn who_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut sockets = sockets(folder.path());
        assert!(sockets.init().unwrap_err().starts_with("PID 1 does not answer"));
        assert!(sockets.screen().unwrap_err().starts_with("the compositor does not answer"));
        assert!(sockets.apps().unwrap_err().starts_with("appd does not answer"));
    }
}

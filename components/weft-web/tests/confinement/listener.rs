//! The outside world, as one page could reach it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A connection that says nothing is one too.
const SILENCE: Duration = Duration::from_secs(2);

/// Answers whoever comes, and remembers what they asked for.
pub struct Listener {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let index = {
                    let mut seen = remembered.lock().unwrap();
                    seen.push("a connection".to_owned());
                    seen.len() - 1
                };
                let remembered = remembered.clone();
                std::thread::spawn(move || {
                    answer(stream.unwrap(), |request| remembered.lock().unwrap()[index] = request);
                });
            }
        });
        Self { address, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first line of each connection so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Reads a request, tells its first line, and then gives what any page may take.
fn answer(mut stream: TcpStream, tell: impl FnOnce(String)) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let mut request = [0; 512];
    let Ok(length) = stream.read(&mut request) else { return };
    let line = request[..length].split(|byte| *byte == b'\r').next().unwrap_or_default();
    if !line.is_empty() {
        tell(line.escape_ascii().to_string());
    }
    let _ = stream.write_all(
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    );
}

/// Asks the listener as a page without a lock would.
pub fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

//! A static web server with ranges (RFC 9110 section 14), as any that serves a repository, that counts what it sends.

use super::row::Fetched;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Serves a folder until the process ends.
pub struct Server {
    port: u16,
    sent: Arc<Mutex<Fetched>>,
}

impl Server {
    pub fn start(folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let sent: Arc<Mutex<Fetched>> = Arc::default();
        let (folder, counter) = (folder.to_owned(), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, counter) = (folder.clone(), Arc::clone(&counter));
                // A client may hang up when it likes.
                std::thread::spawn(move || drop(serve(&stream, &folder, &counter)));
            }
        });
        Ok(Self { port, sent })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Bytes of files that were sent so far, without the heads of answers.
    pub fn sent(&self) -> Fetched {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, folder: &Path, sent: &Mutex<Fetched>) -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some(request) = Request::read(&mut reader)? {
        let Some((mut file, length)) = open(folder, &request.path) else {
            writer.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let range = request.range.clone().unwrap_or(0..length);
        let (start, end) = (range.start.min(length), range.end.min(length));
        let status = match request.range {
            Some(_) => {
                format!(
                    "206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}",
                    end.saturating_sub(1)
                )
            }
            None => "200 OK".to_owned(),
        };
        let count = end.saturating_sub(start);
        write!(writer, "HTTP/1.1 {status}\r\nContent-Length: {count}\r\nAccept-Ranges: bytes\r\n\r\n")?;
        file.seek(SeekFrom::Start(start))?;
        let copied = io::copy(&mut file.take(count), &mut writer)?;
        sent.lock().unwrap_or_else(PoisonError::into_inner).add(&request.path, copied);
    }
    Ok(())
}

/// What of a request's head matters here.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    path: String,
    range: Option<Range<u64>>,
}

impl Request {
    /// `None` at the end of the connection.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let path = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let mut range = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                return Ok(Some(Self { path, range }));
            }
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                    range = parse_range(value.trim())
                }
                _ => {}
            }
        }
    }
}

/// `bytes=FIRST-LAST`, the only form that the client uses.
fn parse_range(value: &str) -> Option<Range<u64>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?)
}

/// A file below the folder, never one beside it.
fn open(folder: &Path, path: &str) -> Option<(File, u64)> {
    let path = PathBuf::from(path);
    if !path.components().all(|component| matches!(component, Component::Normal(_))) {
        return None;
    }
    let file = File::open(folder.join(path)).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((file, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(server: &Server, requests: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
        stream.write_all(requests.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn ranges_and_whole_files_are_sent_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("targets/ab.weft-1")).unwrap();
        std::fs::write(folder.path().join("targets/ab.weft-1/root.erofs"), "0123456789").unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        let server = Server::start(&folder.path().join("targets")).unwrap();
        let path = "/ab.weft-1/root.erofs";
        let answer = ask(
            &server,
            &format!(
                "GET {path} HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\nGET {path} HTTP/1.1\r\n\r\nGET /../secret HTTP/1.1\r\n\r\n"
            ),
        );
        assert!(
            answer.contains("Content-Range: bytes 2-4/10\r\n") && answer.contains("\r\n\r\n234HTTP/1.1 200"),
            "{answer}"
        );
        assert!(answer.contains("0123456789HTTP/1.1 404"), "{answer}");
        assert_eq!(server.sent(), Fetched { root: 13, requests: 2, ..Fetched::default() });
    }
}

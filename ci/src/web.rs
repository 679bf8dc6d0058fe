//! A static web server with ranges (RFC 9110, section 14), as any that serves a repository of releases.

use anyhow::Context;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Serves a folder until the test's process ends.
#[derive(Debug)]
pub struct WebServer {
    pub port: u16,
    sent: Arc<AtomicU64>,
}

impl WebServer {
    pub fn start(folder: &Path) -> anyhow::Result<WebServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a web server")?;
        let port = listener.local_addr()?.port();
        let sent: Arc<AtomicU64> = Arc::default();
        let (folder, counter) = (folder.to_owned(), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, counter) = (folder.clone(), Arc::clone(&counter));
                // A machine whose power is cut hangs up.
                std::thread::spawn(move || drop(serve(stream, &folder, &counter)));
            }
        });
        Ok(WebServer { port, sent })
    }

    /// Bytes of files that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: TcpStream, folder: &Path, sent: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut range = None;
        let mut header = String::new();
        while reader.read_line(&mut header)? > 0 && !header.trim().is_empty() {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("range")
            {
                range = parse_range(value.trim());
            }
            header.clear();
        }
        let Some((mut file, len)) = open(folder, request.split(' ').nth(1).unwrap_or_default()) else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let (start, end) = range.map_or((0, len), |(start, end)| (start, end.min(len)));
        let count = end.saturating_sub(start);
        let status = match range {
            Some(_) => {
                format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{len}", end.saturating_sub(1))
            }
            None => "200 OK".to_owned(),
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {count}\r\nAccept-Ranges: bytes\r\n\r\n")?;
        file.seek(SeekFrom::Start(start))?;
        sent.fetch_add(std::io::copy(&mut file.take(count), &mut stream)?, Ordering::Relaxed);
    }
}

/// A file below the folder, never one beside it.
fn open(folder: &Path, path: &str) -> Option<(File, u64)> {
    let path = PathBuf::from(path.trim_start_matches('/'));
    if !path.components().all(|component| matches!(component, Component::Normal(_))) {
        return None;
    }
    let file = File::open(folder.join(path)).ok()?;
    let metadata = file.metadata().ok().filter(|metadata| metadata.is_file())?;
    Some((file, metadata.len()))
}

/// `bytes=FIRST-LAST` as the half-open range of bytes.
fn parse_range(value: &str) -> Option<(u64, u64)> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse::<u64>().ok()?.saturating_add(1)))
}

//! A web server with bad manners, for tests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Whole files, whatever was asked for.
    IgnoresRanges,
    /// Ends each root image's part after so many bytes.
    Truncates(usize),
    /// The file whose name ends so never ends.
    Endless(&'static str),
    /// One byte at a time.
    Slow,
    /// Every path leads to itself.
    RedirectsInACircle,
    /// To the same file below `/moved/`, where it answers well.
    RedirectsOnce,
    /// To a file on the disk.
    RedirectsToFile,
    /// Another part than was asked for.
    WrongPart,
    /// A page of its own for everything.
    Page,
}

pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves a folder until the test's process ends.
    pub fn new(folder: &Path, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (folder, heard) = (folder.to_owned(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, heard) = (folder.clone(), heard.clone());
                // A client that hangs up is none of the server's business.
                std::thread::spawn(move || drop(answer(stream, folder, manner, &heard)));
            }
        });
        Self { url, asked }
    }

    /// Every path that was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    folder: PathBuf,
    manner: Manner,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    heard.lock().unwrap().push(path.clone());
    let moved = path.strip_prefix("moved/");
    let redirect = match manner {
        Manner::RedirectsInACircle => Some(format!("/{path}")),
        Manner::RedirectsOnce if moved.is_none() => Some(format!("/moved/{path}")),
        Manner::RedirectsToFile => Some("file:///etc/passwd".to_owned()),
        _ => None,
    };
    if let Some(to) = redirect {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    if let Manner::Endless(name) = manner
        && path.ends_with(name)
    {
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{{")?;
        loop {
            stream.write_all(&[b' '; 65536])?;
        }
    }
    let file = std::fs::read(folder.join(moved.unwrap_or(&path)));
    let contents = match (manner, file) {
        (Manner::Page, _) => b"<html>Please log in</html>".to_vec(),
        (_, Ok(contents)) => contents,
        (_, Err(_)) => {
            return write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
    };
    let range = range_of(&head).filter(|_| manner != Manner::IgnoresRanges);
    let (status, start, end) = match range {
        Some((start, end)) => ("206 Partial Content", start, end.min(contents.len())),
        None => ("200 OK", 0, contents.len()),
    };
    let said = if manner == Manner::WrongPart { start + 4096 } else { start };
    let range = format!("Content-Range: bytes {said}-{}/{}\r\n", end.saturating_sub(1), contents.len());
    let range = if status.starts_with("206") { range } else { String::new() };
    let body = contents.get(start..end).unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
        body.len()
    )?;
    match manner {
        Manner::Slow => body.iter().try_for_each(|byte| {
            std::thread::sleep(Duration::from_millis(20));
            stream.write_all(&[*byte])
        }),
        Manner::Truncates(len) if path.ends_with("root.erofs") => {
            stream.write_all(body.get(..len).unwrap_or(body))
        }
        _ => stream.write_all(body),
    }
}

fn range_of(head: &str) -> Option<(usize, usize)> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("range:"))?;
    let (start, end) = line.split_once("bytes=")?.1.trim().split_once('-')?;
    Some((start.parse().ok()?, end.parse::<usize>().ok()? + 1))
}

//! A static web server with ranges (RFC 9110, section 14), as any that serves a repository of releases, with TLS where that is wanted.

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
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
        Self::start_with(folder, Ok)
    }

    /// The same behind TLS, and the authority, in PEM, that vouches for its being `host`.
    pub fn start_secure(folder: &Path, host: &str) -> anyhow::Result<(WebServer, String)> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![host.to_owned()])?.signed_by(&key, &authority)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )?;
        let config = Arc::new(config);
        let server = Self::start_with(folder, move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            Ok(StreamOwned::new(connection, stream))
        })?;
        Ok((server, authority.pem()))
    }

    fn start_with<S: Read + Write>(
        folder: &Path,
        wrap: impl Fn(TcpStream) -> std::io::Result<S> + Clone + Send + 'static,
    ) -> anyhow::Result<WebServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a web server")?;
        let port = listener.local_addr()?.port();
        let sent: Arc<AtomicU64> = Arc::default();
        let (folder, counter) = (folder.to_owned(), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, counter, wrap) = (folder.clone(), Arc::clone(&counter), wrap.clone());
                // A machine whose power is cut hangs up.
                std::thread::spawn(move || {
                    drop(wrap(stream).and_then(|stream| serve(stream, &folder, &counter)))
                });
            }
        });
        Ok(WebServer { port, sent })
    }

    /// Bytes of files that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn serve(stream: impl Read + Write, folder: &Path, sent: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
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
            reader.get_mut().write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
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
        let stream = reader.get_mut();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {count}\r\nAccept-Ranges: bytes\r\n\r\n")?;
        file.seek(SeekFrom::Start(start))?;
        sent.fetch_add(std::io::copy(&mut file.take(count), stream)?, Ordering::Relaxed);
        stream.flush()?;
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

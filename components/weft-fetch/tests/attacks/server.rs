//! Servers of the test, and a network that leads to them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server on loopback: hands out what it was sent, up to the end of the head.
pub struct Server {
    pub address: SocketAddr,
    heads: Receiver<String>,
}

impl Server {
    /// Answers every request with the same bytes, and closes.
    pub fn answering(answer: &'static [u8]) -> Self {
        Self::new(move |mut stream| {
            // A client that refuses early closes first.
            let _ = stream.write_all(answer);
        })
    }

    pub fn new(answer: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heads) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if sender.send(head(&mut stream)).is_err() {
                    return;
                }
                answer(stream);
            }
        });
        Self { address, heads }
    }

    /// The head of the next request.
    pub fn head(&self) -> String {
        self.heads.recv_timeout(Duration::from_secs(10)).expect("no request came")
    }

    /// Nothing was ever asked of this server.
    pub fn assert_silent(&self) {
        assert!(self.heads.try_recv().is_err());
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A network in which only what was entered exists.
#[derive(Debug, Default)]
pub struct Network {
    /// Each lookup of a name takes the next list, and the last one again and again.
    names: BTreeMap<String, Mutex<Vec<Vec<IpAddr>>>>,
    servers: BTreeMap<IpAddr, SocketAddr>,
    pub dialled: Arc<Mutex<Vec<SocketAddr>>>,
    slow: bool,
}

impl Network {
    pub fn name(self, name: &str, addresses: &[&str]) -> Self {
        self.rebinding(name, &[addresses])
    }

    pub fn rebinding(mut self, name: &str, lookups: &[&[&str]]) -> Self {
        let parse = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        self.names.insert(name.to_owned(), Mutex::new(lookups.iter().map(parse).collect()));
        self
    }

    pub fn server(self, address: &str, server: &Server) -> Self {
        self.address(address, server.address)
    }

    pub fn address(mut self, address: &str, server: SocketAddr) -> Self {
        self.servers.insert(address.parse().unwrap(), server);
        self
    }

    /// Nothing is ever found.
    pub fn slow() -> Self {
        Self { slow: true, ..Self::default() }
    }
}

impl weft_fetch::Network for Network {
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if self.slow {
            std::thread::sleep(Duration::from_secs(3600));
        }
        let mut lists = self.names.get(name).ok_or(io::ErrorKind::NotFound)?.lock().unwrap();
        Ok(if lists.len() > 1 { lists.remove(0) } else { lists[0].clone() })
    }

    fn connect(&self, address: SocketAddr, time: Duration) -> io::Result<TcpStream> {
        self.dialled.lock().unwrap().push(address);
        let server = self.servers.get(&address.ip()).ok_or(io::ErrorKind::ConnectionRefused)?;
        TcpStream::connect_timeout(server, time)
    }
}

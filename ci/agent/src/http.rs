//! Servers for the tests of who may reach which address.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

type Requests = Arc<Mutex<Vec<String>>>;

/// Each with the requests that came to it, by its address.
#[derive(Debug, Default)]
pub struct Servers(BTreeMap<String, Requests>);

impl Servers {
    /// Answers every connection to the address with the response, which is a whole one of HTTP/1.1.
    pub fn serve(&mut self, address: &str, response: &str) -> io::Result<()> {
        let listener = TcpListener::bind(address)?;
        let requests = Requests::default();
        self.0.insert(address.to_owned(), requests.clone());
        let response = response.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who goes before the answer does not want it.
                let _ = answer(&stream, &response, &requests);
            }
        });
        Ok(())
    }

    /// The first line of every request so far.
    pub fn requests(&self, address: &str) -> Vec<String> {
        let requests = self.0.get(address);
        requests
            .map(|requests| requests.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }
}

fn answer(mut stream: &TcpStream, response: &str, requests: &Requests) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(first);
    // The headers end with an empty line; nobody here sends a body.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    stream.write_all(response.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn requests_are_answered_and_noted() {
        let mut servers = Servers::default();
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.unwrap().to_string();
        servers.serve(&address, "HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 204"), "{said}");
        assert_eq!(servers.requests(&address), ["GET /x HTTP/1.1"]);
    }
}

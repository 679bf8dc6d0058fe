//! TCP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use weft_probes::{failed, serve};

fn main() {
    serve(|words| match words {
        ["connect", address] => {
            let mut stream = TcpStream::connect(address).map_err(failed)?;
            stream.write_all(b"hello").map_err(failed)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map_err(failed)?;
            Ok(answer)
        }
        ["resolve", name] => {
            let addresses = (*name, 80).to_socket_addrs().map_err(failed)?;
            Ok(addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(" "))
        }
        ["listen", address] => {
            let listener = TcpListener::bind(address).map_err(failed)?;
            let (mut stream, _) = listener.accept().map_err(failed)?;
            stream.write_all(b"welcome").map_err(failed)?;
            Ok(String::new())
        }
        ["datagram", address] => {
            UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", address)).map_err(failed)?;
            Ok(String::new())
        }
        ["bind", address] => TcpListener::bind(address).map(|_| String::new()).map_err(failed),
        _ => Err("no such order".to_owned()),
    })
}

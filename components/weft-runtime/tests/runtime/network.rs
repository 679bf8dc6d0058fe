//! `net:tcp` and `net:listen`: the granted addresses and no other.

use crate::harness::World;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use weft_runtime::Exit;

/// A server on a free port that answers `hello` with `welcome`, once.
fn server(address: &str) -> (u16, std::thread::JoinHandle<bool>) {
    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let end = Instant::now() + Duration::from_secs(120);
        while Instant::now() < end {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::park_timeout(Duration::from_millis(20));
                continue;
            };
            stream.set_nonblocking(false).unwrap();
            let mut hello = [0; 5];
            return stream.read_exact(&mut hello).and_then(|()| stream.write_all(b"welcome")).is_ok();
        }
        false
    };
    (port, std::thread::spawn(serve))
}

#[test]
fn the_granted_address_answers_and_no_other_does() {
    let (port, server) = server("127.0.0.1:0");
    let (other, _) = self::server("127.0.0.1:0");
    let grant = format!("net:tcp:127.0.0.1:{port}");
    let mut probe = World::probe("sockets").serve(&["--grant", &grant]);
    for denied in [
        format!("connect 127.0.0.1:{other}"),
        format!("connect 127.0.0.2:{port}"),
        format!("connect [::ffff:127.0.0.1]:{other}"),
        format!("connect [::1]:{port}"),
        format!("connect 0.0.0.0:{port}"),
        format!("connect localhost:{other}"),
        "connect 169.254.169.254:80".to_owned(),
    ] {
        probe.fails(&denied, "");
    }
    assert_eq!(probe.done(&format!("connect 127.0.0.1:{port}")), "welcome");
    assert!(server.join().unwrap());
    probe.fails(&format!("bind 127.0.0.1:{other}"), "PermissionDenied");
    probe.fails("bind 0.0.0.0:0", "PermissionDenied");
}

#[test]
fn a_name_is_no_way_to_a_private_address() {
    let (port, server) = server("127.0.0.1:0");
    let grant = format!("net:tcp:localhost:{port}");
    let mut probe = World::probe("sockets").serve(&["--grant", &grant]);
    // The name is granted, and is this device: its addresses are not told.
    assert_eq!(probe.order("resolve localhost").trim_end(), "ok");
    probe.fails(&format!("connect localhost:{port}"), "");
    probe.fails(&format!("connect 127.0.0.1:{port}"), "PermissionDenied");
    probe.fails("resolve example.org", "");
    let outcome = probe.close();
    outcome.is(Exit::Done, "localhost has the address 127.0.0.1, which is not public, ignoring it");
    drop(server);
}

#[test]
fn listening_is_for_the_granted_port() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let grant = format!("net:listen:{port}");
    let mut probe = World::probe("sockets").serve(&["--grant", &grant]);
    for denied in ["bind 127.0.0.1:0", "bind 0.0.0.0:0", "bind 127.0.0.1:1", "connect 127.0.0.1:1"] {
        probe.fails(denied, "PermissionDenied");
    }
    let client = std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(120);
        let mut heard = String::new();
        while Instant::now() < end {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
                stream.read_to_string(&mut heard).unwrap();
                break;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        heard
    });
    probe.done(&format!("listen 127.0.0.1:{port}"));
    assert_eq!(client.join().unwrap(), "welcome");
}

#[test]
fn without_the_capability_nothing_of_it_is_linked() {
    let world = World::probe("sockets");
    world.run(&[]).is(Exit::Refused, "add net:tcp:<host>:<port>");
    // The listening half alone does not give names, and neither gives datagrams: Rust's library imports both with TCP.
    let probe = world.serve(&["--grant", "net:listen:8080"]);
    probe.ends("resolve localhost").is(Exit::Trap, "which it was not granted");
    let probe = world.serve(&["--grant", "net:tcp:127.0.0.1:8080"]);
    probe.ends("datagram 127.0.0.1:8080").is(Exit::Trap, "wasi:sockets/udp");
}

#[test]
fn what_is_declared_unused_ends_the_component_when_it_is_used() {
    let mut probe = World::probe("sockets").serve(&["--unused", "wasi:sockets"]);
    assert_eq!(probe.order("no"), "error no such order");
    probe.ends("connect 127.0.0.1:1").is(Exit::Trap, "which it was not granted");
}

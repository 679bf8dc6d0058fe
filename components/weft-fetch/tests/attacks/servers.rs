//! What a hostile server may do to the broker.

use crate::server::{Network, Server};
use crate::{SHORT, TIMES, client_of, client_with, get, reason, response};
use std::io::Write;
use std::time::{Duration, Instant};
use weft_fetch::Times;
use weft_ipc::fetch::{MAX_BODY_LEN, Request};

/// Whoever waits for the server instead of the deadline ends later than this.
const LATEST: Duration = Duration::from_secs(20);

/// A client of good.example, served by a program of its own.
fn against(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> weft_fetch::Client {
    against_in(TIMES, answer)
}

fn against_in(times: Times, answer: impl Fn(std::net::TcpStream) + Send + 'static) -> weft_fetch::Client {
    let server = Server::new(answer);
    let network = Network::default().name("good.example", &["198.41.0.4"]).server("198.41.0.4", &server);
    // It lives as long as the test.
    std::mem::forget(server);
    client_with(times, true, &[], network)
}

fn assert_ends_in_time(client: &weft_fetch::Client, url: &str) -> String {
    let start = Instant::now();
    let reason = reason(client.fetch(get(url)));
    assert!(start.elapsed() < LATEST, "{:?}", start.elapsed());
    reason
}

#[test]
fn silent_and_trickling_servers_are_given_up_at_the_deadline() {
    let silent = against_in(SHORT, |stream| {
        std::thread::sleep(Duration::from_secs(60 + stream.ttl().unwrap_or(0) as u64))
    });
    assert!(assert_ends_in_time(&silent, "http://good.example/").contains("no answer within"));
    let trickling_head = against_in(SHORT, |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X: y\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(assert_ends_in_time(&trickling_head, "http://good.example/").contains("no answer within"));
    let trickling_body = against_in(SHORT, |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(assert_ends_in_time(&trickling_body, "http://good.example/").contains("no answer within"));
}

#[test]
fn a_server_that_takes_no_body_is_given_up_at_the_deadline() {
    let client = against_in(SHORT, |stream| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let start = Instant::now();
    let request =
        Request { method: "POST".into(), body: Some(vec![0; MAX_BODY_LEN]), ..get("http://good.example/") };
    assert!(reason(client.fetch(request)).contains("no answer within"));
    assert!(start.elapsed() < LATEST);
}

#[test]
fn a_lookup_that_never_ends_is_given_up() {
    let client = client_with(SHORT, true, &[], Network::slow());
    assert!(assert_ends_in_time(&client, "http://good.example/").contains("cannot find the address"));
}

#[test]
fn answers_longer_than_the_limit_are_refused_whole() {
    let (client, _server) =
        client_of(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nonly this much comes");
    let answer = reason(client.fetch(get("http://good.example/")));
    assert!(answer.contains("more than") || answer.contains("failed"), "{answer}");
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n"] {
        let client = against(move |mut stream| {
            let _ = stream.write_all(head.as_bytes());
            for _ in 0..=MAX_BODY_LEN / 4096 {
                if stream.write_all(&[b'x'; 4096]).is_err() {
                    return;
                }
            }
        });
        let answer = reason(client.fetch(get("http://good.example/")));
        assert!(answer.contains("more than 16777216 bytes"), "{answer}");
    }
}

#[test]
fn the_longest_answer_is_taken() {
    let client = against(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n");
        let _ = stream.write_all(&vec![b'x'; MAX_BODY_LEN]);
    });
    assert_eq!(response(client.fetch(get("http://good.example/"))).1.len(), MAX_BODY_LEN);
}

#[test]
fn an_answer_that_ends_before_its_length_is_no_answer() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ] {
        let (client, _server) = client_of(answer);
        let reason = reason(client.fetch(get("http://good.example/")));
        assert!(
            reason.starts_with("the request failed: "),
            "{:?}: {reason}",
            String::from_utf8_lossy(answer)
        );
    }
}

#[test]
fn an_endless_head_is_refused() {
    let client = against(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-Padding: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n").is_ok() {}
    });
    assert_ends_in_time(&client, "http://good.example/");
}

#[test]
fn what_is_compressed_stays_as_it_came() {
    const BOMB: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00";
    let (client, server) = client_of(BOMB);
    assert_eq!(response(client.fetch(get("http://good.example/"))).1, b"\x1f\x8b\x08\x00");
    assert!(server.head().to_lowercase().contains("accept-encoding: identity\r\n"));
}

#[test]
fn the_type_of_an_answer_is_told_and_errors_of_servers_are_answers() {
    let (client, _server) = client_of(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
    );
    let weft_ipc::fetch::Answer::Response { status, content_type, body, .. } =
        client.fetch(get("http://good.example/"))
    else {
        panic!();
    };
    assert_eq!((status, &*content_type, &*body), (404, "application/json; charset=utf-8", &b"{}"[..]));
}

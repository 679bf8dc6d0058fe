//! Ways to a host that was not granted.

use crate::server::{Network, Server};
use crate::{client, client_of, get, reason, response};
use weft_ipc::fetch::Request;

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_granted_host_is_asked_under_its_own_name() {
    let server = Server::answering(HELLO);
    let network = Network::default().name("good.example", &["198.41.0.4"]).server("198.41.0.4", &server);
    let dialled = network.dialled.clone();
    let client = client(false, &["good.example"], network);
    assert_eq!(response(client.fetch(get("http://GOOD.example:8080/a?b#c"))), (200, b"hello".to_vec()));
    let head = server.head();
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\nhost: good.example:8080\r\n"), "{head}");
    assert_eq!(*dialled.lock().unwrap(), ["198.41.0.4:8080".parse().unwrap()]);
}

#[test]
fn methods_headers_and_bodies_arrive_as_they_were_given() {
    let (client, server) = client_of(HELLO);
    for (method, body) in [
        ("POST", Some(&b"x=1"[..])),
        ("PUT", Some(b"")),
        ("PATCH", Some(b"p")),
        ("DELETE", Some(b"d")),
        ("DELETE", None),
        ("OPTIONS", None),
        ("POST", None),
    ] {
        let request = Request {
            method: method.to_owned(),
            headers: vec![("X-Own".into(), "a b".into()), ("x-own".into(), "c".into())],
            body: body.map(<[u8]>::to_vec),
            ..get("http://good.example/")
        };
        assert_eq!(response(client.fetch(request)).0, 200, "{method}");
        let head = server.head().to_lowercase();
        assert!(head.starts_with(&format!("{} / http/1.1\r\n", method.to_lowercase())), "{head}");
        assert!(head.contains("x-own: a b\r\n") && head.contains("x-own: c\r\n"), "{head}");
        let length = body.map(<[u8]>::len).or((method == "POST").then_some(0));
        if let Some(length) = length {
            assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
        }
        assert_eq!(head.matches("content-length").count(), usize::from(length.is_some()), "{head}");
        assert_eq!(head.matches("transfer-encoding").count(), 0, "{head}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_is_never_followed() {
    let inside = Server::answering(HELLO);
    let outside = Server::answering(
        b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/secret\r\nContent-Length: 0\r\n\r\n",
    );
    let network = Network::default()
        .name("good.example", &["198.41.0.4"])
        .server("198.41.0.4", &outside)
        .server("10.0.0.1", &inside);
    let dialled = network.dialled.clone();
    let client = client(true, &[], network);
    assert_eq!(response(client.fetch(get("http://good.example/"))), (302, Vec::new()));
    assert_eq!(dialled.lock().unwrap().len(), 1);
    inside.assert_silent();
}

#[test]
fn a_name_that_leads_inside_is_refused_before_any_connection() {
    let inside = Server::answering(HELLO);
    let network = Network::default()
        .name("private.example", &["10.0.0.1"])
        .name("loopback.example", &["127.0.0.1"])
        .name("mixed.example", &["198.41.0.4", "10.0.0.1"])
        .name("mapped.example", &["::ffff:10.0.0.1"])
        .name("nat64.example", &["64:ff9b::a00:1"])
        .name("metadata.example", &["169.254.169.254"])
        .name("local.example", &["fd00::1"])
        .name("localhost", &["::1"])
        .server("10.0.0.1", &inside)
        .server("127.0.0.1", &inside);
    let dialled = network.dialled.clone();
    let names: Vec<_> = ["private", "loopback", "mixed", "mapped", "nat64", "metadata", "local"]
        .map(|n| n.to_owned() + ".example")
        .into();
    let client = client(true, &["private.example", "localhost"], network);
    for name in names.iter().map(String::as_str).chain(["localhost"]) {
        let reason = reason(client.fetch(get(&format!("http://{name}/"))));
        assert!(reason.contains("no public address"), "{name}: {reason}");
    }
    assert!(dialled.lock().unwrap().is_empty());
    inside.assert_silent();
}

#[test]
fn a_name_that_changes_its_address_after_the_check_is_looked_up_only_once() {
    let (inside, outside) = (Server::answering(HELLO), Server::answering(HELLO));
    let network = Network::default()
        .rebinding("rebinding.example", &[&["198.41.0.4"], &["10.0.0.1"]])
        .server("198.41.0.4", &outside)
        .server("10.0.0.1", &inside);
    let client = client(true, &[], network);
    assert_eq!(response(client.fetch(get("http://rebinding.example/"))).0, 200);
    assert!(reason(client.fetch(get("http://rebinding.example/"))).contains("no public address"));
    inside.assert_silent();
}

#[test]
fn an_address_inside_is_reached_only_when_granted_as_such() {
    let inside = Server::answering(HELLO);
    let network = || Network::default().server("10.0.0.1", &inside);
    let granted = client(false, &["10.0.0.1"], network());
    assert_eq!(response(granted.fetch(get("http://10.0.0.1:8080/"))).0, 200);
    inside.head();
    assert!(granted.fetch(get("http://10.0.0.2/")) != granted.fetch(get("http://10.0.0.1/")));
    inside.head();
    for url in ["http://10.0.0.1/", "http://0xa000001/", "http://012.1/", "http://[::ffff:10.0.0.1]/"] {
        assert!(reason(client(true, &[], network()).fetch(get(url))).contains("no public host"), "{url}");
    }
    inside.assert_silent();
}

#[test]
fn a_host_that_was_not_granted_is_not_even_looked_up() {
    let network = Network::slow();
    let client = client(false, &["good.example"], network);
    assert_eq!(
        reason(client.fetch(get("http://evil.example/"))),
        "the app has no capability net:fetch:evil.example"
    );
    assert!(reason(client.fetch(get("http://good.example@evil.example/"))).contains("Authorization"));
}

#[test]
fn a_header_that_carries_another_request_is_refused() {
    let (client, server) = client_of(HELLO);
    for (name, value) in
        [("x", "a\r\nHost: evil"), ("x\r\nHost", "evil"), ("Host", "evil"), ("Content-Length", "0")]
    {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let answer = client.fetch(Request { headers, ..get("http://good.example/") });
        assert!(reason(answer).contains("header"), "{name}");
    }
    server.assert_silent();
}

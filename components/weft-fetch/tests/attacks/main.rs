//! The broker as a component meets it, and as a hostile server meets it: each test is one way to a place that was not granted, or one way
//! to hold the broker up. The network is a fake that maps public addresses to servers of the test.

mod broker;
mod rules;
mod server;
mod servers;
mod tls;

use server::{Network, Server};
use std::sync::Arc;
use std::time::Duration;
use weft_fetch::{Client, Rules, Times, certificates};
use weft_ipc::fetch::{Answer, Request};

/// More than a busy machine needs.
const TIMES: Times = Times { connect: Duration::from_secs(30), total: Duration::from_secs(60) };
/// For those whose end is the deadline.
const SHORT: Times = Times { connect: Duration::from_millis(300), total: Duration::from_millis(600) };

fn client(any_public: bool, hosts: &[&str], network: Network) -> Client {
    client_with(TIMES, any_public, hosts, network)
}

fn client_with(times: Times, any_public: bool, hosts: &[&str], network: Network) -> Client {
    let hosts: Vec<_> = hosts.iter().map(|host| host.parse().unwrap()).collect();
    let none = certificates::load(std::path::Path::new("/no/bundle"));
    Client::new(Rules::new(any_public, &hosts), times, Arc::new(network), none)
}

fn get(url: &str) -> Request {
    Request { id: 7, url: url.to_owned(), method: "GET".to_owned(), headers: Vec::new(), body: None }
}

/// The answer's status and body.
fn response(answer: Answer) -> (u16, Vec<u8>) {
    match answer {
        Answer::Response { id: 7, status, body, .. } => (status, body),
        other => panic!("{other:?}"),
    }
}

/// The reason of a refusal.
fn reason(answer: Answer) -> String {
    match answer {
        Answer::Error { id: 7, reason } => reason,
        other => panic!("{other:?}"),
    }
}

/// A client of one public host, good.example, behind which stands a server with this answer.
fn client_of(answer: &'static [u8]) -> (Client, Server) {
    let server = Server::answering(answer);
    let network = Network::default().name("good.example", &["198.41.0.4"]).server("198.41.0.4", &server);
    (client(true, &[], network), server)
}

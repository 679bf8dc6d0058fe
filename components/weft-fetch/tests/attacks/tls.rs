//! https: whose certificates are taken.

use crate::server::Network;
use crate::{TIMES, get, reason, response};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use weft_fetch::{Client, Rules, certificates};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server with a certificate of this authority for `name`; its port on loopback.
    fn serve(&self, name: &str) -> std::net::SocketAddr {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(config.clone()).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                let mut head = [0; 1024];
                if stream.read(&mut head).is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        address
    }

    /// A client that trusts this authority and finds the server under the name good.example.
    fn client(&self, server: std::net::SocketAddr) -> Client {
        let folder =
            std::env::temp_dir().join(format!("weft-fetch-{}-{}", std::process::id(), server.port()));
        std::fs::write(&folder, format!("junk\n{}\n", self.0.pem())).unwrap();
        let roots = certificates::load(&folder);
        std::fs::remove_file(&folder).unwrap();
        let network = Network::default().name("good.example", &["198.41.0.4"]).address("198.41.0.4", server);
        let hosts = ["good.example".parse().unwrap()];
        Client::new(Rules::new(false, &hosts), TIMES, Arc::new(network), roots)
    }
}

#[test]
fn a_certificate_must_be_of_a_trusted_authority_and_for_the_name() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let fetch = |client: Client| client.fetch(get("https://good.example/"));
    let good = trusted.client(trusted.serve("good.example"));
    assert_eq!(response(good.fetch(get("https://good.example/"))), (200, b"hi".to_vec()));
    assert_eq!(response(good.fetch(get("https://good.example/again"))).0, 200);
    assert!(reason(fetch(trusted.client(trusted.serve("evil.example")))).contains("certificate"));
    assert!(reason(fetch(trusted.client(stranger.serve("good.example")))).contains("certificate"));
}

#[test]
fn a_plain_server_is_no_https_server_and_without_roots_there_is_no_https() {
    let plain = crate::Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let answer = Authority::new().client(plain.address).fetch(get("https://good.example/"));
    reason(answer);
    let (client, server) = crate::client_of(b"");
    assert!(reason(client.fetch(get("https://good.example/"))).contains("root certificates"));
    server.assert_silent();
    assert!(certificates::load(std::path::Path::new("/dev/null")).is_err());
}

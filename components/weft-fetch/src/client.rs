//! One request from its URL to the end of its answer.

use crate::connect::{Dialer, Pinned, Tls};
use crate::network::{Network, lookup_before};
use crate::rules::{self, Rules, Target, check_addresses};
use crate::{certificates, request};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::header::CONTENT_TYPE;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::Connector;
use ureq::{Agent, Body, http};
use weft_ipc::fetch::{Answer, CONNECT_SECS, MAX_BODY_LEN, Request, TOTAL_SECS};

const USER_AGENT: &str = concat!("weft-fetch/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Url(#[from] rules::Refusal),
    #[error(transparent)]
    Request(#[from] request::Refusal),
    #[error("{0}")]
    NoCertificates(String),
    #[error("cannot find the address of {name}: {source}")]
    Lookup { name: String, source: io::Error },
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the answer has more than {MAX_BODY_LEN} bytes")]
    LongAnswer,
    #[error("the request failed: {0}")]
    Http(ureq::Error),
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Lookup and connection, TLS included.
    pub connect: Duration,
    /// All of it.
    pub total: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { connect: Duration::from_secs(CONNECT_SECS), total: Duration::from_secs(TOTAL_SECS) }
    }
}

/// Makes requests within the rules of one session.
pub struct Client {
    rules: Rules,
    times: Times,
    network: Arc<dyn Network>,
    certificates: Result<TlsConfig, certificates::Error>,
    tls: Tls,
}

impl Client {
    /// Without `certificates` only http is possible.
    pub fn new(
        rules: Rules,
        times: Times,
        network: Arc<dyn Network>,
        certificates: Result<TlsConfig, certificates::Error>,
    ) -> Self {
        Self { rules, times, network, certificates, tls: Tls::default() }
    }

    /// The answer to a request, whatever became of it.
    pub fn fetch(&self, request: Request) -> Answer {
        let id = request.id;
        self.try_fetch(request).unwrap_or_else(|error| Answer::Error { id, reason: error.to_string() })
    }

    fn try_fetch(&self, request: Request) -> Result<Answer, Error> {
        let start = Instant::now();
        let id = request.id;
        let (url, target) = self.rules.check(&request.url)?;
        let request = request::build(request, &url)?;
        let done = start + self.times.total;
        let connected = done.min(start + self.times.connect);
        let port = url.port_or_known_default().unwrap_or_default();
        let addresses = self.addresses(target, port, connected)?;
        let connector = Dialer { network: self.network.clone(), connected, done }.chain(self.tls.clone());
        let agent = Agent::with_parts(self.config(url.scheme(), start)?, connector, Pinned(addresses));
        let (parts, body) = request.into_parts();
        let response = match body {
            Some(body) => agent.run(http::Request::from_parts(parts, body)),
            None => agent.run(http::Request::from_parts(parts, ())),
        };
        self.answer(id, response.map_err(|error| self.failed(error))?)
    }

    /// Where to connect to, every address checked.
    fn addresses(&self, target: Target, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, Error> {
        let addresses = match target {
            Target::Address(address) => vec![address],
            Target::Name(name) => {
                let found = lookup_before(&self.network, &name, deadline)
                    .map_err(|source| Error::Lookup { name: name.clone(), source })?;
                check_addresses(&name, &found)?;
                found
            }
        };
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    fn config(&self, scheme: &str, start: Instant) -> Result<Config, Error> {
        let left = |time: Duration| Some(time.saturating_sub(start.elapsed()).max(Duration::from_millis(1)));
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // An app that follows a redirect asks again, and is checked again.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            // Nothing is decompressed here, so that no small answer becomes a large one.
            .accept_encoding("identity")
            .max_idle_connections(0)
            .timeout_connect(left(self.times.connect))
            .timeout_global(left(self.times.total));
        if scheme == "https" {
            let certificates =
                self.certificates.as_ref().map_err(|e| Error::NoCertificates(e.to_string()))?;
            config = config.tls_config(certificates.clone());
        }
        Ok(config.build())
    }

    fn answer(&self, id: u64, mut response: http::Response<Body>) -> Result<Answer, Error> {
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        // The client refuses to read beyond its limit, so it is one byte above ours.
        let limit = MAX_BODY_LEN as u64 + 1;
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        match body.map_err(|error| self.failed(error))? {
            body if body.len() > MAX_BODY_LEN => Err(Error::LongAnswer),
            body => Ok(Answer::Response { id, status, content_type, body }),
        }
    }

    fn failed(&self, error: ureq::Error) -> Error {
        match error {
            ureq::Error::Timeout(_) => Error::Timeout(self.times.total),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Error::Timeout(self.times.connect)
            }
            ureq::Error::BodyExceedsLimit(_) => Error::LongAnswer,
            error => Error::Http(error),
        }
    }
}

//! A repository on a web server, or on a peer in the same network.

use super::pace::Paced;
use super::{Error, Source, time_for};
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{CONTENT_RANGE, LOCATION, RANGE};
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};
use url::Url;

const USER_AGENT: &str = concat!("weft-update/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 3;

/// How patient the device is with a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For name lookup, connection and TLS.
    pub connect: Duration,
    /// Until an answer begins, and for what is small.
    pub answer: Duration,
    /// Bytes a second that larger answers must bring on the whole.
    pub least_speed: u64,
    /// Over so much waiting for a body its speed is measured, again and again.
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { connect: secs(20), answer: secs(30), least_speed: 4096, window: secs(30) }
    }
}

/// A base URL and the connections to it.
#[derive(Debug)]
pub struct Http {
    base: Url,
    agent: Agent,
    limits: Limits,
}

impl Http {
    /// `certificates` is a bundle in PEM; it is read for https only.
    pub fn new(base: &str, certificates: &Path, limits: Limits) -> Result<Self, Error> {
        let kind = || Error::Kind(base.to_owned());
        let mut url = Url::parse(base).map_err(|_| kind())?;
        if url.host_str().is_none() || !url.username().is_empty() || url.query().is_some() {
            return Err(kind());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed here, by the rules below.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            // Nothing is decompressed, so that no small answer becomes a large one.
            .accept_encoding("identity")
            .timeout_connect(Some(limits.connect))
            .timeout_resolve(Some(limits.connect))
            .timeout_recv_response(Some(limits.answer));
        if url.scheme() == "https" {
            config = config.https_only(true).tls_config(tls(certificates)?);
        }
        Ok(Self { base: url, agent: config.build().into(), limits })
    }

    /// Asks, and follows redirects: a few, and never from https to http.
    fn ask(&self, path: &str, bytes: u64, range: Option<&str>) -> Result<Response<Body>, Error> {
        let mut url = self.base.join(path).map_err(|_| Error::Path { path: path.to_owned() })?;
        if !url.as_str().starts_with(self.base.as_str()) {
            return Err(Error::Path { path: path.to_owned() });
        }
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.agent.get(url.as_str());
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            let body_time = Some(time_for(bytes, &self.limits));
            let asked = request.config().timeout_recv_body(body_time).build().call();
            let response = asked.map_err(|error| Self::failed(path, error))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            url = next(&url, &response)
                .map_err(|problem| Error::Redirect { path: path.to_owned(), problem })?;
        }
        Err(Error::Redirect { path: path.to_owned(), problem: "in a circle" })
    }

    fn failed(path: &str, error: ureq::Error) -> Error {
        let path = path.to_owned();
        match error {
            ureq::Error::Timeout(ureq::Timeout::RecvBody | ureq::Timeout::RecvResponse) => {
                Error::Slow { path }
            }
            error => Error::Connect { path, reason: error.to_string() },
        }
    }

    fn body(&self, response: Response<Body>, limit: u64) -> Box<dyn Read + Send> {
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        Box::new(Paced::new(reader.take(limit), &self.limits))
    }
}

/// Where a redirect leads.
fn next(from: &Url, response: &Response<Body>) -> Result<Url, &'static str> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let to = from.join(location.ok_or("to nowhere")?).map_err(|_| "to what is no address")?;
    match (from.scheme(), to.scheme()) {
        ("https", "https") | ("http", "http" | "https") => Ok(to),
        ("https", "http") => Err("from https to http, which is refused"),
        _ => Err("to another protocol, which is refused"),
    }
}

impl Source for Http {
    fn whole(&self, path: &str, limit: u64) -> Result<Box<dyn Read + Send>, Error> {
        let response = self.ask(path, limit, None)?;
        match response.status() {
            StatusCode::OK => Ok(self.body(response, limit)),
            status => Err(refused(path, status)),
        }
    }

    fn range(&self, path: &str, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        let len = range.end.saturating_sub(range.start);
        let wanted = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let response = self.ask(path, len, Some(&wanted))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let given = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                let expected = format!("bytes {}-{}/", range.start, range.end.saturating_sub(1));
                match given.is_some_and(|given| given.starts_with(&expected)) {
                    true => Ok(self.body(response, len)),
                    false => Err(Error::WrongRange { path: path.to_owned() }),
                }
            }
            StatusCode::OK => Err(Error::NoRanges),
            status => Err(refused(path, status)),
        }
    }

    fn is_remote(&self) -> bool {
        true
    }
}

fn refused(path: &str, status: StatusCode) -> Error {
    let path = path.to_owned();
    match status {
        // Buckets without a listing say 403 of what is not there.
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => Error::NotFound { path },
        status => Error::Status { path, status: status.as_u16() },
    }
}

fn tls(bundle: &Path) -> Result<TlsConfig, Error> {
    let error = |_: io::Error| Error::Certificates { path: bundle.to_owned() };
    let text = std::fs::read(bundle).map_err(error)?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let roots: Vec<Certificate<'static>> = parse_pem(&text).filter_map(certificate).collect();
    if roots.is_empty() {
        return Err(Error::Certificates { path: bundle.to_owned() });
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

//! Whose word https takes: the system's bundle of root certificates.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Where the system keeps its bundle.
pub const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Why there are no root certificates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("https needs root certificates, and {path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("https needs root certificates, and {0} has none")]
    Empty(PathBuf),
}

/// Reads a bundle in PEM; what is no certificate in it is skipped.
pub fn load(path: &Path) -> Result<TlsConfig, Error> {
    let text = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let roots: Vec<Certificate<'static>> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if roots.is_empty() {
        return Err(Error::Empty(path.to_owned()));
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

//! What the HTTP client gets instead of its own resolver and connector: the addresses that were checked, and nothing else.

use crate::network::{Network, connect_before};
use crate::transport::Tcp;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, LazyBuffers, NextTimeout, RustlsConnector, Transport,
};

/// The addresses of one request. A second lookup, which might give other addresses (DNS rebinding), cannot happen: nothing here can
/// look anything up.
#[derive(Debug)]
pub struct Pinned(pub Vec<SocketAddr>);

impl Resolver for Pinned {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        // It holds 16; that many attempts are enough.
        self.0.iter().take(16).for_each(|address| addresses.push(*address));
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// Connects over TCP to the pinned addresses.
#[derive(Debug)]
pub struct Dialer {
    pub network: Arc<dyn Network>,
    /// For the connection.
    pub connected: Instant,
    /// For everything.
    pub done: Instant,
}

impl Connector for Dialer {
    type Out = Tcp;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Tcp>, Error> {
        let stream = connect_before(&*self.network, &details.addrs, self.connected)?;
        stream.set_nodelay(true)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Tcp::new(stream, buffers, self.done)))
    }
}

/// TLS for https. It keeps its configuration, with all root certificates, from one request to the next.
#[derive(Debug, Clone, Default)]
pub struct Tls(Arc<RustlsConnector>);

impl<In: Transport> Connector<In> for Tls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained)
    }
}

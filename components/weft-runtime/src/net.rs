//! `net:tcp:<host>:<port>` and `net:listen:<port>` on `wasi:sockets`: exactly these addresses, whatever name led to them.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::Result;
use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    self, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, Network as NetworkResource};
use wasmtime_wasi::p2::{DynPollable, SocketError};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsCtxView};
use weft_component::Grants;
use weft_manifest::Capability;

use weft_manifest::is_public;

/// What the component may connect to and listen on. Clones share what names were found to mean.
#[derive(Debug, Clone, Default)]
pub struct Network(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// A developer's command with `--allow-net`.
    all: bool,
    /// Literal addresses.
    addresses: HashSet<SocketAddr>,
    /// Names and ports.
    names: HashMap<String, HashSet<u16>>,
    ports: HashSet<u16>,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// The public addresses of each granted name, as the component learned them.
    of_name: HashMap<String, HashSet<IpAddr>>,
    /// Lookups under way, by the number of their resource.
    lookups: HashMap<u32, String>,
}

impl Network {
    /// What the capabilities say.
    pub fn new(grants: &Grants) -> Self {
        let mut inner = Inner::default();
        for capability in &grants.capabilities {
            match capability {
                Capability::Tcp { host, port } => match literal(host.as_str()) {
                    Some(address) => drop(inner.addresses.insert(SocketAddr::new(address, *port))),
                    None => drop(inner.names.entry(host.as_str().to_owned()).or_default().insert(*port)),
                },
                Capability::Listen { port } => drop(inner.ports.insert(*port)),
                _ => {}
            }
        }
        Self(Arc::new(inner))
    }

    /// Everything, for a developer's command.
    pub fn all() -> Self {
        Self(Arc::new(Inner { all: true, ..Inner::default() }))
    }

    /// Whether an address may be used so.
    pub fn allows(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        // RFC 4291, section 2.5.5.2: the same host by another name.
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        self.0.all
            || match usage {
                SocketAddrUse::TcpConnect => self.may_connect(address),
                // Before it connects a socket is bound to any port; listening on such a one is refused below.
                SocketAddrUse::TcpBind if address.port() == 0 => address.ip().is_unspecified(),
                SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => self.0.ports.contains(&address.port()),
                SocketAddrUse::TcpAccept => true,
                _ => false,
            }
    }

    fn may_connect(&self, address: SocketAddr) -> bool {
        let named = || {
            let found = self.found();
            let names = self.0.names.iter().filter(|(_, ports)| ports.contains(&address.port()));
            let mut addresses = names.filter_map(|(name, _)| found.of_name.get(name));
            addresses.any(|addresses| addresses.contains(&address.ip()))
        };
        self.0.addresses.contains(&address) || named()
    }

    fn may_resolve(&self, name: &str) -> bool {
        self.0.all || self.0.names.contains_key(name) || literal(name).is_some()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The host's side of `wasi:sockets/ip-name-lookup`.
pub struct Names<'a> {
    inner: WasiSocketsCtxView<'a>,
    network: &'a Network,
}

impl<'a> Names<'a> {
    pub fn new(inner: WasiSocketsCtxView<'a>, network: &'a Network) -> Self {
        Self { inner, network }
    }
}

/// For the linker.
pub struct NamesData;

impl HasData for NamesData {
    type Data<'a> = Names<'a>;
}

impl network::Host for Names<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode> {
        self.inner.convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> Result<Option<ErrorCode>> {
        self.inner.network_error_code(error)
    }
}

impl network::HostNetwork for Names<'_> {
    fn drop(&mut self, network: Resource<NetworkResource>) -> Result<()> {
        network::HostNetwork::drop(&mut self.inner, network)
    }
}

impl ip_name_lookup::Host for Names<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<NetworkResource>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        // Case does not matter in names (RFC 4343), nor a final dot.
        let plain = name.to_ascii_lowercase();
        let plain = plain.strip_suffix('.').unwrap_or(&plain);
        if !self.network.may_resolve(plain) {
            return Err(ErrorCode::AccessDenied.into());
        }
        let stream = self.inner.resolve_addresses(network, name)?;
        self.network.found().lookups.insert(stream.rep(), plain.to_owned());
        Ok(stream)
    }
}

impl HostResolveAddressStream for Names<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        let number = stream.rep();
        loop {
            let next = self.inner.resolve_next_address(Resource::new_borrow(number))?;
            let Some(address) = next else { return Ok(None) };
            let plain = ip(address).to_canonical();
            let mut found = self.network.found();
            let Some(name) = found.lookups.get(&number).cloned() else { return Ok(None) };
            if self.network.0.all || literal(&name).is_some() {
                return Ok(next);
            }
            // A name that leads into this device or its network is somebody's attempt to get there.
            if is_public(plain) {
                found.of_name.entry(name).or_default().insert(plain);
                return Ok(next);
            }
            tracing::warn!("{name} has the address {plain}, which is not public, ignoring it");
        }
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> Result<Resource<DynPollable>> {
        self.inner.subscribe(stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> Result<()> {
        self.network.found().lookups.remove(&stream.rep());
        HostResolveAddressStream::drop(&mut self.inner, stream)
    }
}

fn ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => IpAddr::from([a, b, c, d]),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => IpAddr::from([a, b, c, d, e, f, g, h]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(capabilities: &[&str]) -> Network {
        let capabilities = capabilities.iter().map(|text| text.parse().unwrap()).collect();
        Network::new(&Grants { capabilities, ..Grants::default() })
    }

    fn connects(network: &Network, address: &str) -> bool {
        network.allows(address.parse().unwrap(), SocketAddrUse::TcpConnect)
    }

    #[test]
    fn only_the_literal_address_and_port_in_any_spelling() {
        let network = network(&["net:tcp:192.0.2.7:80", "net:tcp:[2001:db8::1]:443"]);
        assert!(connects(&network, "192.0.2.7:80") && connects(&network, "[::ffff:192.0.2.7]:80"));
        assert!(connects(&network, "[2001:db8::1]:443"));
        for denied in [
            "192.0.2.7:81",
            "192.0.2.8:80",
            "[2001:db8::1]:80",
            "127.0.0.1:80",
            "[::1]:443",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(!connects(&network, denied), "{denied}");
        }
    }

    #[test]
    fn a_name_is_its_public_addresses_as_they_were_found() {
        let network = network(&["net:tcp:example.org:443"]);
        assert!(network.may_resolve("example.org") && !network.may_resolve("example.net"));
        let other = network.clone();
        assert!(!connects(&network, "93.184.215.14:443"));
        other
            .found()
            .of_name
            .entry("example.org".into())
            .or_default()
            .insert("93.184.215.14".parse().unwrap());
        assert!(connects(&network, "93.184.215.14:443") && !connects(&network, "93.184.215.14:80"));
    }

    #[test]
    fn listening_is_for_its_port_and_nothing_else() {
        let network = network(&["net:listen:8080"]);
        let allows = |address: &str, usage| network.allows(address.parse().unwrap(), usage);
        assert!(
            allows("0.0.0.0:8080", SocketAddrUse::TcpBind)
                && allows("0.0.0.0:8080", SocketAddrUse::TcpListen)
        );
        assert!(!allows("0.0.0.0:8081", SocketAddrUse::TcpBind));
        assert!(!allows("0.0.0.0:40123", SocketAddrUse::TcpListen), "a port that the system chose");
        assert!(!allows("127.0.0.1:0", SocketAddrUse::TcpBind));
        assert!(!connects(&network, "127.0.0.1:8080"));
        assert!(!allows("0.0.0.0:8080", SocketAddrUse::UdpBind));
    }
}

//! The network broker of one app session: HTTP requests to the hosts that its capabilities name.
//!
//! The app's own processes have no network. Its runtime hands requests over ([`weft_ipc::fetch`]); here they are checked and made. The
//! order is fixed: the URL is read once, its host is decided about, its name is looked up once, every address is decided about, and the
//! connection goes to those addresses.

mod broker;
pub mod certificates;
mod client;
mod connect;
mod network;
mod ports;
mod request;
mod rules;
mod transport;

pub use broker::serve;
pub use client::{Client, Times};
pub use network::{Network, System};
pub use rules::{Refusal, Rules, Target, check_addresses};

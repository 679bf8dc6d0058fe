//! What every program of the device shares with PID 1: readiness, watchdog, passed sockets, logging.
//!
//! The protocols are systemd's own, so that the programs also run under it on a desktop: `sd_notify(3)` and `sd_listen_fds(3)`.

mod exit;
mod inherited;
mod listen;
mod log;
mod notify;
mod peer;

pub use exit::exit_code;
pub use inherited::inherited_fd;
pub use listen::listen_fd;
pub use log::{init_logging, init_logging_quieting};
pub use notify::{Error as NotifyError, notify, watchdog_interval};
pub use peer::peer_uid;

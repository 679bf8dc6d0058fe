//! The one privileged service: it starts the processes of app sessions for appd, each confined and under its own user.
//!
//! PID 1 starts it as root with four capabilities (CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETUID, CAP_SETGID) and no other; none of its
//! children has any. It decides everything that matters: program by kind, user by app, what is seen by both; appd only chooses among
//! what it offers. Requests and answers: `weft_ipc::launcher`.
//!
//! **Invariants:** one thread; nothing is started that the caller does not hear of; nothing outlives the connection it was asked over.

mod accounts;
mod channel;
mod children;
mod config;
mod confine;
mod folders;
mod order;
mod serve;
mod uids;

pub use accounts::Accounts;
pub use config::Config;
pub use confine::Service;
pub use serve::{Error, serve};

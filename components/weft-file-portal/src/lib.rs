//! Reads, writes and lists files for one app session, within the folders it was given.
//!
//! A client connects to the portal's Unix socket, writes one JSON object a line and reads one JSON object a line; the README has the
//! protocol. Clients are not trusted: a path is resolved by the kernel below a folder's descriptor without following any link
//! (`openat2(2)`), whatever it says.

mod files;
mod lines;
mod protocol;
mod refusal;
mod roots;
mod serve;
mod socket;

pub use protocol::{MAX_FILE_LEN, MAX_LINE_LEN, MAX_PATH_LEN, Operation, Reply, parse};
pub use refusal::Refusal;
pub use roots::{Error as RootError, Roots};
pub use serve::{End, Portal, SessionEnd};
pub use socket::{Error as SocketError, Listener};

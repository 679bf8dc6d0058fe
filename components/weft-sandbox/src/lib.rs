//! What a confined process may do, and the code between clone3(2) and execve(2) that makes it so.
//!
//! A [`Sandbox`] describes one process as data; [`Sandbox::spawn`] makes it, [`Sandbox::become_program`] turns the calling process into
//! it. What a process is for decides most of it: see [`Kind`].
//!
//! Layers, outermost first; each one holds alone:
//! 1. its own user and no capability in any set, `no_new_privs` (capabilities(7), prctl(2));
//! 2. namespaces: user, mount, pid, ipc, net, uts, cgroup (namespaces(7));
//! 3. a mount tree with what it needs and nothing else, most of it read-only and without executables;
//! 4. Landlock on top of that tree (landlock(7));
//! 5. three system call filters (seccomp(2)), see [`seccomp`].
//!
//! **Invariant:** everything is given up before the program's first instruction; nothing depends on the program's help.

mod error;
mod identity;
mod kind;
mod landlock;
mod limits;
mod mounts;
mod places;
mod sandbox;
pub mod seccomp;
mod spawn;
mod steps;
mod sys;

pub use error::{Error, Failure};
pub use identity::User;
pub use kind::Kind;
pub use places::{Access, Place};
pub use sandbox::Sandbox;
pub use spawn::Child;
pub use sys::duplicate;

//! The two shells of the device: `weft-servo-shell` shows the system UI, `weft-app-shell` the page of one app.
//!
//! What needs neither the engine nor a window is in the modules here, and is built and tested without them. The rest is in `shell`,
//! behind the feature `servo-embed`; without it the shells only say that they have no engine.

pub mod bridge;
pub mod channel;
pub mod damage;
pub mod exit;
pub mod keymap;
pub mod mime;
pub mod options;
pub mod package;
pub mod readiness;
pub mod site;

#[cfg(feature = "servo-embed")]
mod shell;
#[cfg(not(feature = "servo-embed"))]
mod stub;

#[cfg(feature = "servo-embed")]
pub use shell::run;
#[cfg(not(feature = "servo-embed"))]
pub use stub::run;

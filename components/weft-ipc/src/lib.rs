//! Messages between the programs of the device, and their framing.
//!
//! | channel | between | module | encoding |
//! |---|---|---|---|
//! | `appd.sock` | appd and the system UI's shell, tools | [`appd`] | [`frame`]: length + MessagePack |
//! | `127.0.0.1:7410` | appd and tools | [`websocket`], [`appd`] | JSON, one message a WebSocket text message |
//! | `compositor.sock` | appd and the compositor | [`compositor`] | [`frame`]: length + MessagePack |
//! | fetch channel | a session's runtime and its network broker | [`fetch`] | [`frame`] with its own limit |
//! | `launcher.sock` | appd and the launcher | [`launcher`] | one MessagePack message a packet |
//! | `mount.sock` | appd and the mount helper | [`mount`] | [`frame`]: length + MessagePack |
//! | `netd.sock` | weft-netd and appd, others who wait for a network | [`network`] | one JSON object a line |
//! | `screen.sock` | the compositor and who decides about a release | [`screen`] | one JSON object, in a line |
//! | `update.sock` | weft-update and appd | [`update`] | one JSON object a line |
//! | session channel | page's shell, appd, component's runtime | [`session`] | one JSON string a line |

pub mod appd;
pub mod compositor;
pub mod fetch;
pub mod frame;
pub mod host;
pub mod launcher;
pub mod line;
pub mod mount;
pub mod network;
pub mod screen;
pub mod session;
pub mod update;
pub mod websocket;

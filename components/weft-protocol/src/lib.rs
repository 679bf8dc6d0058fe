//! Wayland bindings generated from `protocol/weft-shell-unstable-v1.xml`: [`client`] for programs that show a window,
//! [`server`] for the compositor.

/// The client's side of `weft_shell_unstable_v1`.
#[cfg(feature = "client")]
pub mod client {
    // The generated code is what it is: its lints are its generator's.
    #![allow(missing_docs, non_camel_case_types, non_upper_case_globals, unsafe_code, clippy::all)]
    #![allow(clippy::undocumented_unsafe_blocks)]

    use wayland_client;
    use wayland_client::protocol::*;

    #[doc(hidden)]
    pub mod __interfaces {
        use wayland_client::protocol::__interfaces::*;
        wayland_scanner::generate_interfaces!("../../protocol/weft-shell-unstable-v1.xml");
    }
    use self::__interfaces::*;

    wayland_scanner::generate_client_code!("../../protocol/weft-shell-unstable-v1.xml");
}

/// The compositor's side of `weft_shell_unstable_v1`.
#[cfg(feature = "server")]
pub mod server {
    // The generated code is what it is: its lints are its generator's.
    #![allow(missing_docs, non_camel_case_types, non_upper_case_globals, unsafe_code, clippy::all)]
    #![allow(clippy::undocumented_unsafe_blocks)]

    use wayland_server;
    use wayland_server::protocol::*;

    #[doc(hidden)]
    pub mod __interfaces {
        use wayland_server::protocol::__interfaces::*;
        wayland_scanner::generate_interfaces!("../../protocol/weft-shell-unstable-v1.xml");
    }
    use self::__interfaces::*;

    wayland_scanner::generate_server_code!("../../protocol/weft-shell-unstable-v1.xml");
}

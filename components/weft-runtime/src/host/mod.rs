//! The interfaces of `weft:app`, one file each; every version of the package leads to the same code.

mod apps;
mod clipboard;
pub mod fetch;
mod ipc;
mod notifications;
mod notify;
mod supervisor;

pub use clipboard::{link_read, link_write};

/// `weft:app@0.2.0`, but the clipboard, whose functions are linked one by one.
pub mod v0_2 {
    wasmtime::component::bindgen!({
        path: "../../wit/weft-app",
        inline: "
            package weft:runtime;
            world host {
                import weft:app/notify@0.2.0;
                import weft:app/ipc@0.2.0;
                import weft:app/inbox@0.2.0;
                import weft:app/messages@0.2.0;
                import weft:app/notifications@0.2.0;
                import weft:app/fetch@0.2.0;
                import weft:app/supervisor@0.2.0;
            }
        ",
        world: "weft:runtime/host",
        imports: {
            "weft:app/ipc.subscribe": trappable,
            "weft:app/inbox.subscribe": trappable,
            "weft:app/messages.send": async,
            "weft:app/fetch.fetch": async,
            "weft:app/supervisor.apps": async,
            "weft:app/supervisor.about": async,
            "weft:app/supervisor.crashes": async,
            "weft:app/supervisor.device": async,
            "weft:app/supervisor.sessions": async,
            "weft:app/supervisor.start": async,
            "weft:app/supervisor.stop": async,
            "weft:app/supervisor.subscribe": async | trappable,
            "weft:app/supervisor.change": async,
        },
        with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
        require_store_data_send: true,
    });
}

/// `weft:app@0.1.0`, but the clipboard.
pub mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../../wit/weft-app-0.1",
        inline: "
            package weft:runtime;
            world host {
                import weft:app/notify@0.1.0;
                import weft:app/ipc@0.1.0;
                import weft:app/notifications@0.1.0;
                import weft:app/fetch@0.1.0;
            }
        ",
        world: "weft:runtime/host",
        imports: { "weft:app/ipc.recv": async, "weft:app/fetch.fetch": async },
        require_store_data_send: true,
    });
}

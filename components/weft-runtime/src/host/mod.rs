//! The interfaces of `weft:app`, one file each; every version of the package leads to the same code.

mod ipc;
mod notifications;
mod notify;

/// `weft:app@0.2.0`.
pub mod v0_2 {
    wasmtime::component::bindgen!({
        path: "../../wit/weft-app",
        inline: "
            package weft:runtime;
            world host {
                import weft:app/notify@0.2.0;
                import weft:app/ipc@0.2.0;
                import weft:app/notifications@0.2.0;
            }
        ",
        world: "weft:runtime/host",
        imports: { "weft:app/ipc.subscribe": trappable },
        with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
        require_store_data_send: true,
    });
}

/// `weft:app@0.1.0`.
pub mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../../wit/weft-app-0.1",
        inline: "
            package weft:runtime;
            world host {
                import weft:app/notify@0.1.0;
                import weft:app/ipc@0.1.0;
                import weft:app/notifications@0.1.0;
            }
        ",
        world: "weft:runtime/host",
        imports: { "weft:app/ipc.recv": async },
    });
}

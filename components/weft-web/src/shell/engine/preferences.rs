//! Servo's settings for an appliance: one page, two cores, little memory, no network, no disk.

use servo::{Opts, Preferences};

/// Options that hold for the life of the process.
pub fn options() -> Opts {
    Opts {
        // A crash of the page's part is reported, and the shell leaves in order.
        hard_fail: false,
        // Nothing is kept on disk: there is no folder for it. (`temporary_storage` would put a cache of HTTP into /tmp.)
        config_dir: None,
        temporary_storage: false,
        ..Opts::default()
    }
}

/// Preferences, with what pages may use switched on and what they have no use for switched off.
pub fn preferences() -> Preferences {
    Preferences {
        // Features of pages.
        dom_adoptedstylesheet_enabled: true,
        dom_fontface_enabled: true,
        dom_intersection_observer_enabled: true,
        dom_web_animations_enabled: true,
        layout_columns_enabled: true,
        layout_container_queries_enabled: true,
        layout_grid_enabled: true,
        layout_variable_fonts_enabled: true,
        // No devices, no other windows, no background scripts.
        dom_gamepad_enabled: false,
        dom_serviceworker_enabled: false,
        dom_sharedworker_enabled: false,
        dom_webxr_enabled: false,
        dom_allow_scripts_to_close_windows: false,
        // Logic belongs into the app's component; WebAssembly in the page would be a second way to do the same.
        js_wasm_enabled: false,
        js_asmjs_enabled: false,
        // Text is drawn alike on screens of any subpixel order, and turned ones.
        gfx_subpixel_text_antialiasing_enabled: false,
        // Threads: a page of an appliance is small, and every thread has its stack and its heap.
        layout_threads: 1,
        thread_pool_workers_max: 1,
        thread_pool_async_runtime_workers_max: 1,
        thread_pool_webrender_workers_max: 1,
        thread_pool_canvas_workers: 0,
        perf_thread_boost_enabled: false,
        // The network is never reached. Its thread still wants roots of trust, and these cost no file.
        network_use_webpki_roots: true,
        network_http_cache_disabled: true,
        network_local_directory_listing_enabled: false,
        network_http_proxy_uri: String::new(),
        network_https_proxy_uri: String::new(),
        session_history_max_length: 1,
        // What is visible before the page has drawn: the black of the boot.
        shell_background_color_rgba: [0.0, 0.0, 0.0, 1.0],
        ..Preferences::default()
    }
}

//! Media types of the files in a package, by extension.

/// The `Content-Type` of a file name. What is not known is bytes that no page runs or shows.
pub fn of(path: &str) -> &'static str {
    let extension =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "application/xml; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_last_extension_of_the_last_part_decides() {
        assert_eq!(of("ui/index.html"), "text/html; charset=utf-8");
        assert_eq!(of("ui/APP.JS"), "text/javascript; charset=utf-8");
        assert_eq!(of("a.css/logo.svg"), "image/svg+xml");
        assert_eq!(of("fonts/inter.woff2"), "font/woff2");
        for unknown in ["", "README", "a.css/noextension", "x.exe", ".html/x"] {
            assert_eq!(of(unknown), "application/octet-stream", "{unknown}");
        }
    }
}

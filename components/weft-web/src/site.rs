//! What a page may reach: its own files and data that it carries itself, nothing else.

use url::Url;

/// The scheme of app pages; the host is the app's id.
pub const APP_SCHEME: &str = "weft-app";
/// The scheme of the system UI; hosts are [`SYSTEM_UI_HOST`] and [`SYSTEM_KIT_HOST`].
pub const SYSTEM_SCHEME: &str = "weft-system";
pub const SYSTEM_UI_HOST: &str = "ui";
pub const SYSTEM_KIT_HOST: &str = "kit";
/// The scheme under which pages send messages; see `bridge`.
pub const BRIDGE_SCHEME: &str = "weft-ipc";

/// The page's own place: a scheme, and the hosts of it that the page may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    scheme: &'static str,
    hosts: Vec<String>,
}

/// What a request of the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A file of the page's own package.
    Own,
    /// Bytes that the page made or carries itself: `data:`, `blob:`, and the two blank documents.
    Inline,
    /// A message to the shell.
    Message,
    /// Anything else. Refused.
    Foreign,
}

impl Site {
    pub fn app(app_id: &str) -> Self {
        Self { scheme: APP_SCHEME, hosts: vec![app_id.to_owned()] }
    }

    pub fn system() -> Self {
        Self { scheme: SYSTEM_SCHEME, hosts: vec![SYSTEM_UI_HOST.to_owned(), SYSTEM_KIT_HOST.to_owned()] }
    }

    /// The address of a page in the package; `page` is a path relative to its root.
    pub fn page(&self, page: &str) -> Result<Url, url::ParseError> {
        let host = self.hosts.first().map_or("", String::as_str);
        let mut url = Url::parse(&format!("{}://{host}/", self.scheme))?;
        url.set_path(page);
        Ok(url)
    }

    /// What the page asks for when it asks for `url`.
    pub fn reach(&self, url: &Url) -> Reach {
        match url.scheme() {
            scheme if scheme == self.scheme && self.is_own(url) => Reach::Own,
            BRIDGE_SCHEME => Reach::Message,
            "data" | "blob" => Reach::Inline,
            "about" if matches!(url.path(), "blank" | "srcdoc") => Reach::Inline,
            _ => Reach::Foreign,
        }
    }

    /// Whether the page, or a frame in it, may become the document at `url`. A page stays in its package: what it carries inline may
    /// be an image or a frame's content, but not an address to go to.
    pub fn may_navigate(&self, url: &Url) -> bool {
        self.reach(url) == Reach::Own || (url.scheme() == "about" && url.path() == "srcdoc")
    }

    fn is_own(&self, url: &Url) -> bool {
        url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.host_str().is_some_and(|host| self.hosts.iter().any(|own| own == host))
    }

    /// The Content-Security-Policy of every file of the package: the engine's own second lock on the same door.
    ///
    /// The scheme is not one that the URL standard knows, so the page's origin is opaque and `'self'` matches nothing: sources are named.
    pub fn content_security_policy(&self) -> String {
        let own: Vec<String> = self.hosts.iter().map(|host| format!("{}://{host}", self.scheme)).collect();
        let own = own.join(" ");
        format!(
            "default-src {own} data: blob:; script-src {own} 'unsafe-inline' blob:; style-src {own} 'unsafe-inline' data: blob:; \
             connect-src {own} data: blob: {BRIDGE_SCHEME}:; object-src 'none'; base-uri {own}; form-action 'none'; \
             frame-src {own}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(site: &Site, url: &str) -> Reach {
        site.reach(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_page_reaches_its_own_package_only() {
        let site = Site::app("org.weft.demo.counter");
        assert_eq!(
            site.page("ui/index.html").unwrap().as_str(),
            "weft-app://org.weft.demo.counter/ui/index.html"
        );
        assert_eq!(reach(&site, "weft-app://org.weft.demo.counter/ui/a.css?v=1#x"), Reach::Own);
        for foreign in [
            "http://example.com/",
            "https://example.com/",
            "ws://127.0.0.1:7410/appd",
            "wss://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "chrome://settings/",
            "about:memory",
            "resource://x/",
            "javascript:alert(1)",
            "weft-system://ui/index.html",
            "weft-app://org.weft.demo.notes/ui/index.html",
            "weft-app://org.weft.demo.counter:80/ui/index.html",
            "weft-app://user@org.weft.demo.counter/ui/index.html",
            "weft-app:org.weft.demo.counter/ui/index.html",
            "weft-app:///ui/index.html",
        ] {
            assert_eq!(reach(&site, foreign), Reach::Foreign, "{foreign}");
            assert!(!site.may_navigate(&Url::parse(foreign).unwrap()), "{foreign}");
        }
    }

    #[test]
    fn what_a_page_carries_is_no_place_to_go() {
        let site = Site::system();
        for inline in ["data:text/html,x", "blob:null/1234", "about:blank"] {
            assert_eq!(reach(&site, inline), Reach::Inline);
            assert!(!site.may_navigate(&Url::parse(inline).unwrap()), "{inline}");
        }
        assert!(site.may_navigate(&Url::parse("weft-system://ui/index.html").unwrap()));
        assert_eq!(reach(&site, "weft-system://kit/weft-ui-kit.js"), Reach::Own);
        assert_eq!(reach(&site, "weft-system://etc/passwd"), Reach::Foreign);
        assert_eq!(reach(&site, "weft-ipc:send?%5B%5D"), Reach::Message);
    }

    #[test]
    fn the_policy_names_the_package_and_no_network() {
        let policy = Site::app("org.a.b").content_security_policy();
        assert!(policy.contains("default-src weft-app://org.a.b data: blob:;"));
        assert!(!policy.contains("http") && !policy.contains('*'));
    }
}

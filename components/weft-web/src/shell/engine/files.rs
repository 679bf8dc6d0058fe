//! `weft-app:` and `weft-system:`: the files of a package as the engine loads them.

use crate::mime;
use crate::package::Package;
use crate::site::Site;
use http::{HeaderValue, Method, header};
use servo::EventLoopWaker;
use servo::protocol_handler::{
    DoneChannel, FetchContext, NetworkError, ProtocolHandler, Request, ResourceFetchTiming, Response,
    ResponseBody,
};
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Serves the folders that belong to the hosts of a site.
pub struct Files {
    site: Site,
    folders: Vec<(String, Package)>,
    policy: HeaderValue,
    damage: Damage,
}

/// Set once a file of the package cannot be read; from then on nothing that is shown is what was signed.
pub struct Damage {
    pub found: Arc<AtomicBool>,
    /// Wakes who ends the shell.
    pub waker: Box<dyn EventLoopWaker>,
}

impl Files {
    pub fn new(
        site: Site,
        folders: Vec<(String, Package)>,
        damage: Damage,
    ) -> Result<Self, header::InvalidHeaderValue> {
        let policy = HeaderValue::from_str(&site.content_security_policy())?;
        Ok(Self { site, folders, policy, damage })
    }

    fn answer(&self, request: &Request) -> Result<Response, NetworkError> {
        if request.method != Method::GET {
            return Err(NetworkError::InvalidMethod);
        }
        let url = request.current_url();
        let refused = || NetworkError::ResourceLoadError(format!("{url} is not in this package"));
        if self.site.reach(url.as_url()) != crate::site::Reach::Own {
            return Err(refused());
        }
        let host = url.host_str().unwrap_or_default();
        let (_, folder) = self.folders.iter().find(|(name, _)| name == host).ok_or_else(refused)?;
        let bytes = folder.read(url.path()).map_err(|error| {
            let cause =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            tracing::warn!("{url}: {error}{cause}");
            if error.is_damage() {
                self.damage.found.store(true, Ordering::Release);
                self.damage.waker.wake();
            }
            NetworkError::ResourceLoadError(error.to_string())
        })?;
        let mut response = Response::new(url.clone(), ResourceFetchTiming::new(request.timing_type()));
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime::of(url.path())));
        response.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !is_for_frame(request) {
            response.headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        }
        *response.body.lock() = ResponseBody::Done(bytes);
        Ok(response)
    }
}

/// Whether the request is for the document of a frame. It gets no policy: asking what a policy says of the pages around it, the engine
/// stops at the first whose origin is opaque, as ours all are. What a frame loads is decided where the page's loads are.
fn is_for_frame(request: &Request) -> bool {
    matches!(request.destination.as_str(), "frame" | "iframe")
}

impl ProtocolHandler for Files {
    fn load<'a>(
        &'a self,
        request: &'a mut Request,
        _done: &mut DoneChannel,
        _context: &FetchContext,
    ) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(ready(self.answer(request).unwrap_or_else(Response::network_error)))
    }

    /// The origin of such an address is opaque to the URL standard; this lets a page `fetch` and import its own files all the same.
    fn is_fetchable(&self) -> bool {
        true
    }

    fn is_secure(&self) -> bool {
        true
    }
}

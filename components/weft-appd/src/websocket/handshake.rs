//! Who may open the WebSocket at all: programs of this device, and no page of a browser.

use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::http::header::ORIGIN;

/// Refuses what no tool of this device sends. A browser names the page's origin with every WebSocket (RFC 6455, section 4.1), and no
/// page has anything to say to appd.
#[allow(clippy::result_large_err, reason = "the signature is the library's")]
pub fn check(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    if request.headers().contains_key(ORIGIN) {
        return Err(refusal(StatusCode::FORBIDDEN, "web pages have no access"));
    }
    if request.uri().path() != weft_ipc::websocket::PATH {
        return Err(refusal(StatusCode::NOT_FOUND, "the WebSocket is at /appd"));
    }
    Ok(response)
}

fn refusal(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(why.to_owned()));
    *response.status_mut() = status;
    response
}

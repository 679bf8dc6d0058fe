//! The meaning of one message of the WebSocket, by who sent it.

use crate::clients::FromClient;
use crate::sessions::{ClientId, SessionId};
use weft_ipc::appd::{Request, code};
use weft_ipc::session::MAX_MESSAGE_LEN;
use weft_ipc::websocket::{AppRole, Hello, Opening};

/// The first message.
pub fn decode_opening(text: &[u8]) -> Result<Hello, String> {
    match serde_json::from_slice(text) {
        Ok(Opening::Hello(hello)) => Ok(hello),
        // The error's text could repeat parts of a token.
        Err(_) => Err("the first message must be HELLO with a role and its token".to_owned()),
    }
}

/// A message of the system role.
pub fn decode_system(id: ClientId, text: &[u8]) -> FromClient {
    match serde_json::from_slice(text) {
        Ok(Request::IpcForward { .. }) => {
            let problem = "the system role has no part in the messages of apps".to_owned();
            FromClient::Nonsense(id, code::REFUSED, problem)
        }
        Ok(request) => FromClient::Request(id, request),
        Err(error) => FromClient::Nonsense(id, code::BAD_REQUEST, format!("not a request: {error}")),
    }
}

/// A message of the app role.
pub fn decode_app(id: ClientId, session: SessionId, text: &[u8]) -> FromClient {
    match serde_json::from_slice(text) {
        Ok(AppRole::AppMessage { payload }) if payload.len() > MAX_MESSAGE_LEN => {
            let problem =
                format!("a payload of {} bytes is over the limit of {MAX_MESSAGE_LEN}", payload.len());
            FromClient::Nonsense(id, code::BAD_REQUEST, problem)
        }
        Ok(AppRole::AppMessage { payload }) => FromClient::AppMessage(id, session, payload),
        Err(_) if serde_json::from_slice::<Request>(text).is_ok() => {
            FromClient::Nonsense(id, code::REFUSED, "the app role has nothing but APP_MESSAGE".to_owned())
        }
        Err(error) => FromClient::Nonsense(id, code::BAD_REQUEST, format!("not a message: {error}")),
    }
}

//! Answers in the forms that clients of each kind are told them.

use crate::clients::Kind;
use std::sync::Arc;
use weft_ipc::appd::Response;
use weft_ipc::frame;
use weft_ipc::websocket::AppRole;

/// One response in the forms that it is needed in.
#[derive(Default)]
pub struct Encoded {
    message_pack: Option<Arc<[u8]>>,
    json: Option<Arc<[u8]>>,
    app_json: Option<Arc<[u8]>>,
}

type Encode = fn(&Response) -> Option<Vec<u8>>;

impl Encoded {
    /// `None` when clients of this kind are not told.
    pub fn for_kind(&mut self, kind: Kind, response: &Response) -> Option<Arc<[u8]>> {
        let (form, encode): (_, Encode) = match (kind, response) {
            (Kind::Socket, _) => (&mut self.message_pack, message_pack),
            (Kind::App(_), Response::IpcMessage { .. } | Response::Error { .. }) => {
                (&mut self.app_json, app_json)
            }
            (Kind::App(_), _) | (Kind::System, Response::IpcMessage { .. }) => return None,
            (Kind::System, _) => (&mut self.json, json),
        };
        if form.is_none() {
            *form = encode(response).map(Arc::from);
        }
        form.clone()
    }
}

fn message_pack(response: &Response) -> Option<Vec<u8>> {
    frame::encode(response).inspect_err(|error| tracing::error!("an answer cannot be encoded: {error}")).ok()
}

fn json<T: serde::Serialize>(response: &T) -> Option<Vec<u8>> {
    serde_json::to_vec(response)
        .inspect_err(|error| tracing::error!("an answer cannot be encoded: {error}"))
        .ok()
}

fn app_json(response: &Response) -> Option<Vec<u8>> {
    match response {
        Response::IpcMessage { payload, .. } => json(&AppRole::AppMessage { payload: payload.clone() }),
        other => json(other),
    }
}

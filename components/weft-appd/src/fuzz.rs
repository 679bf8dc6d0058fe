//! Entry points for fuzzing: what clients send, from bytes to what the sessions make of it, without sockets or processes.

use crate::clients::{self, FromClient};
use crate::sessions::{Action, ClientId, End, Event, Role, SessionId, Sessions};
use crate::websocket::{decode_app, decode_opening, decode_system};
use std::time::Duration;
use weft_ipc::appd::Request;
use weft_manifest::AppId;

const CLIENT: ClientId = ClientId::Connection(1);

/// The Unix socket: frames of MessagePack, as they come from a client, and the sessions that they lead to.
pub fn socket(mut data: &[u8]) {
    let mut world = World::default();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        if length > clients::MAX_REQUEST {
            return;
        }
        let Some((body, rest)) = rest.split_at_checked(length) else { return };
        data = rest;
        world.take(clients::decode(CLIENT, body));
    }
}

/// The WebSocket: one text message a line, the first one HELLO.
pub fn websocket(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let hello = decode_opening(lines.next().unwrap_or_default());
    let mut world = World::default();
    for line in lines {
        match &hello {
            Ok(weft_ipc::websocket::Hello::App { session_id, .. }) => {
                world.take(decode_app(CLIENT, *session_id, line));
            }
            _ => world.take(decode_system(CLIENT, line)),
        }
    }
}

/// Sessions whose processes start, get ready and end as told.
#[derive(Default)]
struct World {
    sessions: Sessions,
    now: Duration,
}

impl World {
    fn take(&mut self, what: FromClient) {
        self.now += Duration::from_secs(1);
        let FromClient::Request(client, request) = what else { return };
        match request {
            Request::LaunchApp { app_id, .. } => {
                if let Ok(app) = app_id.parse::<AppId>() {
                    self.happened(Event::Launch { client, app });
                }
            }
            Request::TerminateApp { session_id: session } => {
                self.happened(Event::Terminate { client, session });
            }
            Request::ActivateApp { session_id: session } => {
                self.happened(Event::Activate { client, session })
            }
            // No request of the protocol, but chance for the processes: one is ready, or ends.
            Request::QueryAppState { session_id } => self.chance(session_id),
            _ => {}
        }
        assert!(self.sessions.running().len() <= crate::sessions::MAX_SESSIONS, "sessions without number");
    }

    fn chance(&mut self, number: u64) {
        let session = number / 4 % 64;
        let role = if number.is_multiple_of(2) { Role::Runtime } else { Role::Shell };
        self.happened(match number / 2 % 2 {
            0 => Event::Ready { session, role },
            _ => Event::Ended { session, role, end: End::Failed(10) },
        });
    }

    fn happened(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.sessions.handle(self.now, event) {
                if let Action::StartRuntime { session, .. } = action {
                    events.push(started(session));
                }
            }
        }
    }
}

fn started(session: SessionId) -> Event {
    let helpers = Vec::from_iter(session.is_multiple_of(3).then_some(Role::Fetch));
    Event::Started { session, has_page: session.is_multiple_of(2), helpers }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weft_ipc::appd::Request;

    fn requests() -> impl Strategy<Value = Vec<Request>> {
        let id = prop_oneof![Just("org.weft.a"), Just("org.weft.b"), Just("../x"), Just("")];
        let request = prop_oneof![
            id.prop_map(|id| Request::LaunchApp { app_id: id.to_owned(), surface_id: 0 }),
            (0..20u64).prop_map(|session_id| Request::TerminateApp { session_id }),
            (0..80u64).prop_map(|session_id| Request::QueryAppState { session_id }),
            Just(Request::QueryRunning),
        ];
        prop::collection::vec(request, 0..40)
    }

    proptest! {
        #[test]
        fn no_bytes_bring_the_socket_down(data in prop::collection::vec(any::<u8>(), 0..256)) {
            super::socket(&data);
            super::websocket(&data);
        }

        #[test]
        fn no_order_of_requests_brings_the_sessions_down(requests in requests()) {
            let frames: Vec<u8> = requests.iter().flat_map(|request| weft_ipc::frame::encode(request).unwrap()).collect();
            super::socket(&frames);
            let mut lines = br#"{"type":"HELLO","role":"system","token":""}"#.to_vec();
            for request in &requests {
                lines.push(b'\n');
                lines.extend(serde_json::to_vec(request).unwrap());
            }
            super::websocket(&lines);
        }
    }
}

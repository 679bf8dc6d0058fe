//! appd's WebSocket: JSON for tools on the device, on its loopback interface only, for those who have a token.

mod handshake;
mod message;
mod tokens;

pub use message::{decode_app, decode_opening, decode_system};
pub use tokens::Tokens;

use crate::clients::{Arrival, Events, FromClient, Kind, Waiting};
use crate::sessions::ClientId;
use futures_util::{SinkExt, StreamExt};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use weft_ipc::appd::{Response, code};
use weft_ipc::websocket::{HELLO_LIMIT, Hello, MAX_MESSAGE_LEN, PORT};

/// Connections that have not said who they are yet.
const MAX_STRANGERS: usize = 16;
/// The port's file.
const PORT_FILE: &str = "appd.wsport";
/// How long an answer to a client that is cut off may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on 127.0.0.1:{port}: set WEFT_APPD_WS_PORT to another port, 0 for any, or off")]
    Listen { port: u16, source: io::Error },
    #[error("cannot make the folder {}", path.display())]
    Folder { path: std::path::PathBuf, source: io::Error },
    #[error("cannot write the WebSocket's port or token down")]
    File(#[from] weft_file::Error),
}

/// Listens, and writes the port and the system's token into `folder`. The usual port is replaced by a free one where another appd of
/// this machine has it.
pub async fn start(port: u16, folder: &Path, events: Events) -> Result<Arc<Tokens>, Error> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
    let listen = |port| async move {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| Error::Listen { port, source })
    };
    let listener = match listen(port).await {
        Err(Error::Listen { source, .. }) if port == PORT && source.kind() == io::ErrorKind::AddrInUse => {
            tracing::warn!("port {PORT} is in use, taking any free one");
            listen(0).await?
        }
        outcome => outcome?,
    };
    let port = listener.local_addr().map_err(|source| Error::Listen { port, source })?.port();
    let tokens = Arc::new(Tokens::new(folder)?);
    weft_file::write_atomic(&folder.join(PORT_FILE), format!("{port}\n").as_bytes(), 0o644)?;
    tokio::spawn(accept(listener, tokens.clone(), events));
    Ok(tokens)
}

async fn accept(listener: TcpListener, tokens: Arc<Tokens>, events: Events) {
    let strangers = Arc::new(Semaphore::new(MAX_STRANGERS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("cannot take a connection, retrying: {error}");
                // Out of descriptors: do not ask again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = strangers.clone().try_acquire_owned() else {
            tracing::warn!("{MAX_STRANGERS} connections have not said who they are, ignoring another one");
            continue;
        };
        let (tokens, events) = (tokens.clone(), events.clone());
        tokio::spawn(async move {
            let client = tokio::time::timeout(HELLO_LIMIT, introduce(stream, &tokens)).await;
            drop(permit);
            if let Ok(Some((socket, kind))) = client {
                serve(socket, kind, events).await;
            }
        });
    }
}

/// The handshake and the first message; `None` when the connection is refused, which it is told.
async fn introduce(stream: TcpStream, tokens: &Tokens) -> Option<(WebSocketStream<TcpStream>, Kind)> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_LEN))
        .max_frame_size(Some(MAX_MESSAGE_LEN))
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_MESSAGE_LEN)
        .read_buffer_size(16 << 10);
    let accepted = tokio_tungstenite::accept_hdr_async_with_config(stream, handshake::check, Some(config));
    let mut socket = accepted.await.inspect_err(|error| tracing::debug!("no WebSocket: {error}")).ok()?;
    let first = tokio::time::timeout(HELLO_LIMIT - LAST_WORDS, next_text(&mut socket)).await;
    let hello = match first {
        Ok(Some(text)) => decode_opening(text.as_bytes()),
        Ok(None) => return None,
        Err(_) => Err(format!("no HELLO within {HELLO_LIMIT:?}")),
    };
    let refusal = match hello {
        Ok(hello) if tokens.admit(&hello) => {
            let kind = match hello {
                Hello::System { .. } => Kind::System,
                Hello::App { session_id, .. } => Kind::App(session_id),
            };
            return Some((socket, kind));
        }
        Ok(_) => "the token is not that of the role or the session".to_owned(),
        Err(problem) => problem,
    };
    say_goodbye(&mut socket, code::UNAUTHENTICATED, refusal).await;
    None
}

async fn say_goodbye(socket: &mut WebSocketStream<TcpStream>, code: u32, message: String) {
    let Ok(text) = serde_json::to_string(&Response::Error { code, message }) else { return };
    let words = async {
        // The other end may be gone already.
        let _ = socket.send(Message::text(text)).await;
        let _ = socket.close(None).await;
    };
    let _ = tokio::time::timeout(LAST_WORDS, words).await;
}

/// The next text message; `None` at the end, or for what is no message of this protocol.
async fn next_text(socket: &mut WebSocketStream<TcpStream>) -> Option<String> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
            Ok(Message::Binary(_)) => {
                say_goodbye(socket, code::BAD_REQUEST, "send JSON as text messages".to_owned()).await;
                return None;
            }
            Ok(Message::Close(_)) => return None,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!("a WebSocket ends: {error}");
                return None;
            }
        }
    }
}

async fn serve(socket: WebSocketStream<TcpStream>, kind: Kind, events: Events) {
    let id = events.next_id();
    let (arrival, mut waiting) = Arrival::new(kind);
    let leash = waiting.leash();
    if !events.tell(FromClient::Arrived(id, arrival)).await {
        return;
    }
    tokio::select! {
        () = converse(id, socket, kind, waiting, &events) => {
            events.tell(FromClient::Gone(id)).await;
        }
        _ = leash => {}
    }
}

async fn converse(
    id: ClientId,
    mut socket: WebSocketStream<TcpStream>,
    kind: Kind,
    mut waiting: Waiting,
    events: &Events,
) {
    loop {
        tokio::select! {
            answer = waiting.next() => {
                let Some(answer) = answer else { return };
                let Ok(text) = std::str::from_utf8(&answer) else { return };
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
                waiting.sent(&answer);
            }
            text = next_text(&mut socket) => {
                let Some(text) = text else { return };
                let event = match kind {
                    Kind::App(session) => decode_app(id, session, text.as_bytes()),
                    Kind::System | Kind::Socket => decode_system(id, text.as_bytes()),
                };
                if !events.tell(event).await {
                    return;
                }
            }
        }
    }
}

//! `weft:app/fetch`: frames to the session's network broker, which does what is allowed; this process has no network for it.

use super::{v0_1, v0_2};
use crate::state::State;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use weft_ipc::fetch::{
    Answer, MAX_BODY_LEN, MAX_FRAME_LEN, MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL_LEN, Request, TOTAL_SECS,
};
use weft_ipc::frame;

/// The broker's time, and a little for the way.
const ANSWER: Duration = Duration::from_secs(TOTAL_SECS + 2);

/// The connection to the broker.
pub struct Broker {
    stream: UnixStream,
    last: u64,
    /// After half a frame nothing on the connection can be understood any more.
    broken: bool,
}

impl Broker {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, last: 0, broken: false }
    }

    async fn fetch(&mut self, mut request: Request) -> Result<Answer, String> {
        self.last += 1;
        request.id = self.last;
        if self.broken {
            return Err("the network broker is gone".to_owned());
        }
        // Dropped in the middle, the exchange leaves the connection unusable; it says so until it is complete.
        self.broken = true;
        let exchange = tokio::time::timeout(ANSWER, self.exchange(&request)).await;
        let answer = exchange.map_err(|_| "the network broker did not answer".to_owned())??;
        self.broken = false;
        Ok(answer)
    }

    async fn exchange(&mut self, request: &Request) -> Result<Answer, String> {
        let frame = frame::encode_within(request, MAX_FRAME_LEN).map_err(|error| error.to_string())?;
        let gone = |error: std::io::Error| format!("the network broker is gone: {error}");
        self.stream.write_all(&frame).await.map_err(gone)?;
        loop {
            let length = self.stream.read_u32_le().await.map_err(gone)? as usize;
            if length > MAX_FRAME_LEN {
                return Err("the network broker's answer is too long".to_owned());
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.map_err(gone)?;
            let answer: Answer = frame::decode(&body).map_err(|error| error.to_string())?;
            if answer.id() == request.id {
                return Ok(answer);
            }
        }
    }
}

/// The answer of either version: status, content type, body.
type Fetched = Result<(u16, String, Vec<u8>), String>;

impl State {
    async fn fetch_url(
        &mut self,
        url: String,
        method: String,
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
    ) -> Fetched {
        self.watchdog.alive();
        let header_bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        for (what, length, longest) in [
            ("URL", url.len(), MAX_URL_LEN),
            ("body", body.as_ref().map_or(0, Vec::len), MAX_BODY_LEN),
            ("number of headers", headers.len(), MAX_HEADERS),
            ("length of all headers", header_bytes, MAX_HEADER_BYTES),
        ] {
            if length > longest {
                return Err(format!("the {what} is {length}, over the limit of {longest}"));
            }
        }
        let Some(broker) = &mut self.broker else {
            return Err("this session has no network broker".to_owned());
        };
        match broker.fetch(Request { id: 0, url, method, headers, body }).await? {
            Answer::Response { status, content_type, body, .. } => Ok((status, content_type, body)),
            Answer::Error { reason, .. } => Err(reason),
        }
    }
}

impl v0_2::weft::app::fetch::Host for State {
    async fn fetch(
        &mut self,
        url: String,
        method: String,
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
    ) -> Result<v0_2::weft::app::fetch::Response, String> {
        let (status, content_type, body) = self.fetch_url(url, method, headers, body).await?;
        Ok(v0_2::weft::app::fetch::Response { status, content_type, body })
    }
}

impl v0_1::weft::app::fetch::Host for State {
    async fn fetch(
        &mut self,
        url: String,
        method: String,
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
    ) -> Result<v0_1::weft::app::fetch::Response, String> {
        let (status, content_type, body) = self.fetch_url(url, method, headers, body).await?;
        Ok(v0_1::weft::app::fetch::Response { status, content_type, body })
    }
}

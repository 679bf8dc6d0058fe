//! Frames: a 4-byte little-endian length, then that many bytes of MessagePack (structs as maps with named fields).

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};

/// The longest frame body in bytes; a longer one is refused before anything is allocated for it.
pub const MAX_FRAME_LEN: usize = 4 * 1024 * 1024;

/// Why a frame could not be sent or taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a message of {length} bytes is over the limit of {limit} bytes")]
    TooLong { length: usize, limit: usize },
    #[error("the message cannot be encoded")]
    Encode(#[source] rmp_serde::encode::Error),
    #[error("the message is not one of this channel's")]
    Decode(#[source] rmp_serde::decode::Error),
    #[error("the connection failed")]
    Io(#[from] io::Error),
}

/// The frame of one message: length and body, ready to be written.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, Error> {
    encode_within(message, MAX_FRAME_LEN)
}

/// As [`encode`], on a channel whose frames have another limit.
pub fn encode_within<M: Serialize>(message: &M, limit: usize) -> Result<Vec<u8>, Error> {
    let body = rmp_serde::to_vec_named(message).map_err(Error::Encode)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|length| *length as usize <= limit)
        .ok_or(Error::TooLong { length: body.len(), limit })?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// The message of one frame body (without its length).
pub fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<M, Error> {
    rmp_serde::from_slice(body).map_err(Error::Decode)
}

/// Writes one message and flushes it.
pub fn write<M: Serialize>(to: &mut impl Write, message: &M) -> Result<(), Error> {
    to.write_all(&encode(message)?)?;
    Ok(to.flush()?)
}

/// Reads one message; `None` when the peer closed the connection between two frames.
pub fn read<M: DeserializeOwned>(from: &mut impl Read) -> Result<Option<M>, Error> {
    read_within(from, MAX_FRAME_LEN)
}

/// As [`read`], on a channel whose frames have another limit.
pub(crate) fn read_within<M: DeserializeOwned>(
    from: &mut impl Read,
    limit: usize,
) -> Result<Option<M>, Error> {
    let mut length = [0; 4];
    match from.read(&mut length)? {
        0 => return Ok(None),
        n => from.read_exact(&mut length[n..])?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > limit {
        return Err(Error::TooLong { length, limit });
    }
    // Memory grows with what arrives, not with what was announced.
    let mut body = Vec::new();
    if from.take(length as u64).read_to_end(&mut body)? < length {
        return Err(Error::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    decode(&body).map(Some)
}

/// Takes frames out of bytes that arrive in pieces, for event loops that must not block.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds bytes as they came from the peer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, or `None` until more bytes are there.
    pub fn next_message<M: DeserializeOwned>(&mut self) -> Result<Option<M>, Error> {
        let Some(length) = self.buffer.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize)
        else {
            return Ok(None);
        };
        if length > MAX_FRAME_LEN {
            return Err(Error::TooLong { length, limit: MAX_FRAME_LEN });
        }
        let Some(body) = self.buffer.get(4..4 + length) else {
            return Ok(None);
        };
        let message = decode(body);
        self.buffer.drain(..4 + length);
        message.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appd::Request;

    #[test]
    fn a_message_survives_the_wire_in_pieces_of_any_size() {
        let messages = [
            Request::QueryRunning,
            Request::LaunchApp { app_id: "org.weft.demo.counter".into(), surface_id: 7 },
        ];
        let wire: Vec<u8> = messages.iter().flat_map(|m| encode(m).unwrap()).collect();
        for piece in 1..=wire.len() {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for chunk in wire.chunks(piece) {
                decoder.push(chunk);
                while let Some(message) = decoder.next_message::<Request>().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, messages);
        }
        assert_eq!(read::<Request>(&mut &wire[..]).unwrap(), Some(messages[0].clone()));
    }

    #[test]
    fn an_endless_length_is_refused_before_it_is_read() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert!(matches!(decoder.next_message::<Request>(), Err(Error::TooLong { .. })));
        assert!(matches!(read::<Request>(&mut &u32::MAX.to_le_bytes()[..]), Err(Error::TooLong { .. })));
    }

    #[test]
    fn a_connection_cut_inside_a_frame_is_an_error_and_between_frames_an_end() {
        let wire = encode(&Request::QueryRunning).unwrap();
        assert!(read::<Request>(&mut &wire[..wire.len() - 1]).is_err());
        assert!(read::<Request>(&mut &wire[..2]).is_err());
        assert_eq!(read::<Request>(&mut &[][..]).unwrap(), None);
    }
}

//! What fuzzers and tests feed: the parsers of what a network sends, without a network.

use crate::time::clock::WallClock;
use crate::time::sntp::{Error, Sample, exchange};
use sntpc::NtpUdpSocket;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A clock that stands still.
struct Still(Duration);

impl WallClock for Still {
    fn now(&self) -> Duration {
        self.0
    }

    fn step(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn slew(&mut self, _: i64) -> io::Result<()> {
        Ok(())
    }
}

/// Answers with these bytes, into which it puts the question's own time where they begin with an odd byte: else no random answer would
/// get past the comparison.
struct Canned<'a> {
    answer: &'a [u8],
    asked: Cell<[u8; 8]>,
}

impl NtpUdpSocket for Canned<'_> {
    async fn send_to(&self, question: &[u8], _: SocketAddr) -> sntpc::Result<usize> {
        if let Some(time) = question.get(40..48).and_then(|time| time.try_into().ok()) {
            self.asked.set(time);
        }
        Ok(question.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        buffer.iter_mut().zip(self.answer).for_each(|(to, from)| *to = *from);
        if self.answer.first().is_some_and(|first| first % 2 == 1)
            && let Some(time) = buffer.get_mut(24..32)
        {
            time.copy_from_slice(&self.asked.get());
        }
        Ok((self.answer.len().min(buffer.len()), SERVER))
    }
}

const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 123)), 123);

/// Reads an answer of a time server, at this time in seconds since 1970.
pub fn sntp_answer(answer: &[u8], now: u64) -> Result<Sample, Error> {
    let socket = Canned { answer, asked: Cell::default() };
    let clock = Still(Duration::from_secs(now));
    let mut exchange = pin!(exchange(SERVER, &socket, &clock, now));
    match exchange.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Error::Silent),
    }
}

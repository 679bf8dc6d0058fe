//! Messages from a page through `weft-appd` and `weft-runtime` to the component of the counter, and its answers back the same way.

use super::page::{Page, line};
use super::world::World;
use super::{COMMAND, COUNTER, millis};
use crate::bench::{Bound, Figure, Result, median};
use std::io::{self, Read, Write};
use std::time::Instant;

/// Single messages, each sent when the one before was answered.
const SINGLE: usize = 2000;
/// Messages of one stream, and how many streams.
const STREAM: usize = 20_000;
const STREAMS: usize = 5;
/// Messages that are on their way at the same time.
const WINDOW: usize = weft_ipc::session::QUEUE_LEN;
const ASK: &str = r#"{"op":"get"}"#;
const ANSWER: &str = r#"{"count":0}"#;

pub fn relay(world: &World) -> Result<Vec<Figure>> {
    world.pack(&["install", "--dev"], &world.app(COUNTER))?;
    let mut appd = world.start()?;
    let session = appd.launch(COUNTER)?;
    let mut page = appd.page(session)?;
    let lines = Lines { ask: line(ASK)?, answer: line(ANSWER)? };
    let failed = |error| appd.failed("a page and its component talk", error);
    lines.one_by_one(&mut page, SINGLE / 10).map_err(failed)?;
    let times = lines.one_by_one(&mut page, SINGLE).map_err(failed)?;
    let rates: io::Result<Vec<f64>> = (0..STREAMS).map(|_| lines.stream(&mut page)).collect();
    let rates = rates.map_err(failed)?;
    Ok(vec![
        Figure {
            name: "page to component and back",
            value: median(times),
            unit: "ms",
            bound: Bound::AtMost,
            limit: 2.0,
            command: COMMAND,
            note: format!("median of {SINGLE} through weft-appd, one at a time"),
        },
        Figure {
            name: "messages through the relay, each way",
            value: median(rates),
            unit: "/s",
            bound: Bound::AtLeast,
            limit: 20_000.0,
            command: COMMAND,
            note: format!(
                "as many answers come back meanwhile; median of {STREAMS} streams of {STREAM} messages of {} bytes, {WINDOW} of \
                 them on their way",
                ASK.len()
            ),
        },
    ])
}

struct Lines {
    ask: String,
    answer: String,
}

impl Lines {
    /// Milliseconds of each.
    fn one_by_one(&self, page: &mut Page, number: usize) -> io::Result<Vec<f64>> {
        let mut times = Vec::with_capacity(number);
        for _ in 0..number {
            let start = Instant::now();
            let answer = page.ask(&self.ask)?;
            times.push(millis(start));
            check(answer == self.answer, answer.as_bytes())?;
        }
        Ok(times)
    }

    /// Sends a stream, each message by itself as the shell does and never more ahead than may wait, and returns answers in a second.
    /// Every answer counts only if it is right.
    fn stream(&self, page: &mut Page) -> io::Result<f64> {
        let expected = self.answer.as_bytes();
        let (mut sent, mut answered) = (0, 0);
        let mut buffer = vec![0; WINDOW * expected.len()];
        let start = Instant::now();
        while answered < STREAM * expected.len() {
            while sent < STREAM && sent - answered / expected.len() < WINDOW {
                page.stream.write_all(self.ask.as_bytes())?;
                sent += 1;
            }
            let read = page.stream.read(&mut buffer)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            let behind = answered % expected.len();
            check(read > 0 && bytes.iter().eq(expected.iter().cycle().skip(behind).take(read)), bytes)?;
            answered += read;
        }
        Ok(STREAM as f64 / start.elapsed().as_secs_f64())
    }
}

fn check(right: bool, said: &[u8]) -> io::Result<()> {
    if right {
        return Ok(());
    }
    let start = said.get(..said.len().min(200)).unwrap_or_default();
    Err(io::Error::other(format!("instead of its answer came {:?}", String::from_utf8_lossy(start))))
}

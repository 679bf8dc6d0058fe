//! The machine's serial console: every line kept, and a way to wait for one.
//!
//! PID 1 prints `weft-init: [   3.412] weft-compositor ready`: seconds since the kernel's start, then what happened.

use super::{Error, Result};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the last lines of a machine may take to be read.
const LAST_LINES: Duration = Duration::from_secs(10);

/// What PID 1 said on the console.
#[derive(Clone, Debug, PartialEq)]
pub struct InitLine {
    /// Seconds of `CLOCK_BOOTTIME`.
    pub seconds: f64,
    pub text: String,
}

impl InitLine {
    /// Parses one console line; `None` for what is not PID 1's.
    pub fn parse(line: &str) -> Option<InitLine> {
        let (_, rest) = line.split_once("weft-init: [")?;
        let (seconds, text) = rest.split_once(']')?;
        Some(InitLine { seconds: seconds.trim().parse().ok()?, text: text.trim().to_owned() })
    }

    pub fn is_error(&self) -> bool {
        self.text.starts_with("error:")
    }
}

/// A place in the console; waiting from one ignores everything before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    /// What came after the last of them.
    unfinished: String,
    closed: bool,
}

/// The lines read so far; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Console {
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Console {
    /// Reads lines in a thread of its own until the other end closes, copying the raw bytes to each of `copies`. What the machine
    /// said `before` comes first.
    pub fn read_from(
        source: impl Read + Send + 'static,
        before: &[u8],
        mut copies: Vec<Box<dyn Write + Send>>,
    ) -> Console {
        let console = Console::default();
        console.lock().lines.extend(before.split_inclusive(|byte| *byte == b'\n').map(clean));
        let reader = console.clone();
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut raw = Vec::new();
            loop {
                let chunk = match source.fill_buf() {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Ok(chunk) if !chunk.is_empty() => chunk,
                    _ => break,
                };
                for copy in &mut copies {
                    // A full disk or a closed terminal must not stop the machine.
                    let _ = copy.write_all(chunk).and_then(|()| copy.flush());
                }
                let read = chunk.len();
                raw.extend_from_slice(chunk);
                source.consume(read);
                let complete = raw.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let mut state = reader.lock();
                let ended: Vec<u8> = raw.drain(..complete).collect();
                state.lines.extend(ended.split_inclusive(|byte| *byte == b'\n').map(clean));
                state.unfinished = clean(&raw);
                reader.shared.1.notify_all();
            }
            let mut state = reader.lock();
            if !raw.is_empty() {
                state.lines.push(clean(&raw));
            }
            state.closed = true;
            reader.shared.1.notify_all();
        });
        console
    }

    /// The end of what was read so far.
    pub fn mark(&self) -> Mark {
        Mark(self.lock().lines.len())
    }

    /// All lines from a mark on.
    pub fn lines_from(&self, from: Mark) -> Vec<String> {
        self.lock().lines.get(from.0..).unwrap_or_default().to_vec()
    }

    /// Whether it says this at or after `from`, be it in a line that has no end yet: a menu has none.
    pub fn says(&self, from: Mark, text: &str) -> bool {
        let state = self.lock();
        let lines = state.lines.get(from.0..).unwrap_or_default();
        lines.iter().chain([&state.unfinished]).any(|line| line.contains(text))
    }

    /// Waits until all was read of a machine that has ended, and not for long: somebody else may hold the other end.
    pub fn wait_closed(&self) {
        let is_open = |state: &mut State| !state.closed;
        drop(self.shared.1.wait_timeout_while(self.lock(), LAST_LINES, is_open));
    }

    /// The last lines, for a message.
    pub fn tail(&self, count: usize) -> String {
        let state = self.lock();
        let start = state.lines.len().saturating_sub(count);
        state.lines[start..].join("\n")
    }

    /// Waits for the first line at or after `from` that `wanted` answers, and returns its answer and the place behind it.
    pub fn wait<T>(
        &self,
        from: Mark,
        limit: Duration,
        waiting: &str,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<(T, Mark)> {
        let deadline = Instant::now() + limit;
        let mut next = from.0;
        let mut state = self.lock();
        loop {
            while let Some(line) = state.lines.get(next) {
                next += 1;
                if let Some(found) = wanted(line) {
                    return Ok((found, Mark(next)));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                drop(state);
                let (waiting, tail) = (waiting.to_owned(), self.tail(20));
                return Err(match left.is_zero() {
                    true => Error::TimedOut { waiting, limit, tail },
                    false => Error::Ended { waiting, said: format!("the console closed after:\n{tail}") },
                });
            }
            state = self.shared.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for PID 1 to say something that ends in `text`, such as `weft-appd ready`.
    pub fn wait_init(&self, from: Mark, limit: Duration, text: &str) -> Result<(InitLine, Mark)> {
        self.wait(from, limit, &format!("waiting for the console line `{text}`"), |line| {
            InitLine::parse(line).filter(|line| line.text.ends_with(text))
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line without its end and without the terminal control sequences (ECMA-48) that firmware and boot loader print.
fn clean(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            if !character.is_control() || character == '\t' {
                cleaned.push(character);
            }
            continue;
        }
        if characters.next() == Some('[') {
            // A control sequence ends with its first byte from @ to ~.
            characters.by_ref().find(|character| ('@'..='~').contains(character));
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn parses_what_pid_1_prints() {
        let line = InitLine::parse("weft-init: [   3.412] weft-compositor ready").unwrap();
        assert_eq!(line, InitLine { seconds: 3.412, text: "weft-compositor ready".into() });
        assert!(InitLine::parse("weft-init: [ 12.000] error: no state").unwrap().is_error());
        for other in ["", "[    0.1] weft-init: [", "weft-init: [x] y", "Loading Linux"] {
            assert_eq!(InitLine::parse(other), None, "{other}");
        }
    }

    #[test]
    fn control_sequences_are_dropped() {
        assert_eq!(clean(b"\x1b[2J\x1b[01;01HBdsDxe: loading\x1b[0m\r\n"), "BdsDxe: loading");
    }

    #[test]
    fn what_has_no_end_yet_is_said_all_the_same() {
        let (mut machine, ours) = UnixStream::pair().unwrap();
        let console = Console::read_from(ours, b"", Vec::new());
        machine.write_all(b"Loading\r\n\x1b[2J\x1b[01;01HFactory reset").unwrap();
        while !console.says(Mark::default(), "Factory reset") {
            std::thread::yield_now();
        }
        assert_eq!(console.lines_from(Mark::default()), ["Loading"]);
        drop(machine);
        console.wait(Mark(1), LIMIT, "the end", |line| (line == "Factory reset").then_some(())).unwrap();
    }

    #[test]
    fn waits_from_a_mark_and_reports_the_end() {
        let (mut machine, ours) = UnixStream::pair().unwrap();
        let console = Console::read_from(ours, b"", Vec::new());
        machine.write_all(b"weft-init: [ 1.0] started\r\n").unwrap();
        let (line, mark) = console.wait_init(Mark::default(), LIMIT, "started").unwrap();
        assert_eq!(line.seconds, 1.0);
        machine.write_all(b"weft-init: [ 0.9] started\r\nlast words\r\n").unwrap();
        assert_eq!(console.wait_init(mark, LIMIT, "started").unwrap().0.seconds, 0.9);
        drop(machine);
        let error = console.wait_init(mark, LIMIT, "weft-appd ready").unwrap_err().to_string();
        assert!(error.contains("weft-appd ready") && error.contains("last words"), "{error}");
    }

    #[test]
    fn a_time_out_shows_the_last_lines() {
        let (mut machine, ours) = UnixStream::pair().unwrap();
        let console = Console::read_from(ours, b"", Vec::new());
        machine.write_all(b"here it hangs\n").unwrap();
        console.wait(Mark::default(), LIMIT, "reading", |line| line.contains("hangs").then_some(())).unwrap();
        let error = console.wait_init(Mark::default(), Duration::ZERO, "started").unwrap_err().to_string();
        assert!(error.contains("here it hangs"), "{error}");
    }
}

//! The QEMU Machine Protocol, as far as a virtual machine is driven here: commands in order, events kept.
//!
//! Specification: QEMU's `docs/interop/qmp-spec`.

use super::{Error, Result};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A command that QEMU does not answer in this time means a hung QEMU; it is no limit for anything the guest does.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
    partial: Vec<u8>,
    events: VecDeque<Value>,
}

impl Qmp {
    /// Connects and negotiates; `None` while QEMU does not listen yet.
    pub fn connect(path: &Path) -> Result<Option<Qmp>> {
        let stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::Monitor(error)),
        };
        Qmp::negotiate(stream).map(Some)
    }

    fn negotiate(stream: UnixStream) -> Result<Qmp> {
        let mut qmp = Qmp { stream: BufReader::new(stream), partial: Vec::new(), events: VecDeque::new() };
        let deadline = Instant::now() + ANSWER_LIMIT;
        while qmp.read(deadline, "greeting")?.is_some_and(|message| message.get("QMP").is_none()) {}
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Executes a command and returns what it returned.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let mut request = json!({ "execute": command, "arguments": arguments }).to_string();
        request.push('\n');
        self.stream.get_mut().write_all(request.as_bytes()).map_err(Error::Monitor)?;
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            let Some(mut answer) = self.read(deadline, command)? else {
                return Err(Error::Refused {
                    command: command.to_owned(),
                    description: "no answer".to_owned(),
                });
            };
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                let description = error["desc"].as_str().unwrap_or("no reason given").to_owned();
                return Err(Error::Refused { command: command.to_owned(), description });
            }
            self.keep_event(answer);
        }
    }

    /// Waits for an event of one of these names, among those already seen first; `None` when the limit passed.
    pub fn wait_event(&mut self, names: &[&str], limit: Duration) -> Result<Option<String>> {
        let deadline = Instant::now() + limit;
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(name) = event["event"].as_str().filter(|name| names.contains(name)) {
                    return Ok(Some(name.to_owned()));
                }
            }
            match self.read(deadline, "waiting for an event")? {
                Some(message) => self.keep_event(message),
                None => return Ok(None),
            }
        }
    }

    fn keep_event(&mut self, message: Value) {
        if message.get("event").is_some() {
            self.events.push_back(message);
        }
    }

    fn read(&mut self, deadline: Instant, waiting: &str) -> Result<Option<Value>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.get_ref().set_read_timeout(Some(left)).map_err(Error::Monitor)?;
            match self.stream.read_until(b'\n', &mut self.partial) {
                Ok(0) => return Err(Error::MonitorClosed(waiting.to_owned())),
                Ok(_) if self.partial.ends_with(b"\n") => {
                    let line = std::mem::take(&mut self.partial);
                    let message = serde_json::from_slice(&line).map_err(|source| Error::NotQmp {
                        said: String::from_utf8_lossy(&line).into_owned(),
                        source,
                    })?;
                    return Ok(Some(message));
                }
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(Error::Monitor(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A monitor that says its lines in order, one for each line it receives.
    fn monitor(lines: &'static [&'static str]) -> Result<Qmp> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(theirs);
            stream.get_mut().write_all(b"{\"QMP\": {\"version\": {}}}\r\n").unwrap();
            for line in lines {
                let mut request = String::new();
                stream.read_line(&mut request).unwrap();
                stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
            }
        });
        Qmp::negotiate(ours)
    }

    #[test]
    fn answers_and_events_are_told_apart() {
        let mut qmp = monitor(&[
            "{\"return\": {}}",
            "{\"event\": \"RESET\"}\r\n{\"event\": \"SHUTDOWN\"}\r\n{\"return\": {\"status\": \"running\"}}",
        ])
        .unwrap();
        assert_eq!(qmp.execute("query-status", json!({})).unwrap()["status"], "running");
        assert_eq!(qmp.wait_event(&["SHUTDOWN"], ANSWER_LIMIT).unwrap().as_deref(), Some("SHUTDOWN"));
    }

    #[test]
    fn a_refusal_names_the_command_and_the_reason() {
        let mut qmp = monitor(&[
            "{\"return\": {}}",
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}",
        ])
        .unwrap();
        let error = qmp.execute("screendump", json!({})).unwrap_err().to_string();
        assert_eq!(error, "the QEMU monitor refused screendump: no such thing");
    }

    #[test]
    fn a_closed_monitor_is_an_error() {
        let mut qmp = monitor(&["{\"return\": {}}"]).unwrap();
        assert!(qmp.execute("query-status", json!({})).is_err());
    }
}

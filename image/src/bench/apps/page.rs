//! Plays the page of a session: a program in the place of `weft-app-shell` gets the real channel, and the bench takes it over from there.

use super::world::World;
use super::{Error, Result};
use crate::vm::file_error;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use weft_ipc::session;

/// Its file in the world's folder.
pub const PROGRAM: &str = "page";
/// `weft-app-shell <app> <session> … --ipc-fd <n>`: notes what it was given, is ready, and holds the channel open.
const SCRIPT: &str = r#"#!/bin/sh
echo "$$ $*" > "$0.$2"
echo "READY $WEFT_READY_TOKEN"
exec sleep infinity
"#;
/// An answer later than this does not come.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn write_program(world: &World) -> Result<()> {
    let path = world.write(PROGRAM, SCRIPT)?;
    let executable = std::fs::Permissions::from_mode(0o755);
    Ok(std::fs::set_permissions(&path, executable).map_err(file_error("make executable", &path))?)
}

/// The page's end of the channel.
pub struct Page {
    pub stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Page {
    pub fn take(world: &World, session: u64) -> Result<Page> {
        let path = world.path(&format!("{PROGRAM}.{session}"));
        let note = std::fs::read_to_string(&path).map_err(file_error("read", &path))?;
        let stream = take(&note).map_err(Error::Process)?;
        let open = || -> io::Result<Page> {
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Page { reader: BufReader::new(stream.try_clone()?), stream })
        };
        open().map_err(Error::Process)
    }

    /// Sends a line and returns the next one.
    pub fn ask(&mut self, line: &str) -> io::Result<String> {
        self.stream.write_all(line.as_bytes())?;
        let mut answer = String::new();
        self.reader.read_line(&mut answer)?;
        Ok(answer)
    }
}

/// A message as the shell sends it.
pub fn line(message: &str) -> Result<String> {
    session::encode(message).map_err(|error| Error::Process(io::Error::other(error)))
}

/// Gets a copy of the channel from a process whose arguments were noted (pidfd_getfd(2)).
fn take(note: &str) -> io::Result<UnixStream> {
    let (process, channel) = parse(note).ok_or(io::ErrorKind::InvalidData)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    Ok(pidfd_getfd(process, channel, PidfdGetfdFlags::empty())?.into())
}

/// Reads `<process> <arguments>`.
fn parse(note: &str) -> Option<(Pid, i32)> {
    let (process, arguments) = note.split_once(' ')?;
    let mut words = arguments.split_whitespace().skip_while(|word| *word != "--ipc-fd");
    Some((Pid::from_raw(process.parse().ok()?)?, words.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_names_process_and_channel() {
        let note = "4711 org.weft.demo.counter 1 --ui /a b/index.html --package /a b --ipc-fd 12\n";
        assert_eq!(parse(note), Some((Pid::from_raw(4711).unwrap(), 12)));
        assert_eq!(parse("4711 org.weft.demo.counter 1\n"), None);
        assert_eq!(parse(""), None);
    }
}

//! Programs of the image, as any user.

use crate::Command;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};
use std::time::Duration;

/// Who is spoken to answers in this time, or not at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs it to its end: the exit code, unless a signal ended it, and what it wrote to standard output and error.
pub fn to_end(command: &Command) -> io::Result<(Option<i32>, String)> {
    let ended = prepared(command).output()?;
    let output = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    Ok((ended.status.code(), output))
}

/// Starts it; its end is taken note of by nobody but a thread.
pub fn start(command: &Command) -> io::Result<()> {
    let mut child = prepared(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    std::thread::spawn(move || child.wait());
    Ok(())
}

fn prepared(command: &Command) -> process::Command {
    let mut prepared = process::Command::new(&command.program);
    prepared.args(&command.arguments).stdin(Stdio::null());
    prepared.envs(command.environment.iter().map(|(name, value)| (name, value)));
    if let Some(user) = command.user {
        prepared.uid(user).gid(command.group.unwrap_or(user));
    }
    prepared
}

/// Says one line to a Unix socket; the line that it answers.
pub fn speak(socket: &str, line: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    match stream.write_all(format!("{line}\n").as_bytes()) {
        // Who refuses may have answered and gone before all of it was said.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        said => said?,
    }
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer.trim_end().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_without_listening_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"no\n").unwrap());
        // More than the socket takes, so that it is still being said when the other one has gone.
        let answer = speak(path.to_str().unwrap(), &"x".repeat(1 << 22)).unwrap();
        server.join().unwrap();
        assert_eq!(answer, "no");
    }

    #[test]
    fn a_program_runs_with_its_variables_and_says_how_it_ended() {
        let command = Command {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), "echo $WEFT_WORD; exit 3".into()],
            environment: vec![("WEFT_WORD".into(), "hello".into())],
            ..Command::default()
        };
        assert_eq!(to_end(&command).unwrap(), (Some(3), "hello\n".into()));
    }
}

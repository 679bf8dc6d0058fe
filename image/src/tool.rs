//! Running other programs: output into a log, its last line on the screen, and one clear error.

use crate::progress::Progress;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How many of a failed program's last lines its error shows.
const TAIL: usize = 15;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is not installed: run `cargo weft build`, which installs it, or install it by hand")]
    Missing(String),
    #[error("cannot start {program}")]
    Start { program: String, source: std::io::Error },
    #[error("cannot write the log {path}")]
    Log { path: PathBuf, source: std::io::Error },
    #[error("the disk is full while {what}: free some room below {folder} and run the command again")]
    Full { what: String, folder: PathBuf },
    #[error("{what} failed: {program} ended with {status}; its last lines (all of them in {log}):\n{tail}")]
    Failed { what: String, program: String, status: ExitStatus, log: PathBuf, tail: String },
    #[error("{what} failed: {program} ended with {status}: {stderr}")]
    Query { what: String, program: String, status: ExitStatus, stderr: String },
}

/// Runs programs of one stage, all their output going to one log file.
pub struct Tools<'a> {
    log: PathBuf,
    progress: &'a Progress,
}

impl<'a> Tools<'a> {
    /// Starts the log `<folder>/<stage>.log` anew.
    pub fn new(folder: &Path, stage: &str, progress: &'a Progress) -> Result<Self, Error> {
        let log = folder.join(format!("{stage}.log"));
        std::fs::create_dir_all(folder)
            .and_then(|()| File::create(&log))
            .map_err(|source| Error::Log { path: log.clone(), source })?;
        Ok(Self { log, progress })
    }

    pub fn progress(&self) -> &Progress {
        self.progress
    }

    /// Runs a program to its end. `what` completes "while …" and "… failed".
    pub fn run(&self, what: &str, command: &mut Command) -> Result<(), Error> {
        let program = name(command);
        let log_error = |source| Error::Log { path: self.log.clone(), source };
        let mut log = OpenOptions::new().append(true).open(&self.log).map_err(log_error)?;
        writeln!(log, "$ {command:?}").map_err(log_error)?;
        let (reader, writer) =
            std::io::pipe().map_err(|source| Error::Start { program: program.clone(), source })?;
        let copy = writer.try_clone().map_err(|source| Error::Start { program: program.clone(), source })?;
        command.stdin(Stdio::null()).stdout(copy).stderr(writer);
        let mut child = command.spawn().map_err(|source| start_error(&program, source))?;
        // The command keeps its ends of the pipe; without this the reader would never see the end.
        command.stdout(Stdio::null()).stderr(Stdio::null());

        let mut tail = VecDeque::new();
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(log_error)? > 0 {
            log.write_all(&line).map_err(log_error)?;
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.progress.doing(&text);
            tail.push_back(text);
            if tail.len() > TAIL {
                tail.pop_front();
            }
            line.clear();
        }
        let status = child.wait().map_err(|source| Error::Start { program: program.clone(), source })?;
        if status.success() {
            return Ok(());
        }
        let tail = Vec::from(tail).join("\n");
        if out_of_space(&tail) {
            let folder = self.log.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned();
            return Err(Error::Full { what: what.to_owned(), folder });
        }
        Err(Error::Failed { what: what.to_owned(), program, status, log: self.log.clone(), tail })
    }
}

/// Runs a program and returns what it wrote to standard output.
pub fn query(what: &str, command: &mut Command) -> Result<String, Error> {
    let program = name(command);
    let output = command.stdin(Stdio::null()).output().map_err(|source| start_error(&program, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Query { what: what.to_owned(), program, status: output.status, stderr })
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn start_error(program: &str, source: std::io::Error) -> Error {
    match source.kind() {
        ErrorKind::NotFound => Error::Missing(program.to_owned()),
        _ => Error::Start { program: program.to_owned(), source },
    }
}

fn out_of_space(text: &str) -> bool {
    text.contains("No space left on device") || text.contains("os error 28")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_named_with_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let progress = Progress::new();
        let tools = Tools::new(folder.path(), "kernel", &progress).unwrap();
        let error = tools
            .run("compiling the kernel", Command::new("ls").arg("/nonexistent-folder"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("compiling the kernel failed: ls ended with"), "{error}");
        assert!(error.contains("/nonexistent-folder"), "{error}");
        let log = std::fs::read_to_string(folder.path().join("kernel.log")).unwrap();
        assert!(log.starts_with("$ \"ls\""), "{log}");
    }

    #[test]
    fn a_missing_program_is_said_to_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let progress = Progress::new();
        let tools = Tools::new(folder.path(), "x", &progress).unwrap();
        let error = tools.run("x", &mut Command::new("weft-no-such-program")).unwrap_err();
        assert!(matches!(error, Error::Missing(_)), "{error}");
    }

    #[test]
    fn a_full_disk_is_recognised_in_the_output() {
        assert!(out_of_space("cc1: fatal error: x.o: No space left on device"));
        assert!(!out_of_space("error: linking failed"));
    }
}

//! `weft-launcher confine`: PID 1's way to start a service in a sandbox without knowing how one is made. The process stays the same one,
//! so that PID 1 watches the service itself, with the sockets and the environment that it was given.

use clap::Args;
use std::os::fd::RawFd;
use weft_sandbox::{Kind, Sandbox, User};

const FIRST_PASSED: RawFd = 3;

/// A service to become.
#[derive(Debug, Args)]
pub struct Service {
    /// The kind of sandbox.
    #[arg(value_parser = kind)]
    kind: Kind,
    #[arg(long)]
    uid: u32,
    #[arg(long)]
    gid: u32,
    #[arg(long, value_delimiter = ',')]
    groups: Vec<u32>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Why the service could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no program is named")]
    NoProgram,
    #[error("the environment is not valid UTF-8")]
    Environment,
    #[error("cannot pass descriptor {number} on")]
    Descriptor { number: RawFd, source: rustix::io::Errno },
    #[error(transparent)]
    Sandbox(#[from] weft_sandbox::Error),
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or(format!("{name} is no kind of sandbox"))
}

impl Service {
    /// Becomes the service. `passed` is the number of listening sockets. Returns only errors.
    pub fn become_it(self, passed: RawFd) -> Result<std::convert::Infallible, Error> {
        let (program, arguments) = self.command.split_first().ok_or(Error::NoProgram)?;
        let mut sandbox = Sandbox::new(self.kind, program);
        sandbox.arguments = arguments.to_vec();
        for (name, value) in std::env::vars_os() {
            let text = |text: std::ffi::OsString| text.into_string().map_err(|_| Error::Environment);
            sandbox.environment.push((text(name)?, text(value)?));
        }
        sandbox.user = Some(User { uid: self.uid, gid: self.gid, groups: self.groups });
        for number in (0..3).chain(FIRST_PASSED..FIRST_PASSED + passed) {
            let copy =
                weft_sandbox::duplicate(number).map_err(|source| Error::Descriptor { number, source })?;
            sandbox.descriptors.push((number, copy));
        }
        Ok(sandbox.become_program()?)
    }
}

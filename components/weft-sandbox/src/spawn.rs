//! The caller's side: clones, maps the new user namespace, and waits until the program runs or a step failed.

use crate::error::{Error, Failure};
use crate::identity::User;
use crate::sandbox::Sandbox;
use crate::seccomp::Filters;
use crate::steps::{self, Program};
use crate::sys::{self, Side};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;

/// A confined process that runs its program.
#[derive(Debug)]
pub struct Child {
    /// As seen from the caller's pid namespace.
    pub pid: u32,
    pub pidfd: OwnedFd,
}

impl Sandbox {
    /// Makes the process. It is a child of the caller, who reaps it, and dies with the caller. The caller must have one thread.
    ///
    /// With [`Sandbox::user`], the caller needs CAP_SETUID and CAP_SETGID, and nothing more.
    pub fn spawn(&self) -> Result<Child, Error> {
        check_threads()?;
        let program = self.program()?;
        let (go_reader, go) = pipe_with(PipeFlags::CLOEXEC).map_err(Error::Pipe)?;
        let (report, report_writer) = pipe_with(PipeFlags::CLOEXEC).map_err(Error::Pipe)?;
        match sys::clone(self.new_namespaces(), self.cgroup.as_ref().map(AsFd::as_fd))
            .map_err(Error::Clone)?
        {
            Side::Child => {
                drop((go, report));
                child(self, &program, go_reader, report_writer)
            }
            Side::Parent { pid, pidfd } => {
                drop((go_reader, report_writer));
                let child = Child { pid, pidfd };
                let outcome = self.map(pid).and_then(|()| self.release(go, report));
                if outcome.is_err() {
                    // Dead or to be: nobody else knows of it.
                    let _ = rustix::process::pidfd_send_signal(&child.pidfd, rustix::process::Signal::KILL);
                    reap(&child);
                }
                outcome.map(|()| child)
            }
        }
    }

    /// Turns this process into the confined one; for services, which PID 1 has started as root. Returns only what failed.
    pub fn become_program(&self) -> Result<Infallible, Error> {
        check_threads()?;
        let program = self.program()?;
        Err(Error::Setup { program: self.program.clone(), source: steps::of_service(self, &program) })
    }

    fn program(&self) -> Result<Program, Error> {
        let text = |text: &str| CString::new(text).map_err(|_| Error::ZeroByte(text.to_owned()));
        let path = text(&self.program.to_string_lossy())?;
        let mut arguments = vec![path.clone()];
        for argument in &self.arguments {
            arguments.push(text(argument)?);
        }
        let variables = self.environment.iter().map(|(key, value)| text(&format!("{key}={value}")));
        Ok(Program {
            path,
            arguments,
            environment: variables.collect::<Result<_, _>>()?,
            filters: Filters::of(self.kind),
        })
    }

    fn new_namespaces(&self) -> u64 {
        let shared = libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS;
        let network = if self.kind.sees_network() { 0 } else { libc::CLONE_NEWNET };
        if self.namespaces { (shared | network).cast_unsigned().into() } else { 0 }
    }

    /// Maps exactly the process's own user and groups into its user namespace (user_namespaces(7)).
    fn map(&self, pid: u32) -> Result<(), Error> {
        if !self.namespaces {
            return Ok(());
        }
        let write = |file: &str, text: String| {
            let path = PathBuf::from(format!("/proc/{pid}/{file}"));
            fs::write(&path, text).map_err(|source| Error::Map { path, source })
        };
        let same = |number: u32| format!("{number} {number} 1\n");
        match &self.user {
            Some(User { uid, gid, groups }) => {
                let known = self.known_users.iter().filter(|known| *known != uid);
                write("uid_map", std::iter::once(uid).chain(known).map(|user| same(*user)).collect())?;
                let others = groups.iter().filter(|group| *group != gid);
                write("gid_map", std::iter::once(gid).chain(others).map(|group| same(*group)).collect())
            }
            None => {
                write("setgroups", "deny".into())?;
                write("uid_map", same(rustix::process::geteuid().as_raw()))?;
                write("gid_map", same(rustix::process::getegid().as_raw()))
            }
        }
    }

    /// Lets the child go on and reads what became of it: nothing but the end of the pipe when its program runs.
    fn release(&self, go: OwnedFd, report: OwnedFd) -> Result<(), Error> {
        let vanished = || Error::Vanished { program: self.program.clone() };
        File::from(go).write_all(b"g").map_err(|_| vanished())?;
        let mut text = String::new();
        File::from(report).read_to_string(&mut text).map_err(|_| vanished())?;
        match text.split_once(' ').and_then(|(errno, what)| Some((errno.parse().ok()?, what))) {
            None if text.is_empty() => Ok(()),
            None => Err(vanished()),
            Some((errno, what)) => Err(Error::Setup {
                program: self.program.clone(),
                source: Failure { what: what.to_owned(), errno: Errno::from_raw_os_error(errno) },
            }),
        }
    }
}

fn child(sandbox: &Sandbox, program: &Program, go: OwnedFd, report: OwnedFd) -> ! {
    let mut byte = [0];
    // Nothing comes when the parent gave up on it.
    if matches!(File::from(go).read(&mut byte), Ok(1)) {
        let failure = steps::of_child(sandbox, program);
        let text = format!("{} {}", failure.errno.raw_os_error(), failure.what);
        let _ = rustix::io::write(&report, text.as_bytes());
    }
    sys::exit_now(1)
}

fn check_threads() -> Result<(), Error> {
    match fs::read_dir("/proc/self/task").map_or(1, Iterator::count) {
        0 | 1 => Ok(()),
        threads => Err(Error::Threads(threads)),
    }
}

fn reap(child: &Child) {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    while matches!(waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED), Err(Errno::INTR)) {}
}

//! What a process does on its way from the clone to its program. The order matters: see each step.

use crate::error::{Context, Failure};
use crate::identity::{self, User};
use crate::landlock;
use crate::limits;
use crate::mounts::Tree;
use crate::sandbox::Sandbox;
use crate::seccomp::Filters;
use crate::sys;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Signal};
use rustix::thread::CapabilitySet;
use std::ffi::CString;
use std::os::fd::RawFd;

/// Descriptors are first copied above every number that they are then given.
const ABOVE_PASSED: RawFd = 100;
const HOST_NAME: &[u8] = b"weft";

/// What must be laid out before: nothing here may fail for want of a C string.
#[derive(Debug)]
pub(crate) struct Program {
    pub path: CString,
    pub arguments: Vec<CString>,
    pub environment: Vec<CString>,
    pub filters: Filters,
}

/// In a new process, made with namespaces of its own that belong to its own user namespace: everything up to the program. Returns what failed.
pub(crate) fn of_child(sandbox: &Sandbox, program: &Program) -> Failure {
    let confined = || {
        rustix::process::setsid().context(|| "cannot start a session".into())?;
        if sandbox.namespaces {
            sys::unshare(libc::CLONE_NEWCGROUP).context(|| "no cgroup namespace".into())?;
            forbid_code_in_memory_files();
        }
        let places = sandbox.all_places();
        let tree = sandbox.namespaces.then(|| Tree::collect(&places)).transpose()?;
        sandbox.user.as_ref().map_or(Ok(()), identity::assume)?;
        // Only now: a change of the user forgets it (prctl(2)).
        die_with_parent()?;
        if let Some(tree) = tree {
            tree.enter(sandbox.kind)?;
            rustix::system::sethostname(HOST_NAME).context(|| "cannot set the host name".into())?;
        }
        give_up(sandbox, program, CapabilitySet::empty())
    };
    match confined() {
        Err(failure) => failure,
        Ok(()) => run(program),
    }
}

/// In a service's own process, as root with every capability: the same, in namespaces that belong to the system, so that no capability
/// inside can ever change them. What tells others by the kernel's word about them stays in the system's user namespace.
pub(crate) fn of_service(sandbox: &Sandbox, program: &Program) -> Failure {
    let confined = || {
        let mut fresh = libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        if !sandbox.kind.sees_network() {
            fresh |= libc::CLONE_NEWNET;
        }
        if !sandbox.kind.knows_others() {
            fresh |= libc::CLONE_NEWCGROUP;
        }
        sys::unshare(fresh).context(|| "cannot make namespaces".into())?;
        let tree = Tree::collect(&sandbox.all_places())?;
        sandbox.user.as_ref().map_or(Ok(()), identity::assume)?;
        tree.enter(sandbox.kind)?;
        rustix::system::sethostname(HOST_NAME).context(|| "cannot set the host name".into())?;
        let kept = sandbox.kind.capabilities();
        match &sandbox.user {
            // A capability in a user namespace of its own would be worth nothing.
            Some(user) if !sandbox.kind.knows_others() && kept.is_empty() => own_user_namespace(user)?,
            _ => {}
        }
        give_up(sandbox, program, kept)
    };
    match confined() {
        Err(failure) => failure,
        Ok(()) => run(program),
    }
}

/// Maps the user to itself and nobody else (user_namespaces(7)); groups stay, but no further one can be taken.
fn own_user_namespace(user: &User) -> Result<(), Failure> {
    sys::unshare(libc::CLONE_NEWUSER).context(|| "no user namespace".into())?;
    // Having changed its user, the process may not write to its own files in /proc otherwise (proc(5), "/proc/pid"). Exec asks anew.
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)
        .context(|| "cannot own its files in /proc".into())?;
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{0} {0} 1", user.uid)),
        ("gid_map", format!("{0} {0} 1", user.gid)),
    ];
    for (file, text) in maps {
        std::fs::write(format!("/proc/self/{file}"), text).map_err(|error| Failure {
            what: format!("cannot write /proc/self/{file}"),
            errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
        })?;
    }
    Ok(())
}

/// Everything that needs no capability, and the loss of all others.
fn give_up(sandbox: &Sandbox, program: &Program, kept: CapabilitySet) -> Result<(), Failure> {
    rustix::thread::set_no_new_privs(true).context(|| "cannot give up new privileges".into())?;
    sys::reset_signals();
    // The group is the process's own, or that of the documents, which their users share.
    rustix::process::umask(Mode::RWXO);
    limits::apply(sandbox.kind)?;
    identity::drop_capabilities(kept)?;
    let places = sandbox.all_places();
    landlock::restrict(sandbox.kind, &sandbox.program, places.iter())?;
    descriptors(&sandbox.descriptors)?;
    if sandbox.kind.never_gains_code() {
        match sys::never_gain_code() {
            // Linux before 6.3, on a developer's machine; the filters still refuse memory that is both.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(errno) => return Err(Failure { what: "cannot refuse gained code".into(), errno }),
        }
    }
    program.filters.install()
}

fn run(program: &Program) -> Failure {
    let errno = sys::exec(&program.path, &program.arguments, &program.environment);
    Failure { what: format!("cannot execute {}", program.path.to_string_lossy()), errno }
}

/// Files in memory never hold code for this pid namespace (`vm.memfd_noexec`). Only root may write it: on a developer's machine the
/// filters' refusal of MFD_EXEC remains.
fn forbid_code_in_memory_files() {
    let _ = std::fs::write("/proc/sys/vm/memfd_noexec", "2");
}

fn die_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context(|| "cannot be ended with its parent".into())
}

/// Leaves the named descriptors under their numbers, `/dev/null` for a standard stream without one, and the rest to be closed by exec.
fn descriptors(named: &[(RawFd, OwnedFd)]) -> Result<(), Failure> {
    let failed = || "cannot arrange the descriptors".to_owned();
    let null =
        rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).context(failed)?;
    let standard =
        (0..3).filter(|number| !named.iter().any(|(name, _)| name == number)).map(|number| (number, &null));
    let mut copies = Vec::new();
    for (number, descriptor) in standard.chain(named.iter().map(|(number, descriptor)| (*number, descriptor)))
    {
        copies.push((number, rustix::io::fcntl_dupfd_cloexec(descriptor, ABOVE_PASSED).context(failed)?));
    }
    sys::close_on_exec_from(0).context(failed)?;
    for (number, copy) in &copies {
        sys::place(copy.as_raw_fd(), *number).context(failed)?;
    }
    Ok(())
}

//! Starts one process of a service: everything is prepared before the fork, the child only makes system calls.

use crate::accounts::Accounts;
use crate::cgroup;
use crate::service_file::{Readiness, Service};
use crate::sys::{self, Fork, Program};
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

/// Where services report to, see `sd_notify(3)`.
pub const NOTIFY_SOCKET: &str = "/run/weft/notify";

/// The program that confines a service before it becomes it; started as root, it gives all that up.
const CONFINER: &str = "/usr/bin/weft-launcher";
const FIRST_PASSED: RawFd = 3;
/// Descriptors are first copied above every number that they are then given.
pub const ABOVE_PASSED: RawFd = 100;

/// Why no process could be made. What fails in the child is an exit status, see [`failure`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("user {0} is not in /etc/passwd")]
    User(String),
    #[error("group {0} is not in /etc/group")]
    Group(String),
    #[error("{0:?} has a zero byte")]
    ZeroByte(String),
    #[error("cannot open /dev/null: {0}")]
    Null(Errno),
    #[error("cannot fork: {0}")]
    Fork(Errno),
}

/// The steps of the child; each has an exit status of its own, in the range that systemd uses for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Descriptors = 202,
    Exec = 203,
    OomScore = 206,
    Session = 207,
    Groups = 216,
    User = 217,
    Capabilities = 218,
    Cgroup = 219,
    Privileges = 227,
}

/// What an exit status says about a child that never became its program.
pub fn failure(status: i32) -> Option<&'static str> {
    let steps = [
        (Step::Descriptors, "its descriptors could not be set up"),
        (Step::Exec, "its program cannot be executed"),
        (Step::OomScore, "its oom_score_adj was refused"),
        (Step::Session, "it got no session of its own"),
        (Step::Groups, "its groups were refused"),
        (Step::User, "its user was refused"),
        (Step::Capabilities, "its capabilities could not be dropped"),
        (Step::Cgroup, "it could not enter its cgroup"),
        (Step::Privileges, "it could not give up new privileges"),
    ];
    steps.into_iter().find(|(step, _)| *step as i32 == status).map(|(_, text)| text)
}

struct Plan<'a> {
    null: OwnedFd,
    output: &'a OwnedFd,
    sockets: Vec<RawFd>,
    cgroup: Option<OwnedFd>,
    oom_score: CString,
    uid: u32,
    gid: u32,
    groups: Vec<Gid>,
    /// What of root's capabilities is kept; `None` for all.
    kept: Option<CapabilitySet>,
    failed: String,
}

/// Starts the service with `output` as its standard output and error, and its sockets in their order.
pub fn spawn(
    service: &Service,
    accounts: &Accounts,
    output: &OwnedFd,
    sockets: &[OwnedFd],
) -> Result<u32, Error> {
    let text = |text: String| CString::new(text).map_err(|error| Error::ZeroByte(lossy(error.into_vec())));
    let user = accounts.user(&service.user).ok_or_else(|| Error::User(service.user.clone()))?;
    let mut groups: Vec<Gid> = vec![Gid::from_raw(user.gid)];
    groups.extend(accounts.groups_of(&user.name).into_iter().map(Gid::from_raw));
    for name in &service.groups {
        let gid = accounts.gid(name).ok_or_else(|| Error::Group(name.clone()))?;
        groups.push(Gid::from_raw(gid));
    }
    groups.sort_by_key(|gid| gid.as_raw());
    groups.dedup();
    let command = command(service, user.uid, user.gid, &groups);
    let arguments = command.iter().cloned().map(text).collect::<Result<Vec<_>, _>>()?;
    let variables = environment(service, &user.home, sockets.len());
    let variables = variables
        .into_iter()
        .map(|(key, value)| text(format!("{key}={value}")))
        .collect::<Result<Vec<_>, _>>()?;
    let tell_pid = (!sockets.is_empty()).then_some("LISTEN_PID");
    let mut program = Program::new(arguments, variables, tell_pid);
    let plan = Plan {
        null: rustix::fs::open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(Error::Null)?,
        output,
        sockets: sockets.iter().map(AsRawFd::as_raw_fd).collect(),
        cgroup: cgroup::procs(&service.name),
        oom_score: text(service.oom_score_adj.to_string())?,
        uid: if service.confine.is_some() { 0 } else { user.uid },
        gid: if service.confine.is_some() { 0 } else { user.gid },
        groups,
        kept: kept(service, user.uid),
        failed: format!("{} did not start, the kernel's error number is ", service.exec.join(" ")),
    };
    match sys::fork().map_err(Error::Fork)? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            let (step, error) = become_service(&plan, &mut program);
            report(&plan, error);
            sys::exit_now(step as i32)
        }
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The command line: the service's own, or that of the program which confines it.
fn command(service: &Service, uid: u32, gid: u32, groups: &[Gid]) -> Vec<String> {
    let Some(kind) = &service.confine else {
        return service.exec.clone();
    };
    let groups = groups.iter().map(|group| group.as_raw().to_string()).collect::<Vec<_>>().join(",");
    let user = [("--uid", uid.to_string()), ("--gid", gid.to_string()), ("--groups", groups)];
    let mut command = vec![CONFINER.to_owned(), "confine".to_owned(), kind.clone()];
    command.extend(user.into_iter().flat_map(|(option, value)| [option.to_owned(), value]));
    command.push("--".to_owned());
    command.extend(service.exec.iter().cloned());
    command
}

/// Root keeps what its service file lists, or everything; others nothing, unless they are still to be confined by root.
fn kept(service: &Service, uid: u32) -> Option<CapabilitySet> {
    match (service.capabilities, &service.confine) {
        (Some(bits), _) => Some(CapabilitySet::from_bits_retain(bits)),
        (None, None) if uid != 0 => Some(CapabilitySet::empty()),
        (None, _) => None,
    }
}

fn environment(service: &Service, home: &str, sockets: usize) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut set = |key: &str, value: String| drop(variables.insert(key.to_owned(), value));
    set("PATH", "/usr/bin".to_owned());
    set("LANG", "C.UTF-8".to_owned());
    set("HOME", home.to_owned());
    set("USER", service.user.clone());
    if service.readiness == Readiness::Notify || service.watchdog.is_some() {
        set("NOTIFY_SOCKET", NOTIFY_SOCKET.to_owned());
    }
    if let Some(limit) = service.watchdog {
        set("WATCHDOG_USEC", limit.as_micros().to_string());
    }
    if let Some(folder) = &service.runtime_directory {
        set("RUNTIME_DIRECTORY", format!("/run/{folder}"));
    }
    if let Some(folder) = &service.state_directory {
        set("STATE_DIRECTORY", format!("/state/{folder}"));
    }
    if sockets > 0 {
        let names: Vec<&str> = service.sockets.iter().map(|socket| socket.name.as_str()).collect();
        set("LISTEN_FDS", sockets.to_string());
        set("LISTEN_FDNAMES", names.join(":"));
    }
    variables.extend(service.environment.clone());
    variables
}

/// The child's way to its program. Returns only what failed.
fn become_service(plan: &Plan, program: &mut Program) -> (Step, Errno) {
    match prepare(plan) {
        Err(failed) => failed,
        Ok(()) => (Step::Exec, program.exec(std::process::id())),
    }
}

fn prepare(plan: &Plan) -> Result<(), (Step, Errno)> {
    let at = |step: Step| move |error: Errno| (step, error);
    sys::reset_signals();
    rustix::process::setsid().map_err(at(Step::Session))?;
    if let Some(procs) = &plan.cgroup {
        rustix::io::write(procs, b"0").map_err(at(Step::Cgroup))?;
    }
    write_file(c"/proc/self/oom_score_adj", plan.oom_score.as_bytes()).map_err(at(Step::OomScore))?;
    descriptors(plan).map_err(at(Step::Descriptors))?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let _ = rustix::process::chdir(c"/");
    if let Some(kept) = plan.kept {
        drop_bounding_set(kept).map_err(at(Step::Capabilities))?;
    }
    rustix::thread::set_thread_groups(&plan.groups).map_err(at(Step::Groups))?;
    let gid = Gid::from_raw(plan.gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(at(Step::Groups))?;
    let uid = Uid::from_raw(plan.uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(at(Step::User))?;
    if let Some(kept) = plan.kept {
        rustix::thread::clear_ambient_capability_set().map_err(at(Step::Capabilities))?;
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
        rustix::thread::set_capabilities(None, sets).map_err(at(Step::Capabilities))?;
    }
    rustix::thread::set_no_new_privs(true).map_err(at(Step::Privileges))
}

fn descriptors(plan: &Plan) -> Result<(), Errno> {
    let null = rustix::io::fcntl_dupfd_cloexec(&plan.null, ABOVE_PASSED)?;
    let output = rustix::io::fcntl_dupfd_cloexec(plan.output, ABOVE_PASSED)?;
    let mut next = FIRST_PASSED;
    for socket in &plan.sockets {
        // None is overwritten by its neighbour: PID 1 keeps its listening sockets above the passed numbers, see `sockets`.
        sys::place(*socket, next)?;
        next += 1;
    }
    sys::place(null.as_raw_fd(), 0)?;
    sys::place(output.as_raw_fd(), 1)?;
    sys::place(output.as_raw_fd(), 2)?;
    // Gone with the rest; exec follows.
    std::mem::forget((null, output));
    sys::close_from(next)
}

/// Every capability but the kept ones, up to the last one that this kernel knows.
fn drop_bounding_set(kept: CapabilitySet) -> Result<(), Errno> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn write_file(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text).map(drop)
}

/// Says in the service's own log what failed; by its number, since nothing may be allocated here.
fn report(plan: &Plan, error: Errno) {
    let mut number = [0; 11];
    sys::write_number(&mut number, u32::try_from(error.raw_os_error()).unwrap_or(0));
    let output = plan.output.as_fd();
    for part in [plan.failed.as_bytes(), number.split(|byte| *byte == 0).next().unwrap_or_default(), b"\n"] {
        let _ = rustix::io::write(output, part);
    }
}

#[cfg(test)]
mod tests;

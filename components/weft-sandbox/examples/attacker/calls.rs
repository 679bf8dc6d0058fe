//! Bare system calls, with arguments that harm nobody when they get through: then the kernel does nothing, or looks at them and complains.
#![allow(unsafe_code)]

use crate::Outcome;
use std::io;

/// Calls as the kernel takes them.
pub fn raw(number: libc::c_long, arguments: [usize; 6]) -> io::Result<usize> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: every caller gives numbers, or pointers to memory of the right size that outlives the call.
    let outcome = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    usize::try_from(outcome).map_err(|_| io::Error::last_os_error())
}

/// Nothing is at this address, so that the kernel complains of it, after every check of rights.
const NOWHERE: usize = 8;
const NO_FILE: usize = usize::MAX;
const SAME: usize = usize::MAX;

fn arguments(name: &str) -> Option<(libc::c_long, [usize; 6])> {
    let root = c"/".as_ptr().addr();
    let nothing = c"/no/such/file".as_ptr().addr();
    let pid = std::process::id() as usize;
    let list: &[(&str, libc::c_long, &[usize])] = &[
        // The 23 of the first seed system.
        ("ptrace", libc::SYS_ptrace, &[libc::PTRACE_TRACEME as usize]),
        ("process_vm_readv", libc::SYS_process_vm_readv, &[pid, 0, 0, 0, 0, 0]),
        ("process_vm_writev", libc::SYS_process_vm_writev, &[pid, 0, 0, 0, 0, 0]),
        ("kexec_load", libc::SYS_kexec_load, &[0, 0, 0, 0xffff]),
        ("personality", libc::SYS_personality, &[0xffff_ffff]),
        ("syslog", libc::SYS_syslog, &[10, 0, 0]),
        ("reboot", libc::SYS_reboot, &[0, 0, 0, 0]),
        ("mount", libc::SYS_mount, &[nothing, nothing, nothing, 0, 0]),
        ("umount2", libc::SYS_umount2, &[nothing, 0]),
        ("setuid", libc::SYS_setuid, &[0]),
        ("setgid", libc::SYS_setgid, &[0]),
        ("setreuid", libc::SYS_setreuid, &[SAME, SAME]),
        ("setregid", libc::SYS_setregid, &[SAME, SAME]),
        ("setresuid", libc::SYS_setresuid, &[SAME, SAME, SAME]),
        ("setresgid", libc::SYS_setresgid, &[SAME, SAME, SAME]),
        ("chroot", libc::SYS_chroot, &[root]),
        ("pivot_root", libc::SYS_pivot_root, &[nothing, nothing]),
        ("init_module", libc::SYS_init_module, &[NOWHERE, 0, NOWHERE]),
        ("finit_module", libc::SYS_finit_module, &[NO_FILE, NOWHERE, 0]),
        ("delete_module", libc::SYS_delete_module, &[nothing, 0]),
        ("bpf", libc::SYS_bpf, &[0, NOWHERE, 0]),
        ("perf_event_open", libc::SYS_perf_event_open, &[NOWHERE, 0, 0, NO_FILE, 0]),
        ("acct", libc::SYS_acct, &[nothing]),
        // Those of the second that the first has not.
        (
            "add_key",
            libc::SYS_add_key,
            &[c"user".as_ptr().addr(), c"weft".as_ptr().addr(), root, 1, SAME - 1],
        ),
        ("request_key", libc::SYS_request_key, &[c"user".as_ptr().addr(), c"weft".as_ptr().addr(), 0, 0]),
        ("keyctl", libc::SYS_keyctl, &[0, SAME - 1, 1]),
        ("unshare", libc::SYS_unshare, &[libc::CLONE_NEWUSER as usize]),
        ("seccomp", libc::SYS_seccomp, &[libc::SECCOMP_SET_MODE_FILTER as usize, 0, NOWHERE]),
        ("clone3", libc::SYS_clone3, &[NOWHERE, 64]),
        // More of the same sort.
        ("setns", libc::SYS_setns, &[NO_FILE, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, &[0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, &[1, NOWHERE]),
        ("io_uring_enter", libc::SYS_io_uring_enter, &[NO_FILE, 0, 0, 0, 0, 0]),
        ("open_tree", libc::SYS_open_tree, &[NO_FILE, nothing, 0]),
        ("move_mount", libc::SYS_move_mount, &[NO_FILE, nothing, NO_FILE, nothing, 0]),
        ("fsopen", libc::SYS_fsopen, &[nothing, 0]),
        ("mount_setattr", libc::SYS_mount_setattr, &[NO_FILE, nothing, 0, NOWHERE, 32]),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, &[NO_FILE, NOWHERE, 0]),
        ("name_to_handle_at", libc::SYS_name_to_handle_at, &[NO_FILE, nothing, NOWHERE, NOWHERE, 0]),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, &[NO_FILE, 0, 0]),
        ("kcmp", libc::SYS_kcmp, &[pid, pid, 0, 0, 0]),
        ("capset", libc::SYS_capset, &[NOWHERE, NOWHERE]),
        ("setgroups", libc::SYS_setgroups, &[0, 0]),
        ("sethostname", libc::SYS_sethostname, &[NOWHERE, 4]),
        ("clock_settime", libc::SYS_clock_settime, &[0, NOWHERE]),
        ("swapoff", libc::SYS_swapoff, &[nothing]),
        ("mknodat", libc::SYS_mknodat, &[NO_FILE, nothing, libc::S_IFCHR as usize | 0o666, 0x103]),
        ("clone-user-namespace", libc::SYS_clone, &[(libc::CLONE_NEWUSER | libc::SIGCHLD) as usize]),
        ("socket-packet", libc::SYS_socket, &[libc::AF_PACKET as usize, libc::SOCK_RAW as usize, 0]),
        ("socket-vsock", libc::SYS_socket, &[libc::AF_VSOCK as usize, libc::SOCK_STREAM as usize, 0]),
    ];
    let (_, number, given) = list.iter().find(|(call, _, _)| *call == name)?;
    let mut arguments = [0; 6];
    arguments.iter_mut().zip(*given).for_each(|(to, from)| *to = *from);
    Some((*number, arguments))
}

/// Makes the call. A complaint about the arguments means that it got through.
pub fn attempt(name: &str) -> Outcome {
    let Some((number, arguments)) = arguments(name) else {
        return Err(io::Error::other("no such call"));
    };
    match raw(number, arguments) {
        // The second process of a clone.
        Ok(0) if name.starts_with("clone-") => std::process::exit(0),
        Ok(value) => Ok(format!("{value}")),
        Err(error) => match error.raw_os_error() {
            Some(libc::EPERM | libc::ENOSYS | libc::EACCES | libc::EAFNOSUPPORT) => Err(error),
            _ => Ok(format!("the kernel, which said: {error}")),
        },
    }
}

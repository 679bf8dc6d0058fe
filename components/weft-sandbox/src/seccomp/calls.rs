//! Which system calls are allowed to which kind of process, and which to none.

use crate::kind::Kind;
use libc::*;

/// Calls that end a confined process, with few exceptions ([`never`]): other processes' memory, the kernel itself, mounts, users, namespaces, keys, tracing.
#[rustfmt::skip]
pub const NEVER: &[c_long] = &[
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_process_mrelease, SYS_pidfd_getfd, SYS_kcmp,
    SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_bpf, SYS_perf_event_open, SYS_reboot, SYS_syslog,
    SYS_personality, SYS_acct, SYS_swapon, SYS_swapoff, SYS_quotactl, SYS_vhangup, SYS_lookup_dcookie, SYS_nfsservctl,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
    SYS_fspick, SYS_mount_setattr, SYS_open_by_handle_at, SYS_fanotify_init, SYS_fanotify_mark,
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_setfsuid, SYS_setfsgid,
    SYS_capset, SYS_unshare, SYS_setns, SYS_add_key, SYS_request_key, SYS_keyctl,
    SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
    SYS_mbind, SYS_set_mempolicy, SYS_migrate_pages, SYS_move_pages, SYS_remap_file_pages, SYS_mknodat,
    #[cfg(target_arch = "x86_64")] SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")] SYS_iopl,
    #[cfg(target_arch = "x86_64")] SYS_ioperm,
    #[cfg(target_arch = "x86_64")] SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")] SYS_uselib,
    #[cfg(target_arch = "x86_64")] SYS_mknod,
];

/// Of those, what is allowed to a kind nevertheless.
fn business(kind: Kind) -> &'static [c_long] {
    match kind {
        Kind::Netd => CLOCK,
        _ => &[],
    }
}

/// The calls that end a process of the kind.
pub fn never(kind: Kind) -> impl Iterator<Item = i64> {
    NEVER.iter().copied().filter(move |call| !business(kind).contains(call))
}

/// What libc, the standard library and every program's start and end need: memory, files, clocks, threads, signals, waiting.
#[rustfmt::skip]
const BASE: &[c_long] = &[
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise,
    SYS_openat, SYS_openat2, SYS_close, SYS_close_range, SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64,
    SYS_lseek, SYS_dup, SYS_dup3, SYS_pipe2, SYS_fcntl, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_fstatfs, SYS_faccessat,
    SYS_faccessat2, SYS_readlinkat, SYS_getcwd, SYS_getdents64,
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
    SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_set_tid_address, SYS_membarrier, SYS_sched_yield, SYS_sched_getaffinity, SYS_getcpu,
    SYS_sysinfo, SYS_uname, SYS_getrusage, SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_restart_syscall, SYS_tgkill,
    SYS_exit, SYS_exit_group, SYS_execve,
    SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2, SYS_timerfd_create,
    SYS_timerfd_settime, SYS_signalfd4, SYS_capget,
    #[cfg(target_arch = "x86_64")] SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")] SYS_open,
    #[cfg(target_arch = "x86_64")] SYS_access,
    #[cfg(target_arch = "x86_64")] SYS_stat,
    #[cfg(target_arch = "x86_64")] SYS_lstat,
    #[cfg(target_arch = "x86_64")] SYS_readlink,
    #[cfg(target_arch = "x86_64")] SYS_dup2,
    #[cfg(target_arch = "x86_64")] SYS_poll,
    #[cfg(target_arch = "x86_64")] SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")] SYS_time,
];

/// Talking over sockets that are open already.
const MESSAGES: &[c_long] = &[
    SYS_sendto,
    SYS_sendmsg,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_shutdown,
    SYS_getsockname,
    SYS_getpeername,
    SYS_getsockopt,
];

/// Opening connections; to whom is decided by the rules for `socket`, the namespaces and the mount tree.
const CONNECTING: &[c_long] = &[SYS_connect, SYS_setsockopt];

const LISTENING: &[c_long] = &[SYS_bind, SYS_listen, SYS_accept4, SYS_setsockopt];

/// Looking names up: libc's resolver asks for both families of addresses in one call.
const RESOLVING: &[c_long] = &[SYS_sendmmsg];

/// Setting the clock, at once or little by little.
const CLOCK: &[c_long] = &[SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex];

/// Making, changing and removing files and folders.
#[rustfmt::skip]
const FILES: &[c_long] = &[
    SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_mkdirat, SYS_unlinkat, SYS_renameat2, SYS_utimensat, SYS_fchmod,
    SYS_flock, SYS_fadvise64, SYS_statfs, SYS_copy_file_range, SYS_sync_file_range,
    #[cfg(target_arch = "x86_64")] SYS_renameat,
    #[cfg(target_arch = "x86_64")] SYS_rename,
    #[cfg(target_arch = "x86_64")] SYS_mkdir,
    #[cfg(target_arch = "x86_64")] SYS_rmdir,
    #[cfg(target_arch = "x86_64")] SYS_unlink,
    #[cfg(target_arch = "x86_64")] SYS_chmod,
];

/// What a component may ask for through WASI beyond that.
const WASI: &[c_long] = &[SYS_linkat, SYS_symlinkat, SYS_preadv, SYS_pwritev];

/// The web engine: its storage is SQLite in a folder of its own `/tmp`, its pictures go to the compositor in shared memory.
#[rustfmt::skip]
const PAGE: &[c_long] = &[
    SYS_memfd_create, SYS_sched_getparam, SYS_sched_getscheduler, SYS_getpriority, SYS_mincore, SYS_linkat,
    #[cfg(target_arch = "x86_64")] SYS_link,
];

/// The compositor: keymaps in sealed memory files, buffers of clients, evdev and DRM descriptors.
const SCREEN: &[c_long] = &[SYS_memfd_create, SYS_ftruncate, SYS_fallocate, SYS_statfs, SYS_getgroups];

/// appd: its children's ends, their cgroups; it ends them. The device's key goes to them in a sealed memory file. It watches its store.
#[rustfmt::skip]
const SUPERVISOR: &[c_long] = &[
    SYS_memfd_create, SYS_waitid, SYS_wait4, SYS_kill, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_fchmodat, SYS_umask, SYS_linkat, SYS_symlinkat,
    SYS_inotify_init1, SYS_inotify_add_watch,
    #[cfg(target_arch = "x86_64")] SYS_symlink,
    #[cfg(target_arch = "x86_64")] SYS_link,
];

/// Every call that a kind may make with whatever arguments [`super::rules::never_so`] leaves.
pub fn allowed(kind: Kind) -> impl Iterator<Item = i64> {
    let groups: &[&[c_long]] = match kind {
        Kind::Runtime => &[BASE, MESSAGES, FILES, WASI],
        Kind::AppShell | Kind::SystemShell => &[BASE, MESSAGES, CONNECTING, FILES, PAGE],
        Kind::FilePortal => &[BASE, MESSAGES, LISTENING, FILES],
        Kind::Fetch => &[BASE, MESSAGES, CONNECTING, RESOLVING],
        Kind::Compile => &[BASE, FILES],
        Kind::Compositor => &[BASE, MESSAGES, CONNECTING, LISTENING, SCREEN],
        Kind::Appd => &[BASE, MESSAGES, CONNECTING, LISTENING, FILES, SUPERVISOR],
        Kind::Netd => &[BASE, MESSAGES, CONNECTING, LISTENING, RESOLVING, FILES, CLOCK],
    };
    groups.iter().flat_map(|group| group.iter().copied())
}

//! Attacks from inside the sandbox of every kind of process. Each is first made without a sandbox and must get through there, unless the
//! machine itself refuses it, which is said; inside, it must be refused.
//!
//! Needs a kernel with user namespaces, seccomp and Landlock; as root every kind gets a user of its own, as on the device.

mod stage;

use stage::{Outcome, Stage};
use weft_sandbox::Kind;

/// The system calls that the seed systems block, and more of their sort; see the example `attacker`.
const CALLS: &[&str] = &[
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kexec_load",
    "personality",
    "syslog",
    "reboot",
    "mount",
    "umount2",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "chroot",
    "pivot_root",
    "init_module",
    "finit_module",
    "delete_module",
    "bpf",
    "perf_event_open",
    "acct",
    "add_key",
    "request_key",
    "keyctl",
    "unshare",
    "seccomp",
    "clone3",
    "setns",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "open_tree",
    "move_mount",
    "fsopen",
    "mount_setattr",
    "open_by_handle_at",
    "name_to_handle_at",
    "pidfd_getfd",
    "kcmp",
    "capset",
    "setgroups",
    "sethostname",
    "clock_settime",
    "swapoff",
    "mknodat",
    "clone-user-namespace",
    "socket-packet",
    "socket-vsock",
];

/// Every attack with its argument.
fn attacks(stage: &Stage) -> Vec<(String, String)> {
    let plain = |name: &str, argument: &str| (name.to_owned(), argument.to_owned());
    let mut attacks: Vec<_> = CALLS.iter().map(|call| plain(&format!("call:{call}"), "")).collect();
    attacks.extend([
        plain("read", &stage.path("other/secret")),
        plain("read", "/etc/passwd"),
        plain("read", &format!("/proc/{}/environ", std::process::id())),
        plain("read", "/proc/sys/kernel/random/boot_id"),
        plain("read", "/sys/kernel/uevent_seqnum"),
        plain("write", "/usr/weft-attack"),
        plain("write", "/weft-attack"),
        plain("write", "/dev/weft-attack"),
        plain("write", &stage.path("shown/attack")),
        plain("other-processes", ""),
        plain("devices", ""),
        plain("connect-tcp", &stage.tcp),
        plain("connect-abstract", &stage.abstract_name),
        plain("connect-path", &stage.path("socket")),
        plain("run", "/usr/bin/echo"),
        plain("run-copy", "/tmp"),
        plain("run-copy", &stage.path("own")),
        plain("run-memory", ""),
        plain("own-memory", ""),
        plain("map-both", ""),
        plain("protect-both", ""),
        plain("gain-code", ""),
        plain("signal", &std::process::id().to_string()),
        plain("fork", ""),
        plain("capabilities", ""),
        plain("new-privileges", ""),
        plain("root", ""),
        plain("descriptors", ""),
        plain("environment", ""),
        plain("core", ""),
    ]);
    attacks
}

/// What a kind is for, so that it is no attack.
fn expected(kind: Kind, name: &str, argument: &str) -> bool {
    match name {
        "connect-tcp" => kind == Kind::Fetch,
        // Its filters let it; without the capability, which only the device's service has, the kernel looks at the time first.
        "call:clock_settime" => kind == Kind::Netd,
        // A Wasm engine makes a component's code executable after it wrote or mapped it.
        "gain-code" => matches!(kind, Kind::Runtime | Kind::Compile),
        "read" => {
            argument == "/etc/passwd" && matches!(kind, Kind::Compositor | Kind::Appd)
                || argument.starts_with("/sys/") && kind == Kind::Compositor
        }
        // Nobody is there to be signalled: its pid namespace is its own here.
        _ => false,
    }
}

/// What only the namespaces keep away: the other layers must hold alone against all the rest, as on a machine that allows no namespaces.
fn hidden_only(name: &str, argument: &str) -> bool {
    matches!(name, "other-processes" | "connect-path") || name == "read" && argument.starts_with("/proc/")
}

fn main() {
    let stage = match Stage::new() {
        Ok(stage) => stage,
        Err(why) => {
            println!("attacks on the sandbox: skipped, {why}");
            return;
        }
    };
    let mut failures = Vec::new();
    let mut shown = 0;
    let attacks = attacks(&stage);
    for (name, argument) in &attacks {
        match stage.without(name, argument) {
            Outcome::Reached(_) => shown += 1,
            other => println!("{name} {argument}: this machine refuses it without a sandbox too: {other:?}"),
        }
    }
    for kind in Kind::ALL {
        // These two keep no files.
        let files = !matches!(kind, Kind::Fetch | Kind::Compositor);
        let own = if files { stage.path("own") } else { String::new() };
        for namespaces in [true, false] {
            let what = format!("{kind:?}, namespaces {namespaces}");
            match stage.within(kind, namespaces, "work", &own) {
                Outcome::Reached(_) => {}
                other => failures.push(format!("{what}: cannot work: {other:?}")),
            }
            for (name, argument) in &attacks {
                let expected = expected(kind, name, argument) || !namespaces && hidden_only(name, argument);
                match stage.within(kind, namespaces, name, argument) {
                    Outcome::Reached(got) if !expected => {
                        failures.push(format!("{what}: {name} {argument} reached {got}"));
                    }
                    Outcome::Broken(why) => failures.push(format!("{what}: {name} {argument}: {why}")),
                    _ => {}
                }
            }
        }
    }
    println!(
        "{} attacks on {} kinds, {shown} of them shown to get through without a sandbox",
        attacks.len(),
        Kind::ALL.len()
    );
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(
        shown * 10 >= attacks.len() * 8 || !rustix::process::geteuid().is_root(),
        "too few attacks work at all"
    );
}

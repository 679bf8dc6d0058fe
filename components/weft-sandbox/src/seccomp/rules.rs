//! Calls whose arguments decide.
//!
//! Only numbers can be looked at: what a pointer points to may change between the check and the call. That is why clone3(2) is not
//! allowed at all: its flags are in memory.

use super::Rules;
use crate::kind::Kind;
use libc::*;
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

/// A condition on one argument: number, comparison, value.
type Test = (u8, SeccompCmpOp, u64);

/// Refused to every kind, whatever else is allowed.
pub(crate) fn never_so() -> Rules {
    use SeccompCmpOp::MaskedEq;
    let writable_code = (PROT_WRITE | PROT_EXEC) as u64;
    let both: Test = (2, MaskedEq(writable_code), writable_code);
    let has = |argument: u8, flag: u64| -> Test { (argument, MaskedEq(flag), flag) };
    let mut rules = Rules::new();
    let mut add = |call: c_long, alternatives: &[&[Test]]| drop(rules.insert(call, any(alternatives)));
    // No page is ever writable and executable.
    add(SYS_mmap, &[std::slice::from_ref(&both)]);
    add(SYS_mprotect, &[std::slice::from_ref(&both)]);
    add(SYS_pkey_mprotect, &[std::slice::from_ref(&both)]);
    add(SYS_shmat, &[&[has(2, SHM_EXEC as u64)]]);
    // A file in memory never holds code.
    add(SYS_memfd_create, &[&[has(1, MFD_EXEC)]]);
    // Threads are made in the namespaces of their process.
    let namespaces = NAMESPACES.map(|flag| [has(0, flag.cast_unsigned().into())]);
    add(SYS_clone, &namespaces.each_ref().map(<[Test; 1]>::as_slice));
    // Nobody types into somebody else's terminal.
    add(SYS_ioctl, &[&[number(1, TIOCSTI)], &[number(1, TIOCLINUX)]]);
    rules
}

/// An argument that the kernel takes as 32 bits, whatever stands above them.
fn number(argument: u8, value: u64) -> Test {
    (argument, SeccompCmpOp::MaskedEq(0xffff_ffff), value)
}

const NAMESPACES: [c_int; 7] =
    [CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNET, CLONE_NEWCGROUP];
/// include/uapi/linux/memfd.h
const MFD_EXEC: u64 = 0x10;
/// include/uapi/asm-generic/ioctls.h
const TIOCLINUX: u64 = 0x541c;

/// Allowed to the kind with these arguments only.
pub(crate) fn allowed_so(kind: Kind) -> Rules {
    let mut rules = Rules::new();
    let thread = (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND).cast_unsigned().into();
    rules.insert(SYS_clone, any(&[&[(0, SeccompCmpOp::MaskedEq(thread), thread)]]));
    let mut prctl = first(&PRCTL);
    // Out of reach of debuggers, never back into it.
    prctl.extend(any(&[&[number(0, PR_SET_DUMPABLE as u64), (1, SeccompCmpOp::Eq, 0)]]));
    rules.insert(SYS_prctl, prctl);
    // Its own limits only, below the hard ones, which nobody without a capability can raise.
    rules.insert(SYS_prlimit64, first(&[0]));
    rules.insert(SYS_ioctl, ioctls(kind));
    rules.insert(SYS_socketpair, first(&[AF_UNIX as u64]));
    let families: &[u64] = match kind {
        Kind::Runtime | Kind::FilePortal | Kind::Compile => &[],
        Kind::AppShell | Kind::SystemShell => &[AF_UNIX as u64],
        Kind::Fetch => &[AF_UNIX as u64, AF_INET as u64, AF_INET6 as u64, AF_NETLINK as u64],
        Kind::Compositor => &[AF_UNIX as u64, AF_NETLINK as u64],
        Kind::Appd => &[AF_UNIX as u64, AF_INET as u64],
        Kind::Netd => {
            rules.insert(SYS_socket, network_sockets());
            &[]
        }
    };
    if !families.is_empty() {
        rules.insert(SYS_socket, first(families));
    }
    rules
}

/// What weft-netd opens: datagrams, neighbour discovery, ARP, and of netlink routes alone.
fn network_sockets() -> Vec<SeccompRule> {
    // The type has flags above it (socket(2)).
    let kind = |kind: c_int| (1, SeccompCmpOp::MaskedEq(0xf), kind.cast_unsigned().into());
    let family = |family: c_int| number(0, family.cast_unsigned().into());
    any(&[
        &[family(AF_UNIX)],
        &[family(AF_INET), kind(SOCK_DGRAM)],
        &[family(AF_INET6), kind(SOCK_DGRAM)],
        &[family(AF_INET6), kind(SOCK_RAW), number(2, IPPROTO_ICMPV6 as u64)],
        &[family(AF_PACKET), kind(SOCK_DGRAM)],
        &[family(AF_NETLINK), number(2, NETLINK_ROUTE as u64)],
    ])
}

/// Names of threads and memory, questions about oneself, and what makes things stricter.
const PRCTL: [u64; 9] = [
    PR_SET_NAME as u64,
    PR_GET_NAME as u64,
    PR_SET_VMA as u64,
    PR_GET_DUMPABLE as u64,
    PR_SET_PDEATHSIG as u64,
    PR_CAPBSET_READ as u64,
    PR_GET_SECCOMP as u64,
    PR_SET_CHILD_SUBREAPER as u64,
    PR_SET_TIMERSLACK as u64,
];

/// Requests on descriptors of any kind: blocking, closing, how much there is to read, and whether it is a terminal.
const COMMON_IOCTLS: [u64; 6] = [FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, TCGETS, TIOCGWINSZ];

fn ioctls(kind: Kind) -> Vec<SeccompRule> {
    // `_IOC` has the driver's letter in bits 8 to 15 (include/uapi/asm-generic/ioctl.h).
    let driver = |letter: u8| (1, SeccompCmpOp::MaskedEq(0xff00), u64::from(letter) << 8);
    let mut tests: Vec<Vec<Test>> = COMMON_IOCTLS.iter().map(|value| vec![number(1, *value)]).collect();
    if kind == Kind::Compositor {
        // DRM, evdev, dma-buf.
        tests.extend([b'd', b'E', b'b'].map(|letter| vec![driver(letter)]));
    }
    any(&tests.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The first argument is one of these, as a 32-bit number.
fn first(values: &[u64]) -> Vec<SeccompRule> {
    let tests: Vec<[Test; 1]> = values.iter().map(|value| [number(0, *value)]).collect();
    any(&tests.iter().map(<[Test; 1]>::as_slice).collect::<Vec<_>>())
}

/// One rule for each alternative, all of whose tests must hold. What cannot be expressed is left out, which a test would notice.
fn any(alternatives: &[&[Test]]) -> Vec<SeccompRule> {
    let condition = |(argument, operator, value): &Test| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Qword, operator.clone(), *value).ok()
    };
    let rule = |tests: &&[Test]| {
        let conditions: Option<Vec<_>> = tests.iter().map(condition).collect();
        SeccompRule::new(conditions?).ok()
    };
    alternatives.iter().filter_map(rule).collect()
}

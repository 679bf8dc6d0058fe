//! Names of capabilities (capabilities(7)); the place in the list is the number (include/uapi/linux/capability.h).

#[rustfmt::skip]
const NAMES: [&str; 41] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
    "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
    "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
];

/// The set of these capabilities, one bit each.
pub fn bits(names: &[String]) -> Result<u64, String> {
    let number = |name: &String| NAMES.iter().position(|known| known == name);
    names.iter().try_fold(0, |bits, name| match number(name) {
        Some(number) => Ok(bits | 1 << number),
        None => Err(format!("{name:?} is not a capability, write it as \"CAP_CHOWN\"")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kernels_numbers() {
        assert_eq!(bits(&["CAP_CHOWN".into(), "CAP_SYS_ADMIN".into()]), Ok(1 | 1 << 21));
        assert_eq!(bits(&["CAP_CHECKPOINT_RESTORE".into()]), Ok(1 << 40));
        assert_eq!(bits(&[]), Ok(0));
        assert!(bits(&["chown".into()]).unwrap_err().contains("CAP_CHOWN"));
    }
}

//! System call filters (seccomp(2)), compiled with `seccompiler`: three programs, of whose answers the kernel takes the strictest.
//!
//! 1. **Never**: calls that the process has no business with ([`calls::never`]). One such call ends the process: it is under attack.
//! 2. **Never so**: calls that are common but dangerous with some arguments ([`rules::never_so`]); refused with EPERM.
//! 3. **Allowed**: what the kind of process uses ([`calls::allowed`]); any other call does not exist (ENOSYS), which is the answer that
//!    libraries expect of an older kernel, so that they fall back to what is allowed (clone3 to clone, for one).
//!
//! The lists were derived by running the real programs under strace(1), then under the filters. They name calls by libc's constants, so
//! that they hold on every architecture.

pub mod calls;
pub mod rules;

use crate::error::Failure;
use crate::kind::Kind;
use rustix::io::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: TargetArch = TargetArch::riscv64;

pub(crate) type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters of one kind, ready to be installed.
#[derive(Debug, Clone)]
pub struct Filters(Vec<BpfProgram>);

impl Filters {
    pub fn of(kind: Kind) -> Self {
        let errno = |errno: Errno| SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
        let mut allowed: Rules = calls::allowed(kind).map(|call| (call, Vec::new())).collect();
        allowed.extend(rules::allowed_so(kind));
        let never = calls::never(kind).map(|call| (call, Vec::new())).collect();
        let programs = [
            (never, SeccompAction::Allow, SeccompAction::KillProcess),
            (rules::never_so(), SeccompAction::Allow, errno(Errno::PERM)),
            (allowed, errno(Errno::NOSYS), SeccompAction::Allow),
        ];
        Self(
            programs
                .into_iter()
                .filter_map(|(rules, other, matching)| compile(rules, other, matching))
                .collect(),
        )
    }

    /// Filters this thread and all that come from it, for good.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        let failed = |what: String| Failure { what, errno: Errno::INVAL };
        if self.0.len() != 3 {
            return Err(failed("the system call filters do not compile".into()));
        }
        for program in &self.0 {
            seccompiler::apply_filter(program)
                .map_err(|error| failed(format!("the kernel refuses the system call filters ({error})")))?;
        }
        Ok(())
    }
}

/// A filter that cannot be compiled is missing, which [`Filters::install`] refuses; a test compiles them all.
fn compile(rules: Rules, other: SeccompAction, matching: SeccompAction) -> Option<BpfProgram> {
    SeccompFilter::new(rules, other, matching, ARCHITECTURE).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_three_filters_that_compile() {
        for kind in Kind::ALL {
            assert_eq!(Filters::of(kind).0.len(), 3, "{kind:?}");
        }
    }

    #[test]
    fn nothing_is_both_allowed_and_never() {
        for kind in Kind::ALL {
            let so = rules::allowed_so(kind);
            for call in calls::never(kind) {
                assert!(!calls::allowed(kind).any(|allowed| allowed == call), "{kind:?} {call}");
                assert!(!so.contains_key(&call), "{kind:?} {call}");
            }
        }
    }

    #[test]
    fn a_call_with_rules_is_not_allowed_without() {
        for kind in Kind::ALL {
            for call in rules::allowed_so(kind).keys() {
                assert!(!calls::allowed(kind).any(|allowed| allowed == *call), "{kind:?} {call}");
            }
        }
    }
}

//! Every process of the device, while an app runs: whose it is, what it may do, and what its memory holds.

use crate::counter::open_counter;
use crate::{KIOSK, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::collections::BTreeMap;
use weft_ci::TestVm;
use weft_ci::agent::Agent;

/// The only processes of root: PID 1, the three services that need it, and this test's own agent.
const ROOT: [&str; 5] = ["init", "weft-launcher", "weft-mount-helper", "weft-update", "weft-ci-agent"];
/// Namespaces of its own, beside those that every confined process has. The compositor and appd tell others by ids that the kernel attests,
/// and hear of devices and of tools, so that they share the others with the system.
const SHARED: [&str; 2] = ["weft-compositor", "weft-appd"];

/// The only confined process with capabilities: CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_TIME.
const NETWORK: &str = "weft-netd";
const NETWORK_CAPABILITIES: u64 = 1 << 10 | 1 << 12 | 1 << 13 | 1 << 25;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("every_process_is_confined", KIOSK, every_process_is_confined),
        vm_test("no_memory_is_writable_and_executable", KIOSK, no_memory_is_both),
    ]
}

/// A file of a process in `/proc`; `None` of one that has ended meanwhile.
fn of_process(agent: &mut Agent, pid: i32, name: &str) -> anyhow::Result<Option<String>> {
    match agent.read(&format!("/proc/{pid}/{name}")) {
        Ok(text) => Ok(Some(text)),
        Err(_) if agent.processes()?.iter().all(|process| process.pid != pid) => Ok(None),
        Err(error) => Err(error),
    }
}

fn every_process_is_confined(vm: &mut TestVm) -> anyhow::Result<()> {
    open_counter(vm)?;
    let agent = vm.agent()?;
    let namespaces_of = |links: Vec<String>| -> BTreeMap<String, String> {
        links.into_iter().filter_map(|link| Some((link.split_once(':')?.0.to_owned(), link))).collect()
    };
    let system = namespaces_of(agent.read_links("/proc/1/ns")?);
    let mut confined = 0;
    for process in agent.processes()? {
        let name = process.name.rsplit('/').next().unwrap_or_default().to_owned();
        if ROOT.contains(&name.as_str()) {
            continue;
        }
        let Some(status) = of_process(agent, process.pid, "status")? else { continue };
        let field = |field: &str| -> anyhow::Result<&str> {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
            Ok(line.trim_start_matches(':').trim())
        };
        ensure!(process.uid != 0, "{name} runs as root");
        let kept = if name == NETWORK { NETWORK_CAPABILITIES } else { 0 };
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            ensure!(u64::from_str_radix(field(set)?, 16)? == kept, "{name} has {set} {}", field(set)?);
        }
        ensure!(field("NoNewPrivs")? == "1", "{name} may gain privileges");
        ensure!(field("Seccomp")? == "2", "{name} has no system call filter");
        let own = match agent.read_links(&format!("/proc/{}/ns", process.pid)) {
            Err(_) if of_process(agent, process.pid, "status")?.is_none() => continue,
            links => namespaces_of(links?),
        };
        let wanted: &[&str] = match name.as_str() {
            shared if SHARED.contains(&shared) => &["mnt", "ipc", "uts"],
            NETWORK => &["mnt", "ipc", "uts", "cgroup"],
            "weft-servo-shell" => &["mnt", "ipc", "uts", "net", "user", "cgroup"],
            "weft-fetch" => &["mnt", "ipc", "uts", "user", "cgroup", "pid"],
            _ => &["mnt", "ipc", "uts", "net", "user", "cgroup", "pid"],
        };
        for kind in wanted {
            ensure!(own.get(*kind) != system.get(*kind), "{name} is in the system's {kind} namespace");
        }
        confined += 1;
    }
    ensure!(confined >= 5, "only {confined} confined processes are there");
    Ok(())
}

fn no_memory_is_both(vm: &mut TestVm) -> anyhow::Result<()> {
    open_counter(vm)?;
    let agent = vm.agent()?;
    let mut mappings = 0;
    for process in agent.processes()? {
        let Some(maps) = of_process(agent, process.pid, "maps")? else { continue };
        for line in maps.lines() {
            let protection = line.split_whitespace().nth(1).unwrap_or_default();
            ensure!(!(protection.contains('w') && protection.contains('x')), "{}: {line}", process.name);
            mappings += 1;
        }
    }
    ensure!(mappings > 100, "only {mappings} mappings are there");
    Ok(())
}

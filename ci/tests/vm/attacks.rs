//! The attack corpus on the booted image: packages named by what they attempt, installed, launched, and refused with the right reason.

use crate::{CORE, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::TestVm;
use weft_ci::package::{ASKS, App, probe, publisher};
use weft_ipc::appd::CrashReport;
use weft_ipc::launcher::APP_DATA;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("apps_that_take_too_much_end_with_their_limits_name", CORE, limits),
        vm_test("apps_that_leave_their_folder_find_nothing", CORE, paths),
        vm_test("apps_that_ask_for_what_they_do_not_declare_are_not_installed", CORE, undeclared),
        vm_test("a_message_carries_the_name_of_who_sent_it", CORE, impostor),
    ]
}

fn id(name: &str) -> String {
    format!("org.weft.attack.{name}")
}

/// A component that says it is ready and then runs `body`, a core function that returns 0 for ok.
fn component(body: &str) -> anyhow::Result<Vec<u8>> {
    Ok(wat::parse_str(text(body))?)
}

fn text(body: &str) -> String {
    include_str!("../../probes/ready.wat").replace("BODY", body)
}

/// A component of more instances than the default limit.
fn many_instances() -> anyhow::Result<Vec<u8>> {
    let instances = "(core instance (instantiate $empty))".repeat(600);
    let many = format!(
        "(component $many (core module $empty) {instances}) (instance (instantiate $many)) (instance (instantiate $many)) \
         (core func $ready"
    );
    Ok(wat::parse_str(text("(i32.const 0)").replacen("(core func $ready", &many, 1))?)
}

/// What is attempted, with what limits, and how it ends: exit code of the runtime, the limit by its name, a line of the log.
struct Greed {
    name: &'static str,
    component: fn() -> anyhow::Result<Vec<u8>>,
    limits: &'static str,
    exit: u8,
    limit: &'static str,
    log: &'static str,
}

const GREED: [Greed; 8] = [
    Greed {
        name: "memorybomb",
        component: || {
            component(
                "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
            )
        },
        limits: "memory = \"8MiB\"",
        exit: 11,
        limit: "runtime.limits.memory",
        log: "limit reached: 8 MiB of memory",
    },
    Greed {
        name: "tablebomb",
        component: || {
            component(
                "(loop $more (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 100000)) (i32.const -1)))) unreachable",
            )
        },
        limits: "",
        exit: 12,
        limit: "runtime.limits.table",
        log: "limit reached: 1000000 table elements",
    },
    Greed {
        name: "instancebomb",
        component: many_instances,
        limits: "",
        exit: 13,
        limit: "runtime.limits.instances",
        log: "instance count too high",
    },
    Greed {
        name: "hang",
        component: || component("(loop $forever (br $forever)) (i32.const 0)"),
        limits: "wall = \"300ms\"",
        exit: 14,
        limit: "runtime.limits.wall",
        log: "without waiting for its host, and may for 300 ms",
    },
    Greed {
        name: "stackbomb",
        component: || component("(call $recurse (i32.const 0))"),
        limits: "",
        exit: 15,
        limit: "runtime.limits.stack",
        log: "call stack exhausted",
    },
    Greed {
        name: "fuelburner",
        component: || component("(loop $forever (br $forever)) (i32.const 0)"),
        limits: "fuel = 1000000",
        exit: 16,
        limit: "runtime.limits.fuel",
        log: "limit reached: the component executed 1",
    },
    Greed {
        name: "silence",
        component: || probe("files"),
        limits: "watchdog_secs = 1",
        exit: 19,
        limit: "runtime.limits.watchdog_secs",
        log: "limit reached: the component called nothing of weft:app for 1 s",
    },
    Greed {
        name: "trap",
        component: || component("unreachable"),
        limits: "",
        exit: 10,
        limit: "",
        log: "unreachable",
    },
];

fn ended_by(report: &CrashReport, exit: u8, limit: &str, log: &str) -> anyhow::Result<()> {
    ensure!(report.reason == format!("ended with exit code {exit}"), "{report:?}");
    ensure!(limit.is_empty() || report.limits.iter().any(|reached| reached == limit), "{report:?}");
    ensure!(report.last_lines.iter().any(|line| line.contains(log)), "no `{log}` in {report:#?}");
    Ok(())
}

fn limits(vm: &mut TestVm) -> anyhow::Result<()> {
    let first = publisher("first")?;
    vm.start_prepared()?;
    for greed in GREED {
        let app = App::new(&id(greed.name), (greed.component)()?).limit(greed.limits);
        vm.install(&app, &first)?;
        let report = vm.launch_to_crash(&app.id)?;
        ended_by(&report, greed.exit, greed.limit, greed.log).context(greed.name)?;
        vm.end_all(&app.id)?;
    }
    // Those that must be told to: one answers no more, since it ends.
    for (name, orders, exit, limit, log) in [
        (
            "hoarder",
            &["write /data/a 1", "hold /data/a 200", "hold /data/a 200"][..],
            17,
            "descriptors",
            "no free keys",
        ),
        (
            "filler",
            &["write /data/a 100000", "write /data/b 200000", "exit 3"],
            18,
            "storage",
            "256 KiB of storage",
        ),
    ] {
        let limits = "descriptors = 256\nstorage = \"256KiB\"";
        let app = App::new(&id(name), probe("files")?).grant(&["fs:rw:app-data"]).limit(limits);
        vm.install(&app, &first)?;
        let session = vm.launch(&app.id)?;
        let (last, before) = orders.split_last().context("no order")?;
        for order in before {
            vm.order(session, order)?;
        }
        vm.say(session, last)?;
        let report = vm.crash_of(&app.id)?;
        ended_by(&report, exit, &format!("runtime.limits.{limit}"), log).context(name)?;
        vm.end_all(&app.id)?;
    }
    // After all that the device is as it was.
    let app = App::new("org.weft.test.polite", probe("files")?).grant(&["fs:rw:app-data"]);
    vm.install(&app, &first)?;
    let session = vm.launch(&app.id)?;
    vm.done(session, "write /data/a 1")?;
    vm.end(session)?;
    let kernel = vm.agent()?.log("kernel")?;
    ensure!(!kernel.contains("Out of memory"), "the kernel killed something:\n{kernel}");
    Ok(())
}

fn paths(vm: &mut TestVm) -> anyhow::Result<()> {
    let first = publisher("first")?;
    vm.start_prepared()?;
    let [victim, attacker] = ["victim", "pathescape"].map(id);
    let app =
        |id: &str| -> anyhow::Result<App> { Ok(App::new(id, probe("files")?).grant(&["fs:rw:app-data"])) };
    vm.install(&app(&victim)?, &first)?;
    vm.install(&app(&attacker)?, &first)?;
    let of_victim = vm.launch(&victim)?;
    vm.done(of_victim, "write /data/secret 7")?;
    let session = vm.launch(&attacker)?;
    vm.done(session, "write /data/own 3")?;

    let secret = format!("{APP_DATA}/{victim}/secret");
    for (name, target) in [
        ("absolute", secret.as_str()),
        ("relative", &format!("../{victim}/secret")),
        ("folder", APP_DATA),
        ("magic", "/proc/self/root"),
        ("working", "/proc/self/cwd"),
        ("chain", "absolute"),
    ] {
        vm.agent()?.link(target, &format!("{APP_DATA}/{attacker}/{name}"))?;
    }
    let reach = [
        secret.clone(),
        format!("/data/../{victim}/secret"),
        format!("/data/./../../app-data/{victim}/secret"),
        format!("/data/folder/{victim}/secret"),
        "/data/absolute".to_owned(),
        "/data/relative".to_owned(),
        "/data/chain".to_owned(),
        "/data/magic/etc/passwd".to_owned(),
        "/data/working/etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
        "/proc/self/maps".to_owned(),
        "/state/appd/device-key".to_owned(),
        "../etc/passwd".to_owned(),
    ];
    for path in &reach {
        vm.fails(session, &format!("read {path}"), "")?;
        vm.fails(session, &format!("write {path} 9"), "")?;
        // A link itself may get another name, or a hard link; what it points to stays out of reach.
        for order in ["link", "rename"] {
            vm.order(session, &format!("{order} {path} /data/stolen"))?;
            vm.fails(session, "read /data/stolen", "")?;
            vm.order(session, &format!("rename /data/stolen {path}"))?;
        }
    }
    for target in [secret.as_str(), "/etc/passwd", "/proc/self/root/etc/passwd"] {
        // Making one may be refused; following it is.
        vm.order(session, &format!("symlink {target} /data/made"))?;
        vm.fails(session, "read /data/made", "")?;
        vm.order(session, "remove /data/made")?;
    }
    ensure!(vm.done(of_victim, "read /data/secret")? == "xxxxxxx", "the victim's secret changed");
    ensure!(vm.done(session, "read /data/own")? == "xxx", "the attacker lost its own");
    Ok(())
}

fn undeclared(vm: &mut TestVm) -> anyhow::Result<()> {
    let first = publisher("first")?;
    vm.start_prepared()?;
    for (name, missing) in [
        ("fetcher", "net:fetch"),
        ("notifier", "sys:notifications"),
        ("clipboardreader", "sys:clipboard:read"),
        ("clipboardwriter", "sys:clipboard:write"),
        ("overseer", "sys:supervisor"),
    ] {
        let granted: Vec<&str> = ASKS.into_iter().filter(|capability| *capability != missing).collect();
        let app = App::new(&id(name), probe("asks")?).grant(&granted);
        vm.try_install(&app, Some(&first), &[])?.is(1, &[missing]).context(name)?;
        let refusal = vm.try_launch(&app.id)?.err().context("a refused app was launched")?;
        ensure!(refusal.contains("is not installed"), "{name}: {refusal}");
    }
    for (name, capability) in [("gpu", "hw:gpu:compute"), ("inventor", "sys:everything")] {
        let app = App::new(&id(name), probe("files")?).grant(&[capability]);
        let unsound = app.archive(Some(&first));
        let ended = match unsound {
            // The packer refuses what no manifest may say.
            Err(error) => {
                ensure!(format!("{error:#}").contains(capability), "{name}: {error:#}");
                continue;
            }
            Ok(bytes) => {
                let path = vm.upload("unsound.app.tar.zst", &bytes)?;
                vm.pack(&["install", &path])?
            }
        };
        ended.is(1, &[capability]).context(name)?;
    }
    let app = App::new(&id("sockets"), probe("sockets")?);
    vm.try_install(&app, Some(&first), &[])?.is(1, &["net:tcp"])
}

fn impostor(vm: &mut TestVm) -> anyhow::Result<()> {
    let first = publisher("first")?;
    vm.start_prepared()?;
    let [victim, impostor] = ["victim", "impostor"].map(id);
    let asks = |id: &str, to: &str| -> anyhow::Result<App> {
        let others: Vec<&str> = ASKS.into_iter().filter(|grant| !grant.starts_with("app:send:")).collect();
        Ok(App::new(id, probe("asks")?).grant(&others).grant(&[&format!("app:send:{to}")]))
    };
    vm.install(&asks(&victim, "org.weft.test.other")?, &first)?;
    vm.install(&asks(&impostor, &victim)?, &first)?;
    let of_victim = vm.launch(&victim)?;
    let session = vm.launch(&impostor)?;
    let claim = "from:org.weft.system";
    vm.done(session, &format!("send {victim} {claim}"))?;
    let received = vm.done(of_victim, "receive")?;
    ensure!(received == format!("{impostor} text {claim}"), "{received}");
    vm.fails(session, "send org.weft.demo.notes hi", "app:send:org.weft.demo.notes")?;

    // Each half of the clipboard goes through appd, which knows who asks.
    vm.done(session, "copy words")?;
    ensure!(vm.done(of_victim, "paste")? == "words", "the clipboard is not one");
    // The supervisor's wish names a session that exists; whoever it is, the reason for its end is told.
    let sessions = vm.done(session, "sessions")?;
    ensure!(sessions.contains(&format!("{of_victim}:{victim}:")), "{sessions}");
    vm.done(session, &format!("stop {of_victim}"))?;
    vm.wait_stopped(of_victim)
}

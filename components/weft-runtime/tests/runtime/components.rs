//! The runtime against components that behave, and against ones that do not. Each is built here from text.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use weft_runtime::Exit;

/// A component that says it is ready and then runs `body` in `run`, a core function that returns an i32: 0 for ok.
fn component(body: &str) -> String {
    format!(
        r#"(component
            (import "weft:app/notify@0.2.0" (instance $notify (export "ready" (func))))
            (core func $ready (canon lower (func $notify "ready")))
            (core module $module
                (import "host" "ready" (func $ready))
                (memory (export "memory") 1)
                (table $table 1 funcref)
                (func $recurse (param i32) (result i32) (i32.add (call $recurse (local.get 0)) (i32.const 1)))
                (func (export "run") (result i32) (call $ready) {body}))
            (core instance $instance (instantiate $module (with "host" (instance (export "ready" (func $ready))))))
            (func $run (result (result)) (canon lift (core func $instance "run")))
            (instance $exports (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $exports)))"#
    )
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// With the component as `app.wasm`.
    fn new(text: &str) -> Self {
        Self::with_bytes(&wat::parse_str(text).unwrap())
    }

    fn with_bytes(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.wasm"), bytes).unwrap();
        std::fs::create_dir(folder.path().join("compiled")).unwrap();
        Self { folder }
    }

    fn module(&self) -> PathBuf {
        self.folder.path().join("app.wasm")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft-runtime"));
        command
            .env_clear()
            .env("WEFT_READY_TOKEN", "token")
            .env("WEFT_COMPILED_DIR", self.folder.path().join("compiled"))
            .env("WEFT_LOG", "info");
        command
    }

    fn session(&self, options: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["org.weft.test.app", "1", "--module"]).arg(self.module()).args(options);
        command
    }

    fn run(&self, options: &[&str]) -> Outcome {
        Outcome(self.session(options).output().unwrap())
    }

    /// Starts the session with a channel; what the test holds is the other end.
    fn open(&self, options: &[&str]) -> (Child, UnixStream) {
        let (own, theirs) = UnixStream::pair().unwrap();
        rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
        let mut command = self.session(options);
        command
            .args(["--ipc-fd", &theirs.as_raw_fd().to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        own.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        (command.spawn().unwrap(), own)
    }

    fn compile(&self, output: &Path, options: &[&str]) -> Outcome {
        let mut command = self.command();
        command.arg("compile").arg(self.module()).arg("--output").arg(output).args(options);
        Outcome(command.output().unwrap())
    }
}

struct Outcome(Output);

impl Outcome {
    fn log(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Checks the exit code and that the log says why, in one line that is an error.
    fn is(&self, exit: Exit, why: &str) {
        assert_eq!(self.0.status.code(), Some(exit as i32), "{}", self.log());
        let log = self.log();
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(errors.len(), usize::from(exit != Exit::Done && exit != Exit::GuestFailed), "{log}");
        assert!(log.contains(why), "`{why}` is not in: {log}");
    }
}

#[test]
fn a_component_gets_ready_once_and_its_result_is_the_exit_code() {
    let outcome = World::new(&component("(call $ready) (i32.const 0)")).run(&[]);
    outcome.is(Exit::Done, "");
    assert_eq!(outcome.0.stdout, b"READY token\n");
    World::new(&component("(i32.const 1)")).run(&[]).is(Exit::GuestFailed, "");
}

#[test]
fn a_component_that_never_waits_is_ended_at_its_limit() {
    let world = World::new(&component("(loop $forever (br $forever)) (i32.const 0)"));
    let (mut child, _channel) = world.open(&["--max-wall", "300ms"]);
    let mut ready = [0; 12];
    child.stdout.take().unwrap().read_exact(&mut ready).unwrap();
    let start = Instant::now();
    let outcome = Outcome(child.wait_with_output().unwrap());
    outcome.is(Exit::WallLimit, "limit reached: the component computed for 300ms");
    assert!(start.elapsed() > Duration::from_millis(200), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_memory_bomb_meets_its_limit() {
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    World::new(&component(bomb))
        .run(&["--max-memory-mib", "8"])
        .is(Exit::MemoryLimit, "limit reached: 8 MiB of memory");
}

#[test]
fn a_component_may_live_with_the_memory_it_has() {
    let polite = "(drop (memory.grow (i32.const 60000))) (i32.const 0)";
    World::new(&component(polite)).run(&[]).is(Exit::Done, "limit reached: 64 MiB of memory");
}

#[test]
fn a_memory_that_is_too_large_from_the_start_is_refused() {
    let text = component("(i32.const 0)")
        .replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 200)");
    World::new(&text).run(&["--max-memory-mib", "8"]).is(Exit::MemoryLimit, "limit reached: 8 MiB of memory");
}

#[test]
fn a_table_bomb_meets_its_limit() {
    let bomb = "(loop $more (br_if $more
        (i32.ne (table.grow $table (ref.null func) (i32.const 100000)) (i32.const -1)))) unreachable";
    World::new(&component(bomb)).run(&[]).is(Exit::TableLimit, "limit reached: 1000000 table elements");
}

#[test]
fn endless_recursion_meets_the_stack_limit() {
    World::new(&component("(call $recurse (i32.const 0))"))
        .run(&[])
        .is(Exit::StackLimit, "call stack exhausted");
}

#[test]
fn too_many_instances_are_refused() {
    // Under the format's own limit of 1000 in one component.
    let instances = "(core instance (instantiate $empty))".repeat(600);
    let many = format!(
        "(component $many (core module $empty) {instances}) (instance (instantiate $many)) (instance (instantiate $many)) \
         (core func $ready"
    );
    let text = component("(i32.const 0)").replacen("(core func $ready", &many, 1);
    World::new(&text).run(&[]).is(Exit::InstanceLimit, "instance count too high");
}

#[test]
fn a_trap_is_told_from_a_limit() {
    World::new(&component("unreachable")).run(&[]).is(Exit::Trap, "unreachable");
}

#[test]
fn an_import_that_is_not_granted_is_refused_with_the_capability_to_declare() {
    let text = component("(i32.const 0)").replacen(
        "(core func $ready",
        r#"(import "weft:app/notifications@0.2.0" (instance (export "notify" (func
             (param "title" string) (param "body" string) (param "icon" (option string))
             (result (result (error string)))))))
           (core func $ready"#,
        1,
    );
    let world = World::new(&text);
    let refused = world.run(&[]);
    refused.is(Exit::Refused, "add sys:notifications to package.capabilities in wapp.toml");
    assert!(refused.0.stdout.is_empty());
    world.run(&["--grant", "sys:notifications"]).is(Exit::Done, "");
}

#[test]
fn what_does_not_exist_here_and_what_nobody_uses_is_refused() {
    let importing = |name: &str| {
        component("(i32.const 0)").replacen(
            "(core func $ready",
            &format!("(import \"{name}\" (instance)) (core func $ready"),
            1,
        )
    };
    let sockets = importing("wasi:sockets/tcp@0.2.0");
    let with = |item: &str| sockets.replace("(instance)", &format!("(instance {item})"));
    World::new(&with("(export \"f\" (func))")).run(&[]).is(Exit::Refused, "wasi:sockets/tcp@0.2.0");
    // Nothing of it can be called: it may exist in name.
    World::new(&with("(export \"tcp-socket\" (type (sub resource)))")).run(&[]).is(Exit::Done, "");
    World::new(&importing("evil:thing/x@1.0.0"))
        .run(&[])
        .is(Exit::Refused, "which this system does not have");
    let plain = World::new(&component("(i32.const 0)"));
    plain
        .run(&["--grant", "sys:notifications"])
        .is(Exit::Refused, "does not import weft:app/notifications: use it");
    plain.run(&["--grant", "hw:gpu:render"]).is(Exit::Refused, "nothing on this system stands behind it");
    let silent = r#"(component (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m)) (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $e (export "run" (func $run))) (export "wasi:cli/run@0.2.0" (instance $e)))"#;
    World::new(silent).run(&[]).is(Exit::Refused, "call notify.ready()");
}

#[test]
fn what_is_no_component_is_named_as_what_it_is() {
    World::with_bytes(&wat::parse_str("(module)").unwrap()).run(&[]).is(Exit::InvalidModule, "wasm32-wasip2");
    World::with_bytes(b"#!/bin/sh").run(&[]).is(Exit::InvalidModule, "is not a WebAssembly component");
    let cut = wat::parse_str(component("(i32.const 0)")).unwrap();
    World::with_bytes(&cut[..cut.len() / 2]).run(&[]).is(Exit::InvalidModule, "cannot compile");
    let world = World::with_bytes(b"");
    std::fs::remove_file(world.module()).unwrap();
    world.run(&[]).is(Exit::Host, "app.wasm");
}

#[test]
fn a_component_of_the_first_interface_echoes_and_leaves_when_its_host_does() {
    let echo = r#"(component
        (import "weft:app/notify@0.1.0" (instance $notify (export "ready" (func))))
        (import "weft:app/ipc@0.1.0" (instance $ipc
            (export "send" (func (param "payload" string) (result (result (error string)))))
            (export "recv" (func (result (option string))))))
        (core module $memory
            (memory (export "memory") 8)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $m (instantiate $memory))
        (core func $ready (canon lower (func $notify "ready")))
        (core func $send (canon lower (func $ipc "send") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
        (core func $recv (canon lower (func $ipc "recv") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
        (core module $module
            (import "host" "ready" (func $ready))
            (import "host" "send" (func $send (param i32 i32 i32)))
            (import "host" "recv" (func $recv (param i32)))
            (import "m" "memory" (memory 8))
            (func (export "run") (result i32)
                (call $ready)
                (loop $forever
                    (call $recv (i32.const 0))
                    (if (i32.load8_u (i32.const 0))
                        (then (call $send (i32.load (i32.const 4)) (i32.load (i32.const 8)) (i32.const 16))))
                    (br $forever))
                unreachable))
        (core instance $instance (instantiate $module
            (with "m" (instance $m))
            (with "host" (instance
                (export "ready" (func $ready)) (export "send" (func $send)) (export "recv" (func $recv))))))
        (func $run (result (result)) (canon lift (core func $instance "run")))
        (instance $exports (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exports)))"#;
    let world = World::new(echo);
    // The limit is far below the time that the component asks in vain: asking is waiting.
    let (child, mut channel) = world.open(&["--max-wall", "100ms"]);
    let mut reader = BufReader::new(channel.try_clone().unwrap());
    std::thread::sleep(Duration::from_millis(500));
    let long = "ü\\n\"".repeat(4000);
    for message in ["hello", "", "two\nlines", &long] {
        let line = weft_ipc::session::encode(message).unwrap();
        channel.write_all(line.as_bytes()).unwrap();
        let mut heard = String::new();
        reader.read_line(&mut heard).unwrap();
        assert_eq!(weft_ipc::session::decode(&heard).unwrap(), message);
    }
    let busy = cpu_time(child.id());
    std::thread::sleep(Duration::from_millis(500));
    let spent = cpu_time(child.id()) - busy;
    assert!(spent < 25, "it spins: {spent} of 50 ticks of the processor while nothing happens");
    drop((channel, reader));
    Outcome(child.wait_with_output().unwrap()).is(Exit::Done, "");
}

/// User and system time in ticks of 10 ms (proc_pid_stat(5)).
fn cpu_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn compiled_code_is_the_same_every_time_and_is_what_runs() {
    let world = World::new(&component("(i32.const 0)"));
    let folder = world.folder.path();
    let (one, two) = (folder.join("one.cwasm"), folder.join("two.cwasm"));
    world.compile(&one, &[]).is(Exit::Done, "");
    world.compile(&two, &[]).is(Exit::Done, "");
    let code = std::fs::read(&one).unwrap();
    assert!(code == std::fs::read(two).unwrap(), "two compilations differ");

    let compiled = folder.join("compiled");
    world.compile(&compiled, &[]).is(Exit::Done, "");
    let place = std::fs::read_dir(compiled).unwrap().next().unwrap().unwrap().path();
    world.run(&[]).is(Exit::Done, "");
    std::fs::write(&place, &code[..code.len() / 2]).unwrap();
    world.run(&[]).is(Exit::InvalidModule, "does not fit this runtime: compile it again");
}

#[test]
fn compiling_checks_the_imports_against_the_manifest_and_writes_nothing_half() {
    let world = World::new(&component("(i32.const 0)"));
    let manifest = world.folder.path().join("wapp.toml");
    let text = "[package]\nid='a.b.c'\nname='A'\nversion='1.0.0'\ncapabilities=['fs:rw:app-data']\n[runtime]\nmodule='app.wasm'\n";
    std::fs::write(&manifest, text).unwrap();
    let output = world.folder.path().join("out.cwasm");
    let options = ["--manifest", manifest.to_str().unwrap()];
    world
        .compile(&output, &options)
        .is(Exit::Refused, "does not import wasi:filesystem/types: use it, or remove");
    assert!(!output.exists());
    std::fs::write(&manifest, text.replace("'1.0.0'", "'one'")).unwrap();
    world.compile(&output, &options).is(Exit::Host, "wapp.toml:4:9: package.version:");
    assert!(!output.exists());
}

#[test]
fn a_wrong_command_line_is_refused() {
    let world = World::new(&component("(i32.const 0)"));
    for options in [
        &["--grant", "sys:root"][..],
        &["--preopen", "/tmp"],
        &["--max-memory-mib", "0"],
        &["--max-wall", "1h"],
        &["--ipc-fd", "3", "--ipc-socket", "/x"],
    ] {
        let outcome = world.run(options);
        assert_eq!(outcome.0.status.code(), Some(Exit::Usage as i32), "{options:?}: {}", outcome.log());
    }
    world.run(&["--ipc-fd", "77"]).is(Exit::Usage, "--ipc-fd 77 is not an inherited descriptor");
}

//! `weft-ci-agent`: runs as a service of test images and answers the VM tests through a virtio-serial port. With `speak SOCKET LINE` it
//! says one line to a Unix socket and prints the answer, which a test has it do under another user. As PID 1 it breaks the system in the way
//! that `fault=` of the kernel's command line names, and becomes the real PID 1 then.

use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::time::Duration;
use weft_ci_agent::{Agent, Answer, Answered, Asked, PORT};

/// A port without a host at the other end reads as ended; look again after this time.
const HOST_INTERVAL: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<()> {
    if std::process::id() == 1 {
        return weft_ci_agent::fault::begin();
    }
    let name = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if name.file_name() != Some("weft-ci-agent".as_ref()) {
        weft_ci_agent::fault::idle();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == [weft_ci_agent::fault::FILL] {
        return weft_ci_agent::fault::fill();
    }
    if let [verb, socket, line] = arguments.as_slice()
        && verb == weft_ci_agent::SPEAK
    {
        println!(
            "{}",
            weft_ci_agent::speak(socket, line).with_context(|| format!("cannot speak to {socket}"))?
        );
        return Ok(());
    }
    serve()
}

fn serve() -> anyhow::Result<()> {
    let path = port()?;
    let port = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let boot_id =
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").context("cannot read the boot id")?;
    let mut writer = &port;
    say(&mut writer, 0, Answer::Hello { boot_id: boot_id.trim().to_owned() })?;
    let mut reader = BufReader::new(&port);
    let mut agent = Agent::default();
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).context("cannot read from the host")? == 0 {
            std::thread::sleep(HOST_INTERVAL);
            continue;
        }
        match serde_json::from_str::<Asked>(&line) {
            Ok(asked) => say(&mut writer, asked.id, agent.answer(&asked.question))?,
            Err(error) => say(&mut writer, 0, Answer::Refused { why: error.to_string() })?,
        }
    }
}

/// The device node of the port that carries our name: there is no udev that would make links.
fn port() -> anyhow::Result<PathBuf> {
    let class = "/sys/class/virtio-ports";
    for entry in std::fs::read_dir(class).with_context(|| format!("cannot list {class}"))? {
        let entry = entry?;
        // A port that has no name has no such file.
        let name = std::fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if name.trim() == PORT {
            return Ok(PathBuf::from("/dev").join(entry.file_name()));
        }
    }
    bail!("no virtio-serial port is named {PORT}: start the machine by the test harness")
}

fn say(port: &mut impl Write, id: u64, answer: Answer) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(&Answered { id, answer })?;
    line.push(b'\n');
    port.write_all(&line).context("cannot write to the host")
}

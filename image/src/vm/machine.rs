//! One virtual machine: a PC like the devices the image is for, with virtio parts.

use super::accel::Accelerator;
use super::console::Console;
use super::firmware::Firmware;
use super::process::Process;
use super::qemu::Qemu;
use super::qmp::Qmp;
use super::screen::Screenshot;
use super::{Error, Result, file_error, input, network};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// QEMU itself must answer in this time, also when it reads or writes all of a machine's memory; it says nothing about the guest.
const START_LIMIT: Duration = Duration::from_secs(300);

const KEY_INTERVAL: Duration = Duration::from_millis(50);
const CONSOLE_LOG: &str = "console.log";

/// Between two questions how far QEMU is.
const STATUS_INTERVAL: Duration = Duration::from_millis(20);

/// Between two looks at the screen; each costs the machine a few milliseconds.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    None,
    /// A QEMU display backend with a window.
    Window(&'static str),
}

/// What to start. The folder keeps the UEFI variables, `console.log` and `qemu.log` between starts of the same machine.
#[derive(Clone, Debug)]
pub struct Machine {
    pub folder: PathBuf,
    /// A raw disk image; the machine writes to it.
    pub disk: PathBuf,
    pub memory_mib: u32,
    pub accelerator: Accelerator,
    pub display: Display,
    /// Also copy the console to this process' standard output.
    pub echo: bool,
    /// End QEMU where the guest would reboot.
    pub no_reboot: bool,
    /// Further arguments: the devices of a test.
    pub extra: Vec<String>,
    /// Go on from what [`Vm::save`] wrote of a machine with the same devices, whose disk, variables and `console.log` are in their
    /// places, instead of starting.
    pub resume: Option<PathBuf>,
    /// Secure Boot with this certificate (PEM) alone.
    pub secure_boot: Option<PathBuf>,
    /// Record every write to the disk in this file, as QEMU's driver `blklogwrites` does.
    pub disk_log: Option<PathBuf>,
    /// Whether the disk outlives this host's next crash. What it is told to keep goes to the host's disk then, which takes its time.
    pub is_kept: bool,
}

impl Machine {
    /// A machine without a window that lives in `folder` and ends where it would reboot.
    pub fn headless(folder: &Path, disk: &Path, memory_mib: u32, accelerator: Accelerator) -> Machine {
        Machine {
            folder: folder.to_owned(),
            disk: disk.to_owned(),
            memory_mib,
            accelerator,
            display: Display::None,
            echo: false,
            no_reboot: true,
            extra: Vec::new(),
            resume: None,
            secure_boot: None,
            disk_log: None,
            is_kept: false,
        }
    }

    /// The command line, for sockets in the folder `sockets`.
    fn arguments(&self, qemu: &Qemu, firmware: &Firmware, sockets: &Path) -> Vec<String> {
        let mut arguments: Vec<String> =
            self.accelerator.arguments().iter().map(|&part| part.to_owned()).collect();
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        add("-machine", "q35".into());
        add("-smp", "2".into());
        add("-m", format!("{}M", self.memory_mib));
        add("-name", "WEFT OS".into());
        add("-drive", format!("if=pflash,format=raw,unit=0,readonly=on,file={}", comma(&firmware.code)));
        add("-drive", format!("if=pflash,format=raw,unit=1,file={}", comma(&self.variables())));
        let disk = comma(&self.disk);
        match &self.disk_log {
            None => {
                let cache = if self.is_kept { "writeback" } else { "unsafe" };
                add("-drive", format!("if=none,id=disk,format=raw,discard=unmap,cache={cache},file={disk}"));
            }
            Some(log) => {
                add("-blockdev", format!("driver=file,node-name=disk-file,discard=unmap,filename={disk}"));
                add("-blockdev", format!("driver=file,node-name=disk-log,filename={}", comma(log)));
                add("-blockdev", "driver=blklogwrites,node-name=disk,file=disk-file,log=disk-log".into());
            }
        }
        let input = ["virtio-keyboard-pci", "virtio-tablet-pci"];
        let touch = qemu.multitouch.then_some("virtio-multitouch-pci");
        let parts = ["virtio-blk-pci,drive=disk", "virtio-gpu-pci", "virtio-rng-pci", "i6300esb"];
        for device in parts.into_iter().chain(input).chain(touch) {
            add("-device", device.into());
        }
        add("-action", "watchdog=reset".into());
        add("-vga", "none".into());
        add("-nic", "none".into());
        add("-serial", "stdio".into());
        add("-monitor", "none".into());
        add("-qmp", format!("unix:{},server=on,wait=off", comma(&sockets.join("qmp"))));
        let display = match self.display {
            Display::None => "none".into(),
            Display::Window(backend) => backend.into(),
        };
        add("-display", display);
        arguments.push("-nodefaults".into());
        if self.no_reboot {
            arguments.push("-no-reboot".into());
        }
        if self.resume.is_some() {
            arguments.extend(["-incoming".into(), "defer".into()]);
        }
        arguments.extend(firmware.arguments().iter().map(|&part| part.to_owned()));
        arguments.extend(self.extra.iter().cloned());
        arguments
    }

    fn variables(&self) -> PathBuf {
        self.folder.join("uefi-variables.fd")
    }

    /// Starts QEMU and connects to its monitor.
    pub fn start(&self, qemu: &Qemu) -> Result<Vm> {
        let firmware = match &self.secure_boot {
            Some(certificate) => Firmware::find_secure(certificate)?,
            None => Firmware::find()?,
        };
        std::fs::create_dir_all(&self.folder).map_err(file_error("create", &self.folder))?;
        firmware.variables_at(&self.variables())?;
        // Not in the machine's folder: the path of a Unix socket has at most 107 bytes (unix(7)).
        let sockets = tempfile::Builder::new()
            .prefix("weft-vm-")
            .tempdir()
            .map_err(file_error("create a folder for sockets in", &std::env::temp_dir()))?;
        let open_log = |name: &str| {
            let path = self.folder.join(name);
            File::options().create(true).append(true).open(&path).map_err(file_error("open", &path))
        };
        let before = match self.resume {
            Some(_) => {
                let path = self.folder.join(CONSOLE_LOG);
                std::fs::read(&path).map_err(file_error("read", &path))?
            }
            None => Vec::new(),
        };
        let said = self.folder.join("qemu.log");
        let mut command = Command::new(&qemu.program);
        command
            .args(self.arguments(qemu, &firmware, sockets.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(open_log("qemu.log")?);
        let mut process = Process::spawn(&mut command)
            .map_err(|source| Error::QemuMissing { program: qemu.program.clone(), source })?;
        let mut copies: Vec<Box<dyn Write + Send>> = vec![Box::new(open_log(CONSOLE_LOG)?)];
        if self.echo {
            copies.push(Box::new(std::io::stdout()));
        }
        let serial = process.child().stdout.take().ok_or_else(|| Error::Start("it has no console".into()))?;
        let console = Console::read_from(serial, &before, copies);
        let qmp = connect(&mut process, &sockets.path().join("qmp"), &said)?;
        let mut vm = Vm { console, qmp, process, sockets, said };
        if let Some(saved) = &self.resume {
            vm.resume(saved)?;
        }
        Ok(vm)
    }
}

fn connect(process: &mut Process, socket: &Path, said: &Path) -> Result<Qmp> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let outcome = Qmp::connect(socket);
        if let Ok(Some(qmp)) = outcome {
            return Ok(qmp);
        }
        let ended = process.wait(Duration::from_millis(20)).map_err(Error::Monitor)?.is_some();
        if ended || Instant::now() > deadline {
            return Err(Error::Start(last_words(said)));
        }
        // A monitor that hangs up belongs to a QEMU that is ending: that it has ended says more.
        match outcome {
            Err(Error::Monitor(_) | Error::MonitorClosed(_)) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

fn last_words(said: &Path) -> String {
    let text = std::fs::read_to_string(said).unwrap_or_default();
    let last = text.trim().lines().last().unwrap_or("it said nothing");
    last.to_owned()
}

/// QEMU reads a comma in a value as its end unless it is doubled.
fn comma(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// A running machine; QEMU dies with it.
#[derive(Debug)]
pub struct Vm {
    pub console: Console,
    pub qmp: Qmp,
    process: Process,
    sockets: tempfile::TempDir,
    said: PathBuf,
}

impl Vm {
    /// The process id of QEMU, which leads its own process group.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Takes a screenshot.
    pub fn screenshot(&mut self) -> Result<Screenshot> {
        let path = self.sockets.path().join("screen.ppm");
        self.qmp.execute("screendump", json!({ "filename": path }))?;
        Screenshot::read_ppm(&path)
    }

    /// Takes screenshots until nothing has changed for `still` and `wanted` accepts it; the error carries what was waited for.
    pub fn wait_screen(
        &mut self,
        limit: Duration,
        still: Duration,
        waiting: &str,
        mut wanted: impl FnMut(&Screenshot) -> bool,
    ) -> Result<Screenshot> {
        let deadline = Instant::now() + limit;
        let mut last = self.screenshot()?;
        let mut since = Instant::now();
        loop {
            std::thread::sleep(LOOK_INTERVAL);
            let next = self.screenshot()?;
            if next != last {
                since = Instant::now();
            } else if since.elapsed() >= still && wanted(&next) {
                return Ok(next);
            }
            if Instant::now() > deadline {
                let (waiting, tail) = (waiting.to_owned(), self.console.tail(20));
                return Err(Error::TimedOut { waiting, limit, tail });
            }
            last = next;
        }
    }

    /// Stops the machine and writes memory and devices to a file, beside which its disk, variables and `console.log` must be kept.
    /// Nothing but its end comes after.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        File::create(path).map_err(file_error("create", path))?;
        self.qmp.execute("stop", json!({}))?;
        self.qmp.execute("migrate-set-parameters", json!({ "max-bandwidth": u64::from(u32::MAX) }))?;
        let uri = format!("exec:cat > {}", self.in_a_word(path)?.display());
        self.qmp.execute("migrate", json!({ "uri": uri }))?;
        self.wait_status("query-migrate", &["completed"], "saving the machine")
    }

    fn resume(&mut self, saved: &Path) -> Result<()> {
        let uri = format!("exec:cat {}", self.in_a_word(saved)?.display());
        self.qmp.execute("migrate-incoming", json!({ "uri": uri }))?;
        self.wait_status("query-status", &["paused", "running", "postmigrate"], "reading a saved machine")?;
        self.qmp.execute("cont", json!({})).map(drop)
    }

    /// A name of a file that the shell, to which QEMU 7.2 gives it, reads as one word.
    fn in_a_word(&self, path: &Path) -> Result<PathBuf> {
        let link = self.sockets.path().join("saved");
        let target = path.canonicalize().map_err(file_error("find", path))?;
        std::os::unix::fs::symlink(target, &link).map_err(file_error("create", &link))?;
        Ok(link)
    }

    fn wait_status(&mut self, query: &str, wanted: &[&str], waiting: &str) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let answer = self.qmp.execute(query, json!({}))?;
            match answer["status"].as_str() {
                Some(status) if wanted.contains(&status) => return Ok(()),
                Some("failed") => return Err(Error::Start(format!("{waiting} failed: {answer}"))),
                _ if Instant::now() > deadline => {
                    let (waiting, tail) = (waiting.to_owned(), self.console.tail(20));
                    return Err(Error::TimedOut { waiting, limit: START_LIMIT, tail });
                }
                _ => std::thread::sleep(STATUS_INTERVAL),
            }
        }
    }

    /// Sends input events as `input` makes them.
    pub fn send(&mut self, events: Value) -> Result<()> {
        self.qmp.execute("input-send-event", json!({ "events": events })).map(drop)
    }

    /// Clicks on a pixel of a screen of that size. Like a hand it comes from beside: a guest hears nothing of a pointer that is set
    /// where it was.
    pub fn click(&mut self, x: u32, y: u32, screen: (u32, u32)) -> Result<()> {
        self.send(input::pointer_to(x.saturating_sub(1), y, screen))?;
        self.send(input::pointer_to(x, y, screen))?;
        self.send(input::button("left", true))?;
        self.send(input::button("left", false))
    }

    /// Presses and releases a key by its QEMU name.
    pub fn press(&mut self, key: &str) -> Result<()> {
        self.send(input::key(key, true))?;
        self.send(input::key(key, false))
    }

    /// Types a text, no faster than a person does: the kernel keeps 64 events for a reader that is busy, and drops all of them beyond that.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        for key in input::keys_for(text)? {
            self.press(&key)?;
            std::thread::sleep(KEY_INTERVAL);
        }
        Ok(())
    }

    /// Pulls the network card out; the guest is asked to let go of it.
    pub fn unplug_network(&mut self) -> Result<()> {
        self.qmp.execute("device_del", json!({ "id": network::CARD })).map(drop)
    }

    /// Puts the network card back, once the guest has let go of it.
    pub fn plug_network(&mut self) -> Result<()> {
        let properties = network::CARD_PROPERTIES.map(|(name, value)| (name.to_owned(), value.into()));
        let arguments: serde_json::Map<String, Value> = properties.into_iter().collect();
        self.qmp.execute("device_add", Value::Object(arguments)).map(drop)
    }

    /// Plugs in a USB stick with the contents of the drive of this name, which is among the machine's arguments, as is a USB controller.
    pub fn plug_stick(&mut self, drive: &str) -> Result<()> {
        let arguments = json!({ "driver": "usb-storage", "id": drive, "drive": drive });
        self.qmp.execute("device_add", arguments).map(drop)
    }

    /// Presses the power button.
    pub fn power_button(&mut self) -> Result<()> {
        self.qmp.execute("system_powerdown", json!({})).map(drop)
    }

    /// Waits for QEMU to end: the guest powered off, or rebooted where that ends it.
    pub fn wait_end(&mut self, limit: Duration, waiting: &str) -> Result<ExitStatus> {
        let ended = self.process.wait(limit).map_err(file_error("wait for QEMU that writes", &self.said))?;
        if ended.is_some() {
            // What it said last may still be on its way.
            self.console.wait_closed();
        }
        ended.ok_or_else(|| Error::TimedOut {
            waiting: waiting.to_owned(),
            limit,
            tail: self.console.tail(20),
        })
    }

    /// Waits for QEMU to end, however long it takes.
    pub fn wait_forever(&mut self) -> Result<ExitStatus> {
        self.process.child().wait().map_err(file_error("wait for QEMU that writes", &self.said))
    }

    /// What QEMU itself said last, for a message.
    pub fn last_words(&self) -> String {
        last_words(&self.said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_has_every_part_of_the_device() {
        let qemu = Qemu { program: "qemu".into(), version: (9, 0), displays: Vec::new(), multitouch: true };
        let Ok(firmware) = Firmware::find() else { return };
        let mut machine =
            Machine::headless(Path::new("/vm"), Path::new("/images/a,b.img"), 384, Accelerator::Tcg);
        machine.extra = vec!["-device".into(), "test-device".into()];
        let line = machine.arguments(&qemu, &firmware, Path::new("/tmp/s")).join(" ");
        for part in [
            "-accel tcg,thread=multi -cpu max,-erms,-fsrm",
            "-m 384M",
            "file=/images/a,,b.img",
            "virtio-gpu-pci",
            "virtio-multitouch-pci",
            "i6300esb",
            "-qmp unix:/tmp/s/qmp,server=on,wait=off",
            "-display none",
            "-no-reboot",
            "-device test-device",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}

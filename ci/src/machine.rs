//! A machine under test.

use crate::agent::Agent;
use crate::disk_log::DiskLog;
use crate::window::Window;
use crate::{images, prepared, stick};
use anyhow::Context;
use std::path::{Path, PathBuf};
use weft_image::image_info::ImageInfo;
use weft_image::vm::work::{Disk, Work, copy_and_lock};
use weft_image::vm::{Accelerator, Display, Machine, Mark, Pace, Qemu, Rect, Screenshot, Vm};
use weft_image::vm::{layout, session};

/// The size of the compositor's output in QEMU.
pub const SCREEN: (u32, u32) = (1280, 800);

/// Whose programs a machine with Secure Boot starts.
pub const SECURE_BOOT_CERTIFICATE: &str = "ci/keys/secure-boot.crt";

/// The stick, for [`weft_image::vm::Vm::plug_stick`].
pub const STICK: &str = "stick";
const DISK_LOG: &str = "disk.log";
/// The first place of those that the system UI tells.
pub(crate) const HOME: &str = "weft-layout home ";

/// How a machine differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    pub memory_mib: u32,
    pub no_reboot: bool,
    /// A card on QEMU's own network.
    pub network: bool,
    /// A USB controller, and a stick with the profile's releases that can be plugged in.
    pub stick: bool,
    /// What the hardware clock says at the start, as QEMU's `-rtc base=` takes it.
    pub hardware_clock: Option<&'static str>,
    /// A window that can be opened; without one nobody but the monitor sees the screen.
    pub window: bool,
    /// The firmware starts only what the tests' Secure Boot key signed.
    pub secure_boot: bool,
    /// What systemd's stub appends to the kernel's command line, as a firmware would tell it (SMBIOS type 11).
    pub command_line: Option<&'static str>,
    /// Every write to the disk is recorded ([`TestVm::disk_log`]).
    pub disk_log: bool,
}

impl Options {
    /// A saved machine goes on only where it finds the devices it had.
    fn same_devices(&self, other: &Options) -> bool {
        self.memory_mib == other.memory_mib
            && self.network == other.network
            && self.hardware_clock == other.hardware_clock
            && self.secure_boot == other.secure_boot
            && self.command_line == other.command_line
            && self.disk_log == other.disk_log
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memory_mib: 512,
            no_reboot: false,
            network: false,
            stick: false,
            hardware_clock: None,
            window: false,
            secure_boot: false,
            command_line: None,
            disk_log: false,
        }
    }
}

/// One machine with its own copy of the image; its folder is `build/vm/<test>/` and stays when the test fails.
#[derive(Debug)]
pub struct TestVm {
    pub agent: Option<Agent>,
    pub pace: Pace,
    pub info: ImageInfo,
    vm: Option<Vm>,
    /// The agent's greeting was read by who prepared the machine.
    greeted: bool,
    options: Options,
    machine: Machine,
    qemu: Qemu,
    disk: Disk,
    sockets: tempfile::TempDir,
    work: Work,
}

impl TestVm {
    /// Copies the image of a profile; the machine is off.
    pub fn new(test: &str, profile: &str, options: &Options) -> anyhow::Result<TestVm> {
        let info = images::find(profile).map_err(anyhow::Error::msg)?;
        let work = Work::create(&images::checkout(), test)?;
        let disk = copy_and_lock(&info.image, &work.folder().join("disk.img"))?;
        let sockets = tempfile::Builder::new().prefix("weft-ci-").tempdir()?;
        let path = |name: &str| sockets.path().join(name).display().to_string();
        let mut extra: Vec<String> = ["-device", "virtio-serial-pci", "-chardev"].map(str::to_owned).into();
        extra.push(format!("socket,id=agent,path={},server=on,wait=off", path("agent")));
        extra
            .extend(["-device".into(), format!("virtserialport,chardev=agent,name={}", weft_ci_agent::PORT)]);
        if options.network {
            extra.extend(weft_image::vm::network::arguments());
        }
        if options.stick {
            let contents = work.folder().join("stick.img");
            stick::write(&contents, profile)?;
            let drive = format!("if=none,id={STICK},format=raw,file={}", contents.display());
            extra.extend(["-device".into(), "qemu-xhci".into(), "-drive".into(), drive]);
        }
        if let Some(base) = options.hardware_clock {
            extra.extend(["-rtc".into(), format!("base={base}")]);
        }
        if let Some(words) = options.command_line {
            let value = format!("type=11,value=io.systemd.stub.kernel-cmdline-extra={words}");
            extra.extend(["-smbios".into(), value]);
        }
        let mut machine = Machine {
            folder: work.folder().to_owned(),
            disk: disk.path().to_owned(),
            memory_mib: options.memory_mib,
            accelerator: Accelerator::choose(weft_image::cli::Accel::Auto)?,
            display: Display::None,
            echo: false,
            no_reboot: options.no_reboot,
            extra,
            resume: None,
            secure_boot: options.secure_boot.then(|| images::checkout().join(SECURE_BOOT_CERTIFICATE)),
            disk_log: options.disk_log.then(|| work.folder().join(DISK_LOG)),
            is_kept: false,
        };
        // Two machines are at work at a time, on what was one's when the limits were found.
        let (qemu, pace) = (Qemu::find()?, Pace::measure().at_least(2.0));
        if options.window {
            machine.extra.extend(["-vnc".into(), format!("unix:{}", path("window"))]);
        }
        let options = options.clone();
        Ok(TestVm {
            agent: None,
            pace,
            info,
            vm: None,
            greeted: false,
            options,
            machine,
            qemu,
            disk,
            sockets,
            work,
        })
    }

    /// Switches the machine on.
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.stop();
        if let Some(log) = &self.machine.disk_log {
            std::fs::File::create(log)?;
        }
        self.vm = Some(self.machine.start(&self.qemu)?);
        self.agent = Some(Agent::connect(&self.sockets.path().join("agent"), self.pace)?);
        self.greeted = false;
        Ok(())
    }

    /// Goes on where a machine of this profile has started: `weft-appd` serves and is listened to, the probes are compiled, and the
    /// system UI is on the screen where there is one. What the test wrote to the disk before is lost.
    pub fn start_prepared(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.options.same_devices(&Options::default()),
            "a machine with other devices than the usual ones must be started"
        );
        self.stop();
        self.machine.resume = Some(prepared::copy(&self.info.profile, self.work.folder())?);
        let started = self.start();
        self.machine.resume = None;
        started?;
        self.greeted = true;
        self.wait_appd()
    }

    /// Cuts the power.
    pub fn stop(&mut self) {
        self.agent = None;
        self.vm = None;
    }

    /// Cuts the power and leaves the folder to another.
    pub(crate) fn into_work(self) -> Work {
        self.work
    }

    pub fn folder(&self) -> &Path {
        self.work.folder()
    }

    /// The machine's disk, for a look or a change while it is off.
    pub fn disk(&self) -> PathBuf {
        self.disk.path().to_owned()
    }

    /// Takes what was written to the disk since the machine was switched on last; it must be off.
    pub fn disk_log(&self) -> anyhow::Result<DiskLog> {
        anyhow::ensure!(self.vm.is_none(), "the log is whole when the machine is off");
        // The machine begins another one when it is switched on again.
        let taken = self.work.folder().join("taken.log");
        std::fs::rename(self.work.folder().join(DISK_LOG), &taken)?;
        DiskLog::open(&taken)
    }

    /// Leaves the folder in place.
    pub fn keep(&mut self) {
        self.work.keep();
    }

    pub fn running(&mut self) -> Option<&mut Vm> {
        self.vm.as_mut()
    }

    pub fn vm(&mut self) -> anyhow::Result<&mut Vm> {
        self.vm.as_mut().context("the machine is off")
    }

    pub fn agent(&mut self) -> anyhow::Result<&mut Agent> {
        self.agent.as_mut().context("the machine is off")
    }

    pub fn mark(&mut self) -> anyhow::Result<Mark> {
        Ok(self.vm()?.console.mark())
    }

    /// Waits until PID 1 and the agent run, and returns the boot id.
    pub fn wait_agent(&mut self) -> anyhow::Result<String> {
        if std::mem::take(&mut self.greeted) {
            return self.agent()?.boot_id();
        }
        let limit = session::boot_limit(self.pace);
        self.agent()?.wait_hello(limit)
    }

    /// Waits for a console line of PID 1 that ends in `text`.
    pub fn wait_init(&mut self, from: Mark, text: &str) -> anyhow::Result<Mark> {
        let limit = session::boot_limit(self.pace);
        Ok(self.vm()?.console.wait_init(from, limit, text)?.1)
    }

    /// Waits until the system UI is on the screen.
    pub fn wait_system_ui(&mut self, from: Mark) -> anyhow::Result<Screenshot> {
        self.wait_init(from, session::SYSTEM_UI_READY)?;
        self.settled()
    }

    /// The screen once it stopped changing.
    pub fn settled(&mut self) -> anyhow::Result<Screenshot> {
        let pace = self.pace;
        Ok(session::settled(self.vm()?, pace)?)
    }

    /// Waits until the system UI of this boot shows an app's icon; `told` is [`TestVm::homes`] of before.
    pub fn wait_icon(&mut self, told: usize, id: &str) -> anyhow::Result<()> {
        let limit = session::boot_limit(self.pace);
        let agent = self.agent()?;
        crate::wait::until(limit, &format!("the icon of {id}"), || {
            let log = agent.log("weft-servo-shell").unwrap_or_default();
            // The page tells all of its places at every change, this one first.
            let newest = log.rsplit(HOME).next().unwrap_or_default();
            let is_new = log.matches(HOME).count() > told;
            Ok((is_new && newest.contains(&format!("icon:{id} "))).then_some(()))
        })
    }

    /// How often the system UI told its places so far, those of earlier boots too.
    pub fn homes(&mut self) -> anyhow::Result<usize> {
        Ok(self.agent()?.log("weft-servo-shell")?.matches(HOME).count())
    }

    /// Where something is on the screen, by the log of the program that drew it.
    pub fn place(&mut self, service: &str, what: &str) -> anyhow::Result<Rect> {
        let limit = self.pace.limit(30);
        let agent = self.agent()?;
        crate::wait::until(limit, &format!("`weft-layout {what}` in the log of {service}"), || {
            Ok(layout::find(&agent.log(service)?, what))
        })
    }

    /// Opens the machine's window.
    pub fn open_window(&self) -> anyhow::Result<Window> {
        Window::open(&self.sockets.path().join("window"))
    }

    /// Clicks on the middle of a place.
    pub fn click(&mut self, place: Rect) -> anyhow::Result<()> {
        let (x, y) = place.center();
        Ok(self.vm()?.click(x, y, SCREEN)?)
    }

    /// Touches the middle of a place with one finger.
    pub fn tap(&mut self, place: Rect) -> anyhow::Result<()> {
        let (x, y) = place.center();
        self.agent()?.tap(x, y, SCREEN)
    }

    /// What PID 1 called an error on the console so far.
    pub fn console_errors(&mut self) -> anyhow::Result<Vec<String>> {
        let lines = self.vm()?.console.lines_from(Mark::default());
        Ok(lines.into_iter().filter(|line| is_error(line)).collect())
    }
}

/// Whether a console line tells of something wrong, be it of PID 1, the kernel or anybody else.
fn is_error(line: &str) -> bool {
    const WORDS: [&str; 8] =
        ["error", "panic", "failed", "oops", "bug:", "call trace", "segfault", "out of memory"];
    // QEMU without KVM cannot always deliver the timer's first interrupts in time; the kernel tries another way and goes on.
    const EMULATED_TIMER: &str = "..MP-BIOS bug: 8254 timer";
    let line = line.to_lowercase();
    !line.contains(&EMULATED_TIMER.to_lowercase()) && WORDS.iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_on_the_console_are_recognised() {
        assert!(is_error("weft-init: [   2.000] error: cannot mount /state"));
        assert!(is_error("[    1.2] Kernel panic - not syncing"));
        assert!(!is_error("weft-init: [   3.412] weft-compositor ready"));
        assert!(!is_error("[    0.024000] ..MP-BIOS bug: 8254 timer not connected to IO-APIC"));
    }
}

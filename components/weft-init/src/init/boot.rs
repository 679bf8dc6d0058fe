//! The phases of the boot, run in the order of the table. What fails is said and left out: the rest of the device still comes up.

use super::Init;
use super::services::{make_folder, runtime_folder};
use crate::accounts::Accounts;
use crate::catalogue::{self, Catalogue};
use crate::journal::Console;
use crate::phase::{LINKS, MOUNTS, Mount, PHASES, Phase};
use crate::reactor::Token;
use crate::spawn::NOTIFY_SOCKET;
use crate::supervisor::Supervisor;
use crate::watchdog::Watchdog;
use crate::{cgroup, clock, device, sockets, sys};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::MountPropagationFlags;
use rustix::net::SocketType;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SERVICES: &str = "/usr/lib/weft/services";
/// The names of those that the image was built with, one a line.
const EXPECTED_SERVICES: &str = "/usr/lib/weft/expected-services";
/// Where the mount helper mounts package images.
const PACKAGE_MOUNTS: &str = "/run/weft/packages";
/// What systemd gives too: few by default because of select(2), many for those that ask.
const OPEN_FILES: Rlimit = Rlimit { current: Some(1024), maximum: Some(524_288) };

impl Init {
    pub(super) fn boot(&mut self) {
        for phase in PHASES {
            match phase {
                Phase::Mounts => self.mounts(),
                Phase::System => self.system(),
                Phase::Watchdog => self.arm_watchdog(),
                Phase::Logs => self.logs(),
                Phase::Devices => self.devices(),
                Phase::State => self.start_state_worker(clock::now()),
                Phase::Control => self.open_control(),
                Phase::Services => self.services(),
            }
        }
    }

    fn mounts(&mut self) {
        let mut failed: Vec<String> = MOUNTS.iter().filter_map(|entry| mount(entry).err()).collect();
        // What is mounted later, a package image for one, is seen by services with mount trees of their own, too (mount_namespaces(7)).
        let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
        if let Err(error) = rustix::mount::mount_change("/", shared) {
            failed.push(format!("services do not see later mounts: {error}"));
        }
        self.journal.console = Console::open();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        self.journal.note(clock::now(), &format!("--- boot {} ---", boot.trim()));
        self.say("started");
        failed.iter().for_each(|problem| self.complain(problem));
        for (to, link) in LINKS {
            let _ = std::os::unix::fs::symlink(to, link);
        }
        // The kernel makes them with the first device of their kind, the mount helper its own with the first image; a confined service sees
        // only folders that are there when it starts.
        for folder in ["/dev/dri", "/dev/input", PACKAGE_MOUNTS] {
            let _ = fs::create_dir_all(folder);
        }
        standard_streams();
    }

    fn system(&mut self) {
        self.begin_trial();
        rustix::process::umask(Mode::WGRP | Mode::WOTH);
        let _ = rustix::process::chdir(c"/");
        let _ = setrlimit(Resource::Nofile, OPEN_FILES);
        // Ctrl-Alt-Del becomes a signal.
        let _ = rustix::system::reboot(rustix::system::RebootCommand::CadOff);
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        self.accounts = Accounts::parse(&read("/etc/passwd"), &read("/etc/group"));
        if let Err(error) = rustix::system::sethostname(read("/etc/hostname").trim().as_bytes()) {
            self.complain(&format!("cannot set the host name: {error}"));
        }
        if let Err(error) = loopback() {
            self.complain(&format!("cannot switch the interface lo on: {error}"));
        }
        cgroup::enable_controllers();
    }

    pub(super) fn arm_watchdog(&mut self) {
        self.watchdog = self.watchdog.take().or_else(|| Watchdog::open(clock::now()));
        self.info.watchdog_restarted = self.watchdog.as_ref().is_some_and(|watchdog| watchdog.restarted);
        if let Some(limit) = self.watchdog.as_ref().map(Watchdog::limit) {
            self.journal.note(clock::now(), &format!("watchdog armed, {} s", limit.as_secs()));
        }
    }

    fn logs(&mut self) {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::open(c"/dev/kmsg", flags, Mode::empty()) {
            Ok(fd) => {
                let _ = self.reactor.watch(&fd, Token::KernelLog, false);
                self.kernel_log = Some(fd);
            }
            Err(error) => {
                self.complain(&format!("the kernel's messages are not kept: cannot open /dev/kmsg: {error}"))
            }
        }
        match sockets::bind(NOTIFY_SOCKET, SocketType::DGRAM, 0, 0, 0o666) {
            Ok(fd) => {
                let _ = rustix::net::sockopt::set_socket_passcred(&fd, true);
                let _ = self.reactor.watch(&fd, Token::Notify, false);
                self.notify = Some(fd);
            }
            Err(error) => self.complain(&error.to_string()),
        }
    }

    fn devices(&mut self) {
        if let Err(error) = device::registry::prepare_database() {
            self.complain(&format!("cannot make the udev database, no input device will be found: {error}"));
        }
        match device::netlink::Socket::open() {
            Ok(socket) => {
                let _ = self.reactor.watch(&socket, Token::Uevents, false);
                self.uevents = Some(socket);
            }
            Err(error) => self.complain(&format!("devices that appear later will not be seen: {error}")),
        }
        self.adopt_present(clock::now());
    }

    fn services(&mut self) {
        let Catalogue { services, broken, problems } =
            catalogue::read(Path::new(SERVICES), Path::new(EXPECTED_SERVICES));
        self.broken_services = broken;
        problems.iter().for_each(|problem| self.complain(problem));
        for service in &services {
            let mut listening = Vec::new();
            for socket in &service.sockets {
                match sockets::listen(socket, &self.accounts) {
                    Ok(fd) => listening.push(fd),
                    Err(error) => self.complain(&format!("service {}: {error}", service.name)),
                }
            }
            // A program that counts on a socket must not get its neighbour's: all of them or none.
            if listening.len() < service.sockets.len() {
                listening.clear();
            }
            self.sockets.push(listening);
            // A confined service sees only folders that are there when it starts, also those of services that start after it.
            let user = self.accounts.user(&service.user).map(|user| (user.uid, user.gid));
            if let Some((folder, owner)) = runtime_folder(service).zip(user)
                && let Err(problem) = make_folder(&folder, owner)
            {
                self.complain(&problem);
            }
        }
        if services.is_empty() {
            self.complain(&format!("no service in {SERVICES}"));
        }
        self.supervisor = Supervisor::new(services);
        let now = clock::now();
        let actions = self.supervisor.tick(now);
        self.perform(actions, now);
    }
}

fn mount(entry: &Mount) -> Result<(), String> {
    if entry.needs.is_some_and(|path| !Path::new(path).is_dir()) {
        return Ok(());
    }
    if let Some(mode) = entry.create {
        let _ = fs::create_dir_all(entry.target);
        let _ = fs::set_permissions(entry.target, fs::Permissions::from_mode(mode));
    }
    match rustix::mount::mount(entry.kind, entry.target, entry.kind, entry.flags, entry.options) {
        // The kernel may have mounted /dev itself (CONFIG_DEVTMPFS_MOUNT), with flags of its own.
        Err(Errno::BUSY) => {
            rustix::mount::mount_remount(entry.target, entry.flags, entry.options.unwrap_or_default())
                .map_err(|error| format!("cannot mount {} anew: {error}", entry.target))
        }
        // A firmware without variables at run time has the folder but nothing to mount.
        Err(Errno::NODEV | Errno::OPNOTSUPP) if entry.needs.is_some() => Ok(()),
        outcome => {
            outcome.map_err(|error| format!("cannot mount {} on {}: {error}", entry.kind, entry.target))
        }
    }
}

/// Numbers 0 to 2 are taken, so that nothing of importance gets them by chance.
fn standard_streams() {
    if let Ok(null) = rustix::fs::open(c"/dev/null", OFlags::RDWR, Mode::empty()) {
        for number in 0..=2 {
            let _ = sys::place(std::os::fd::AsRawFd::as_raw_fd(&null), number);
        }
        // Where the kernel gave no console, the open itself may have been one of the three.
        if std::os::fd::AsRawFd::as_raw_fd(&null) <= 2 {
            std::mem::forget(null);
        }
    }
}

fn loopback() -> Result<(), Errno> {
    use rustix::net::{AddressFamily, SocketFlags, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sys::interface_up(&socket, "lo")
}

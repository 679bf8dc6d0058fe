//! A multi-touch screen for the machine, as a vhost-user device that this process implements.
//!
//! QEMU has a touch screen of its own only since 8.1, and it can be driven by the monitor only; this one works with every QEMU
//! that we support. Specification: virtio 1.2, section 5.8 (input device), and QEMU's `docs/interop/vhost-user`.

mod config;
mod device;

use anyhow::Context;
use device::{Device, Pending};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use vhost::vhost_user::Listener;
use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;

/// The top of both axes.
pub const AXIS_MAX: u32 = 0x7fff;

// Linux' input-event-codes.h.
const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const EV_ABS: u16 = 3;
const SYN_REPORT: u16 = 0;
const BTN_TOUCH: u16 = 0x14a;
const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;
const ABS_MT_SLOT: u16 = 0x2f;
const ABS_MT_POSITION_X: u16 = 0x35;
const ABS_MT_POSITION_Y: u16 = 0x36;
const ABS_MT_TRACKING_ID: u16 = 0x39;

/// A pointing device with ten fingers.
pub struct TouchScreen {
    pending: Pending,
    wake: std::fs::File,
    _server: JoinHandle<()>,
}

impl std::fmt::Debug for TouchScreen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TouchScreen").finish_non_exhaustive()
    }
}

impl TouchScreen {
    /// QEMU's arguments: the device, and guest memory that another process can map.
    pub fn arguments(socket: &Path, memory_mib: u32) -> Vec<String> {
        [
            "-object".to_owned(),
            format!("memory-backend-memfd,id=shared,share=on,size={memory_mib}M"),
            "-machine".to_owned(),
            "memory-backend=shared".to_owned(),
            "-chardev".to_owned(),
            format!("socket,id=touch,path={}", socket.display()),
            "-device".to_owned(),
            "vhost-user-input-pci,chardev=touch".to_owned(),
        ]
        .into()
    }

    /// Waits for QEMU in a thread of its own; the thread ends with QEMU.
    pub fn listen(socket: &Path) -> anyhow::Result<TouchScreen> {
        let pending = Pending::default();
        let wake = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)
            .context("cannot create an eventfd")?;
        let wake = std::fs::File::from(wake);
        let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
        let device = Device::new(memory.clone(), pending.clone(), wake.try_clone()?);
        let mut daemon = VhostUserDaemon::new("touch".into(), Arc::new(Mutex::new(device)), memory)
            .map_err(|error| anyhow::anyhow!("cannot start the touch screen: {error}"))?;
        for handler in daemon.get_epoll_handlers() {
            let fd = std::os::fd::AsRawFd::as_raw_fd(&wake);
            handler.register_listener(fd, EventSet::IN, device::WAKE).context("cannot watch an eventfd")?;
        }
        let mut listener =
            Listener::new(socket, true).map_err(|error| anyhow::anyhow!("{}: {error}", socket.display()))?;
        let server = std::thread::spawn(move || {
            // The machine going away is how this ends.
            let _ = daemon.start(&mut listener).and_then(|()| daemon.wait());
            for handler in daemon.get_epoll_handlers() {
                handler.send_exit_event();
            }
        });
        Ok(TouchScreen { pending, wake, _server: server })
    }

    /// Puts one finger on pixel x, y of a screen of that size and lifts it.
    pub fn tap(&self, x: u32, y: u32, screen: (u32, u32)) -> anyhow::Result<()> {
        self.down(0, x, y, screen)?;
        self.up(0)
    }

    /// Puts finger number `slot` down, or moves it.
    pub fn down(&self, slot: u8, x: u32, y: u32, (width, height): (u32, u32)) -> anyhow::Result<()> {
        let (x, y) = (axis(x, width), axis(y, height));
        let slot = u32::from(slot);
        self.send(&[
            (EV_ABS, ABS_MT_SLOT, slot),
            (EV_ABS, ABS_MT_TRACKING_ID, slot),
            (EV_ABS, ABS_MT_POSITION_X, x),
            (EV_ABS, ABS_MT_POSITION_Y, y),
            (EV_KEY, BTN_TOUCH, 1),
            (EV_ABS, ABS_X, x),
            (EV_ABS, ABS_Y, y),
            (EV_SYN, SYN_REPORT, 0),
        ])
    }

    /// Lifts finger number `slot`, the last one.
    pub fn up(&self, slot: u8) -> anyhow::Result<()> {
        let lifted = u32::MAX; // -1, as the protocol B of multi-touch wants
        self.send(&[
            (EV_ABS, ABS_MT_SLOT, u32::from(slot)),
            (EV_ABS, ABS_MT_TRACKING_ID, lifted),
            (EV_KEY, BTN_TOUCH, 0),
            (EV_SYN, SYN_REPORT, 0),
        ])
    }

    fn send(&self, events: &[(u16, u16, u32)]) -> anyhow::Result<()> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).extend(events.iter().copied());
        (&self.wake).write_all(&1_u64.to_ne_bytes()).context("cannot wake the touch screen")
    }
}

fn axis(pixel: u32, size: u32) -> u32 {
    (pixel * 2 + 1) * AXIS_MAX / (size.max(1) * 2)
}

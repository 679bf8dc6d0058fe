//! Devices that are there, come and go; power keys; the kernel's messages.

use super::Init;
use super::shutdown::Goal;
use crate::device::netlink::Received;
use crate::device::registry;
use crate::device::uevent::Uevent;
use crate::log::{parse_record, stamp};
use crate::power::{PowerKey, Press};
use crate::reactor::Token;
use rustix::io::Errno;
use std::path::Path;
use std::time::Duration;

/// Events and records handled before others get their turn.
const AT_ONCE: usize = 64;
/// A record has at most 1 KiB of text and its properties (`PRINTKRB_RECORD_MAX`, rounded up).
const RECORD_LIMIT: usize = 8192;

impl Init {
    /// Takes in every device that is already there.
    pub(super) fn adopt_present(&mut self, now: Duration) {
        for event in registry::present() {
            self.adopt(&event, now);
        }
    }

    pub(super) fn on_uevents(&mut self, now: Duration) {
        for _ in 0..AT_ONCE {
            match self.uevents.as_ref().map(|socket| socket.receive()) {
                Some(Received::Event(event)) => self.adopt(&event, now),
                Some(Received::Other) => {}
                Some(Received::Overflow) => {
                    self.complain("device events were lost, looking at every device again");
                    self.adopt_present(now);
                }
                Some(Received::Nothing) | None => return,
            }
        }
    }

    fn adopt(&mut self, event: &Uevent, now: Duration) {
        let adopted = self.registry.adopt(event, &self.accounts, now);
        adopted.problems.iter().for_each(|problem| self.complain(problem));
        if let Some(node) = adopted.power_key.filter(|_| event.get("ACTION") == Some("add")) {
            self.watch_power_key(&node);
        }
        if self.watchdog.is_none() && event.get("DEVNAME").is_some_and(|name| name == "watchdog") {
            self.arm_watchdog();
        }
        if let Some(socket) = &self.uevents {
            socket.announce(&adopted.properties);
        }
    }

    fn watch_power_key(&mut self, node: &Path) {
        match PowerKey::open(node) {
            Ok(key) => {
                let serial = self.next_serial();
                let _ = self.reactor.watch(&key.fd, Token::PowerKey(serial), false);
                self.power_keys.insert(serial, key);
            }
            Err(error) => {
                self.complain(&format!("the power key of {} is not heard: {error}", node.display()))
            }
        }
    }

    pub(super) fn on_power_key(&mut self, serial: u32, now: Duration) {
        match self.power_keys.get(&serial).map(PowerKey::read) {
            Some(Press::Pressed) => self.begin_shutdown(Goal::PowerOff, "power button", now),
            Some(Press::Gone) => {
                if let Some(key) = self.power_keys.remove(&serial) {
                    self.reactor.forget(&key.fd);
                }
            }
            Some(Press::Nothing) | None => {}
        }
    }

    pub(super) fn on_kernel_log(&mut self, now: Duration) {
        let (mut lines, mut rotten) = (Vec::new(), false);
        for _ in 0..AT_ONCE {
            let Some(fd) = &self.kernel_log else {
                break;
            };
            let mut buffer = [0; RECORD_LIMIT];
            match rustix::io::read(fd, &mut buffer) {
                Ok(length) => {
                    let record = buffer.get(..length).and_then(parse_record);
                    if let Some(record) = record {
                        rotten |= self.repairs.hear(&record.text);
                        lines
                            .extend_from_slice(format!("{}{}\n", stamp(record.time), record.text).as_bytes());
                    }
                }
                // Records were overwritten before they were read; the next read goes on with the oldest that is left.
                Err(Errno::PIPE) => lines.extend_from_slice(b"(messages were lost here)\n"),
                Err(_) => break,
            }
        }
        self.journal.keep(now, "kernel", &lines);
        if rotten {
            self.say("warning: a damaged block of the system was repaired while it was read: the storage may be failing");
        }
    }
}

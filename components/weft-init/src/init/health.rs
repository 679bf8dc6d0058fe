//! The release on trial: PID 1 tells how it is, hears the decision, and decides by itself when nobody does.

use super::Init;
use super::shutdown::{Goal, Note};
use crate::boot_info::BootInfo;
use crate::health::Trial;
use crate::phase::STATE;
use crate::sys::{self, Fork};
use std::path::Path;
use std::time::Duration;
use weft_state::boot::{Boot, Outcome, Record};
use weft_state::health::Report;

impl Init {
    pub(super) fn begin_trial(&mut self) {
        self.info = BootInfo::read(Path::new("/"));
        let Boot { slot, version, on_trial, .. } = self.info.boot.clone();
        if on_trial {
            self.trial = Trial::begin(self.info.limits);
        }
        let trial = if on_trial { ", on trial" } else { "" };
        self.say(&format!("slot {slot}, version {version}{trial}"));
    }

    pub(super) fn health(&self) -> String {
        let report = Report {
            boot: self.info.boot.clone(),
            counted: self.info.counted.clone(),
            state_kept: self.state_kept,
            limits: self.info.limits,
            repaired: self.repairs.count(),
            services: self
                .supervisor
                .health()
                .into_iter()
                .chain(self.broken_services.iter().cloned())
                .collect(),
        };
        serde_json::to_string(&report).unwrap_or_default()
    }

    pub(super) fn found_good(&mut self, _now: Duration) {
        self.trial.settle();
        if self.info.boot.outcome == Outcome::Good {
            return;
        }
        self.info.boot.outcome = Outcome::Good;
        self.say(&format!("version {} is good", self.info.boot.version));
        write_down(Record::good);
    }

    pub(super) fn found_broken(&mut self, why: &str, now: Duration) {
        self.trial.settle();
        self.info.boot.outcome = Outcome::Failed(why.to_owned());
        let text = format!("version {} is broken: {why}", self.info.boot.version);
        self.complain(&text);
        // At once: the way down may be cut short.
        write_down(|record| record.failed(why));
        self.shut_down_with(Goal::Reboot, Note::Failed(why.to_owned()), "the release failed", now);
    }

    pub(super) fn tick_trial(&mut self, now: Duration) {
        if self.shutdown.is_none()
            && let Some(why) = self.trial.tick(now)
        {
            self.found_broken(&why, now);
        }
    }

    /// Not on the way to a restart: where that hangs, the watchdog ends it.
    pub(super) fn feed_watchdog(&mut self, now: Duration) {
        let restarting = self.restarting();
        if let Some(watchdog) = self.watchdog.as_mut().filter(|_| !restarting) {
            watchdog.tick(now);
        }
    }

    pub(super) fn restarting(&self) -> bool {
        self.shutdown.as_ref().is_some_and(|shutdown| shutdown.goal() == Goal::Reboot)
    }
}

/// In a process of its own, collected like any other: the disk may take its time.
fn write_down(change: impl FnOnce(&mut Record)) {
    if let Ok(Fork::Child) = sys::fork() {
        if let Ok(Some(mut record)) = Record::load(Path::new(STATE)) {
            change(&mut record);
            let _ = record.store(Path::new(STATE));
        }
        sys::exit_now(0)
    }
}

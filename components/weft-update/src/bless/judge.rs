//! The rules by which a release is kept: pure, the clock is an argument.

use std::time::Duration;
use weft_ipc::appd::{AppHealth, AppState};
use weft_ipc::screen::Screen;
use weft_state::health::{Limits, Report};

/// Services whose presence says what can be asked.
pub const COMPOSITOR: &str = "weft-compositor";
pub const APPD: &str = "weft-appd";
/// A page that answers says so every 5 s.
const PAGE_SILENCE_MS: u64 = 20_000;

/// The system at one moment.
#[derive(Debug, Clone)]
pub struct Observation {
    pub report: Report,
    /// What the compositor says, where there is one.
    pub screen: Option<Result<Screen, String>>,
    /// What appd says, where there is one.
    pub apps: Option<Result<Vec<AppHealth>, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Open,
    Good,
    /// In words: what was wrong when the time was over.
    Broken(String),
}

/// Looks at observations in a row.
#[derive(Debug, Clone)]
pub struct Judge {
    limits: Limits,
    /// Since when nothing was wrong, and what must not change meanwhile.
    held: Option<(Duration, Marks)>,
}

/// Restarts of services, sessions of apps: a crash loop is well now and then, but never the same twice.
type Marks = Vec<(String, u64)>;

impl Judge {
    pub fn new(limits: Limits) -> Self {
        Self { limits, held: None }
    }

    /// `now` is the time since the kernel's start.
    pub fn look(&mut self, now: Duration, observation: &Observation) -> Verdict {
        let late = now >= self.limits.total();
        match problem(observation) {
            Some(problem) => {
                self.held = None;
                if late { Verdict::Broken(problem) } else { Verdict::Open }
            }
            None => self.holds(now, late, marks(observation)),
        }
    }

    /// A release that was found good at an earlier boot only has to come up again. As soon as nothing is wrong, nothing is waited for: its
    /// tries are spent until then, and a device that is switched off at the plug thrice in a row shall not lose its newest release. Not
    /// sooner, because what rotted may be what the screen or the app needs, and stops the machine only there. What is wrong beside the
    /// services (no display, an app that crashes) is not the release's doing, for it was good: then it is enough that they hold. So it is
    /// after a kernel's panic, which no power cut is: it may come again a little later than everything is well.
    pub fn look_again(&mut self, now: Duration, observation: &Observation, panicked: bool) -> Verdict {
        match (services(&observation.report), problem(observation)) {
            (None, None) if !panicked => Verdict::Good,
            (None, _) => self.holds(now, false, service_marks(observation)),
            (Some(problem), _) => {
                self.held = None;
                if now >= self.limits.total() { Verdict::Broken(problem) } else { Verdict::Open }
            }
        }
    }

    fn holds(&mut self, now: Duration, late: bool, marks: Marks) -> Verdict {
        match &self.held {
            Some((since, before)) if *before == marks => {
                if now.saturating_sub(*since) >= self.limits.settle() {
                    return Verdict::Good;
                }
            }
            _ => self.held = Some((now, marks)),
        }
        match late {
            true => {
                let settle = self.limits.settle_secs;
                Verdict::Broken(format!("services or apps kept restarting: nothing held for {settle} s"))
            }
            false => Verdict::Open,
        }
    }
}

fn service_marks(observation: &Observation) -> Marks {
    let services = observation.report.services.iter().filter(|service| service.required);
    services.map(|service| (service.name.clone(), u64::from(service.restarts))).collect()
}

fn marks(observation: &Observation) -> Marks {
    let mut marks = service_marks(observation);
    let apps = observation.apps.iter().flatten().flatten().filter(|app| app.wanted);
    marks.extend(apps.map(|app| (app.app_id.clone(), app.session_id)));
    marks
}

/// The first thing that is wrong, in words.
fn problem(observation: &Observation) -> Option<String> {
    state(&observation.report)
        .or_else(|| services(&observation.report))
        .or_else(|| apps(observation))
        .or_else(|| screen(observation))
}

fn state(report: &Report) -> Option<String> {
    match report.state_kept {
        Some(true) => None,
        Some(false) => Some("the state partition cannot be used".to_owned()),
        None => Some("the state partition is not mounted".to_owned()),
    }
}

fn services(report: &Report) -> Option<String> {
    let broken = report.services.iter().find(|service| service.required && !service.works())?;
    Some(format!("the service {} is {}, after {} restarts", broken.name, broken.state, broken.restarts))
}

fn wanted(observation: &Observation) -> impl Iterator<Item = &AppHealth> {
    observation.apps.iter().flatten().flatten().filter(|app| app.wanted)
}

fn apps(observation: &Observation) -> Option<String> {
    if let Some(Err(why)) = &observation.apps {
        return Some(why.clone());
    }
    wanted(observation).find_map(|app| {
        let id = &app.app_id;
        match (app.state, app.has_page, app.page_silent_ms) {
            (AppState::Running, true, Some(silent)) if silent <= PAGE_SILENCE_MS => None,
            (AppState::Running, false, _) => None,
            (AppState::Running, true, _) => Some(format!("the page of {id} does not answer")),
            _ => Some(format!("the app {id} does not run")),
        }
    })
}

fn screen(observation: &Observation) -> Option<String> {
    let screen = match observation.screen.as_ref()? {
        Ok(screen) => screen,
        Err(why) => return Some(why.clone()),
    };
    // Monitors are off when updates are installed; what would be shown is drawn all the same.
    if screen.connected && !screen.presenting {
        return Some("the display shows no frames".to_owned());
    }
    let kiosk: Vec<&str> = wanted(observation).map(|app| app.app_id.as_str()).collect();
    let counts = |app_id: Option<&str>| kiosk.is_empty() || app_id.is_some_and(|id| kiosk.contains(&id));
    let mut windows = screen.windows.iter().filter(|window| counts(window.app_id.as_deref())).peekable();
    if windows.peek().is_none() {
        return Some("nothing is on the screen".to_owned());
    }
    windows.all(|window| window.blank).then(|| "the screen is blank".to_owned())
}

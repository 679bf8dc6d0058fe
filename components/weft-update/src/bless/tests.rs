//! Releases that work and releases that do not, as those who are asked would describe them.

mod kept;

use super::board::Board;
use super::*;
use weft_ipc::appd::{AppHealth, AppState};
use weft_ipc::screen::{Screen, Window};
use weft_state::boot::Boot;
use weft_state::health::{Limits, Service};

pub fn report(slot: &str, counted: bool) -> Report {
    let service = |name: &str| Service {
        name: name.to_owned(),
        state: "ready".to_owned(),
        restarts: 0,
        required: true,
    };
    Report {
        boot: Boot {
            id: "1".into(),
            slot: slot.into(),
            version: "2.0.0".into(),
            on_trial: counted,
            outcome: Outcome::Running,
        },
        counted: counted.then(|| "\\EFI\\Linux\\weft-a_2.0.0+2-1.efi".to_owned()),
        state_kept: Some(true),
        limits: Limits { settle_secs: 10, total_secs: 60 },
        repaired: 0,
        services: [judge::APPD, judge::COMPOSITOR, "weft-netd"].map(service).into(),
    }
}

fn window(app_id: Option<&str>, blank: bool) -> Window {
    Window { app_id: app_id.map(str::to_owned), blank }
}

fn shown(windows: Vec<Window>) -> Screen {
    Screen { connected: true, presenting: true, windows }
}

fn app(silent: Option<u64>) -> AppHealth {
    AppHealth {
        app_id: "org.weft.kiosk".into(),
        session_id: 1,
        wanted: true,
        state: AppState::Running,
        has_page: true,
        page_silent_ms: silent,
    }
}

/// The second, and what may change in it.
type Change = dyn FnMut(u64, &mut Report, &mut Vec<AppHealth>);

/// A system, and what happens to it as seconds pass.
struct World {
    now: u64,
    report: Report,
    screen: Result<Screen, String>,
    apps: Result<Vec<AppHealth>, String>,
    each_second: Box<Change>,
    told: Vec<String>,
}

impl World {
    fn good() -> Self {
        Self {
            now: 0,
            report: report("a", true),
            screen: Ok(shown(vec![window(None, false)])),
            apps: Ok(Vec::new()),
            each_second: Box::new(|_, _, _| {}),
            told: Vec::new(),
        }
    }

    fn kiosk(windows: Vec<Window>, app: AppHealth) -> Self {
        Self { screen: Ok(shown(windows)), apps: Ok(vec![app]), ..Self::good() }
    }
}

impl Sources for World {
    fn init(&mut self) -> Result<Report, String> {
        self.now += 1;
        let mut none = Vec::new();
        (self.each_second)(self.now, &mut self.report, self.apps.as_mut().unwrap_or(&mut none));
        Ok(self.report.clone())
    }
    fn screen(&mut self) -> Result<Screen, String> {
        self.screen.clone()
    }
    fn apps(&mut self) -> Result<Vec<AppHealth>, String> {
        self.apps.clone()
    }
    fn tell(&mut self, request: &str) -> Result<(), String> {
        self.told.push(request.to_owned());
        Ok(())
    }
}

/// What is asked of the boot loader's partition, which fails a few times before it works.
#[derive(Default)]
struct Kept {
    entries: Vec<Option<String>>,
    failures: usize,
    has_fallback: bool,
}

impl Keep for Kept {
    fn keep(&mut self, report: &Report) -> Result<(), String> {
        self.entries.push(report.counted.clone());
        let fails = self.failures > 0;
        self.failures = self.failures.saturating_sub(1);
        if fails { Err("the partition cannot be written".into()) } else { Ok(()) }
    }
    fn has_fallback(&mut self, _report: &Report) -> bool {
        self.has_fallback
    }
}

/// How it ends, at which second, what the boot loader's entry got, what PID 1 was told.
fn run(mut world: World) -> (Ending, u64, usize, Vec<String>) {
    let mut kept = Kept::default();
    let (ending, clock) = run_with(&mut world, &mut kept);
    (ending, clock, kept.entries.len(), world.told)
}

fn run_with(world: &mut World, kept: &mut Kept) -> (Ending, u64) {
    run_on(&Board::default(), world, kept)
}

fn run_on(board: &Board, world: &mut World, kept: &mut Kept) -> (Ending, u64) {
    let mut clock = 0;
    let ending = watch(world, kept, board, |pause| {
        clock += pause.as_secs();
        Duration::from_secs(clock)
    });
    (ending, clock)
}

fn given_up(world: World) -> String {
    match run(world) {
        (Ending::GivenUp(why), 60, 0, told) => {
            assert_eq!(told, [format!("failed {why}")]);
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_release_that_works_is_kept_after_the_settling_time() {
    let (ending, seconds, kept, told) = run(World::good());
    assert_eq!((ending, seconds, kept, told), (Ending::Kept, 11, 1, vec!["good".to_owned()]));
    let kiosk = World::kiosk(vec![window(Some("org.weft.kiosk"), false)], app(Some(4_000)));
    assert_eq!(run(kiosk).0, Ending::Kept);
}

#[test]
fn what_is_wrong_when_the_time_is_over_is_the_reason() {
    let mut crashed = World::good();
    crashed.report.services[1].state = "restarting".into();
    assert!(given_up(crashed).contains("weft-compositor is restarting"));
    let mut unread = World { screen: Err("nobody is there".into()), ..World::good() };
    unread.report.services[1].state = "broken".into();
    assert!(given_up(unread).contains("weft-compositor is broken"), "not a device without a display");
    let blank = World { screen: Ok(shown(vec![window(None, true)])), ..World::good() };
    assert_eq!(given_up(blank), "the screen is blank");
    let dark = World {
        screen: Ok(Screen { presenting: false, ..shown(vec![window(None, false)]) }),
        ..World::good()
    };
    assert!(given_up(dark).contains("shows no frames"));
    let hung = World { screen: Err("the compositor does not answer".into()), ..World::good() };
    assert!(given_up(hung).contains("compositor does not answer"));
    let mut unusable = World::good();
    unusable.report.state_kept = Some(false);
    assert!(given_up(unusable).contains("state partition"));
}

#[test]
fn the_kiosk_app_itself_must_run_answer_and_show_something() {
    let shown = || vec![window(Some("org.weft.kiosk"), false), window(None, false)];
    assert!(given_up(World::kiosk(shown(), app(Some(60_000)))).contains("does not answer"));
    assert!(given_up(World::kiosk(shown(), app(None))).contains("does not answer"));
    let dead = AppHealth { state: AppState::NotFound, ..app(None) };
    assert!(given_up(World::kiosk(shown(), dead)).contains("does not run"));
    let other = World::kiosk(vec![window(None, false)], app(Some(10)));
    assert_eq!(given_up(other), "nothing is on the screen", "the system UI alone is not the kiosk app");
    let black = vec![window(Some("org.weft.kiosk"), true), window(None, false)];
    assert_eq!(given_up(World::kiosk(black, app(Some(10)))), "the screen is blank");
}

/// A kiosk whose monitor is switched off at night, when updates are installed.
#[test]
fn without_a_monitor_it_counts_what_would_be_on_the_screen() {
    let unplugged = |blank: bool| {
        let screen = shown(vec![window(Some("org.weft.kiosk"), blank)]);
        let screen = Ok(Screen { connected: false, presenting: false, ..screen });
        World { screen, ..World::kiosk(Vec::new(), app(Some(10))) }
    };
    assert_eq!(run(unplugged(false)).0, Ending::Kept);
    assert_eq!(given_up(unplugged(true)), "the screen is blank");
}

#[test]
fn a_crash_loop_that_is_well_at_every_look_is_no_settling() {
    let mut services = World::good();
    services.each_second = Box::new(|now, report, _| report.services[0].restarts = (now / 5) as u32);
    assert!(given_up(services).contains("kept restarting"));
    let mut apps = World::kiosk(vec![window(Some("org.weft.kiosk"), false)], app(Some(10)));
    apps.each_second = Box::new(|now, _, apps| apps[0].session_id = now / 5);
    assert!(given_up(apps).contains("kept restarting"));
}

#[test]
fn a_service_that_nobody_needs_decides_nothing() {
    let mut world = World::good();
    world.report.services[2].required = false;
    world.each_second = Box::new(|now, report, _| {
        report.services[2].state = "restarting".into();
        report.services[2].restarts = now as u32;
    });
    assert_eq!(run(world).0, Ending::Kept);
}

#[test]
fn a_service_that_ended_as_it_should_is_nothing_broken() {
    let mut world = World::good();
    world.report.services[2].state = "finished".into();
    assert_eq!(run(world).0, Ending::Kept);
    let mut ended = World::good();
    ended.report.services[2].state = "stopped".into();
    assert!(given_up(ended).contains("weft-netd is stopped"));
}

#[test]
fn a_device_without_a_display_is_judged_by_its_services() {
    let mut world = World { screen: Err("nobody is there".into()), ..World::good() };
    world.report.services.retain(|service| service.name != judge::COMPOSITOR);
    assert_eq!(run(world).0, Ending::Kept);
}

#[test]
fn a_release_that_nothing_better_would_follow_runs_on() {
    let mut last = World { screen: Err("no".into()), ..World::good() };
    last.report.boot.on_trial = false;
    let (ending, _, kept, told) = run(last);
    assert_eq!((ending, kept, told), (Ending::LeftRunning("no".into()), 0, Vec::new()));
}

#[test]
fn an_entry_that_cannot_be_renamed_is_tried_again_and_the_system_works_on() {
    let mut kept = Kept { failures: 3, ..Kept::default() };
    let mut world = World::good();
    let (ending, _) = run_with(&mut world, &mut kept);
    assert_eq!((ending, kept.entries.len()), (Ending::Kept, 4));
    assert_eq!(world.told, ["good"], "PID 1 does not wait for the partition");
}

/// The service crashed after PID 1 had heard of it.
#[test]
fn a_release_that_was_found_good_but_is_still_counted_is_kept_without_another_trial() {
    let mut world = World { screen: Err("it is dark by now".into()), ..World::good() };
    world.report.boot.outcome = Outcome::Good;
    let mut kept = Kept::default();
    assert_eq!(run_with(&mut world, &mut kept), (Ending::Kept, 1));
    assert_eq!(kept.entries.len(), 1);
}

#[test]
fn what_is_given_up_already_is_left_alone() {
    let mut given_up = World::good();
    given_up.report.boot.outcome = Outcome::Failed("blank".into());
    let mut kept = Kept::default();
    assert_eq!(run_with(&mut given_up, &mut kept).0, Ending::Settled);
    assert!(kept.entries.is_empty(), "the device restarts");
}

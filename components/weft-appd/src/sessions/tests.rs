//! The machine against a small world of processes that start, get ready and die as they please.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const CLIENT: ClientId = ClientId::Connection(7);

fn app(number: u8) -> AppId {
    format!("org.weft.app{number}").parse().unwrap()
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

impl Sessions {
    fn verify_invariants(&self) {
        let mut live = BTreeSet::new();
        for (id, session) in &self.sessions {
            assert!(*id <= self.last_id);
            if !session.is_stopping() {
                assert!(live.insert(&session.app), "two live sessions of {}", session.app);
            }
            let has = |role| session.processes.contains(&role);
            match &session.phase {
                Phase::Waiting { after, .. } => {
                    assert!(session.processes.is_empty(), "{id} waits and has processes");
                    assert!(after.is_none_or(|other| other < *id));
                }
                Phase::Compiling { .. } => assert!(has(Role::Compiler), "{id} has no compiler"),
                Phase::Component { .. } => {
                    assert!(has(Role::Runtime) && !has(Role::Shell), "{id} has no component")
                }
                Phase::Page { .. } => assert!(has(Role::Runtime) && has(Role::Shell), "{id} has no page"),
                Phase::Running { .. } => assert!(has(Role::Runtime), "{id} runs without a component"),
                Phase::Stopping { .. } => assert!(!session.processes.is_empty(), "{id} is not forgotten"),
            }
        }
        assert!(self.sessions.len() <= 2 * MAX_SESSIONS);
    }
}

/// The machine with the processes that its actions lead to.
#[derive(Default)]
struct World {
    machine: Sessions,
    now: Duration,
    processes: BTreeSet<(SessionId, Role)>,
    /// Sessions whose processes are told to leave, and those whose processes are killed.
    told: BTreeSet<SessionId>,
    killed: BTreeSet<SessionId>,
    cleared: BTreeSet<SessionId>,
    /// Apps without a page.
    pageless: BTreeSet<AppId>,
    /// Apps whose code is not there yet.
    uncompiled: BTreeSet<AppId>,
    /// Apps with a network broker.
    fetching: BTreeSet<AppId>,
}

impl World {
    fn event(&mut self, event: Event) -> Vec<Action> {
        let mut all = self.machine.handle(self.now, event);
        let mut done = 0;
        while let Some(action) = all.get(done).cloned() {
            done += 1;
            match action {
                Action::StartRuntime { session, app } if self.uncompiled.contains(&app) => {
                    assert!(self.processes.insert((session, Role::Compiler)), "{session} is compiled twice");
                    all.extend(self.machine.handle(self.now, Event::Compiling { session }));
                }
                Action::StartRuntime { session, app } => {
                    assert!(self.processes.insert((session, Role::Runtime)), "{session} is started twice");
                    let has_page = !self.pageless.contains(&app);
                    let helpers = Vec::from_iter(self.fetching.contains(&app).then_some(Role::Fetch));
                    self.processes.extend(helpers.iter().map(|role| (session, *role)));
                    let started = Event::Started { session, has_page, helpers };
                    all.extend(self.machine.handle(self.now, started));
                }
                Action::StartShell(session) => {
                    assert!(self.processes.insert((session, Role::Shell)), "{session} has two pages");
                }
                Action::Terminate(session) => assert!(self.told.insert(session), "{session} is told twice"),
                Action::Kill(session) => assert!(self.killed.insert(session), "{session} is killed twice"),
                Action::Clear(session) => {
                    assert!(self.cleared.insert(session), "{session} is cleared twice");
                    assert!(
                        self.processes.iter().all(|(of, _)| *of != session),
                        "{session} leaves a process"
                    );
                }
                _ => {}
            }
        }
        self.machine.verify_invariants();
        all
    }

    fn launch(&mut self, number: u8) -> SessionId {
        let actions = self.event(Event::Launch { client: CLIENT, app: app(number) });
        let acked = actions.iter().find_map(|action| match action {
            Action::Reply(CLIENT, Response::LaunchAck { session_id, .. }) => Some(*session_id),
            _ => None,
        });
        acked.unwrap_or_else(|| panic!("no LAUNCH_ACK: {actions:?}"))
    }

    fn ready(&mut self, session: SessionId, role: Role) -> Vec<Action> {
        self.event(Event::Ready { session, role })
    }

    /// Launches an app and has both processes say that they are ready.
    fn run(&mut self, number: u8) -> SessionId {
        let session = self.launch(number);
        self.ready(session, Role::Runtime);
        self.ready(session, Role::Shell);
        assert_eq!(self.machine.state(session), AppState::Running);
        session
    }

    fn dies(&mut self, session: SessionId, role: Role, end: End) -> Vec<Action> {
        assert!(self.processes.remove(&(session, role)));
        self.event(Event::Ended { session, role, end })
    }

    /// Lets time pass, deadline by deadline.
    fn wait(&mut self, time: Duration) -> Vec<Action> {
        let end = self.now + time;
        let mut all = Vec::new();
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            all.extend(self.event(Event::Tick));
        }
        self.now = end;
        all.extend(self.event(Event::Tick));
        all
    }
}

fn broadcasts_ready(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Broadcast(Response::AppReady { .. })))
}

#[test]
fn an_app_is_ready_once_both_its_processes_are() {
    let mut world = World::default();
    let session = world.launch(1);
    assert!(!broadcasts_ready(&world.ready(session, Role::Shell)), "there is no page yet");
    assert!(!broadcasts_ready(&world.ready(session, Role::Runtime)));
    let actions = world.ready(session, Role::Shell);
    assert!(broadcasts_ready(&actions));
    assert!(actions.contains(&Action::Status("session 1 org.weft.app1 ready".to_owned())));
    assert!(!broadcasts_ready(&world.ready(session, Role::Shell)), "once is enough");
}

#[test]
fn an_app_without_a_page_is_ready_with_its_component() {
    let mut world = World::default();
    world.pageless.insert(app(1));
    let session = world.launch(1);
    assert!(broadcasts_ready(&world.ready(session, Role::Runtime)));
    assert_eq!(world.processes.len(), 1);
}

#[test]
fn launching_a_running_app_brings_it_to_the_front() {
    let mut world = World::default();
    let session = world.run(1);
    let actions = world.event(Event::Launch { client: CLIENT, app: app(1) });
    assert!(actions.contains(&Action::Focus(session)));
    assert_eq!(world.machine.running().len(), 1);
}

#[test]
fn either_process_dying_ends_the_other_and_starts_both_anew() {
    for role in [Role::Runtime, Role::Shell] {
        let mut world = World::default();
        let session = world.run(1);
        let actions = world.dies(session, role, End::Killed(9));
        assert!(actions.contains(&Action::Terminate(session)));
        let other = if role == Role::Runtime { Role::Shell } else { Role::Runtime };
        world.dies(session, other, End::Killed(15));
        assert!(world.cleared.contains(&session));
        assert!(world.processes.is_empty(), "not before its pause");
        world.wait(FIRST_PAUSE);
        assert!(world.processes.contains(&(session + 1, Role::Runtime)));
    }
}

#[test]
fn the_pause_before_a_restart_doubles_up_to_its_limit_and_a_long_run_forgives() {
    let mut world = World::default();
    let mut session = world.launch(1);
    let mut pauses = Vec::new();
    for _ in 0..MAX_IN_A_ROW - 1 {
        world.dies(session, Role::Runtime, End::Failed(10));
        let pause = world.machine.next_deadline().unwrap() - world.now;
        pauses.push(pause);
        world.wait(pause);
        session += 1;
    }
    assert_eq!(pauses[..3], [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]);
    assert_eq!(pauses[8], LAST_PAUSE);
    world.ready(session, Role::Runtime);
    world.ready(session, Role::Shell);
    world.wait(FORGIVEN_AFTER);
    world.dies(session, Role::Shell, End::Killed(11));
    world.dies(session, Role::Runtime, End::Killed(15));
    assert_eq!(world.machine.next_deadline().unwrap() - world.now, FIRST_PAUSE);
}

#[test]
fn an_app_that_does_nothing_but_crash_is_given_up_until_somebody_wants_it() {
    let mut world = World::default();
    let first = world.launch(1);
    for (session, crash) in (first..).zip(1..=MAX_IN_A_ROW) {
        let actions = world.dies(session, Role::Runtime, End::Killed(11));
        let counts =
            |action: &Action| matches!(action, Action::Report(Crash { in_a_row, .. }) if *in_a_row == crash);
        assert!(actions.iter().any(counts), "{actions:?}");
        world.wait(LAST_PAUSE);
    }
    assert!(world.machine.is_empty() && world.machine.next_deadline().is_none());
    world.run(1);
}

#[test]
fn code_that_is_not_there_is_made_once_and_then_run() {
    let mut world = World { uncompiled: BTreeSet::from([app(1), app(2)]), ..World::default() };
    let session = world.launch(1);
    assert_eq!(world.machine.state(session), AppState::Starting);
    world.uncompiled.remove(&app(1));
    world.dies(session, Role::Compiler, End::Done);
    world.ready(session, Role::Runtime);
    world.ready(session, Role::Shell);
    assert_eq!(world.machine.state(session), AppState::Running);

    let session = world.launch(2);
    let actions = world.dies(session, Role::Compiler, End::Failed(3));
    assert!(
        actions.iter().any(|action| matches!(action, Action::Broadcast(Response::Error { code: 403, .. })))
    );
    assert_eq!(world.machine.state(session), AppState::NotFound, "trying again would be of no use");
}

#[test]
fn a_dead_helper_ends_its_session_and_a_done_one_does_not() {
    let mut world = World { fetching: BTreeSet::from([app(1)]), ..World::default() };
    let session = world.run(1);
    let actions = world.dies(session, Role::Fetch, End::Killed(9));
    assert!(actions.contains(&Action::Terminate(session)));
    world.dies(session, Role::Runtime, End::Killed(15));
    world.dies(session, Role::Shell, End::Killed(15));
    world.wait(FIRST_PAUSE);
    let session = session + 1;
    world.dies(session, Role::Fetch, End::Done);
    assert!(!world.told.contains(&session));
}

#[test]
fn a_component_that_is_done_or_refused_is_not_started_again() {
    for end in [End::Done, End::Refused(5)] {
        let mut world = World::default();
        let session = world.launch(1);
        let actions = world.dies(session, Role::Runtime, end);
        assert!(world.machine.is_empty());
        let told = actions.iter().any(|action| matches!(action, Action::Broadcast(Response::Error { .. })));
        assert_eq!(told, end != End::Done);
    }
}

#[test]
fn what_is_not_ready_in_time_is_ended_and_tried_again() {
    let mut world = World::default();
    let session = world.launch(1);
    let actions = world.wait(READY_LIMIT);
    assert!(actions.contains(&Action::Terminate(session)));
    assert!(actions.iter().any(|action| matches!(action, Action::Broadcast(Response::Error { .. }))));
    let actions = world.wait(TERM_LIMIT);
    assert!(actions.contains(&Action::Kill(session)), "it did not leave");
    world.dies(session, Role::Runtime, End::Killed(9));
    world.wait(FIRST_PAUSE);
    assert!(world.processes.contains(&(session + 1, Role::Runtime)));
}

#[test]
fn an_app_launched_while_it_ends_starts_when_it_has_ended() {
    let mut world = World::default();
    let session = world.run(1);
    world.event(Event::Terminate { client: CLIENT, session });
    let next = world.launch(1);
    assert_ne!(next, session);
    world.wait(seconds(1));
    assert!(!world.processes.contains(&(next, Role::Runtime)), "two of them would share their data");
    world.dies(session, Role::Shell, End::Done);
    world.dies(session, Role::Runtime, End::Killed(15));
    assert!(world.processes.contains(&(next, Role::Runtime)));
}

#[test]
fn going_down_ends_all_and_forgets_nothing() {
    let mut world = World::default();
    let session = world.run(1);
    assert_eq!(world.machine.saved, [app(1)]);
    let actions = world.event(Event::ShutDown);
    assert!(!actions.iter().any(|action| matches!(action, Action::Save(_))));
    let refused = world.event(Event::Launch { client: CLIENT, app: app(2) });
    assert!(matches!(refused[..], [Action::Reply(CLIENT, Response::Error { code: code::REFUSED, .. })]));
    world.dies(session, Role::Runtime, End::Killed(15));
    world.dies(session, Role::Shell, End::Killed(15));
    assert!(world.machine.is_empty());
}

#[test]
fn sessions_are_not_without_number() {
    let mut world = World::default();
    for number in 0..u8::try_from(MAX_SESSIONS).unwrap() {
        world.launch(number);
    }
    let actions = world.event(Event::Launch { client: CLIENT, app: app(99) });
    assert!(
        matches!(&actions[..], [Action::Reply(_, Response::Error { code: code::REFUSED, .. })]),
        "{actions:?}"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Launch(u8),
    Terminate(u64),
    Ready(u64, Role),
    Dies(usize, End),
    CannotStart(u64, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![Just(Role::Runtime), Just(Role::Shell), Just(Role::Fetch)];
    let end =
        prop_oneof![Just(End::Done), Just(End::Refused(3)), Just(End::Failed(10)), Just(End::Killed(9))];
    prop_oneof![
        4 => (0..4u8).prop_map(Step::Launch),
        1 => (0..12u64).prop_map(Step::Terminate),
        6 => (0..12u64, role).prop_map(|(session, role)| Step::Ready(session, role)),
        4 => (0..8usize, end).prop_map(|(which, end)| Step::Dies(which, end)),
        1 => (0..12u64, any::<bool>()).prop_map(|(session, for_good)| Step::CannotStart(session, for_good)),
        3 => (0..40_000u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens, in whatever order: one live session an app, processes only where they belong, every session cleared once
    /// and only without processes, and an end that is reached.
    #[test]
    fn no_order_of_events_breaks_the_sessions(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World {
            pageless: BTreeSet::from([app(3)]),
            uncompiled: BTreeSet::from([app(2)]),
            fetching: BTreeSet::from([app(1)]),
            ..World::default()
        };
        for step in steps {
            match step {
                Step::Launch(number) => { world.event(Event::Launch { client: CLIENT, app: app(number) }); }
                Step::Terminate(session) => { world.event(Event::Terminate { client: CLIENT, session }); }
                // As in the real world, only a process that exists can say so.
                Step::Ready(session, role) if world.processes.contains(&(session, role)) => {
                    world.ready(session, role);
                }
                Step::Ready(..) => {}
                Step::Dies(which, end) => {
                    if let Some((session, role)) = world.processes.iter().nth(which).copied() {
                        world.uncompiled.clear();
                        world.dies(session, role, end);
                    }
                }
                Step::CannotStart(session, for_good) => {
                    if world.processes.contains(&(session, Role::Runtime))
                        && !world.processes.iter().any(|(of, role)| *of == session && *role != Role::Runtime) {
                        world.processes.remove(&(session, Role::Runtime));
                        world.event(Event::NotStarted { session, reason: "full".to_owned(), for_good });
                    }
                }
                Step::Wait(milliseconds) => { world.wait(Duration::from_millis(milliseconds)); }
            }
        }
        world.event(Event::ShutDown);
        world.wait(TERM_LIMIT);
        let left: Vec<_> = world.processes.iter().copied().collect();
        for (session, role) in left {
            prop_assert!(world.told.contains(&session) && world.killed.contains(&session), "{session} lives on");
            world.dies(session, role, End::Killed(9));
        }
        prop_assert!(world.machine.is_empty());
        prop_assert_eq!(world.machine.next_deadline(), None);
    }
}

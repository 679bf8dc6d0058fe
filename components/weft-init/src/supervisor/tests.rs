use super::*;
use crate::backoff;
use crate::notification::Notification;
use proptest::prelude::*;

const fn at(millis: u64) -> Now {
    Duration::from_millis(millis)
}

fn supervisor(files: &[(&str, &str)]) -> Supervisor {
    let parse = |(name, text): &(&str, &str)| {
        crate::service_file::parse("t.toml", name, &format!("exec = ['/x']\n{text}")).unwrap()
    };
    Supervisor::new(files.iter().map(parse).collect())
}

fn ready() -> Notification {
    Notification { ready: true, ..Notification::default() }
}

fn says(actions: &[Action], part: &str) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Say(text) | Action::Complain(text) if text.contains(part)))
}

#[test]
fn services_start_when_those_before_them_are_ready() {
    let mut services = supervisor(&[("a", "readiness = 'notify'"), ("b", "after = ['a']")]);
    assert_eq!(services.tick(at(0)), [Action::Start(0)]);
    assert!(services.started(0, 10, at(1)).is_empty(), "not ready yet");
    let actions = services.notified(0, &ready(), at(2));
    assert!(says(&actions, "a ready") && actions.contains(&Action::Start(1)));
    assert!(says(&services.started(1, 11, at(3)), "b ready"), "ready by running");
}

#[test]
fn a_service_with_state_waits_for_the_partition() {
    let mut services = supervisor(&[("a", "state_directory = 'a'"), ("b", "")]);
    assert_eq!(services.tick(at(0)), [Action::Start(1)]);
    assert_eq!(services.state_mounted(at(5)), [Action::Start(0)]);
}

#[test]
fn a_late_service_waits_for_all_others_but_not_for_ever() {
    let files = [("a", "readiness = 'notify'"), ("b", "late = true\nstate_directory = 'b'"), ("c", "")];
    let mut services = supervisor(&files);
    assert_eq!(services.tick(at(0)), [Action::Start(0), Action::Start(2)]);
    services.started(0, 10, at(0));
    services.started(2, 11, at(0));
    assert!(services.state_mounted(at(10)).is_empty(), "a is not ready yet");
    let mut never = services.clone();
    assert!(services.notified(0, &ready(), at(20)).contains(&Action::Start(1)));

    assert_eq!(never.next_deadline(), Some(LATE_LIMIT), "before the start of `a` is overdue");
    assert!(never.tick(LATE_LIMIT - at(1)).is_empty());
    assert_eq!(never.tick(LATE_LIMIT), [Action::Start(1)]);
    never.started(1, 12, LATE_LIMIT);
    assert_eq!(never.next_deadline(), Some(at(120_000)), "the limit is not waited for again");
}

#[test]
fn a_late_service_without_its_state_sets_no_timer() {
    let mut services =
        supervisor(&[("a", "readiness = 'notify'"), ("b", "late = true\nstate_directory = 'b'")]);
    services.tick(at(0));
    services.started(0, 10, at(0));
    assert_eq!(services.next_deadline(), Some(at(120_000)));
}

#[test]
fn a_crash_loop_backs_off_and_a_healthy_run_forgives() {
    let mut services = supervisor(&[("a", "")]);
    let mut now = at(0);
    let mut delays = Vec::new();
    services.tick(now);
    for pid in 10..14 {
        services.started(0, pid, now);
        let actions = services.exited(pid, End::Signal(11), now).unwrap();
        assert_eq!(actions.first(), Some(&Action::Kill(0)), "no orphan survives");
        let State::Backoff { until } = services.state(0).unwrap() else { panic!() };
        delays.push((until - now).as_millis());
        assert!(services.tick(until - at(1)).is_empty());
        now = until;
        assert_eq!(services.tick(now), [Action::Start(0)]);
    }
    assert_eq!(delays, [100, 200, 400, 800]);
    services.started(0, 20, now);
    now += backoff::HEALTHY_AFTER;
    let actions = services.exited(20, End::Status(1), now).unwrap();
    assert!(says(&actions, "exited with status 1, restarting in 0.1 s"), "{actions:?}");
    assert_eq!(services.status(), ["a restarting - 5"]);
}

#[test]
fn policies_decide_about_a_clean_end() {
    for (policy, clean, failed) in
        [("always", true, true), ("on-failure", false, true), ("never", false, false)]
    {
        for (status, again) in [(0, clean), (1, failed)] {
            let mut services = supervisor(&[("a", &format!("restart = '{policy}'"))]);
            services.tick(at(0));
            services.started(0, 10, at(0));
            services.exited(10, End::Status(status), at(1));
            let ended = matches!(services.state(0), Some(State::Stopped | State::Finished));
            assert_eq!(!ended, again, "{policy} {status}");
        }
    }
}

#[test]
fn a_silent_service_is_killed_and_started_again() {
    let mut services = supervisor(&[("a", "readiness = 'notify'\nwatchdog_secs = 2")]);
    services.tick(at(0));
    services.started(0, 10, at(0));
    services.notified(0, &ready(), at(1000));
    services.notified(0, &Notification { alive: true, ..Notification::default() }, at(2500));
    assert!(services.tick(at(4499)).is_empty(), "the sign of life counts");
    assert_eq!(services.next_deadline(), Some(at(4500)));
    let actions = services.tick(at(4500));
    assert!(actions.contains(&Action::Kill(0)) && says(&actions, "no sign of life for 2 s"));
    services.exited(10, End::Signal(9), at(4510));
    assert_eq!(services.tick(at(4610)), [Action::Start(0)]);
}

#[test]
fn one_that_never_gets_ready_is_killed() {
    let mut services = supervisor(&[("a", "readiness = 'notify'\nstart_timeout_secs = 5")]);
    services.tick(at(0));
    services.started(0, 10, at(0));
    assert_eq!(services.next_deadline(), Some(at(5000)));
    assert!(services.tick(at(5000)).contains(&Action::Kill(0)));
}

#[test]
fn a_requested_restart_is_immediate_and_costs_no_backoff() {
    let mut services = supervisor(&[("a", "restart = 'never'")]);
    services.tick(at(0));
    services.started(0, 10, at(0));
    assert!(services.restart(0, at(5)).contains(&Action::Terminate(0)));
    assert_eq!(services.tick(at(5) + STOP_LIMIT), [Action::Kill(0)], "deaf to SIGTERM");
    let actions = services.exited(10, End::Signal(9), at(2000)).unwrap();
    assert_eq!(actions, [Action::Kill(0)]);
    assert_eq!(services.tick(at(2100)), [Action::Start(0)]);
}

#[test]
fn shutdown_goes_backwards_and_ends_in_time() {
    let mut services = supervisor(&[("a", ""), ("b", "after = ['a']"), ("c", "after = ['b']")]);
    services.tick(at(0));
    for (unit, pid) in [(0, 10), (1, 11), (2, 12)] {
        services.started(unit, pid, at(1));
    }
    assert_eq!(services.shut_down(at(2000), at(100)), [Action::Terminate(2)]);
    let actions = services.exited(12, End::Status(0), at(150)).unwrap();
    assert_eq!(actions, [Action::Kill(2), Action::Terminate(1)]);
    assert_eq!(services.tick(at(2000)), [Action::Kill(0), Action::Kill(1)], "deadline");
    services.exited(11, End::Signal(9), at(2001));
    let actions = services.exited(10, End::Signal(9), at(2002)).unwrap();
    assert!(actions.contains(&Action::AllStopped));
    assert_eq!(services.next_deadline(), None);
}

#[test]
fn a_shutdown_without_services_is_through_at_once() {
    assert_eq!(supervisor(&[]).shut_down(at(1), at(0)), [Action::AllStopped]);
    let mut waiting = supervisor(&[("a", "state_directory = 'a'")]);
    waiting.tick(at(0));
    assert_eq!(waiting.shut_down(at(1), at(0)), [Action::AllStopped]);
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Exit(usize, i32),
    Ready(usize),
    Restart(usize),
    StartFails(usize),
    StateMounted,
    ShutDown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..20_000).prop_map(Step::Wait),
        4 => (0usize..4, 0..3).prop_map(|(unit, status)| Step::Exit(unit, status)),
        4 => (0usize..4).prop_map(Step::Ready),
        2 => (0usize..4).prop_map(Step::Restart),
        1 => (0usize..4).prop_map(Step::StartFails),
        1 => Just(Step::StateMounted),
        1 => Just(Step::ShutDown),
    ]
}

proptest! {
    /// The surroundings carry every action out at once; whatever happens, what must hold holds.
    #[test]
    fn invariants_hold(steps in prop::collection::vec(step(), 0..80)) {
        let mut services = supervisor(&[
            ("a", "readiness = 'notify'\nwatchdog_secs = 3"),
            ("b", "after = ['a']\nrestart = 'on-failure'"),
            ("c", "after = ['a', 'b']\nrestart = 'never'"),
            ("d", "state_directory = 'd'\nstart_timeout_secs = 4\nreadiness = 'notify'"),
        ]);
        let (mut now, mut next_pid, mut next_start_fails) = (at(0), 100, None);
        let mut stopped = false;
        let mut queue: Vec<Action> = services.tick(now);
        for step in [vec![Step::Wait(1)], steps].concat() {
            match step {
                Step::Wait(millis) => now += at(millis),
                Step::Exit(unit, status) => if let Some(pid) = services.pid(unit) {
                    queue.extend(services.exited(pid, End::Status(status), now).unwrap());
                },
                Step::Ready(unit) => queue.extend(services.notified(unit, &ready(), now)),
                Step::Restart(unit) => queue.extend(services.restart(unit, now)),
                Step::StartFails(unit) => next_start_fails = Some(unit),
                Step::StateMounted => queue.extend(services.state_mounted(now)),
                Step::ShutDown => queue.extend(services.shut_down(now + at(2000), now)),
            }
            queue.extend(services.tick(now));
            let mut rounds = 0;
            while !queue.is_empty() {
                rounds += 1;
                prop_assert!(rounds < 1000, "actions without end");
                let action = queue.remove(0);
                match action {
                    Action::Start(unit) => {
                        prop_assert!(!services.shutting_down(), "started while shutting down");
                        prop_assert_eq!(services.pid(unit), None, "two processes of one service");
                        if next_start_fails == Some(unit) {
                            next_start_fails = None;
                            queue.extend(services.start_failed(unit, "no memory", now));
                        } else {
                            next_pid += 1;
                            queue.extend(services.started(unit, next_pid, now));
                        }
                    }
                    Action::Kill(unit) => if let Some(pid) = services.pid(unit) {
                        queue.extend(services.exited(pid, End::Signal(9), now).unwrap());
                    },
                    Action::AllStopped => stopped = true,
                    Action::Terminate(unit) => prop_assert!(services.pid(unit).is_some()),
                    Action::Say(_) | Action::Complain(_) => {}
                }
            }
            for unit in 0..services.len() {
                let lives = services.pid(unit).is_some();
                let state = services.state(unit).unwrap();
                let may_live = matches!(state, State::Starting | State::Ready | State::Stopping { .. });
                prop_assert_eq!(lives, may_live, "{:?}", state);
            }
            prop_assert!(services.next_deadline().is_none_or(|next| next > now), "the loop would spin");
        }
        queue.extend(services.shut_down(now + at(2000), now));
        queue.extend(services.tick(now + at(2000)));
        while !queue.is_empty() {
            match queue.remove(0) {
                Action::Kill(unit) => if let Some(pid) = services.pid(unit) {
                    queue.extend(services.exited(pid, End::Signal(9), now).unwrap());
                },
                Action::AllStopped => stopped = true,
                _ => {}
            }
        }
        prop_assert!(stopped && (0..services.len()).all(|unit| services.pid(unit).is_none()));
    }
}

#[test]
fn whoever_ends_as_its_policy_lets_it_is_no_broken_service() {
    let state_after = |policy: &str, end: End| {
        let mut services = supervisor(&[("a", policy)]);
        services.tick(at(0));
        services.started(0, 10, at(0));
        services.exited(10, end, at(5));
        let health = services.health().remove(0);
        (health.state.clone(), health.works())
    };
    assert_eq!(state_after("restart = 'on-failure'", End::Status(0)), ("finished".into(), true));
    assert_eq!(state_after("restart = 'never'", End::Status(0)), ("finished".into(), true));
    assert_eq!(state_after("restart = 'never'", End::Status(1)), ("stopped".into(), false));
    assert_eq!(state_after("restart = 'never'", End::Signal(9)), ("stopped".into(), false));
    assert_eq!(state_after("restart = 'on-failure'", End::Status(1)), ("restarting".into(), false));
    assert_eq!(state_after("restart = 'always'", End::Status(0)), ("restarting".into(), false));
}

use super::*;
use proptest::prelude::*;

const OUTPUT: Extent = Extent { width: 1280, height: 800 };

fn shown(windows: &mut Windows, owner: Owner, role: Role) -> WindowId {
    let id = windows.add(owner);
    windows.set_role(id, role);
    windows.map(id);
    windows.verify_invariants();
    id
}

#[test]
fn an_app_gets_the_output_without_the_task_bar() {
    let mut windows = Windows::new(OUTPUT);
    let panel = shown(&mut windows, Owner::Client(1), Role::Panel);
    let app = shown(&mut windows, Owner::Session(1), Role::App);
    assert_eq!(windows.place(panel), Some(Rect { x: 0, y: 0, width: 1280, height: 800 }));
    assert_eq!(windows.place(app), Some(Rect { x: 0, y: 0, width: 1280, height: 752 }));
    assert_eq!(windows.front_to_back().collect::<Vec<_>>(), [app, panel]);
    assert_eq!(windows.focused(), Some(app));
}

#[test]
fn zones_of_the_panel_replace_the_task_bar() {
    let mut windows = Windows::new(OUTPUT);
    let panel = shown(&mut windows, Owner::Client(1), Role::Panel);
    windows.set_zone(panel, Edge::Top, 30);
    windows.set_zone(panel, Edge::Left, 100_000);
    assert_eq!(windows.work_area(), Rect { x: 640, y: 30, width: 640, height: 770 });
    windows.remove(panel);
    assert_eq!(windows.work_area(), Zones::TASK_BAR.work_area(OUTPUT));
}

#[test]
fn a_later_window_of_a_session_takes_nothing() {
    let mut windows = Windows::new(OUTPUT);
    let first = shown(&mut windows, Owner::Session(1), Role::App);
    let second = shown(&mut windows, Owner::Session(1), Role::App);
    assert_eq!(windows.focused(), Some(first));
    assert_eq!(windows.front_to_back().collect::<Vec<_>>(), [first, second]);
    windows.remove(first);
    assert_eq!(windows.focused(), Some(second));
}

#[test]
fn a_window_that_comes_again_does_not_take_the_keyboard() {
    let mut windows = Windows::new(OUTPUT);
    let pushy = shown(&mut windows, Owner::Session(1), Role::App);
    let other = shown(&mut windows, Owner::Session(2), Role::App);
    windows.unmap(pushy);
    windows.map(pushy);
    assert_eq!(windows.focused(), Some(other));
}

#[test]
fn closing_hands_the_keyboard_to_the_topmost_app_then_to_the_panel() {
    let mut windows = Windows::new(OUTPUT);
    let panel = shown(&mut windows, Owner::Client(1), Role::Panel);
    let one = shown(&mut windows, Owner::Session(1), Role::App);
    let two = shown(&mut windows, Owner::Session(2), Role::App);
    windows.focus(panel);
    assert_eq!(windows.front_to_back().next(), Some(two), "a panel is not raised by a click");
    windows.focus(two);
    windows.remove(two);
    assert_eq!(windows.focused(), Some(one));
    windows.remove(one);
    assert_eq!(windows.focused(), Some(panel));
}

#[test]
fn an_overlay_is_above_every_app_until_it_is_a_panel_again() {
    let mut windows = Windows::new(OUTPUT);
    let panel = shown(&mut windows, Owner::Client(1), Role::Panel);
    let app = shown(&mut windows, Owner::Session(1), Role::App);
    windows.set_role(panel, Role::Overlay);
    assert_eq!(windows.focused(), Some(panel));
    let late = shown(&mut windows, Owner::Session(2), Role::App);
    assert_eq!(windows.front_to_back().collect::<Vec<_>>(), [panel, late, app]);
    assert_eq!(windows.focused(), Some(panel));
    assert!(windows.activate(1));
    windows.set_role(panel, Role::Panel);
    assert_eq!(windows.front_to_back().collect::<Vec<_>>(), [app, late, panel]);
    assert_eq!(windows.focused(), Some(app));
}

#[test]
fn a_session_is_activated_by_its_number() {
    let mut windows = Windows::new(OUTPUT);
    let early = shown(&mut windows, Owner::Client(7), Role::App);
    windows.adopt(Owner::Client(7), Owner::Session(1));
    let _other = shown(&mut windows, Owner::Session(2), Role::App);
    assert!(windows.activate(1));
    assert_eq!(windows.focused(), Some(early));
    assert!(!windows.activate(3));
}

#[derive(Debug, Clone)]
enum Step {
    Add(Owner),
    Map(usize),
    Unmap(usize),
    Remove(usize),
    Role(usize, Role),
    Zone(usize, Edge, i32),
    Focus(usize),
    Activate(u64),
    Adopt(u64, u64),
    Forget(Owner),
    Output(i32, i32),
}

fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![(0..3u64).prop_map(Owner::Session), (0..3u64).prop_map(Owner::Client)]
}

fn step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![Just(Role::Panel), Just(Role::Overlay), Just(Role::App)];
    let edge = prop_oneof![Just(Edge::Top), Just(Edge::Bottom), Just(Edge::Left), Just(Edge::Right)];
    let index = 0..12usize;
    prop_oneof![
        2 => owner().prop_map(Step::Add),
        4 => index.clone().prop_map(Step::Map),
        1 => index.clone().prop_map(Step::Unmap),
        1 => index.clone().prop_map(Step::Remove),
        2 => (index.clone(), role).prop_map(|(id, role)| Step::Role(id, role)),
        1 => (index.clone(), edge, any::<i32>()).prop_map(|(id, edge, size)| Step::Zone(id, edge, size)),
        2 => index.prop_map(Step::Focus),
        1 => (0..3u64).prop_map(Step::Activate),
        1 => (0..3u64, 0..3u64).prop_map(|(from, to)| Step::Adopt(from, to)),
        1 => owner().prop_map(Step::Forget),
        1 => (1..4000i32, 1..4000i32).prop_map(|(width, height)| Step::Output(width, height)),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_invariants_hold(steps in prop::collection::vec(step(), 1..80)) {
        let mut windows = Windows::new(OUTPUT);
        let mut ids = Vec::new();
        for step in steps {
            let pick = |index: usize| ids.get(index).copied().unwrap_or(WindowId(u64::MAX));
            match step {
                Step::Add(owner) => ids.push(windows.add(owner)),
                Step::Map(index) => windows.map(pick(index)),
                Step::Unmap(index) => windows.unmap(pick(index)),
                Step::Remove(index) => windows.remove(pick(index)),
                Step::Role(index, role) => windows.set_role(pick(index), role),
                Step::Zone(index, edge, size) => windows.set_zone(pick(index), edge, size),
                Step::Focus(index) => windows.focus(pick(index)),
                Step::Activate(session) => drop(windows.activate(session)),
                Step::Adopt(from, to) => windows.adopt(Owner::Client(from), Owner::Session(to)),
                Step::Forget(owner) => windows.forget_owner(owner),
                Step::Output(width, height) => windows.set_output(Extent { width, height }),
            }
            windows.verify_invariants();
        }
    }
}

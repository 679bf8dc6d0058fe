//! Releases that were found good at an earlier boot.

use super::*;
use weft_state::boot::Record;

fn kept_before(world: World) -> World {
    let mut world = world;
    world.report.boot.on_trial = false;
    world.report.counted = Some("\\EFI\\Linux\\weft-a_2.0.0_kept+2-1.efi".to_owned());
    world
}

#[test]
fn a_kept_release_gets_its_tries_back_as_soon_as_nothing_is_wrong() {
    let mut world = kept_before(World::good());
    world.report.services[0].state = "starting".into();
    world.each_second = Box::new(|now, report, _| {
        if now == 8 {
            report.services[0].state = "ready".into();
        }
    });
    let (ending, seconds, kept, told) = run(world);
    assert_eq!((ending, seconds, kept), (Ending::Kept, 8, 1));
    assert!(told.is_empty(), "PID 1 waits for nothing: {told:?}");
    let mut uncounted = World::good();
    uncounted.report.counted = None;
    assert_eq!(run(uncounted), (Ending::Kept, 1, 1, Vec::new()), "named by an older image");
}

/// A block that rotted may be needed a little later than everything is well.
#[test]
fn after_a_panic_a_kept_release_must_hold_before_it_gets_its_tries_back() {
    let board = Board::default();
    let mut world = kept_before(World::good());
    let current = world.report.boot.clone();
    let panic = Some("dm-verity device corrupted".to_owned());
    let record = Record { current, last_end: panic.clone(), panic, failure: None };
    board.change(|parts| parts.record = Some(record));
    let mut kept = Kept::default();
    assert_eq!(run_on(&board, &mut world, &mut kept), (Ending::Kept, 11));
}

/// No display, an app that is broken: neither is the release's doing.
#[test]
fn a_kept_release_is_not_left_for_what_is_wrong_beside_its_services() {
    let dark = World { screen: Err("no display".into()), ..World::good() };
    let mut crashing = World::kiosk(vec![window(Some("org.weft.kiosk"), true)], app(None));
    crashing.each_second = Box::new(|now, _, apps| apps[0].session_id = now);
    for world in [dark, crashing] {
        let mut world = kept_before(world);
        let mut kept = Kept { has_fallback: true, ..Kept::default() };
        assert_eq!(run_with(&mut world, &mut kept), (Ending::Kept, 11), "its services held for 10 s");
        assert_eq!((kept.entries.len(), world.told.len()), (1, 0));
    }
}

#[test]
fn a_kept_release_whose_services_do_not_come_up_is_left_only_for_a_good_one() {
    let broken = || {
        let mut world = kept_before(World::good());
        world.report.services[1].state = "restarting".into();
        world.each_second = Box::new(|now, report, _| {
            if now == 90 {
                report.services[1].state = "ready".into();
            }
        });
        world
    };
    let end = |mut world: World, has_fallback: bool| {
        let mut kept = Kept { has_fallback, ..Kept::default() };
        let (ending, seconds) = run_with(&mut world, &mut kept);
        (ending, seconds, kept.entries.len(), world.told.len())
    };
    let (ending, seconds, kept, told) = end(broken(), true);
    assert!(matches!(&ending, Ending::GivenUp(why) if why.contains("weft-compositor is restarting")));
    assert_eq!((seconds, kept, told), (60, 0, 1));
    assert_eq!(end(broken(), false), (Ending::Kept, 90, 1, 0), "nothing better would boot");
    let mut uncounted = broken();
    uncounted.report.counted = None;
    assert_eq!(end(uncounted, true), (Ending::Kept, 90, 1, 0), "a restart would lead back to it");
}

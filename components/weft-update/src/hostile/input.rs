//! Bad input without any malice: what cannot be installed says why.

use super::*;

/// The words with which the device refuses the release that `change` makes.
fn refused(change: impl FnOnce(&mut weft_release::Release)) -> String {
    let mut maker = Maker::new();
    maker.release("1.1.0", &image(9, BLOCKS), change);
    maker.publish();
    let target = Target::new(&maker);
    let words = target.take(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap_err();
    assert!(target.is_untouched());
    words
}

#[test]
fn releases_that_are_not_for_this_device() {
    let said =
        |words: &str, found: String| assert!(found.contains(words), "{found:?} does not say {words:?}");
    said("architecture riscv64", refused(|release| release.architecture = "riscv64".to_owned()));
    said("from version 1.0.5 on", refused(|release| release.minimum_version = "1.0.5".parse().unwrap()));
    said("of format 9", refused(|release| release.format = 9));
    said("older than 1.0.0", refused(|release| release.version = "0.9.0".parse().unwrap()));
    said("current", refused(|release| release.version = "1.0.0".parse().unwrap()));
}

#[test]
fn a_permission_goes_back_and_an_epoch_does_not() {
    let mut maker = Maker::new();
    maker.release("0.9.0", &image(9, BLOCKS), |release| {
        release.allow_downgrade_from = vec!["1.0.0".parse().unwrap()];
    });
    maker.publish();
    let target = Target::new(&maker);
    target.take(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap();
    activate(&target.machine()).unwrap();
    let mut names = Esp::open(target.file("esp")).unwrap().names().unwrap();
    names.sort();
    assert_eq!(names, ["weft-a_1.0.0_kept+0.efi", "weft-b_0.9.0+3.efi"], "the older one must come first");
    let mut maker = Maker::new();
    maker.release("1.1.0", &image(9, BLOCKS), |release| release.epoch = 2);
    maker.publish();
    let target = Target::new(&maker);
    let mut standing = Standing::load(&*target.machine().store).unwrap();
    standing.epoch = 3;
    standing.save(&*target.machine().store).unwrap();
    let words = target.take(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap_err();
    assert!(words.contains("of epoch 2"), "{words}");
}

/// Whoever can wipe the state partition must not bring an old release with known holes back.
#[test]
fn a_device_without_records_keeps_the_epoch_of_its_image() {
    let mut maker = Maker::new();
    maker.release("1.1.0", &image(9, BLOCKS), |release| release.epoch = 2);
    maker.publish();
    let target = Target::new(&maker);
    let repository = target.look(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap();
    let choose = |epoch| {
        let machine = Machine { epoch, ..target.machine() };
        let standing = Standing::load(&*machine.store).unwrap();
        stage::choose(&repository, &machine, PRODUCT, &standing).map_err(|error| text(&error))
    };
    let words = choose(3).unwrap_err();
    assert!(words.contains("of epoch 2"), "{words}");
    assert!(matches!(choose(2), Ok(Choice::Take(..))));
}

#[test]
fn half_a_usb_stick() {
    let maker = repository();
    let half = mirror(&maker);
    let image = root_image(half.path());
    let bytes = std::fs::read(&image).unwrap();
    std::fs::write(&image, &bytes[..bytes.len() / 2]).unwrap();
    let target = Target::new(&maker);
    let taken = target.take(Arc::new(crate::source::Folder::open(half.path()).unwrap()));
    target.resists(taken, "ends early, in block 150", &maker);
    std::fs::remove_file(&image).unwrap();
    let target = Target::new(&maker);
    let taken = target.take(Arc::new(crate::source::Folder::open(half.path()).unwrap()));
    target.resists(taken, "has no targets/", &maker);
}

#[test]
fn a_repository_that_changes_while_it_is_read() {
    let mut maker = repository();
    let target = Target::new(&maker);
    let machine = target.machine();
    let repository = target.look(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap();
    let standing = Standing::load(&*machine.store).unwrap();
    let Choice::Take(release, _) = stage::choose(&repository, &machine, PRODUCT, &standing).unwrap() else {
        panic!("there is a release");
    };
    std::fs::remove_dir_all(maker.path("targets")).unwrap();
    maker.version = 2;
    maker.targets.clear();
    maker.release("1.1.0", &image(11, BLOCKS), |_| {});
    maker.publish();
    let outcome = stage::download(&machine, &repository, &release, 4).map_err(|error| text(&error));
    target.resists(outcome, "the update source has no targets/", &maker);
}

#[test]
fn an_update_waits_until_the_running_version_is_kept() {
    let maker = repository();
    let target = Target::new(&maker);
    let mut esp = target.machine().open_esp().unwrap();
    esp.rename("weft-a_1.0.0.efi", "weft-a_1.0.0+2-1.efi").unwrap();
    let words = target.take(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap_err();
    assert!(words.contains("runs on trial"), "{words}");
}

#[test]
fn a_slot_too_small_is_said_before_anything_is_given_up() {
    let maker = repository();
    let target = Target::new(&maker);
    std::fs::write(target.folder.path().join("root-b"), vec![0; 1 << 20]).unwrap();
    let words = target.take(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap_err();
    assert!(words.contains("partitions are too small"), "{words}");
    assert!(target.is_untouched());
}

use super::*;
use crate::device::SECTOR;
use crate::model::{Disk, read_esp};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn esp() -> (Disk, Esp<Disk>) {
    let disk = Disk::new(crate::model::esp_image(&[]));
    (disk.clone(), Esp::open(disk).unwrap())
}

fn files(disk: &Disk) -> BTreeMap<String, Vec<u8>> {
    read_esp(disk).unwrap().into_iter().filter(|(name, _)| !name.starts_with("boot/")).collect()
}

#[test]
fn another_reader_finds_what_was_installed_renamed_and_removed() {
    let (disk, mut esp) = esp();
    let contents: Vec<u8> = (0..CHUNK as u32 + 4465).map(|index| (index % 251) as u8).collect();
    esp.install("weft-b_1.1.0+3-0.efi", contents.len() as u32, &*contents).unwrap();
    esp.install("empty.efi", 0, io::empty()).unwrap();
    assert_eq!(files(&disk)["weft-b_1.1.0+3-0.efi"], contents);
    esp.rename("weft-b_1.1.0+3-0.efi", "weft-b_1.1.0.efi").unwrap();
    assert_eq!(files(&disk).into_keys().collect::<Vec<_>>(), ["empty.efi", "weft-b_1.1.0.efi"]);
    assert_eq!(esp.read("weft-b_1.1.0.efi").unwrap(), contents);
    esp.rename("weft-b_1.1.0.efi", "a-much-longer-name-than-weft-b_1.1.0-had-before+0-3.efi").unwrap();
    assert_eq!(esp.read("a-much-longer-name-than-weft-b_1.1.0-had-before+0-3.efi").unwrap(), contents);
    esp.remove("a-much-longer-name-than-weft-b_1.1.0-had-before+0-3.efi").unwrap();
    assert_eq!(files(&disk).into_keys().collect::<Vec<_>>(), ["empty.efi"]);
}

#[test]
fn the_space_of_removed_and_of_unfinished_files_comes_back() {
    let (_, mut esp) = esp();
    let len = 20 << 20;
    for round in 0..2 {
        let name = format!("weft-b_1.{round}.0.efi");
        let cut = esp.install(&name, len, io::repeat(1).take(u64::from(len) / 2));
        assert!(matches!(cut, Err(Error::Source(_))), "{cut:?}");
        esp.install(&name, len, io::repeat(7)).unwrap();
        let full = esp.install("second.efi", len, io::repeat(7)).unwrap_err();
        assert!(matches!(full, Error::Full { needed, .. } if needed == u64::from(len)), "{full}");
        esp.remove(&name).unwrap();
    }
}

#[test]
fn damaged_volumes_are_refused_and_nothing_is_written() {
    let image = crate::model::esp_image(&[]);
    for (start, byte) in [(0, 0xff), (510, 0)] {
        let mut bytes = image.clone();
        bytes.iter_mut().skip(start).take(SECTOR * 40).for_each(|at| *at = byte);
        let disk = Disk::new(bytes);
        let outcome = Esp::open(disk.clone()).and_then(|mut esp| esp.install("weft.efi", 600, io::repeat(1)));
        assert!(outcome.is_err() && disk.log().is_empty(), "{start}: {outcome:?}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Install(u8, u32),
    Remove(u8),
    Rename(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..24u8, 0..5000u32).prop_map(|(name, len)| Step::Install(name, len)),
        (0..24u8).prop_map(Step::Remove),
        (0..24u8, 0..24u8).prop_map(|(from, to)| Step::Rename(from, to)),
    ]
}

/// Names from short to long, so that records move from sector to sector.
fn name(number: u8) -> String {
    format!("weft-{}_{number}.efi", "x".repeat(usize::from(number) * 3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_steps_leave_what_a_map_would_hold(steps in prop::collection::vec(step(), 1..40)) {
        let (disk, mut esp) = esp();
        let mut expected = BTreeMap::new();
        for step in steps {
            match step {
                Step::Install(number, len) => {
                    let contents = vec![number; len as usize];
                    if esp.install(&name(number), len, &*contents).is_ok() {
                        prop_assert!(expected.insert(name(number), contents).is_none());
                    }
                }
                Step::Remove(number) => {
                    esp.remove(&name(number)).unwrap();
                    expected.remove(&name(number));
                }
                Step::Rename(from, to) => {
                    if esp.rename(&name(from), &name(to)).is_ok() {
                        let contents = expected.remove(&name(from));
                        expected.insert(name(to), contents.unwrap());
                    }
                }
            }
        }
        prop_assert_eq!(files(&disk), expected);
    }
}

/// FAT says nothing of what lies behind the record that ends a folder: older names, for one, or those of an interrupted write.
#[test]
fn what_lies_behind_the_end_of_the_folder_never_becomes_a_file() {
    let (disk, mut esp) = esp();
    let place = name(1);
    // A second sector of the folder.
    (0..8).for_each(|number| esp.install(&format!("{number}-{place}"), 0, io::empty()).unwrap());
    (0..8).for_each(|number| esp.remove(&format!("{number}-{place}")).unwrap());
    let stale = Own { short: *b"W~000099EFI", attributes: 0, cluster: 9, size: 600 }.records("x")[1];
    let chain = esp.volume.chain(esp.place).unwrap();
    assert!(chain.len() > 1, "{chain:?}");
    for (index, cluster) in chain.iter().enumerate() {
        let mut sector = [0; SECTOR];
        disk.read(esp.volume.offset(*cluster), &mut sector).unwrap();
        let kept = if index == 0 { 2 * 32 } else { 0 };
        sector[kept..].chunks_mut(32).for_each(|record| record.copy_from_slice(&stale));
        if index == 0 {
            sector[kept] = 0;
        }
        disk.write(esp.volume.offset(*cluster), &sector).unwrap();
    }
    let mut expected = Vec::new();
    for number in 0..8 {
        let name = format!("{number}-{place}");
        esp.install(&name, 5, &b"01234"[..]).unwrap();
        expected.push(name);
        assert_eq!(esp.names().unwrap(), expected);
        assert!(files(&disk).into_keys().eq(expected.iter().cloned()), "another reader");
    }
}

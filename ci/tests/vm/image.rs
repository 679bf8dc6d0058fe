//! What is in the image, as the running system sees it.

use crate::{KIOSK, vm_test};
use anyhow::ensure;
use libtest_mimic::{Completion, Trial};
use weft_ci::{TestVm, images};
use weft_ci_agent::FileFacts;

/// Only test images have these.
const OF_TESTS: [&str; 2] = ["/usr/bin/weft-ci-agent", "/usr/bin/weft-pack"];
const MOST_PROGRAMS: usize = 14;
/// Promised with the first release: a device with slots of 128 MiB has room to grow.
const ROOT_MIB: [(&str, u64); 2] = [("kiosk", 72), ("core", 24)];
/// Names that would give a person, or an attacker, something to type into.
const INTERPRETERS: [&str; 17] = [
    "sh", "bash", "dash", "ash", "ksh", "zsh", "busybox", "toybox", "perl", "python", "python3", "lua",
    "awk", "sed", "node", "getty", "login",
];
const SET_ID: u32 = 0o6000;
const ANY_EXECUTE: u32 = 0o111;
const OTHERS_WRITE: u32 = 0o022;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("the_image_has_few_programs_and_none_that_interprets", KIOSK, executables),
        Trial::ignorable_test("images_keep_to_their_size_and_ship_nothing_of_the_tests", || {
            shipped().map_err(|error| format!("{error:#}").into())
        }),
    ]
}

/// The images that ship, from what the pipeline says about them.
fn shipped() -> anyhow::Result<Completion> {
    for (profile, most_mib) in ROOT_MIB {
        let image = match images::find(profile) {
            Ok(image) => image,
            Err(reason) => return Ok(Completion::ignored_with(reason)),
        };
        let mib = image.root_bytes.div_ceil(1 << 20);
        ensure!(mib <= most_mib, "the root image of {profile} has {mib} MiB, more than {most_mib}");
        let files = std::fs::read_to_string(&image.files)?;
        ensure!(files.contains("usr/bin/weft-init"), "{} does not list PID 1", image.files.display());
        for of_tests in ["weft-ci-agent", "weft-pack", "trusted-keys"] {
            ensure!(!files.contains(of_tests), "{profile} ships {of_tests}, which is for tests");
        }
    }
    Ok(Completion::Completed)
}

/// A shared object says so in its name; everything else that is ELF can be started.
fn is_program(file: &FileFacts) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let library = name.ends_with(".so") || name.contains(".so.");
    file.elf && !library
}

fn executables(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let files = vm.agent()?.files()?;
    let list = |wanted: &dyn Fn(&FileFacts) -> bool| -> Vec<String> {
        files
            .iter()
            .filter(|file| !OF_TESTS.contains(&file.path.as_str()) && wanted(file))
            .map(|file| file.path.clone())
            .collect()
    };
    let programs = list(&is_program);
    println!("{} programs of {} files: {}", programs.len(), files.len(), programs.join(" "));
    ensure!(programs.len() >= 5, "there are not even the programs that a kiosk needs: {programs:?}");
    ensure!(
        programs.len() <= MOST_PROGRAMS,
        "{} programs, more than {MOST_PROGRAMS}: {programs:?}",
        programs.len()
    );

    let scripts = list(&|file| file.script);
    ensure!(scripts.is_empty(), "scripts: {scripts:?}");
    let named = list(&|file| INTERPRETERS.contains(&file.path.rsplit('/').next().unwrap_or_default()));
    ensure!(named.is_empty(), "interpreters: {named:?}");
    let odd = list(&|file| file.mode & ANY_EXECUTE != 0 && !file.elf);
    ensure!(odd.is_empty(), "executable, but no ELF file: {odd:?}");
    let elsewhere = list(&|file| is_program(file) && !file.path.starts_with("/usr/bin/"));
    ensure!(elsewhere.is_empty(), "programs outside /usr/bin: {elsewhere:?}");

    let set_id = list(&|file| file.mode & SET_ID != 0);
    ensure!(set_id.is_empty(), "setuid or setgid: {set_id:?}");
    let capable = list(&|file| file.capability);
    ensure!(capable.is_empty(), "file capabilities: {capable:?}");
    let foreign = list(&|file| file.uid != 0 || file.mode & OTHERS_WRITE != 0);
    ensure!(foreign.is_empty(), "not owned by root alone: {foreign:?}");
    Ok(())
}

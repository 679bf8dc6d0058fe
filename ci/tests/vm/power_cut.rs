//! The power fails while an app is updated: the version before or the new one is there, whole.

use crate::{CORE, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Instant;
use weft_ci::TestVm;
use weft_ci::device::pack_command;
use weft_ci::package::{App, noise, probe, publisher};

const ID: &str = "org.weft.test.updated";
/// What a package has beside its component, so that an installation takes a while.
const NOISE: usize = 512 << 10;
/// The cuts are spread over an installation and a little more.
const CUTS: u32 = 6;

pub fn trials() -> Vec<Trial> {
    vec![vm_test("a_power_cut_during_an_update_leaves_one_of_the_versions", CORE, power_cuts)]
}

/// A version whose files are all its own.
fn version(number: u32) -> anyhow::Result<App> {
    let app = App::new(ID, probe("files")?).grant(&["fs:rw:app-data"]).version(&format!("1.0.{number}"));
    Ok(app.page("index.html", "").page("noise.bin", noise(number).take(NOISE).collect::<Vec<u8>>()))
}

fn installed(vm: &mut TestVm) -> anyhow::Result<String> {
    let app = vm.installed()?.into_iter().find(|app| app.app_id == ID);
    Ok(app.context("neither version is there")?.version)
}

fn works(vm: &mut TestVm) -> anyhow::Result<()> {
    let session = vm.launch(ID)?;
    vm.done(session, "list /data")?;
    vm.end(session)
}

fn power_cuts(vm: &mut TestVm) -> anyhow::Result<()> {
    let first = publisher("first")?;
    vm.start_prepared()?;
    vm.install(&version(0)?, &first)?;
    works(vm)?;
    let began = Instant::now();
    vm.install(&version(1)?, &first)?;
    let took = began.elapsed();
    // Told that it is done, it is done: the power may fail at once.
    let mut before = "1.0.1".to_owned();
    let mut seen = Vec::new();
    for cut in 0..=CUTS {
        vm.stop();
        vm.start()?;
        vm.wait_appd()?;
        let now = installed(vm)?;
        let next = format!("1.0.{}", cut + 1);
        ensure!(now == before || now == next, "after a cut the version is {now}, not {before} or {next}");
        if cut == 0 {
            ensure!(now == before, "a finished update is gone after a power cut");
        }
        works(vm)?;
        seen.push(now.clone());
        before = now;
        if cut == CUTS {
            break;
        }
        let app = version(cut + 2)?;
        let path = vm.upload("update.app.tar.zst", &app.archive(Some(&first))?)?;
        vm.agent()?.start(pack_command(&["install", &path]))?;
        // Not to wait for anything: the moment of the cut is what is tried.
        std::thread::sleep(took * cut / (CUTS - 2));
    }
    println!("versions after each cut: {seen:?}, an update takes {took:?}");
    // Whatever a cut left behind is no obstacle to the next update.
    vm.install(&version(100)?, &first)?;
    ensure!(installed(vm)? == "1.0.100", "no update after the cuts");
    works(vm)
}

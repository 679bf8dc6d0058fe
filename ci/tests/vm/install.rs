//! Apps that come onto the device: installed, compiled, launched, updated, taken back, removed, and those that are refused.

use crate::{CORE, KIOSK, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::TestVm;
use weft_ci::device::{COMPILED, STORE};
use weft_ci::package::{ASKS, App, probe, publisher};
use weft_image::vm::{Screenshot, session};
use weft_package::key::SecretKey;

const ID: &str = "org.weft.test.notebook";

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("an_app_is_installed_compiled_once_and_launched", CORE, installed),
        vm_test("an_update_that_asks_for_more_waits_for_approval", CORE, updated),
        vm_test("an_app_is_removed_but_not_while_it_runs", CORE, removed),
        vm_test("what_is_not_its_publishers_is_refused", CORE, refused),
        vm_test("an_installed_app_appears_among_the_icons_and_starts_by_a_click", KIOSK, icon),
    ]
}

/// The probe `files`, with data of its own.
fn notebook() -> anyhow::Result<App> {
    Ok(App::new(ID, probe("files")?).grant(&["fs:rw:app-data"]))
}

/// The one file of compiled code.
fn code(vm: &mut TestVm) -> anyhow::Result<String> {
    let names = vm.agent()?.list(COMPILED)?;
    match names.as_slice() {
        [only] if only.ends_with(".cwasm") => Ok(format!("{COMPILED}/{only}")),
        others => anyhow::bail!("{COMPILED} has {others:?}"),
    }
}

fn installed(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_appd()?;
    ensure!(vm.installed()?.iter().all(|app| app.app_id != ID), "{ID} is there already");
    vm.install(&notebook()?, &publisher("first")?)?;
    vm.told_of(ID, Some("1.0.0"))?;

    let session = vm.launch(ID)?;
    vm.done(session, "write /data/note 5")?;
    let note = vm.done(session, "read /data/note")?;
    ensure!(note == "xxxxx", "the note reads {note}");
    let code = code(vm)?;
    let first = vm.agent()?.stat(&code)?;
    vm.end(session)?;

    let session = vm.launch(ID)?;
    let note = vm.done(session, "read /data/note")?;
    ensure!(note == "xxxxx", "after a restart of the app the note reads {note}");
    let second = vm.agent()?.stat(&code)?;
    ensure!(first.inode == second.inode, "it was compiled again: {first:?}, {second:?}");
    ensure!(first.modified < second.modified, "nobody knows that it is of use: {first:?}, {second:?}");
    vm.end(session)?;

    // One changed byte: the runtime refuses the code, and appd has it made again.
    let mut changed = vm.agent()?.read_bytes(&code)?;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    vm.agent()?.write_bytes(&code, &changed)?;
    let session = vm.launch(ID)?;
    ensure!(vm.done(session, "read /data/note")? == "xxxxx", "the note is lost");
    ensure!(vm.agent()?.read_bytes(&code)? != changed, "the changed code was used");
    let report = vm.crash_of(ID)?;
    ensure!(report.reason == "ended with exit code 7", "the refusal is called: {report:?}");
    let log = vm.agent()?.log("weft-appd")?;
    ensure!(log.contains(&format!("the code {code} is refused: it is made anew")), "{log}");
    vm.end(session)
}

fn updated(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let first = publisher("first")?;
    let old = notebook()?;
    let new = App::new(ID, probe("asks")?).version("1.1.0").grant(&ASKS);
    vm.install(&old, &first)?;
    let session = vm.launch(ID)?;
    vm.done(session, "write /data/note 5")?;

    vm.try_install(&new, Some(&first), &[])?.is(
        4,
        &[
            "1.1.0 asks for more than 1.0.0 was allowed: to exchange data with any public host over HTTP (net:fetch), to ",
            "to show notifications (sys:notifications)",
            "read the clipboard, whatever was copied there (sys:clipboard:read)",
            "and to list, start, stop and watch all other apps, and read how they crashed (sys:supervisor)",
            &format!("allow it with `weft-pack approve {ID}`"),
        ],
    )?;
    let apps = vm.installed()?;
    let version = apps.iter().find(|app| app.app_id == ID).map(|app| app.version.as_str());
    ensure!(version == Some("1.0.0"), "after a refused update it is {version:?}");

    vm.pack(&["approve", ID])?.is(0, &["org.weft.test.notebook may now show notifications"])?;
    vm.try_install(&new, Some(&first), &[])?
        .is(0, &["updated from 1.0.0 to org.weft.test.notebook 1.1.0"])?;
    vm.told_of(ID, Some("1.1.0"))?;
    // What runs goes on as it was started.
    ensure!(vm.done(session, "read /data/note")? == "xxxxx", "the running session is another one");
    vm.end(session)?;
    let session = vm.launch(ID)?;
    vm.done(session, "notify Hello")?;
    vm.end(session)?;

    vm.try_install(&old, Some(&first), &[])?.is(1, &["1.0.0 is older than the installed 1.1.0"])?;
    vm.pack(&["rollback", ID])?.is(0, &["org.weft.test.notebook is back at 1.0.0"])?;
    vm.told_of(ID, Some("1.0.0"))?;
    let session = vm.launch(ID)?;
    ensure!(vm.done(session, "read /data/note")? == "xxxxx", "the version before lost its data");
    vm.end(session)
}

fn removed(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let first = publisher("first")?;
    vm.install(&notebook()?, &first)?;
    let session = vm.launch(ID)?;
    vm.done(session, "write /data/note 5")?;
    vm.pack(&["uninstall", ID])?.is(1, &["org.weft.test.notebook is running: end its sessions first"])?;
    ensure!(vm.done(session, "read /data/note")? == "xxxxx", "the refused removal touched the session");
    vm.end(session)?;

    vm.pack(&["uninstall", ID])?.is(0, &["removed org.weft.test.notebook; its data stays in "])?;
    vm.told_of(ID, None)?;
    let refusal = vm.try_launch(ID)?.err().context("a removed app was launched")?;
    ensure!(refusal.contains("is not installed"), "{refusal}");
    let left = vm.agent()?.list(STORE)?;
    ensure!(left.iter().all(|name| name.starts_with('.')), "left in the store: {left:?}");

    // Its data waits for its owner, and for nobody else.
    let second = publisher("second")?;
    vm.try_install(&notebook()?, Some(&second), &[])?.is(1, &["belongs to", "--claim-data"])?;
    // appd's user cannot remove what is an app's own, and the owner stays: nobody else gets the data.
    vm.pack(&["uninstall", ID, "--purge"])?.is(3, &["cannot remove"])?;
    vm.try_install(&notebook()?, Some(&second), &[])?.is(1, &["belongs to"])?;
    vm.install(&notebook()?, &first)?;
    let session = vm.launch(ID)?;
    ensure!(vm.done(session, "read /data/note")? == "xxxxx", "the data did not stay");
    vm.end(session)
}

fn refused(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let (first, second, stranger) =
        (publisher("first")?, publisher("second")?, SecretKey::from_seed(&[7; 32]));
    let app = notebook()?;
    vm.try_install(&app, Some(&stranger), &[])?.is(1, &["of no trusted publisher"])?;
    vm.try_install(&app, None, &[])?.is(1, &["is not signed"])?;
    ensure!(vm.installed()?.iter().all(|app| app.app_id != ID), "a refused package is installed");

    vm.install(&app, &first)?;
    vm.try_install(&app.clone().version("1.0.1"), Some(&second), &[])?
        .is(1, &["only its first publisher may update an app"])?;

    // Changed behind the store's back, as only root or the store's owner could.
    let component = format!("{}/app.wasm", vm.revision(ID)?);
    let mut bytes = vm.agent()?.read_bytes(&component)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    vm.agent()?.write_bytes(&component, &bytes)?;
    let refusal = vm.try_launch(ID)?.err().context("a changed package was launched")?;
    ensure!(refusal.contains("was changed after it was installed"), "{refusal}");
    vm.install(&app, &first)?;
    let session = vm.launch(ID)?;
    vm.end(session)?;

    // Trust that is given and taken again, by the owner of the store.
    let key = "/state/appd/.config/weft/trusted-keys/stranger.pub";
    vm.agent()?.write_bytes(key, format!("{}\n", stranger.public()).as_bytes())?;
    let other = App::new("org.weft.test.stranger", probe("files")?);
    vm.install(&other, &stranger)?;
    let session = vm.launch(&other.id)?;
    vm.end(session)?;
    vm.agent()?.write(key, "nobody\n")?;
    let refusal = vm.try_launch(&other.id)?.err().context("launched without trust")?;
    ensure!(refusal.contains("is not trusted any more"), "{refusal}");
    Ok(())
}

fn icon(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let app = notebook()?.page("index.html", "<!doctype html><body style='background:#00ff00'>");
    vm.install(&app, &publisher("first")?)?;
    let icon = vm.place("weft-servo-shell", &format!("icon:{ID}"))?;
    vm.settled()?;
    let from = vm.mark()?;
    vm.click(icon)?;
    let pace = vm.pace;
    session::wait_for_app(vm.vm()?, pace, from, ID)?;
    let limit = vm.pace.limit(30);
    let green = |screen: &Screenshot| screen.pixel(640, 400) == [0, 0xff, 0];
    vm.vm()?.wait_screen(limit, Duration::ZERO, "waiting for the page of the installed app", green)?;
    Ok(())
}

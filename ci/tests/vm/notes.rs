//! Notes: what a person types is kept, and a reminder goes from the component through the runtime and appd to the system UI.

use crate::{KIOSK, vm_test};
use anyhow::ensure;
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::{TestVm, wait};
use weft_image::vm::{Rect, Screenshot, session};

const NOTES: &str = "org.weft.demo.notes";
const DATA: &str = "/state/appd/.local/share/weft/app-data/org.weft.demo.notes";
const TEXT: &str = "water the plants";

pub fn trials() -> Vec<Trial> {
    vec![vm_test("a_note_is_kept_and_its_reminder_is_shown", KIOSK, note_and_reminder)]
}

/// Clicks the icon and waits until the app is painted.
fn open(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.settled()?;
    let (from, pace) = (vm.mark()?, vm.pace);
    let icon = vm.place("weft-servo-shell", &format!("icon:{NOTES}"))?;
    vm.click(icon)?;
    session::wait_for_app(vm.vm()?, pace, from, NOTES)?;
    Ok(())
}

/// Clicks on what the page says is there.
fn press(vm: &mut TestVm, what: &str) -> anyhow::Result<()> {
    let place = vm.place("weft-appd", what)?;
    vm.click(place)
}

fn wait_for_log(vm: &mut TestVm, text: &str) -> anyhow::Result<()> {
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    wait::until(limit, &format!("`{text}` in the log of weft-appd"), || {
        Ok(agent.log("weft-appd")?.contains(text).then_some(()))
    })
}

/// The one note's file as the component wrote it.
fn saved_note(vm: &mut TestVm) -> anyhow::Result<String> {
    let agent = vm.agent()?;
    let names = agent.list(DATA)?;
    let [name] = names.as_slice() else {
        anyhow::bail!("the folder of notes does not hold exactly one file: {names:?}");
    };
    agent.read(&format!("{DATA}/{name}"))
}

/// How the newest note looks in the list of all.
fn list_entry(vm: &mut TestVm) -> anyhow::Result<Screenshot> {
    let place = vm.place("weft-appd", "note:0")?;
    let picture = vm.settled()?.region(place);
    ensure!(picture.colours() > 8, "nothing is written in the note's entry at {place:?}");
    Ok(picture)
}

fn write_note(vm: &mut TestVm) -> anyhow::Result<()> {
    press(vm, "new")?;
    wait_for_log(vm, "revision 1 of 0 bytes")?;
    press(vm, "text")?;
    vm.vm()?.type_text(TEXT)?;
    wait_for_log(vm, &format!("of {} bytes", TEXT.len()))?;
    let file = saved_note(vm)?;
    ensure!(file.ends_with(&format!("\n{TEXT}")), "the note's file holds something else:\n{file}");
    Ok(())
}

/// The line in the task bar comes by itself, while the app is in front, and goes; the centre keeps the notification.
fn reminder_is_shown(vm: &mut TestVm) -> anyhow::Result<()> {
    press(vm, "remind")?;
    vm.place("weft-appd", "remind-0")?;
    let before = vm.settled()?;
    let bell = vm.place("weft-servo-shell", "notifications")?;
    let ticker = Rect { x: bell.x - 160, y: bell.y, width: 160, height: bell.height };
    press(vm, "remind-0")?;
    let limit = vm.pace.limit(30);
    let empty = before.region(ticker);
    vm.vm()?.wait_screen(limit, Duration::ZERO, "waiting for the reminder in the task bar", |screen| {
        screen.region(ticker).difference(&empty, 8) > 0.2
    })?;
    wait_for_log(vm, "notified")?;
    let said = vm.place("weft-servo-shell", "ticker")?;
    ensure!(said.y >= bell.y && said.x < bell.x, "the reminder is not in the task bar: {said:?}");

    vm.click(bell)?;
    let notice = vm.place("weft-servo-shell", &format!("notice:{NOTES}"))?;
    let screen = vm.settled()?;
    let changed = screen.region(notice).difference(&before.region(notice), 8);
    ensure!(changed > 0.5, "the centre does not show the notification at {notice:?}: {changed} changed");
    ensure!(screen.region(notice).colours() > 8, "nothing is written in the notification");
    vm.click(bell)
}

fn note_and_reminder(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    open(vm)?;
    write_note(vm)?;
    reminder_is_shown(vm)?;
    // Not earlier: a text cursor blinks while somebody writes.
    let before = list_entry(vm)?;

    let file = saved_note(vm)?;
    let boot_id = vm.agent()?.boot_id()?;
    let (from, told) = (vm.mark()?, vm.homes()?);
    vm.agent()?.reboot()?;
    ensure!(vm.wait_agent()? != boot_id, "the machine did not restart");
    vm.wait_init(from, session::SYSTEM_UI_READY)?;
    vm.wait_icon(told, NOTES)?;
    let shown = shown_notes(vm)?;
    open(vm)?;
    let limit = vm.pace.limit(30);
    wait::until(limit, "the component to hand the note to the page", || {
        Ok((shown_notes(vm)? > shown).then_some(()))
    })?;
    ensure!(saved_note(vm)? == file, "the note's file is another one after the restart");
    let entry = vm.place("weft-appd", "note:0")?;
    vm.vm()?.wait_screen(
        limit,
        Duration::ZERO,
        "waiting for the note as it looked before the restart",
        |screen| screen.region(entry) == before,
    )?;
    Ok(())
}

/// How often the component handed the typed text to a page.
fn shown_notes(vm: &mut TestVm) -> anyhow::Result<usize> {
    let log = vm.agent()?.log("weft-appd")?;
    let text = format!("of {} bytes", TEXT.len());
    Ok(log.lines().filter(|line| line.contains("shown ") && line.contains(&text)).count())
}

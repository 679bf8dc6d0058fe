//! The steps that a person takes with a kiosk: wait for the system UI, start an app.

use super::{Mark, Pace, Result, Screenshot, Vm};
use std::time::Duration;

/// What the console says when the system UI is on the screen.
pub const SYSTEM_UI_READY: &str = "weft-servo-shell ready";

/// Firmware, kernel and system UI take a fifth of this on the reference machine.
const BOOT_SECONDS: u64 = 90;
const LAUNCH_SECONDS: u64 = 60;
const SETTLE_SECONDS: u64 = 20;
/// Pictures of a page may come a moment after its text.
const STILL_SECONDS: u64 = 2;

/// The time a boot may take until its console line.
pub fn boot_limit(pace: Pace) -> Duration {
    pace.limit(BOOT_SECONDS)
}

/// Waits until the system UI is painted.
pub fn wait_for_system_ui(vm: &Vm, pace: Pace, from: Mark) -> Result<Mark> {
    Ok(vm.console.wait_init(from, boot_limit(pace), SYSTEM_UI_READY)?.1)
}

/// Starts an app as a person with a keyboard does: the launcher finds it by its id. Waits until it is painted.
pub fn launch(vm: &mut Vm, pace: Pace, app_id: &str) -> Result<Mark> {
    let from = vm.console.mark();
    vm.type_text(app_id)?;
    vm.press("ret")?;
    wait_for_app(vm, pace, from, app_id)
}

/// Waits until an app is painted.
pub fn wait_for_app(vm: &Vm, pace: Pace, from: Mark, app_id: &str) -> Result<Mark> {
    Ok(vm.console.wait_init(from, pace.limit(LAUNCH_SECONDS), &format!("{app_id} ready"))?.1)
}

/// The screen once it has stopped changing and shows more than one colour.
pub fn settled(vm: &mut Vm, pace: Pace) -> Result<Screenshot> {
    let (limit, still) = (pace.limit(SETTLE_SECONDS), pace.limit(STILL_SECONDS));
    vm.wait_screen(limit, still, "waiting for the screen to settle", |screen| screen.colours() > 1)
}

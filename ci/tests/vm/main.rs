//! The tests that boot the image. Each has a machine of its own, with its own copy of the disk; nothing is tried twice.

mod app_images;
mod attacks;
mod boot;
mod broken;
mod brokers;
mod counter;
mod image;
mod install;
mod isolation;
mod network;
mod notes;
mod package_image;
mod power;
mod power_cut;
mod power_points;
mod restart;
mod rot;
mod screen;
mod secure_boot;
mod settings;
mod showcase;
mod state;
mod trial;
mod update;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use weft_ci::{Options, TestVm, evidence, images, prepared};
use weft_image::vm::Qemu;
use weft_image::vm::firmware::Firmware;

const KIOSK: &str = "kiosk-test";
const CORE: &str = "core-test";

/// As many machines as fit the two cores that the project is built for.
const MACHINES: usize = 2;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(MACHINES);
    let trials = [
        app_images::trials(),
        attacks::trials(),
        boot::trials(),
        broken::trials(),
        brokers::trials(),
        counter::trials(),
        image::trials(),
        install::trials(),
        notes::trials(),
        isolation::trials(),
        network::trials(),
        package_image::trials(),
        power::trials(),
        power_cut::trials(),
        restart::trials(),
        rot::trials(),
        screen::trials(),
        secure_boot::trials(),
        settings::trials(),
        showcase::trials(),
        state::trials(),
        trial::trials(),
        update::trials(),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    prepared::clear();
    conclusion.exit();
}

/// A test with a machine that is still off.
fn vm_test(name: &'static str, profile: &'static str, test: fn(&mut TestVm) -> anyhow::Result<()>) -> Trial {
    vm_test_with(name, profile, Options::default, test)
}

fn vm_test_with(
    name: &'static str,
    profile: &'static str,
    options: fn() -> Options,
    test: fn(&mut TestVm) -> anyhow::Result<()>,
) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Err(reason) = can_run(profile) {
            return Ok(Completion::ignored_with(reason));
        }
        let mut vm =
            TestVm::new(name, profile, &options()).map_err(|error| Failed::from(format!("{error:#}")))?;
        let outcome = test(&mut vm);
        if let Err(error) = outcome {
            evidence::keep(&mut vm);
            vm.keep();
            return Err(Failed::from(format!(
                "{error:#}\n(everything is kept in {})",
                vm.folder().display()
            )));
        }
        Ok(Completion::Completed)
    })
}

/// Why no machine can run here. Never a reason to pass.
fn can_run(profile: &str) -> Result<(), String> {
    Qemu::find().map_err(|error| error.to_string())?;
    Firmware::find().map_err(|error| error.to_string())?;
    images::find(profile).map(drop)
}

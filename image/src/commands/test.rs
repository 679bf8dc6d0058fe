//! `cargo weft test`: host tests, the engine's tests without the engine, the apps' tests, then those with images and in virtual machines.

use super::{Error, release};
use crate::cli::{Cli, Command as Subcommand, TestArgs};
use crate::image_info::ImageInfo;
use crate::key::sha256_file;
use crate::pipeline::{self, Request};
use crate::stages::device_env::host_cargo;
use crate::workspace::Workspace;
use clap::Parser;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The images that the VM tests boot. Those with an agent are what ships, plus the agent.
const IMAGES: [&str; 4] = ["core", "core-test", "kiosk", "kiosk-test"];
/// With `--languages`; without its image, its tests are reported as ignored.
const SHOWCASE: &str = "showcase-test";

/// The images that are updated, and the version that they are updated to.
const UPDATED: [&str; 2] = ["core-test", "kiosk-test"];
const NEXT: &str = "0.2.0";

/// In the cache, so that a fresh checkout compiles its own crates again but not the hundreds they depend on. `.ci/run` lints there too.
const TARGET: &str = "target/host";

pub fn run(arguments: &TestArgs) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    let root = workspace.root();
    forget_other_checkouts(&workspace)?;
    let mut failed = Vec::new();
    for mut suite in scripts(root) {
        eprintln!("\n== {}", suite.name);
        if !suite.command.status()?.success() {
            failed.push(suite.name);
        }
    }
    for suite in suites(root) {
        eprintln!("\n== {}", suite.name);
        let mut command = suite.command;
        command.env("CARGO_TARGET_DIR", workspace.cache().join(TARGET).join(suite.target));
        command.args(&arguments.filter);
        if !command.status()?.success() {
            failed.push(suite.name);
        }
    }
    if !arguments.no_vm {
        eprintln!("\n== a release to update to");
        release_next(&workspace)?;
        eprintln!("\n== images");
        for profile in IMAGES.into_iter().chain(arguments.languages.then_some(SHOWCASE)) {
            build(&workspace, profile, false)?;
        }
        eprintln!("\n== pages that try to leave their package, in the engine of the image");
        if !pages(&workspace, arguments.filter.as_deref())?.status()?.success() {
            failed.push("pages that try to leave their package");
        }
        if arguments.languages {
            eprintln!("\n== components of every language");
            if !languages(&workspace, arguments.filter.as_deref())?.status()?.success() {
                failed.push("components of every language");
            }
        }
        eprintln!("\n== the same tree gives the same image");
        for profile in ["core", "kiosk"] {
            if !is_reproducible(&workspace, profile)? {
                failed.push("reproducible image");
            }
        }
        eprintln!("\n== virtual machines");
        let mut command = host_cargo(root);
        command.args(["test", "--locked", "--package", "weft-ci"]).args(&arguments.filter);
        command.env("CARGO_TARGET_DIR", workspace.cache().join(TARGET).join("workspace"));
        if !command.status()?.success() {
            failed.push("virtual machines");
        }
    }
    if failed.is_empty() {
        eprintln!("\nall tests passed");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\nfailed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// Makes the release that machines update to as anybody makes one, with the tests' keys. The images come after it: a release leaves its own in
/// their place.
fn release_next(workspace: &Workspace) -> Result<(), Error> {
    let out = workspace.releases();
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    let keys = workspace.root().join("ci/keys/update");
    for profile in UPDATED {
        let words = ["cargo weft", "release", "--version", NEXT, "--profile", profile].map(OsString::from);
        let folders = ["--out".into(), out.clone().into(), "--keys".into(), keys.clone().into()];
        let Subcommand::Release(arguments) = Cli::parse_from(words.into_iter().chain(folders)).command else {
            return Err("`cargo weft release` is another command now".into());
        };
        release::run(&arguments)?;
    }
    Ok(())
}

/// Cargo tells our crates of two checkouts apart by nothing but the times of their files, and would run the tests of the other one.
fn forget_other_checkouts(workspace: &Workspace) -> Result<(), Error> {
    let target = workspace.cache().join(TARGET);
    let note = target.join("checkout");
    let checkout = workspace.root().as_os_str().as_encoded_bytes();
    if std::fs::read(&note).is_ok_and(|last| last == checkout) {
        return Ok(());
    }
    for suite in ["workspace", "web", "apps"] {
        let Ok(crates) = std::fs::read_dir(target.join(suite).join("debug/.fingerprint")) else { continue };
        for entry in crates {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b"weft-") {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
    }
    std::fs::create_dir_all(&target)?;
    Ok(std::fs::write(note, checkout)?)
}

fn build(workspace: &Workspace, profile: &str, rebuild: bool) -> Result<ImageInfo, Error> {
    Ok(pipeline::build(workspace, &Request { rebuild, ..Request::new(profile) })?)
}

/// Assembles an image once more, past the cache, and compares root hash, command line and every byte of the disk.
fn is_reproducible(workspace: &Workspace, profile: &str) -> Result<bool, Error> {
    let first = build(workspace, profile, false)?;
    let first_disk = sha256_file(&first.image)?;
    let second = build(workspace, profile, true)?;
    let same = first == second && first_disk == sha256_file(&second.image)?;
    eprintln!(
        "{profile}: root hash {} and {}: {}",
        first.root_hash,
        second.root_hash,
        if same { "ok" } else { "DIFFERENT" }
    );
    Ok(same)
}

/// The engine's tests with the engine: those that say of themselves that they need the root of an image.
fn pages(workspace: &Workspace, filter: Option<&str>) -> Result<Command, Error> {
    let request = Request::new("kiosk");
    let root = pipeline::build_with_root(workspace, &request)?.root;
    let mut command = host_cargo(&workspace.root().join("components/weft-web"));
    command.args(["test", "--locked", "--test", "confinement"]).args(filter).args(["--", "--ignored"]);
    command.env("CARGO_TARGET_DIR", workspace.cache().join(TARGET).join("web")).env("WEFT_DEVICE_ROOT", root);
    Ok(command)
}

struct Suite {
    name: &'static str,
    target: &'static str,
    command: Command,
}

/// appd's tests with apps of the pipeline, in several languages: those that say of themselves that they need them.
fn languages(workspace: &Workspace, filter: Option<&str>) -> Result<Command, Error> {
    let built = pipeline::build_languages(workspace)?;
    let mut command = host_cargo(workspace.root());
    // The whole workspace, as before: cargo would compile appd anew with the features that it alone asks for.
    command.args(["test", "--locked", "--workspace", "--exclude", "weft-ci", "--test", "languages"]);
    command.args(filter).args(["--", "--ignored"]);
    command.env("CARGO_TARGET_DIR", workspace.cache().join(TARGET).join("workspace"));
    command.env("WEFT_TEST_BIN", built.programs);
    command.env("WEFT_TEST_APPS", built.apps).env("WEFT_TEST_C", built.c);
    Ok(command)
}

/// What is decided in JavaScript and Python, under the interpreters at hand: it needs no page and no component.
fn scripts(root: &Path) -> [Suite; 3] {
    let suite = |name, folder: &str, words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.current_dir(root.join(folder)).args(&words[1..]);
        Suite { name, target: "", command }
    };
    [
        suite("the system UI's decisions", ".", &["node", "--test", "ci/ui/state.test.mjs"]),
        suite("the converter", "apps/org.weft.demo.converter", &["node", "--test", "converter.test.mjs"]),
        suite("the calculator", "apps/org.weft.demo.calculator", &["python3", "-B", "-m", "unittest"]),
    ]
}

/// The suites that need no image.
fn suites(root: &Path) -> [Suite; 4] {
    let cargo = |folder: &str, arguments: &[&str]| {
        let mut command = host_cargo(&root.join(folder));
        command.args(["test", "--locked"]).args(arguments);
        command
    };
    [
        Suite {
            name: "workspace",
            target: "workspace",
            command: cargo(".", &["--workspace", "--exclude", "weft-ci"]),
        },
        Suite {
            name: "the compositor in a window",
            target: "workspace",
            command: cargo(
                ".",
                &[
                    "--package",
                    "weft-compositor",
                    "--features",
                    "winit",
                    "--test",
                    "compositor",
                    "--",
                    "window::",
                ],
            ),
        },
        Suite {
            name: "engine shells, without the engine",
            target: "web",
            command: cargo("components/weft-web", &[]),
        },
        Suite { name: "apps", target: "apps", command: cargo("apps", &["--workspace"]) },
    ]
}

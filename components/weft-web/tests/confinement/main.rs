//! Runs the pages of `tests/pages` that try to leave their package, in the image's own shell under its own compositor.
//!
//! `WEFT_DEVICE_ROOT` names the unpacked root of a kiosk image, which `cargo weft test` builds and passes. The programs run through the
//! loader and with the libraries of that root, so that what is tested is what ships.

mod device;
mod listener;

use device::{Device, Shown};
use listener::Listener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// Pages that only echo, for tests by hand, and those that other pages show.
const OTHERS: [&str; 4] = ["bridge", "input", "part_frame", "control_target"];
/// Names of pages that must reach what is their own begin with this; all others must reach nothing.
const CONTROL: &str = "control_";
/// The app that the pages belong to, and the address which stands for the listener in them.
const APP: &str = "org.weft.test.attack";
const OUTSIDE: &str = "127.0.0.1:7999";
/// What was on its way when the page reported is given this time to arrive.
const ON_ITS_WAY: Duration = Duration::from_millis(300);
/// Shells at the same time.
const AT_ONCE: usize = 2;

#[test]
#[ignore = "needs the root of a kiosk image in WEFT_DEVICE_ROOT: `cargo weft test` builds one and runs this"]
fn no_page_leaves_its_package() {
    let failures = run_pages(|name| !name.starts_with(CONTROL), 50, |page| page.attack());
    assert!(failures.is_empty(), "{} pages:\n{}", failures.len(), failures.join("\n"));
}

/// A lock that holds everything back would pass the other test.
#[test]
#[ignore = "needs the root of a kiosk image in WEFT_DEVICE_ROOT: `cargo weft test` builds one and runs this"]
fn a_page_reaches_what_is_its_own() {
    let failures = run_pages(|name| name.starts_with(CONTROL), 5, |page| page.control());
    assert!(failures.is_empty(), "{} pages:\n{}", failures.len(), failures.join("\n"));
}

/// The listener sees whoever connects, and tells what was asked for: without this its silence would mean nothing.
#[test]
fn the_listener_sees_a_connection() {
    let listener = Listener::open();
    assert_eq!(listener.seen(), Vec::<String>::new());
    let answer = listener::ask(listener.address(), "GET /secret HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(listener.seen(), ["GET /secret HTTP/1.1"]);
}

/// Runs `judge` on every page whose name is `wanted`, and returns what is wrong.
fn run_pages(
    wanted: impl Fn(&str) -> bool,
    at_least: usize,
    judge: impl Fn(&Page<'_>) -> Result<(), String> + Sync,
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::start(folder.path());
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".html")?.to_owned()))
        .filter(|name| !OTHERS.contains(&name.as_str()) && wanted(name))
        .collect();
    assert!(names.len() >= at_least, "only {} pages in {}", names.len(), pages.display());
    names.sort_by(|a, b| b.cmp(a));
    let (waiting, failures) = (Mutex::new(names), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(name) = waiting.lock().unwrap().pop() else { return };
                    let listener = Listener::open();
                    let package = package(&device, &pages, folder.path(), &name, &listener);
                    let page = Page { device: &device, package, name, listener };
                    if let Err(failure) = judge(&page) {
                        eprintln!("{}: {failure}", page.name);
                        failures.lock().unwrap().push(format!("{}: {failure}", page.name));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// A package of its own for one page: all pages, with the listener's address in them, a font, and a way out of the folder.
fn package(device: &Device, pages: &Path, folder: &Path, name: &str, listener: &Listener) -> PathBuf {
    let package = folder.join(name);
    std::fs::create_dir(&package).unwrap();
    for entry in std::fs::read_dir(pages).unwrap() {
        let file = entry.unwrap().path();
        let to = package.join(file.file_name().unwrap());
        match std::fs::read_to_string(&file) {
            Ok(text) => std::fs::write(to, text.replace(OUTSIDE, &listener.address().to_string())).unwrap(),
            Err(_) => drop(std::fs::copy(&file, to).unwrap()),
        }
    }
    std::fs::copy(device.font(), package.join("own.otf")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", package.join("way_out.txt")).unwrap();
    std::os::unix::fs::symlink("/etc", package.join("way_out")).unwrap();
    package
}

/// One page, ready to be shown.
struct Page<'a> {
    device: &'a Device,
    package: PathBuf,
    name: String,
    listener: Listener,
}

impl Page<'_> {
    fn attack(&self) -> Result<(), String> {
        let mut shown = self.show()?;
        let report = shown.line();
        std::thread::sleep(ON_ITS_WAY);
        let seen = self.listener.seen();
        if !seen.is_empty() {
            return Err(format!("it reached the listener: {}", seen.join(", ")));
        }
        let report = report?;
        if report["outcome"] != "refused" {
            return Err(report.to_string());
        }
        shown.say("where")?;
        let answer = shown.line()?;
        if answer["here"] != self.address() {
            return Err(format!("the page is now {answer}"));
        }
        shown.end()
    }

    fn control(&self) -> Result<(), String> {
        let mut shown = self.show()?;
        let report = shown.line()?;
        if report["outcome"] != "loaded" {
            return Err(report.to_string());
        }
        shown.end()
    }

    fn show(&self) -> Result<Shown, String> {
        self.device.show(APP, &self.package, &format!("{}.html", self.name))
    }

    fn address(&self) -> String {
        format!("weft-app://{APP}/{}.html", self.name)
    }
}

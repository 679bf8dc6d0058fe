//! The changes between two releases. Each release also says its own version, in `/etc/os-release` and in its kernel image.

use super::{Parts, Result, read, write};
use crate::cache::outputs;
use crate::profile::ENGINE;
use std::path::Path;

/// What is rebuilt for [`Change::Component`].
const COMPONENT: &str = "weft-compositor";
const PAGE: &str = "usr/share/weft/apps/org.weft.demo.counter/ui/index.html";
const PAGE_BYTES: usize = 4096;
/// Of 100 pages of a program, how many a build of other sources changes: measured with two builds of the engine.
const CHANGED_PAGES: usize = 94;

/// What differs, beside the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Nothing,
    /// One paragraph more in one page of one app.
    Page,
    /// One program of the device, compiled from other sources.
    Component,
    /// The kernel, built with another configuration.
    Kernel,
    /// The web engine, compiled anew: a point release of Servo changes nearly all of its pages, as any new build does.
    Engine,
}

/// A change as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub kernel: Vec<u8>,
    /// What stands for the change, where it is not made as a developer would make it.
    pub stand_in: Option<String>,
}

impl Change {
    pub const ALL: [Self; 5] = [Self::Nothing, Self::Page, Self::Component, Self::Kernel, Self::Engine];

    /// The name of its figure.
    pub fn figure(self) -> &'static str {
        match self {
            Self::Nothing => "update overhead, nothing changed",
            Self::Page => "update overhead, one app's page changed",
            Self::Component => "update overhead, one component's code",
            Self::Kernel => "update overhead, kernel configuration",
            Self::Engine => "update overhead, Servo point release",
        }
    }

    /// Makes the change in a tree that is the old release's; the kernel comes back.
    pub fn make(self, parts: &Parts, tree: &Path) -> Result<Made> {
        let kernel = read(&parts.built.kernel)?;
        let program = |stage: &str, kind: &str, name: &str| -> Result<Option<String>> {
            let path = tree.join("usr/bin").join(name);
            let (bytes, stand_in) = another_build(&parts.cache.join(stage), kind, name, &read(&path)?);
            write(&path, bytes)?;
            Ok(Some(stand_in))
        };
        let stand_in = match self {
            Self::Nothing => None,
            Self::Page => {
                let path = tree.join(PAGE);
                write(&path, more(&read(&path)?))?;
                None
            }
            Self::Component => program("components", COMPONENT, COMPONENT)?,
            Self::Engine => program("engine", "", ENGINE)?,
            Self::Kernel => {
                let (kernel, stand_in) = another_build(&parts.cache.join("kernel"), "", "bzImage", &kernel);
                return Ok(Made { kernel, stand_in: Some(stand_in) });
            }
        };
        Ok(Made { kernel, stand_in })
    }
}

/// A page with one paragraph more.
fn more(page: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(page);
    let at = text.rfind("</body>").unwrap_or(text.len());
    let (before, after) = text.split_at(at);
    format!("{before}<p>What this release brings, in one line.</p>\n{after}").into_bytes()
}

/// Another build of a file: the last one in the cache that differs, else a simulated one; and which it is.
fn another_build(stage: &Path, kind: &str, name: &str, now: &[u8]) -> (Vec<u8>, String) {
    // A cache without the stage has no earlier build either.
    for output in outputs(stage, kind).unwrap_or_default() {
        match std::fs::read(output.join(name)) {
            Ok(bytes) if bytes != now => {
                return (bytes, format!("another build of {name} that is in the cache"));
            }
            _ => {}
        }
    }
    let text =
        format!("{name} with {CHANGED_PAGES} of 100 pages changed, for no other build is in the cache");
    (simulated(now), text)
}

/// Changes single bytes, as moved addresses do, in as many pages as a new build would.
fn simulated(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (number, page) in bytes.chunks_mut(PAGE_BYTES).enumerate() {
        if number % 100 < CHANGED_PAGES {
            page.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(number as u8 | 1));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_build_changes_as_many_pages_as_it_says_and_is_the_same_every_time() {
        let bytes: Vec<u8> = (0..1000 * PAGE_BYTES).map(|at| (at / 7) as u8).collect();
        let again = simulated(&bytes);
        let pages = |bytes: &[u8]| bytes.chunks(PAGE_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let changed = pages(&bytes).iter().zip(pages(&again)).filter(|(old, new)| *old != new).count();
        assert_eq!((changed, again.len()), (940, bytes.len()));
        assert_eq!(simulated(&bytes), again);
    }

    #[test]
    fn another_build_is_a_real_one_where_the_cache_has_one() {
        let cache = tempfile::tempdir().unwrap();
        let put = |key: &str, contents: &str| {
            std::fs::create_dir_all(cache.path().join(key)).unwrap();
            std::fs::write(cache.path().join(key).join("weft-x"), contents).unwrap();
        };
        put("weft-x-1", "now");
        put("weft-y-1", "of another program");
        let (simulation, text) = another_build(cache.path(), "weft-x", "weft-x", b"now");
        assert!(simulation != b"now" && text.contains("94 of 100"), "{text}");
        put("weft-x-2", "before");
        let (real, text) = another_build(cache.path(), "weft-x", "weft-x", b"now");
        assert_eq!(
            (real.as_slice(), text.as_str()),
            (&b"before"[..], "another build of weft-x that is in the cache")
        );
        assert!(another_build(&cache.path().join("none"), "", "weft-x", b"now").1.contains("94 of 100"));
    }

    #[test]
    fn a_page_gets_one_paragraph_within_its_body() {
        let page = String::from_utf8(more(b"<body><p>a</p></body>")).unwrap();
        assert!(page.ends_with("one line.</p>\n</body>") && page.starts_with("<body><p>a</p><p>"), "{page}");
    }
}

//! From a click on the counter's plus to the frame that shows its whole effect, by the times that QEMU notes.

use super::trace::Trace;
use super::{Bound, Error, Figure, Result, log, median};
use crate::image_info::ImageInfo;
use crate::vm::work::Work;
use crate::vm::{Pace, Rect, Screenshot, Vm, file_error, input, layout};
use std::path::Path;
use std::time::Duration;

pub const APP: &str = "org.weft.demo.counter";
const CLICKS: usize = 10;
const LIMIT_MS: f64 = 300.0;
/// Longer than this on the reference machine is no click that was slow but one that was lost.
const LOST_SECONDS: u64 = 10;
/// For so long after a click nobody looks at the screen, which would slow the machine down.
const BLIND: Duration = Duration::from_millis(1500);

/// Where the counter's parts are on the screen, as its page said. Its window is at the top left.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    plus: Rect,
    count: Rect,
}

impl Places {
    /// Reads them from the log on the disk of a machine that is off.
    pub fn read(work: &Work, disk: &Path, image: &ImageInfo) -> Result<Places> {
        let text = log::read(work, disk, image, "weft-appd")?;
        let place = |what| layout::find(&text, what).ok_or(Error::NoPlace(what));
        Ok(Places { plus: place("plus")?, count: place("count")? })
    }
}

/// The screen when the last click has had its whole effect: a button may fade for some frames.
fn quiet(vm: &mut Vm, pace: Pace) -> Result<Screenshot> {
    let (limit, still) = (pace.limit(LOST_SECONDS), Duration::from_millis(400));
    Ok(vm.wait_screen(limit, still, "waiting for the screen to be quiet before a click", |_| true)?)
}

/// Times in milliseconds.
#[derive(Debug, Default)]
pub struct Clicks {
    times: Vec<f64>,
}

impl Clicks {
    /// Clicks, and takes the time of the last frame that came of it: the button fades, then the count changes.
    pub fn measure(&mut self, vm: &mut Vm, pace: Pace, places: &Places, trace: &Trace) -> Result<()> {
        for click in 1..=CLICKS {
            let screen = quiet(vm, pace)?;
            let before = screen.region(places.count);
            let (x, y) = places.plus.center();
            vm.send(input::pointer_to(x, y, (screen.width, screen.height)))?;
            quiet(vm, pace)?;
            vm.send(input::button("left", true))?;
            vm.send(input::button("left", false))?;
            std::thread::sleep(BLIND);
            if quiet(vm, pace)?.region(places.count) == before {
                return Err(Error::NoChange(click));
            }
            let answer = trace.answer().map_err(file_error("read QEMU's trace", trace.file()))?;
            let time = answer.ok_or_else(|| Error::NoTrace(trace.file().to_owned()))?;
            self.times.push(time.as_secs_f64() * 1000.0);
        }
        Ok(())
    }

    pub fn figure(self, command: &'static str) -> Figure {
        let note = format!("median of {} clicks, by QEMU's clock", self.times.len());
        Figure {
            name: "click to changed pixels",
            value: median(self.times),
            unit: "ms",
            bound: Bound::AtMost,
            limit: LIMIT_MS,
            command,
            note,
        }
    }
}

//! What QEMU notes of its devices while a machine runs: button presses that it passed on and frames that the guest has shown.
//!
//! Looking at the screen again and again would slow an emulated machine down, which shares its processors with whoever looks; noting
//! costs nothing. The events are those of `-trace help`, written by the trace backend `log`.

use crate::vm::Machine;
use std::path::{Path, PathBuf};
use std::time::Duration;

const BUTTON: &str = "input_event_btn";
const FRAME: &str = "virtio_gpu_cmd_res_flush";

/// One event with its time since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A button of the pointer went down.
    Press(Duration),
    /// The guest has shown what it drew.
    Frame(Duration),
}

/// Where a machine's trace is written.
#[derive(Debug)]
pub struct Trace {
    file: PathBuf,
}

impl Trace {
    /// Makes the machine write a trace when it is started.
    pub fn of(machine: &mut Machine) -> Trace {
        let file = machine.folder.join("trace.log");
        let name = file.display().to_string();
        machine.extra.extend(
            ["-msg", "timestamp=on", "-trace", BUTTON, "-trace", FRAME, "-D", &name].map(str::to_owned),
        );
        Trace { file }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// From the last press to the last frame since; `None` where there is no such pair.
    pub fn answer(&self) -> std::io::Result<Option<Duration>> {
        Ok(answer(&std::fs::read_to_string(&self.file)?))
    }
}

fn answer(text: &str) -> Option<Duration> {
    let events: Vec<Event> = text.lines().filter_map(parse).collect();
    let press = events.iter().rev().find_map(|event| match event {
        Event::Press(time) => Some(*time),
        Event::Frame(_) => None,
    })?;
    match events.last()? {
        Event::Frame(time) => time.checked_sub(press),
        Event::Press(_) => None,
    }
}

/// Reads `<process>@<seconds>.<microseconds>:<event> <arguments>`.
fn parse(line: &str) -> Option<Event> {
    let (_, rest) = line.split_once('@')?;
    let (time, event) = rest.split_once(':')?;
    let (seconds, micros) = time.split_once('.')?;
    let time = Duration::from_secs(seconds.parse().ok()?) + Duration::from_micros(micros.parse().ok()?);
    if event.starts_with(BUTTON) && event.ends_with("down 1") {
        Some(Event::Press(time))
    } else if event.starts_with(FRAME) {
        Some(Event::Frame(time))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESS: &str = "7@100.900000:input_event_btn con -1, button left, down 1\n";
    const RELEASE: &str = "7@100.900600:input_event_btn con -1, button left, down 0\n";

    fn frame(time: &str) -> String {
        format!("7@{time}:virtio_gpu_cmd_res_flush res 0x2, w 1280, h 800, x 0, y 0\n")
    }

    #[test]
    fn the_answer_is_the_last_frame_after_the_last_press() {
        let clicks = [&frame("99.5"), PRESS, RELEASE, &frame("101.000000"), &frame("101.150000")]
            .map(|part| part.to_owned());
        assert_eq!(answer(&clicks.concat()), Some(Duration::from_millis(250)));
        assert_eq!(answer(&[PRESS, &frame("101.000000"), PRESS].concat()), None, "nothing was shown since");
        assert_eq!(answer(&frame("101.000000")), None);
        assert_eq!(answer("qemu-system-x86_64: warning: odd\n"), None);
    }
}

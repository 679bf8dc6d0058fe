//! What the person at the terminal sees: one live line for the running stage, one lasting line for each finished one.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the live line is drawn again on a terminal.
const REDRAW: Duration = Duration::from_millis(500);
/// How often a line is printed where standard error is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Prints the progress of stages on standard error, so that standard output carries only results.
pub struct Progress {
    running: Arc<Mutex<Option<Running>>>,
    terminal: bool,
}

struct Running {
    stage: String,
    started: Instant,
    doing: String,
    reported: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let running = Arc::new(Mutex::new(None));
        let seen = Arc::downgrade(&running);
        std::thread::spawn(move || {
            while let Some(running) = seen.upgrade() {
                redraw(&running, terminal);
                drop(running);
                std::thread::sleep(REDRAW);
            }
        });
        Self { running, terminal }
    }

    /// A stage begins. It is over when [`Self::finish`] is called for it.
    pub fn begin(&self, stage: &str) {
        let now = Instant::now();
        *lock(&self.running) =
            Some(Running { stage: stage.to_owned(), started: now, doing: String::new(), reported: now });
    }

    /// What the running stage works on right now.
    pub fn doing(&self, what: &str) {
        if let Some(running) = lock(&self.running).as_mut() {
            running.doing.clear();
            running.doing.push_str(what);
        }
    }

    /// The running stage is over: its lasting line.
    pub fn finish(&self, cached: bool) {
        let Some(running) = lock(&self.running).take() else { return };
        let note = if cached { "cached" } else { "built" };
        let line = format!("{:<27} {:>7}  {note}", running.stage, elapsed(running.started.elapsed()));
        self.print(&line);
    }

    /// A line that stays on the screen.
    pub fn note(&self, text: &str) {
        self.print(text);
    }

    fn print(&self, line: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        // Progress that cannot be shown must not stop the build.
        let _ = writeln!(std::io::stderr(), "{clear}  {line}");
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && lock(&self.running).take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn lock(running: &Mutex<Option<Running>>) -> MutexGuard<'_, Option<Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn redraw(running: &Mutex<Option<Running>>, terminal: bool) {
    let mut guard = lock(running);
    let Some(now) = guard.as_mut() else { return };
    let line = live_line(&now.stage, now.started.elapsed(), &now.doing, 78);
    if terminal {
        let _ = write!(std::io::stderr(), "\r\x1b[K  {line}");
    } else if now.reported.elapsed() >= HEARTBEAT {
        now.reported = Instant::now();
        let _ = writeln!(std::io::stderr(), "  {line}");
    }
}

/// The live line, cut to `width` characters so that it never wraps.
fn live_line(stage: &str, time: Duration, doing: &str, width: usize) -> String {
    let line = format!("{stage:<27} {:>7}  {}", elapsed(time), doing.trim());
    line.chars().filter(|character| !character.is_control()).take(width).collect()
}

/// `0.4s`, `12.0s`, `3m07s`, `1h02m`.
fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1}s", time.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_a_person_says_them() {
        assert_eq!(elapsed(Duration::from_millis(400)), "0.4s");
        assert_eq!(elapsed(Duration::from_secs(187)), "3m07s");
        assert_eq!(elapsed(Duration::from_secs(3720)), "1h02m");
    }

    #[test]
    fn the_live_line_fits_and_has_no_control_characters() {
        let line = live_line("kernel", Duration::from_secs(5), &"CC\tdrivers/x.o ".repeat(20), 78);
        assert_eq!(line.chars().count(), 78);
        assert!(!line.contains('\t'));
    }
}

//! Waiting for a condition with a deadline. The pause between two looks is no synchronisation: only the condition ends the wait.

use anyhow::{Context, bail};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(100);

/// Looks until `condition` gives a value; the error names what was waited for and why the last look failed.
pub fn until<T>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().with_context(|| format!("while waiting for {what}"))? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            bail!("nothing in {} s while waiting for {what}", limit.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}

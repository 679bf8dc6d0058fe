//! The limit on silence: a component with `runtime.limits.watchdog_secs` calls something of `weft:app` at least that often once it was
//! ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the component last gave a sign of life. Clones are the same watchdog.
#[derive(Debug, Clone)]
pub struct Watchdog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Instant,
    /// Milliseconds since `origin`; 0 until the component is ready.
    last: AtomicU64,
}

impl Watchdog {
    pub fn new() -> Self {
        Self(Arc::new(Inner { origin: Instant::now(), last: AtomicU64::new(0) }))
    }

    /// The component is ready: from now on its silence counts.
    pub fn start(&self) {
        self.0.last.store(self.now(), Ordering::Relaxed);
    }

    /// A sign of life.
    pub fn alive(&self) {
        if self.0.last.load(Ordering::Relaxed) != 0 {
            self.start();
        }
    }

    /// Returns once the component was silent for the limit; never without one.
    pub async fn silence(&self, limit: Option<Duration>) {
        let Some(limit) = limit else { return std::future::pending().await };
        loop {
            let last = self.0.last.load(Ordering::Relaxed);
            let silent = Duration::from_millis(self.now().saturating_sub(last));
            match limit.checked_sub(silent) {
                _ if last == 0 => tokio::time::sleep(limit).await,
                Some(rest) if !rest.is_zero() => tokio::time::sleep(rest).await,
                _ => return,
            }
        }
    }

    /// From 1.
    fn now(&self) -> u64 {
        u64::try_from(self.0.origin.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

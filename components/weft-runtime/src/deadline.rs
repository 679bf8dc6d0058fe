//! The time limit on computing: a component may wait for its host as long as it likes, but not compute longer than its limit in between.
//!
//! While the component computes, a thread advances the engine's epoch every [`TICK`]; compiled code looks at the epoch at every loop and
//! call and then asks [`check`]. While the component waits, the thread sleeps, so that an idle app wakes nobody.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::thread::Thread;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Result, Store, UpdateDeadline};

/// How late a hung component may be noticed.
const TICK: Duration = Duration::from_millis(20);

/// The component computed longer than its limit.
#[derive(Debug, Clone, thiserror::Error)]
#[error("limit reached: the component computed for {0:?} without waiting for its host")]
pub struct WallExceeded(pub Duration);

/// Knows whether the component computes, and since when.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
    ticker: Thread,
}

struct Shared {
    origin: Instant,
    /// When the component was resumed, in milliseconds since `origin`.
    resumed: AtomicU64,
    computing: AtomicBool,
}

impl Watch {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            origin: Instant::now(),
            resumed: AtomicU64::new(0),
            computing: AtomicBool::new(false),
        });
        let (engine, seen) = (engine.clone(), shared.clone());
        let tick = move || loop {
            while !seen.computing.load(Ordering::Acquire) {
                std::thread::park();
            }
            std::thread::sleep(TICK);
            engine.increment_epoch();
        };
        let handle = std::thread::Builder::new().name("epoch".to_owned()).stack_size(64 << 10).spawn(tick)?;
        Ok(Self { shared, ticker: handle.thread().clone() })
    }

    /// Makes the store end the component once it computed for `wall`.
    pub fn limit<T: 'static>(&self, store: &mut Store<T>, wall: Duration) {
        let shared = self.shared.clone();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| check(&shared, wall));
    }

    /// Runs the component's future: each time it is resumed, its time starts anew.
    pub async fn watch<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.shared.resumed.store(self.shared.now(), Ordering::Relaxed);
            self.shared.computing.store(true, Ordering::Release);
            self.ticker.unpark();
            let polled: Poll<F::Output> = future.as_mut().poll(context);
            self.shared.computing.store(false, Ordering::Release);
            polled
        })
        .await
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn check(shared: &Shared, wall: Duration) -> Result<UpdateDeadline> {
    let computed = shared.now().saturating_sub(shared.resumed.load(Ordering::Relaxed));
    if u128::from(computed) >= wall.as_millis() {
        return Err(WallExceeded(wall).into());
    }
    Ok(UpdateDeadline::Continue(1))
}

//! The limits on computing, in time and in fuel. The component of a session may wait for its host as long as it likes, but not compute
//! longer than its limit in between, or for one message; a command has its limits once for its whole run.
//!
//! While the component computes, a thread advances the engine's epoch every [`TICK`] and right at the deadline; compiled code looks at the
//! epoch at every loop and call and then asks [`check`]. While the component waits, the thread sleeps, so that an idle app wakes nobody.
//!
//! A session's fuel cannot be filled up while its component runs, for compiled code keeps the count in a register. So it has fuel for ever,
//! and is interrupted each time that it used up as much as its limit; what it used since it last waited is then compared with the limit.
//! It can so use up to twice its limit, when it waits shortly before an interruption.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Result, Store, StoreContextMut, UpdateDeadline};

/// How long the thread sleeps at most while the component computes.
const TICK: Duration = Duration::from_millis(20);

/// How much the component may compute.
#[derive(Debug, Clone, Copy)]
pub struct Computing {
    pub wall: Duration,
    pub fuel: u64,
    /// Whether both start anew each time that the component waited for its host.
    pub renewed: bool,
}

/// The component computed longer than its limit.
#[derive(Debug, Clone, thiserror::Error)]
#[error("limit reached: the component computed for {} ms without waiting for its host, and may for {} ms", .computed.as_millis(), .limit.as_millis())]
pub struct WallExceeded {
    pub limit: Duration,
    pub computed: Duration,
}

/// The component's turn: it starts anew with everything that the component is given to do.
#[derive(Clone)]
pub struct Turn(Arc<Shared>);

impl Turn {
    /// The component was given a message: what it computed before was for others.
    pub fn renew(&self) {
        if self.0.limits.renewed {
            self.0.begin();
        }
    }
}

/// The component executed more than its limit.
#[derive(Debug, Clone, thiserror::Error)]
#[error("limit reached: the component executed {0} instructions without waiting for its host")]
pub struct FuelExceeded(pub u64);

/// Knows whether the component computes, and since when.
#[derive(Clone)]
pub struct Watch {
    engine: Engine,
    shared: Arc<Shared>,
    ticker: Thread,
}

struct Shared {
    origin: Instant,
    limits: Computing,
    /// When the component was resumed, in microseconds since `origin`.
    resumed: AtomicU64,
    computing: AtomicBool,
    /// The component was resumed and not looked at since.
    fresh: AtomicBool,
    /// The fuel that was left when the component was last resumed.
    left: AtomicU64,
}

impl Watch {
    /// Starts the thread.
    pub fn start(engine: &Engine, limits: Computing) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            origin: Instant::now(),
            limits,
            resumed: AtomicU64::new(0),
            computing: AtomicBool::new(false),
            fresh: AtomicBool::new(false),
            left: AtomicU64::new(u64::MAX),
        });
        let (ticking, seen) = (engine.clone(), shared.clone());
        let tick = move || loop {
            while !seen.computing.load(Ordering::Acquire) {
                std::thread::park();
            }
            std::thread::sleep(seen.rest().clamp(Duration::from_millis(1), TICK));
            ticking.increment_epoch();
        };
        let handle = std::thread::Builder::new().name("epoch".to_owned()).stack_size(64 << 10).spawn(tick)?;
        Ok(Self { engine: engine.clone(), shared, ticker: handle.thread().clone() })
    }

    /// Makes the store end the component once it computed too long or too much.
    pub fn limit<T: 'static>(&self, store: &mut Store<T>) -> Result<()> {
        let shared = self.shared.clone();
        if shared.limits.renewed {
            store.set_fuel(u64::MAX)?;
            store.fuel_async_yield_interval(Some(shared.limits.fuel))?;
        } else {
            store.set_fuel(shared.limits.fuel)?;
        }
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |context| check(&shared, context));
        Ok(())
    }

    /// For the component's calls.
    pub fn turn(&self) -> Turn {
        Turn(self.shared.clone())
    }

    /// Runs the component's future.
    pub async fn watch<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let (mut first, mut yielded) = (true, false);
        let mut waker: Option<Arc<Noting>> = None;
        poll_fn(|context| {
            let noting = Noting::of(&mut waker, context.waker());
            // One that was only interrupted goes on with its turn.
            if std::mem::replace(&mut first, false) || (self.shared.limits.renewed && !yielded) {
                self.shared.begin();
            }
            self.shared.fresh.store(true, Ordering::Relaxed);
            // The component's next loop or call finds the epoch advanced.
            self.engine.increment_epoch();
            self.shared.computing.store(true, Ordering::Release);
            self.ticker.unpark();
            noting.woken.store(false, Ordering::Relaxed);
            let polled: Poll<F::Output> =
                future.as_mut().poll(&mut Context::from_waker(&Waker::from(noting.clone())));
            self.shared.computing.store(false, Ordering::Release);
            yielded = noting.woken.load(Ordering::Relaxed);
            polled
        })
        .await
    }
}

/// Knows whether it was used before anybody could have waited.
struct Noting {
    woken: AtomicBool,
    waker: Waker,
}

impl Noting {
    fn of(known: &mut Option<Arc<Self>>, waker: &Waker) -> Arc<Self> {
        match known {
            Some(noting) if noting.waker.will_wake(waker) => noting.clone(),
            _ => known.insert(Arc::new(Self { woken: AtomicBool::new(false), waker: waker.clone() })).clone(),
        }
    }
}

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        self.waker.wake_by_ref();
    }
}

impl Shared {
    fn begin(&self) {
        self.resumed.store(self.now(), Ordering::Relaxed);
        self.fresh.store(true, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn computed(&self) -> Duration {
        Duration::from_micros(self.now().saturating_sub(self.resumed.load(Ordering::Relaxed)))
    }

    fn rest(&self) -> Duration {
        self.limits.wall.saturating_sub(self.computed())
    }
}

fn check<T>(shared: &Shared, context: StoreContextMut<'_, T>) -> Result<UpdateDeadline> {
    if shared.fresh.swap(false, Ordering::Relaxed) && shared.limits.renewed {
        let left = context.get_fuel()?;
        let used = shared.left.swap(left, Ordering::Relaxed).saturating_sub(left);
        if used >= shared.limits.fuel {
            return Err(FuelExceeded(used).into());
        }
    }
    if shared.rest().is_zero() {
        return Err(WallExceeded { limit: shared.limits.wall, computed: shared.computed() }.into());
    }
    Ok(UpdateDeadline::Continue(1))
}

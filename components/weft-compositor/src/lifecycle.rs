//! What the service manager hears, and what it says.

use crate::state::Weft;
use calloop::signals::{Signal, Signals};
use smithay::reexports::calloop::LoopHandle;
use smithay::reexports::calloop::timer::{TimeoutAction, Timer};

/// Why signals cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("signals cannot be watched: {0}")]
    Signals(String),
    #[error("the watchdog's timer does not start: {0}")]
    Watchdog(String),
}

/// Ends the event loop on SIGTERM and SIGINT, and feeds the service manager's watchdog from it.
pub fn watch(events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    let signals = Signals::new(&[Signal::SIGTERM, Signal::SIGINT])
        .map_err(|error| Error::Signals(error.to_string()))?;
    events
        .insert_source(signals, |_, (), state: &mut Weft| state.stop.stop())
        .map_err(|error| Error::Signals(error.error.to_string()))?;
    if let Some(interval) = weft_service::watchdog_interval() {
        let feed = move |_, _: &mut (), _: &mut Weft| {
            tell("WATCHDOG=1");
            TimeoutAction::ToDuration(interval)
        };
        events
            .insert_source(Timer::from_duration(interval), feed)
            .map_err(|error| Error::Watchdog(error.error.to_string()))?;
    }
    Ok(())
}

/// The compositor is of use now.
pub fn ready() {
    tell("READY=1");
}

fn tell(state: &str) {
    if let Err(error) = weft_service::notify(state) {
        tracing::warn!("{error}, ignoring");
    }
}

//! Keyboards, pointers and touchscreens of the seat, through libinput and libseat.

use crate::input::translate;
use crate::state::Weft;
use smithay::backend::input::InputEvent;
use smithay::backend::libinput::{LibinputInputBackend, LibinputSessionInterface};
use smithay::backend::session::Session;
use smithay::backend::session::libseat::LibSeatSession;
use smithay::reexports::calloop::LoopHandle;
use smithay::reexports::input::{Device, Libinput};

/// Why there is no input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("libinput does not take the seat {0}: is its udev database readable?")]
    Seat(String),
    #[error("the input devices cannot be watched")]
    Watch(#[source] smithay::reexports::calloop::Error),
}

/// Takes the seat's devices, now and when they are plugged in.
pub fn start(session: LibSeatSession, events: &LoopHandle<'static, Weft>) -> Result<Libinput, Error> {
    let seat = session.seat();
    let mut context = Libinput::new_with_udev(LibinputSessionInterface::from(session));
    context.udev_assign_seat(&seat).map_err(|()| Error::Seat(seat))?;
    let backend = LibinputInputBackend::new(context.clone());
    events
        .insert_source(backend, |event, _, state: &mut Weft| {
            if let InputEvent::DeviceAdded { device } = &event {
                prepare(&mut device.clone());
            }
            if let Some(input) = translate(&event) {
                state.input(input);
            }
        })
        .map_err(|error| Error::Watch(error.error))?;
    Ok(context)
}

/// A person who taps a touchpad means a click.
fn prepare(device: &mut Device) {
    tracing::info!(name = %device.name(), "input device");
    if device.config_tap_finger_count() > 0
        && let Err(error) = device.config_tap_set_enabled(true)
    {
        tracing::debug!(?error, "taps stay off on this touchpad");
    }
}

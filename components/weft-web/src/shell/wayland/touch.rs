//! The touch screen.

use super::WindowEvent;
use super::window::Display;
use smithay_client_toolkit::seat::touch::TouchHandler;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::protocol::wl_touch::WlTouch;
use wayland_client::{Connection, QueueHandle};

impl Display {
    /// Ends every touch without what a finger's lifting would mean.
    pub(super) fn cancel_touches(&mut self) {
        let fingers = std::mem::take(&mut self.input.fingers);
        for (id, (x, y)) in fingers {
            self.tell(WindowEvent::TouchCancelled { id, x, y });
        }
    }
}

impl TouchHandler for Display {
    fn down(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlTouch,
        _: u32,
        _: u32,
        _: WlSurface,
        id: i32,
        (x, y): (f64, f64),
    ) {
        self.input.fingers.insert(id, (x, y));
        self.tell(WindowEvent::TouchDown { id, x, y });
    }

    fn up(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlTouch, _: u32, _: u32, id: i32) {
        if let Some((x, y)) = self.input.fingers.remove(&id) {
            self.tell(WindowEvent::TouchUp { id, x, y });
        }
    }

    fn motion(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlTouch,
        _: u32,
        id: i32,
        (x, y): (f64, f64),
    ) {
        self.input.fingers.insert(id, (x, y));
        self.tell(WindowEvent::TouchMoved { id, x, y });
    }

    fn shape(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlTouch, _: i32, _: f64, _: f64) {}

    fn orientation(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlTouch, _: i32, _: f64) {}

    fn cancel(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlTouch) {
        self.cancel_touches();
    }
}

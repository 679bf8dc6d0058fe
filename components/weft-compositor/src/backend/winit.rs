//! The output as a window of a developer's desktop, drawn with OpenGL.

use super::Submitted;
use crate::input::translate;
use crate::scene::{BACKDROP, Element, Scene};
use crate::state::{OutputInfo, Weft};
use crate::windows::Extent;
use smithay::backend::renderer::damage::OutputDamageTracker;
use smithay::backend::renderer::element::RenderElementStates;
use smithay::backend::renderer::gles::GlesRenderer;
use smithay::backend::winit::{WinitEvent, WinitEventLoop, WinitGraphicsBackend};
use smithay::reexports::calloop::LoopHandle;
use smithay::reexports::winit::dpi::PhysicalSize;
use smithay::reexports::winit::window::Window;
use smithay::utils::Transform;

/// Refreshes a second in millihertz; the desktop's own rate holds the window back if it is lower.
const REFRESH: i32 = 60_000;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no window opens on this desktop: {0}")]
    Open(String),
    #[error("the window cannot be drawn: {0}")]
    Frame(String),
    #[error("the window's events cannot be watched: {0}")]
    Watch(String),
}

/// What the event loop watches for this backend.
pub type Sources = WinitEventLoop;

/// The window.
#[derive(Debug)]
pub struct Winit {
    window: WinitGraphicsBackend<GlesRenderer>,
    tracker: OutputDamageTracker,
    /// The window's content is lost: draw everything.
    stale: bool,
}

fn tracker(size: Extent) -> OutputDamageTracker {
    // OpenGL counts rows from the bottom.
    OutputDamageTracker::new((size.width, size.height), 1.0, Transform::Flipped180)
}

fn info(size: Extent) -> OutputInfo {
    OutputInfo { name: "WEFT-winit".into(), size, refresh: REFRESH, physical: (0, 0) }
}

impl Winit {
    pub fn open() -> Result<(Self, Sources, OutputInfo), Error> {
        let attributes =
            Window::default_attributes().with_title("WEFT OS").with_inner_size(PhysicalSize::new(1280, 800));
        let (window, events) = smithay::backend::winit::init_from_attributes::<GlesRenderer>(attributes)
            .map_err(|error| Error::Open(error.to_string()))?;
        let size = extent(window.window_size());
        Ok((Self { window, tracker: tracker(size), stale: true }, events, info(size)))
    }

    pub fn draw(&mut self, scene: &Scene) -> Result<(Submitted, RenderElementStates), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Frame(error.to_string());
        let age = if self.stale { 0 } else { self.window.buffer_age().unwrap_or(0) };
        let (damage, states) = {
            let (renderer, mut target) = self.window.bind().map_err(|error| failed(&error))?;
            let elements: Vec<Element<GlesRenderer>> = scene.elements(renderer);
            let drawn = self
                .tracker
                .render_output(renderer, &mut target, age, &elements, BACKDROP)
                .map_err(|error| failed(&error))?;
            (drawn.damage.cloned(), drawn.states)
        };
        self.stale = false;
        let Some(damage) = damage else {
            return Ok((Submitted::Unchanged, states));
        };
        self.window.submit(Some(&damage)).map_err(|error| failed(&error))?;
        Ok((Submitted::Shown, states))
    }
}

fn extent(size: smithay::utils::Size<i32, smithay::utils::Physical>) -> Extent {
    Extent { width: size.w.max(1), height: size.h.max(1) }
}

/// Takes the window's events.
pub fn watch(sources: Sources, events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    events
        .insert_source(sources, |event, (), state: &mut Weft| state.winit_event(event))
        .map_err(|error| Error::Watch(error.error.to_string()))?;
    Ok(())
}

impl Weft {
    fn winit_event(&mut self, event: WinitEvent) {
        match event {
            WinitEvent::Input(event) => {
                if let Some(input) = translate(&event) {
                    self.input(input);
                }
            }
            WinitEvent::Resized { size, .. } => {
                let size = extent(size);
                if let crate::backend::Backend::Winit(winit) = &mut self.backend {
                    winit.tracker = tracker(size);
                    winit.stale = true;
                }
                self.set_output(&info(size));
            }
            WinitEvent::Redraw => {
                if let crate::backend::Backend::Winit(winit) = &mut self.backend {
                    winit.stale = true;
                }
                self.want_frame();
            }
            WinitEvent::CloseRequested => self.stop.stop(),
            WinitEvent::Focus(_) => {}
        }
    }
}

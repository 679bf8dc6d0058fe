//! An output in memory, for tests and for programs that are driven without a display.

use super::Submitted;
use crate::input::Input;
use crate::scene::{BACKDROP, Element, Scene};
use crate::state::{OutputInfo, Weft};
use crate::windows::Extent;
use smithay::backend::allocator::Fourcc;
use smithay::backend::renderer::damage::OutputDamageTracker;
use smithay::backend::renderer::element::RenderElementStates;
use smithay::backend::renderer::pixman::{PixmanError, PixmanRenderer};
use smithay::backend::renderer::{Bind, ExportMem, Offscreen};
use smithay::reexports::calloop::LoopHandle;
use smithay::reexports::calloop::channel::{Channel, Event};
use smithay::reexports::pixman::Image;
use smithay::utils::{Rectangle, Transform};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;

/// Refreshes of the imagined display in millihertz.
const REFRESH: i32 = 60_000;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the pixman renderer fails")]
    Renderer(#[source] PixmanError),
    #[error("the frame cannot be drawn: {0}")]
    Frame(String),
    #[error("the commands cannot be watched: {0}")]
    Watch(String),
}

/// What the output shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub size: Extent,
    /// Three bytes a pixel, red first, row by row.
    pub rgb: Vec<u8>,
    /// Frames that were drawn since the start.
    pub frames: u64,
}

impl Picture {
    /// The pixel's red, green and blue; `None` outside of the picture.
    pub fn pixel(&self, x: i32, y: i32) -> Option<[u8; 3]> {
        if !self.size.rect().contains(x.into(), y.into()) {
            return None;
        }
        let index = usize::try_from(y * self.size.width + x).ok()? * 3;
        self.rgb.get(index..index + 3)?.try_into().ok()
    }
}

/// What a test tells the output.
#[derive(Debug)]
pub enum Command {
    Input(Input),
    Resize(Extent),
    /// Answers with what is shown.
    Picture(Sender<Picture>),
    /// Takes the stream as a Wayland client's.
    Connect(UnixStream),
    Stop,
}

/// The output in memory.
#[derive(Debug)]
pub struct Headless {
    renderer: PixmanRenderer,
    image: Image<'static, 'static>,
    tracker: OutputDamageTracker,
    size: Extent,
    frames: u64,
}

impl Headless {
    pub fn new(size: Extent) -> Result<(Self, OutputInfo), Error> {
        let mut renderer = PixmanRenderer::new().map_err(Error::Renderer)?;
        let image = create(&mut renderer, size)?;
        let info = OutputInfo { name: "headless".into(), size, refresh: REFRESH, physical: (0, 0) };
        Ok((Self { renderer, image, tracker: tracker(size), size, frames: 0 }, info))
    }

    fn resize(&mut self, size: Extent) -> Result<(), Error> {
        self.image = create(&mut self.renderer, size)?;
        self.tracker = tracker(size);
        self.size = size;
        Ok(())
    }

    pub fn draw(&mut self, scene: &Scene) -> Result<(Submitted, RenderElementStates), Error> {
        let elements: Vec<Element<PixmanRenderer>> = scene.elements(&mut self.renderer);
        let age = usize::from(self.frames > 0);
        let mut target = self.renderer.bind(&mut self.image).map_err(Error::Renderer)?;
        let drawn = self
            .tracker
            .render_output(&mut self.renderer, &mut target, age, &elements, BACKDROP)
            .map_err(|error| Error::Frame(error.to_string()))?;
        let submitted = if drawn.damage.is_some() { Submitted::Shown } else { Submitted::Unchanged };
        self.frames += u64::from(submitted == Submitted::Shown);
        Ok((submitted, drawn.states))
    }

    /// What was drawn last.
    pub fn picture(&mut self) -> Result<Picture, Error> {
        let region = Rectangle::from_size((self.size.width, self.size.height).into());
        let target = self.renderer.bind(&mut self.image).map_err(Error::Renderer)?;
        let mapping =
            self.renderer.copy_framebuffer(&target, region, Fourcc::Xrgb8888).map_err(Error::Renderer)?;
        let bytes = self.renderer.map_texture(&mapping).map_err(Error::Renderer)?;
        let rgb = bytes.chunks_exact(4).flat_map(|bgrx| bgrx.iter().take(3).rev().copied()).collect();
        Ok(Picture { size: self.size, rgb, frames: self.frames })
    }
}

fn tracker(size: Extent) -> OutputDamageTracker {
    OutputDamageTracker::new((size.width, size.height), 1.0, Transform::Normal)
}

fn create(renderer: &mut PixmanRenderer, size: Extent) -> Result<Image<'static, 'static>, Error> {
    renderer.create_buffer(Fourcc::Xrgb8888, (size.width, size.height).into()).map_err(Error::Renderer)
}

/// Obeys the commands of this channel.
pub fn watch(commands: Channel<Command>, events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    events
        .insert_source(commands, |event, (), state: &mut Weft| match event {
            Event::Msg(command) => state.obey(command),
            Event::Closed => {}
        })
        .map_err(|error| Error::Watch(error.error.to_string()))?;
    Ok(())
}

impl Weft {
    fn obey(&mut self, command: Command) {
        match command {
            Command::Input(input) => self.input(input),
            Command::Resize(size) => self.resize_headless(size),
            Command::Picture(answer) => {
                if let crate::backend::Backend::Headless(headless) = &mut self.backend {
                    match headless.picture() {
                        Ok(picture) => drop(answer.send(picture)),
                        Err(error) => tracing::error!("no picture: {error}"),
                    }
                }
            }
            Command::Connect(stream) => {
                if let Err(error) = self.accept(stream) {
                    tracing::warn!("a client cannot be taken, ignoring: {error}");
                }
            }
            Command::Stop => self.stop.stop(),
        }
    }

    fn resize_headless(&mut self, size: Extent) {
        let crate::backend::Backend::Headless(headless) = &mut self.backend else {
            return;
        };
        if let Err(error) = headless.resize(size) {
            tracing::error!("the output keeps its size: {error}");
            return;
        }
        self.set_output(&OutputInfo { name: "headless".into(), size, refresh: REFRESH, physical: (0, 0) });
    }
}

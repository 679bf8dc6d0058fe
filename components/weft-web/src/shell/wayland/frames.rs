//! Buffers in shared memory, and which part of each is out of date.

use super::WindowEvent;
use super::window::Display;
use crate::damage::{Rect, Size, changed, copy};
use smithay_client_toolkit::dispatch2::Dispatch2;
use smithay_client_toolkit::shm::raw::RawPool;
use smithay_client_toolkit::shm::{CreatePoolError, Shm};
use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_shm::Format;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, QueueHandle};
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::{
    self, WpPresentationFeedback,
};

/// Two are in use while a compositor gives a buffer back with the next commit; the third is touched, and costs memory, only where one
/// keeps them longer.
const BUFFERS: usize = 3;
/// A buffer with more stale rectangles than this is stale as a whole.
const MAX_STALE: usize = 16;

/// What became of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// The compositor has it as the frame of this number.
    Frame(u64),
    /// It is the same as the frame of this number.
    Same(u64),
    /// The compositor holds every buffer; try again when something happens.
    NoBuffer,
}

/// The buffers of one window size.
pub struct Frames {
    pool: RawPool,
    size: Size,
    generation: u64,
    buffers: Vec<Buffer>,
    /// The buffer that the compositor got last.
    front: Option<usize>,
}

struct Buffer {
    buffer: WlBuffer,
    held: bool,
    stale: Vec<Rect>,
}

/// Tells which buffer of which size an event is about.
pub struct BufferData {
    generation: u64,
    index: usize,
}

/// Marks the callback for the next good time to draw.
pub struct FrameData;

/// The number of the frame that a presentation feedback is about.
pub struct FeedbackData(u64);

impl Frames {
    pub fn new(
        shm: &Shm,
        queue: &QueueHandle<Display>,
        size: Size,
        generation: u64,
    ) -> Result<Self, CreatePoolError> {
        let mut pool = RawPool::new(size.bytes() * BUFFERS, shm)?;
        let (width, height) = (size.width as i32, size.height as i32);
        let buffers = (0..BUFFERS)
            .map(|index| {
                let offset = (index * size.bytes()) as i32;
                let data = BufferData { generation, index };
                let stride = size.stride() as i32;
                let buffer = pool.create_buffer(offset, width, height, stride, Format::Xrgb8888, data, queue);
                Buffer { buffer, held: false, stale: vec![size.rect()] }
            })
            .collect();
        Ok(Self { pool, size, generation, buffers, front: None })
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// Counts the sizes that the window has had.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Puts a picture (rows bottom-up) into a free buffer and attaches it to the surface; the caller commits.
    /// `None` when it is no other than the last, or when no buffer is free.
    pub fn attach(&mut self, picture: &[u8], surface: &WlSurface) -> Attached {
        let bytes = self.size.bytes();
        let memory = self.pool.mmap();
        let rects = match self.front {
            Some(front) => {
                let shown = memory.get(front * bytes..(front + 1) * bytes).unwrap_or_default();
                changed(picture, shown, self.size)
            }
            None => vec![self.size.rect()],
        };
        if rects.is_empty() {
            return Attached::Same;
        }
        let Some(index) = self.buffers.iter().position(|buffer| !buffer.held) else {
            return Attached::NoBuffer;
        };
        for (_, other) in self.buffers.iter_mut().enumerate().filter(|(other, _)| *other != index) {
            other.stale.extend(&rects);
            if other.stale.len() > MAX_STALE {
                other.stale = vec![self.size.rect()];
            }
        }
        let Some(buffer) = self.buffers.get_mut(index) else {
            return Attached::NoBuffer;
        };
        if let Some(target) = memory.get_mut(index * bytes..(index + 1) * bytes) {
            copy(picture, target, self.size, &std::mem::take(&mut buffer.stale));
            copy(picture, target, self.size, &rects);
        }
        buffer.held = true;
        self.front = Some(index);
        surface.attach(Some(&buffer.buffer), 0, 0);
        for rect in rects {
            surface.damage_buffer(rect.x as i32, rect.y as i32, rect.width as i32, rect.height as i32);
        }
        Attached::New
    }

    fn release(&mut self, index: usize) {
        if let Some(buffer) = self.buffers.get_mut(index) {
            buffer.held = false;
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        // One that the compositor still shows goes when it is released: its content would be undefined from now on.
        for buffer in self.buffers.iter().filter(|buffer| !buffer.held) {
            buffer.buffer.destroy();
        }
    }
}

/// What [`Frames::attach`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    New,
    Same,
    NoBuffer,
}

impl Display {
    /// Shows a picture of the window's size, rows bottom-up.
    pub fn submit(&mut self, picture: &[u8]) -> Submitted {
        let Some(frames) = &mut self.frames else {
            return Submitted::NoBuffer;
        };
        if picture.len() != frames.size().bytes() {
            return Submitted::NoBuffer;
        }
        let surface = self.surface.clone();
        match frames.attach(picture, &surface) {
            Attached::Same => return Submitted::Same(self.frame),
            Attached::NoBuffer => return Submitted::NoBuffer,
            Attached::New => {}
        }
        self.frame += 1;
        surface.frame(&self.queue, FrameData);
        self.awaits_frame = true;
        if let Some(presentation) = &self.presentation {
            presentation.feedback(&surface, &self.queue, FeedbackData(self.frame));
        }
        surface.commit();
        Submitted::Frame(self.frame)
    }
}

impl Dispatch2<WlBuffer, Display> for BufferData {
    fn event(
        &self,
        display: &mut Display,
        buffer: &WlBuffer,
        event: wl_buffer::Event,
        _: &Connection,
        _: &QueueHandle<Display>,
    ) {
        if let wl_buffer::Event::Release = event {
            match &mut display.frames {
                Some(frames) if frames.generation == self.generation => frames.release(self.index),
                _ => buffer.destroy(),
            }
        }
    }
}

impl Dispatch2<WlCallback, Display> for FrameData {
    fn event(
        &self,
        display: &mut Display,
        _: &WlCallback,
        event: wl_callback::Event,
        _: &Connection,
        _: &QueueHandle<Display>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            display.awaits_frame = false;
            display.tell(WindowEvent::FrameDone);
            if display.presentation.is_none() {
                display.tell(WindowEvent::Presented(display.frame));
            }
        }
    }
}

impl Dispatch2<WpPresentationFeedback, Display> for FeedbackData {
    fn event(
        &self,
        display: &mut Display,
        _: &WpPresentationFeedback,
        event: wp_presentation_feedback::Event,
        _: &Connection,
        _: &QueueHandle<Display>,
    ) {
        if let wp_presentation_feedback::Event::Presented { .. } = event {
            display.tell(WindowEvent::Presented(self.0));
        }
    }
}

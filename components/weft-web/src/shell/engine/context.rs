//! Where Servo draws: WebRender's software rasteriser, in memory of this process.

use super::clock::FrameClock;
use super::gl::SwGl;
use crate::shell::sys::Canvas;
use dpi::PhysicalSize;
use gleam::gl::Gl;
use servo::{DeviceIntRect, RefreshDriver, RenderingContext, RgbaImage};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// Servo's rendering context over SWGL.
pub struct SwglContext {
    context: swgl::Context,
    gl: Rc<SwGl>,
    canvas: RefCell<Canvas>,
    size: Cell<PhysicalSize<u32>>,
    clock: Rc<FrameClock>,
}

impl SwglContext {
    pub fn new(size: PhysicalSize<u32>, clock: Rc<FrameClock>) -> Self {
        let context = swgl::Context::create();
        context.make_current();
        Self {
            context,
            gl: Rc::new(SwGl::new(context)),
            canvas: RefCell::new(Canvas::new(context, size.width, size.height)),
            size: Cell::new(size),
            clock,
        }
    }

    /// Gives the picture as it is drawn now, rows bottom-up.
    pub fn with_picture<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(self.canvas.borrow_mut().bytes())
    }
}

impl RenderingContext for SwglContext {
    fn prepare_for_rendering(&self) {
        self.context.make_current();
        self.context.bind_framebuffer(gleam::gl::FRAMEBUFFER, 0);
    }

    fn read_to_image(&self, area: DeviceIntRect) -> Option<RgbaImage> {
        let size = self.size.get();
        let (left, top) = (u32::try_from(area.min.x).ok()?, u32::try_from(area.min.y).ok()?);
        let width = u32::try_from(area.width()).ok()?.min(size.width.checked_sub(left)?);
        let height = u32::try_from(area.height()).ok()?.min(size.height.checked_sub(top)?);
        self.with_picture(|picture| {
            let mut image = RgbaImage::new(width, height);
            for (x, y, pixel) in image.enumerate_pixels_mut() {
                let row = size.height - 1 - (top + y);
                let at = (row as usize * size.width as usize + (left + x) as usize) * 4;
                let [b, g, r, a] = *picture.get(at..)?.first_chunk()?;
                pixel.0 = [r, g, b, a];
            }
            Some(image)
        })
    }

    fn size(&self) -> PhysicalSize<u32> {
        self.size.get()
    }

    fn resize(&self, size: PhysicalSize<u32>) {
        if self.size.replace(size) != size {
            self.canvas.borrow_mut().resize(size.width, size.height);
        }
    }

    /// Nothing to do: the window takes the picture with [`SwglContext::with_picture`].
    fn present(&self) {}

    fn make_current(&self) -> Result<(), surfman::Error> {
        self.context.make_current();
        Ok(())
    }

    fn gleam_gl_api(&self) -> Rc<dyn Gl> {
        self.gl.clone()
    }

    /// For WebGL and WebXR, which this build of Servo does not have.
    fn glow_gl_api(&self) -> Arc<glow::Context> {
        unreachable!("Servo asks for glow only with WebGL, which is not built in")
    }

    fn refresh_driver(&self) -> Option<Rc<dyn RefreshDriver>> {
        Some(self.clock.clone())
    }
}

//! The pointer's picture: an arrow of our own, or what the client under the pointer wants.

use smithay::backend::allocator::Fourcc;
use smithay::backend::renderer::element::memory::MemoryRenderBuffer;
use smithay::input::pointer::{CursorImageStatus, CursorImageSurfaceData};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{IsAlive, Logical, Point, Transform};
use smithay::wayland::compositor::with_states;

/// Width of the arrow's picture in pixels.
const WIDTH: usize = 14;
/// Its height.
const HEIGHT: usize = 22;
/// The longest side of a client's picture in pixels: more of it is not drawn.
pub const MAX_SIDE: i32 = 128;
/// Subpixels a side, for smooth edges.
const FINENESS: usize = 4;

/// Corners of the arrow in pixels, clockwise from the tip.
const OUTLINE: [(f32, f32); 7] =
    [(0.5, 0.5), (12.5, 12.5), (7.6, 12.5), (10.6, 19.4), (7.6, 20.6), (4.7, 13.8), (0.5, 17.6)];

/// What is drawn at the pointer.
#[derive(Debug)]
pub enum Picture<'a> {
    Arrow(&'a MemoryRenderBuffer),
    /// A surface, and the point of it that is at the pointer.
    Surface(&'a WlSurface, Point<i32, Logical>),
}

/// The pointer's picture, and whether it is shown.
#[derive(Debug)]
pub struct Cursor {
    /// The last input was the pointer's: none yet, or a touch, and there is no picture.
    shown: bool,
    image: CursorImageStatus,
    arrow: Option<MemoryRenderBuffer>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { shown: false, image: CursorImageStatus::default_named(), arrow: None }
    }
}

impl Cursor {
    pub fn set_image(&mut self, image: CursorImageStatus) {
        self.image = image;
    }

    /// The pointer moved.
    pub fn show(&mut self) {
        self.shown = true;
        self.arrow.get_or_insert_with(arrow);
    }

    /// A finger is on the screen.
    pub fn hide(&mut self) {
        self.shown = false;
    }

    /// Whether the pointer is in use.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// What to draw now.
    pub fn picture(&self) -> Option<Picture<'_>> {
        if !self.shown {
            return None;
        }
        match &self.image {
            CursorImageStatus::Hidden => None,
            CursorImageStatus::Surface(surface) if surface.alive() && is_at_pointer(surface) => {
                Some(Picture::Surface(surface, hotspot(surface)))
            }
            CursorImageStatus::Surface(_) | CursorImageStatus::Named(_) => {
                self.arrow.as_ref().map(Picture::Arrow)
            }
        }
    }

    /// The surface that is drawn as the cursor.
    pub fn surface(&self) -> Option<&WlSurface> {
        match self.picture() {
            Some(Picture::Surface(surface, _)) => Some(surface),
            _ => None,
        }
    }
}

/// Whether the picture is where the pointer is: anywhere else it could pass for a part of another window.
fn is_at_pointer(surface: &WlSurface) -> bool {
    let Point { x, y, .. } = hotspot(surface);
    (0..MAX_SIDE).contains(&x) && (0..MAX_SIDE).contains(&y)
}

fn hotspot(surface: &WlSurface) -> Point<i32, Logical> {
    with_states(surface, |states| {
        let data = states.data_map.get::<CursorImageSurfaceData>();
        data.and_then(|data| data.lock().ok().map(|attributes| attributes.hotspot)).unwrap_or_default()
    })
}

fn arrow() -> MemoryRenderBuffer {
    let pixels = draw_arrow();
    let size = (WIDTH as i32, HEIGHT as i32);
    MemoryRenderBuffer::from_slice(&pixels, Fourcc::Argb8888, size, 1, Transform::Normal, None)
}

/// Premultiplied ARGB, little-endian: white within a dark outline.
fn draw_arrow() -> Vec<u8> {
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT * 4);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (mut inner, mut outer) = (0, 0);
            for sub in 0..FINENESS * FINENESS {
                let offset = |index: usize| (index as f32 + 0.5) / FINENESS as f32;
                let point = (x as f32 + offset(sub % FINENESS), y as f32 + offset(sub / FINENESS));
                outer += usize::from(inside(point) || distance(point) < 0.5);
                inner += usize::from(inside(point) && distance(point) > 0.9);
            }
            let share = |count: usize| (count * 255 / (FINENESS * FINENESS)) as u8;
            let white = share(inner);
            pixels.extend_from_slice(&[white, white, white, share(outer).max(white)]);
        }
    }
    pixels
}

fn edges() -> impl Iterator<Item = ((f32, f32), (f32, f32))> {
    OUTLINE.into_iter().zip(OUTLINE.into_iter().cycle().skip(1))
}

/// Even-odd rule.
fn inside((x, y): (f32, f32)) -> bool {
    edges()
        .filter(|((ax, ay), (bx, by))| (*ay > y) != (*by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax)
        .count()
        % 2
        == 1
}

/// Distance to the nearest edge in pixels.
fn distance((x, y): (f32, f32)) -> f32 {
    let to_edge = |((ax, ay), (bx, by)): ((f32, f32), (f32, f32))| {
        let (dx, dy) = (bx - ax, by - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        (x - ax - along * dx).hypot(y - ay - along * dy)
    };
    edges().map(to_edge).fold(f32::MAX, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arrow_is_white_inside_and_clear_outside() {
        let pixels = draw_arrow();
        let at = |x: usize, y: usize| <[u8; 4]>::try_from(&pixels[(y * WIDTH + x) * 4..][..4]).unwrap();
        assert_eq!(at(3, 9), [255, 255, 255, 255]);
        assert_eq!(at(WIDTH - 1, 0), [0, 0, 0, 0]);
        assert_eq!(at(0, 8)[3], 255, "the left outline is opaque");
        assert!(pixels.chunks(4).all(|pixel| pixel[0] <= pixel[3]), "colours are premultiplied");
    }
}

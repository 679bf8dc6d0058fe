//! What one frame shows, front to back, and the render elements of it for any renderer.

use crate::cursor::{MAX_SIDE, Picture};
use crate::state::Weft;
use crate::windows::{Rect, Role};
use smithay::backend::renderer::element::memory::{MemoryRenderBuffer, MemoryRenderBufferRenderElement};
use smithay::backend::renderer::element::surface::{
    WaylandSurfaceRenderElement, render_elements_from_surface_tree,
};
use smithay::backend::renderer::element::utils::CropRenderElement;
use smithay::backend::renderer::element::{Kind, render_elements};
use smithay::backend::renderer::{ImportAll, ImportMem, Renderer, Texture};
use smithay::desktop::PopupManager;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Physical, Point, Rectangle};
use smithay::wayland::compositor::with_states;
use smithay::wayland::shell::xdg::SurfaceCachedState;

/// What is seen where there is no window: the first thing on the screen.
pub const BACKDROP: [f32; 4] = [0.055, 0.065, 0.09, 1.0];

/// One pixel a logical pixel: the output is not scaled.
const SCALE: f64 = 1.0;

render_elements! {
    /// Anything that is drawn.
    pub Element<R> where R: ImportAll + ImportMem;
    Surface=CropRenderElement<WaylandSurfaceRenderElement<R>>,
    Arrow=MemoryRenderBufferRenderElement<R>,
}

/// A surface with its subsurfaces.
#[derive(Debug)]
struct Layer {
    surface: WlSurface,
    at: Point<i32, Logical>,
    clip: Rect,
}

#[derive(Debug)]
enum CursorLayer {
    Arrow(MemoryRenderBuffer, Point<f64, Physical>),
    Surface(WlSurface, Point<i32, Physical>),
}

/// Everything of one frame, the topmost first.
#[derive(Debug)]
pub struct Scene {
    cursor: Option<CursorLayer>,
    layers: Vec<Layer>,
}

impl Scene {
    /// The same without the cursor, which is there whatever the windows show.
    pub fn without_cursor(self) -> Self {
        Self { cursor: None, ..self }
    }

    /// The frame's render elements, the topmost first.
    pub fn elements<R>(&self, renderer: &mut R) -> Vec<Element<R>>
    where
        R: Renderer + ImportAll + ImportMem,
        R::TextureId: Texture + Clone + Send + 'static,
    {
        let mut elements = Vec::new();
        match &self.cursor {
            Some(CursorLayer::Arrow(arrow, at)) => {
                let element = MemoryRenderBufferRenderElement::from_buffer(
                    renderer,
                    *at,
                    arrow,
                    None,
                    None,
                    None,
                    Kind::Cursor,
                );
                match element {
                    Ok(element) => elements.push(Element::Arrow(element)),
                    Err(_) => tracing::debug!("the cursor cannot be drawn, ignoring"),
                }
            }
            Some(CursorLayer::Surface(surface, at)) => {
                let tree = tree(renderer, surface, *at, Kind::Cursor);
                let clip = Rectangle::new(*at, (MAX_SIDE, MAX_SIDE).into());
                elements.extend(cropped(tree, clip));
            }
            None => {}
        }
        for layer in &self.layers {
            let at = layer.at.to_physical(1);
            let tree = tree(renderer, &layer.surface, at, Kind::Unspecified);
            elements.extend(cropped(tree, rectangle(layer.clip).to_physical(1)));
        }
        elements
    }
}

/// A surface with what hangs on it.
fn tree<R>(
    renderer: &mut R,
    surface: &WlSurface,
    at: Point<i32, Physical>,
    kind: Kind,
) -> Vec<WaylandSurfaceRenderElement<R>>
where
    R: Renderer + ImportAll,
    R::TextureId: Clone + Send + 'static,
{
    render_elements_from_surface_tree(renderer, surface, at, SCALE, 1.0, kind)
}

/// Nothing of it is drawn outside of `clip`.
fn cropped<R>(
    tree: Vec<WaylandSurfaceRenderElement<R>>,
    clip: Rectangle<i32, Physical>,
) -> impl Iterator<Item = Element<R>>
where
    R: Renderer + ImportAll + ImportMem,
    R::TextureId: Texture + Clone + Send + 'static,
{
    let cropped =
        tree.into_iter().filter_map(move |element| CropRenderElement::from_element(element, SCALE, clip));
    cropped.map(Element::Surface)
}

/// The same rectangle in the renderer's terms.
pub fn rectangle(rect: Rect) -> Rectangle<i32, Logical> {
    Rectangle::new((rect.x, rect.y).into(), (rect.width, rect.height).into())
}

/// Where the surface's buffer starts when its window geometry starts at `place`.
pub fn buffer_origin(surface: &WlSurface, place: Rect) -> Point<i32, Logical> {
    let geometry =
        with_states(surface, |states| states.cached_state.get::<SurfaceCachedState>().current().geometry);
    Point::from((place.x, place.y)) - geometry.map(|geometry| geometry.loc).unwrap_or_default()
}

impl Weft {
    /// What a frame drawn now shows.
    pub fn scene(&self) -> Scene {
        let mut layers = Vec::new();
        for id in self.windows.front_to_back() {
            let (Some(window), Some(place)) = (self.window(id), self.windows.place(id)) else {
                continue;
            };
            // An app never draws outside of its place, whatever its buffer's size: the task bar stays free.
            let clip =
                if self.windows.role(id) == Some(Role::App) { place } else { self.windows.output().rect() };
            let surface = window.toplevel.wl_surface();
            for (popup, offset) in PopupManager::popups_for_surface(surface) {
                let at = Point::from((place.x, place.y)) + offset - popup.geometry().loc;
                layers.push(Layer { surface: popup.wl_surface().clone(), at, clip });
            }
            layers.push(Layer { surface: surface.clone(), at: buffer_origin(surface, place), clip });
        }
        Scene { cursor: self.cursor_layer(), layers }
    }

    fn cursor_layer(&self) -> Option<CursorLayer> {
        let pointer = self.seat.get_pointer()?.current_location();
        Some(match self.cursor.picture()? {
            Picture::Arrow(arrow) => {
                CursorLayer::Arrow(arrow.clone(), pointer.to_physical(SCALE).to_i32_round::<i32>().to_f64())
            }
            Picture::Surface(surface, hotspot) => {
                CursorLayer::Surface(surface.clone(), (pointer.to_i32_round() - hotspot).to_physical(1))
            }
        })
    }
}

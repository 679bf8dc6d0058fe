//! SWGL behind gleam's `Gl` trait, with the calls adapted that Servo makes otherwise than SWGL expects or does fast.

use super::gl_calls::gl_calls;
use gleam::gl::{self, *};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// What WebRender draws to clear a part of a tile: one instance of its shader `ps_clear`.
#[derive(Debug, Clone, Copy)]
struct ClearQuad {
    /// Left, top, right and bottom in pixels of the target.
    rect: [f32; 4],
    color: [f32; 4],
}

/// SWGL as an OpenGL context.
pub struct SwGl {
    context: swgl::Context,
    /// `depth_func(ALWAYS)` is in force.
    depth_always: Cell<bool>,
    /// The framebuffer that is drawn to.
    framebuffer: Cell<GLuint>,
    /// `color_mask` lets colour through.
    writes_color: Cell<bool>,
    /// The instance that was uploaded last, if it is of the size of a [`ClearQuad`].
    quad: Cell<Option<ClearQuad>>,
}

impl SwGl {
    pub fn new(context: swgl::Context) -> Self {
        Self {
            context,
            depth_always: Cell::new(false),
            framebuffer: Cell::new(0),
            writes_color: Cell::new(true),
            quad: Cell::new(None),
        }
    }

    /// Clears what WebRender is about to clear by drawing a quad.
    fn clear_quad(&self, quad: ClearQuad) {
        self.context.clear_depth(1.0);
        self.context.clear(gl::DEPTH_BUFFER_BIT);
        if self.writes_color.get() {
            let [left, top, right, bottom] = quad.rect.map(|edge| edge.round() as i32);
            let [r, g, b, a] = quad.color;
            let framebuffer = self.framebuffer.get();
            self.context.clear_color_rect(framebuffer, left, top, right - left, bottom - top, r, g, b, a);
        }
    }
}

macro_rules! implement {
    (
        adapted { $($adapted:item)* }
        safe { $(fn $safe:ident($($safe_arg:ident: $safe_type:ty),*) $(-> $safe_result:ty)?;)* }
        raw { $(fn $raw:ident($($raw_arg:ident: $raw_type:ty),*) $(-> $raw_result:ty)?;)* }
    ) => {
        #[allow(unsafe_code)]
        impl Gl for SwGl {
            $($adapted)*
            $(
                fn $safe(&self, $($safe_arg: $safe_type),*) $(-> $safe_result)? {
                    self.context.$safe($($safe_arg),*)
                }
            )*
            $(
                unsafe fn $raw(&self, $($raw_arg: $raw_type),*) $(-> $raw_result)? {
                    // SAFETY: the contract is that of the same function of the same trait, and the caller keeps it.
                    unsafe { self.context.$raw($($raw_arg),*) }
                }
            )*
        }
    };
}

gl_calls! {
    implement {
        // SWGL knows LESS and LEQUAL only. WebRender asks for ALWAYS where it clears the tiles of its picture cache, whose depth nobody
        // reads before it is invalidated: clearing all of it is the same there.
        fn depth_func(&self, func: GLenum) {
            self.depth_always.set(func == gl::ALWAYS);
            if func == gl::ALWAYS {
                self.context.disable(gl::DEPTH_TEST);
            } else {
                self.context.depth_func(func);
            }
        }

        fn bind_framebuffer(&self, target: GLenum, framebuffer: GLuint) {
            if target != gl::READ_FRAMEBUFFER {
                self.framebuffer.set(framebuffer);
            }
            self.context.bind_framebuffer(target, framebuffer);
        }

        fn color_mask(&self, r: bool, g: bool, b: bool, a: bool) {
            self.writes_color.set(r);
            self.context.color_mask(r, g, b, a);
        }

        fn buffer_data_untyped(&self, target: GLenum, size: GLsizeiptr, data: *const GLvoid, usage: GLenum) {
            let is_quad = self.depth_always.get()
                && target == gl::ARRAY_BUFFER
                && usize::try_from(size) == Ok(size_of::<[f32; 8]>())
                && !data.is_null();
            self.quad.set(is_quad.then(|| {
                // SAFETY: as with glBufferData, `data` points to `size` bytes, which is what is read here, at whatever alignment.
                let [left, top, right, bottom, r, g, b, a] = unsafe { data.cast::<[f32; 8]>().read_unaligned() };
                ClearQuad { rect: [left, top, right, bottom], color: [r, g, b, a] }
            }));
            self.context.buffer_data_untyped(target, size, data, usage);
        }

        fn draw_elements_instanced(
            &self,
            mode: GLenum,
            count: GLsizei,
            element_type: GLenum,
            indices_offset: GLuint,
            primcount: GLsizei,
        ) {
            // SWGL runs this shader pixel by pixel, in floating point; its own clear fills memory.
            if self.depth_always.get() && primcount == 1
                && let Some(quad) = self.quad.take()
            {
                self.clear_quad(quad);
                return;
            }
            self.context.draw_elements_instanced(mode, count, element_type, indices_offset, primcount);
        }

        // SWGL's shaders are compiled in and chosen by name; none was built with dithering, which Servo always asks for.
        fn shader_source(&self, shader: GLuint, strings: &[&[u8]]) {
            let strings: Vec<Vec<u8>> = strings.iter().map(|source| without_dithering(source)).collect();
            let strings: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
            self.context.shader_source(shader, &strings);
        }
    }
}

/// The source with `DITHERING` taken out of its line `// shader: name FEATURE,FEATURE`, the only line that SWGL reads.
fn without_dithering(source: &[u8]) -> Vec<u8> {
    const MARK: &str = "// shader: ";
    let text = String::from_utf8_lossy(source);
    let Some((_, line)) = text.split_once(MARK) else {
        return source.to_vec();
    };
    let line = line.lines().next().unwrap_or_default();
    let (name, features) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let features: Vec<&str> = features.split(',').filter(|f| !f.is_empty() && *f != "DITHERING").collect();
    let space = if features.is_empty() { "" } else { " " };
    format!("{MARK}{name}{space}{}\n", features.join(",")).into_bytes()
}

//! What is on the screen, told to whoever decides whether a release works: drawn once more into memory, without the cursor, and looked at.

use crate::backend::headless::{self, Headless, Picture};
use crate::state::Weft;
use crate::windows::{Extent, Owner, Rect, Role, WindowId};
use smithay::reexports::calloop::generic::Generic;
use smithay::reexports::calloop::{Interest, LoopHandle, Mode, PostAction};
use std::io::{ErrorKind, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use weft_ipc::line::Line;
use weft_ipc::screen::{Screen, Window};

/// Fewer pixels of another colour than a letter has are nothing to see.
const PIXELS_OF_A_LETTER: usize = 12;

/// Answers every connection at once.
pub fn listen(listener: UnixListener, events: &LoopHandle<'static, Weft>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let accept =
        |_, listener: &mut smithay::reexports::calloop::generic::NoIoDrop<UnixListener>, state: &mut Weft| {
            match listener.accept() {
                Ok((stream, _)) => state.tell_screen(&stream),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => tracing::warn!("cannot take who asks for the screen, retrying: {error}"),
            }
            Ok(PostAction::Continue)
        };
    events.insert_source(source, accept).map_err(|error| error.error).map_err(std::io::Error::other)?;
    Ok(())
}

impl Weft {
    fn tell_screen(&mut self, mut stream: &UnixStream) {
        let screen = self.screen().unwrap_or_else(|error| {
            tracing::error!("cannot look at the screen: {error}");
            Screen::default()
        });
        // A few hundred bytes fit into any socket's buffer; a client that is gone does not matter.
        let _ = stream.set_nonblocking(true).and_then(|()| stream.write_all(screen.to_line().as_bytes()));
    }

    fn screen(&self) -> Result<Screen, headless::Error> {
        let picture = draw(self)?;
        let shown: Vec<(WindowId, Rect)> = self
            .windows
            .front_to_back()
            .filter(|id| self.window(*id).is_some_and(|window| window.mapped))
            .filter_map(|id| self.windows.place(id).map(|place| (id, place)))
            .collect();
        let mut windows = Vec::new();
        for (at, (id, place)) in shown.iter().enumerate() {
            let above: Vec<Rect> = shown.iter().take(at).map(|(_, place)| *place).collect();
            let Some(blank) = is_blank(&picture, *place, &above) else { continue };
            windows.push(Window { app_id: self.app_of(*id), blank });
        }
        Ok(Screen { connected: self.backend.is_connected(), presenting: self.is_presenting(), windows })
    }

    fn app_of(&self, id: WindowId) -> Option<String> {
        let Some(Owner::Session(session)) = self.windows.owner(id) else { return None };
        self.sessions.app_of(session).filter(|_| self.windows.role(id) == Some(Role::App)).map(str::to_owned)
    }
}

fn draw(state: &Weft) -> Result<Picture, headless::Error> {
    let Extent { width, height } = state.windows.output();
    let (mut memory, _) = Headless::new(Extent { width, height })?;
    memory.draw(&state.scene().without_cursor())?;
    memory.picture()
}

/// Whether what can be seen of a window has one colour; `None` where nothing can be seen of it.
fn is_blank(picture: &Picture, place: Rect, above: &[Rect]) -> Option<bool> {
    // Shades that nobody tells apart are one colour.
    const LEVELS: usize = 32;
    let mut colours = vec![0_usize; LEVELS * LEVELS * LEVELS];
    let mut seen = 0;
    let (right, bottom) = (place.x.saturating_add(place.width), place.y.saturating_add(place.height));
    for y in place.y.max(0)..bottom.min(picture.size.height) {
        for x in place.x.max(0)..right.min(picture.size.width) {
            if above.iter().any(|rect| rect.contains(x.into(), y.into())) {
                continue;
            }
            let Some(pixel) = picture.pixel(x, y) else { continue };
            let index = pixel.iter().fold(0, |index, channel| index * LEVELS + usize::from(channel >> 3));
            if let Some(count) = colours.get_mut(index) {
                *count += 1;
                seen += 1;
            }
        }
    }
    let most = colours.iter().max().filter(|most| **most > 0)?;
    Some(seen - most < PIXELS_OF_A_LETTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Extent = Extent { width: 100, height: 50 };

    fn picture(paint: impl Fn(i32, i32) -> [u8; 3]) -> Picture {
        let pixels = (0..SIZE.height).flat_map(|y| (0..SIZE.width).map(move |x| (x, y)));
        Picture { size: SIZE, rgb: pixels.flat_map(|(x, y)| paint(x, y)).collect(), frames: 1 }
    }

    fn rect(x: i32, y: i32, width: i32, height: i32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn one_colour_is_blank_and_a_word_is_not() {
        let all = SIZE.rect();
        assert_eq!(is_blank(&picture(|_, _| [0, 0, 0]), all, &[]), Some(true));
        assert_eq!(is_blank(&picture(|x, _| [x as u8 % 4, 0, 0]), all, &[]), Some(true), "shades");
        let word = picture(|x, y| if y == 20 && x < 20 { [255; 3] } else { [0; 3] });
        assert_eq!(is_blank(&word, all, &[]), Some(false));
    }

    #[test]
    fn only_what_is_not_covered_counts() {
        let half = picture(|x, y| if x < 50 { [0, y as u8 * 5, 0] } else { [9; 3] });
        assert_eq!(is_blank(&half, SIZE.rect(), &[rect(0, 0, 50, 50)]), Some(true));
        assert_eq!(is_blank(&half, SIZE.rect(), &[rect(50, 0, 50, 50)]), Some(false));
        assert_eq!(is_blank(&half, SIZE.rect(), &[rect(-5, -5, 200, 200)]), None);
        assert_eq!(is_blank(&half, rect(500, 0, 10, 10), &[]), None);
    }
}

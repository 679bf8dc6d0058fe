//! Pictures that are drawn when the image is built, so that no device has to draw them at every start.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not an SVG picture")]
    Parse { path: PathBuf, source: usvg::Error },
    #[error("{path} cannot be drawn {width} pixels wide: give another width in the profile's `pictures`")]
    Size { path: PathBuf, width: u32 },
    #[error("cannot write {path} as PNG")]
    Encode { path: PathBuf, source: png::EncodingError },
}

/// The SVG picture in this file as PNG, `width` pixels wide; without an alpha channel where nothing shines through.
pub fn draw(path: &Path, width: u32) -> Result<Vec<u8>, Error> {
    let svg = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let tree = usvg::Tree::from_data(&svg, &usvg::Options::default())
        .map_err(|source| Error::Parse { path: path.to_owned(), source })?;
    let scale = width as f32 / tree.size().width();
    let height = (tree.size().height() * scale).round() as u32;
    let mut drawn = Pixmap::new(width, height).ok_or_else(|| Error::Size { path: path.to_owned(), width })?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut drawn.as_mut());
    encode(&drawn).map_err(|source| Error::Encode { path: path.to_owned(), source })
}

fn encode(drawn: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let opaque = drawn.pixels().iter().all(|pixel| pixel.is_opaque());
    let channels = if opaque { 3 } else { 4 };
    let pixels: Vec<u8> = drawn
        .pixels()
        .iter()
        .map(|pixel| pixel.demultiply())
        .flat_map(|pixel| {
            [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()].into_iter().take(channels)
        })
        .collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, drawn.width(), drawn.height());
    encoder.set_color(if opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
    encoder.set_compression(png::Compression::High);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(shape: &str, width: u32) -> (png::OutputInfo, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.svg");
        let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 10'>{shape}</svg>");
        std::fs::write(&path, svg).unwrap();
        let file = draw(&path, width).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info, pixels)
    }

    #[test]
    fn a_picture_is_drawn_as_wide_as_asked_for_in_its_own_shape() {
        let (info, pixels) =
            drawn("<rect width='10' height='10' fill='red'/><rect x='10' width='10' height='10'/>", 40);
        assert_eq!((info.width, info.height, info.color_type), (40, 20, png::ColorType::Rgb));
        assert_eq!(pixels[..3], [255, 0, 0]);
        assert_eq!(pixels[39 * 3..][..3], [0, 0, 0]);
    }

    #[test]
    fn what_shines_through_keeps_doing_so() {
        let (info, pixels) = drawn("<rect width='20' height='10' fill='blue' fill-opacity='0.5'/>", 20);
        assert_eq!(info.color_type, png::ColorType::Rgba);
        assert_eq!(pixels[..4], [0, 0, 255, 128]);
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sky.svg");
        std::fs::write(&path, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 10'/>").unwrap();
        assert!(draw(&path, 0).unwrap_err().to_string().contains("sky.svg cannot be drawn 0 pixels wide"));
        std::fs::write(&path, "sky").unwrap();
        assert!(draw(&path, 20).unwrap_err().to_string().contains("sky.svg is not an SVG picture"));
    }
}

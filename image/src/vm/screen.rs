//! Screenshots: read from QEMU's PPM dumps, compared in regions, written as PNG.

use super::{Error, Result, file_error};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// A rectangle of pixels from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub fn center(self) -> (u32, u32) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }
}

/// What is on the screen, 8 bits each of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screenshot {
    pub width: u32,
    pub height: u32,
    pixels: Vec<[u8; 3]>,
}

impl Screenshot {
    /// Reads a binary PPM file (`P6`, maximum 255), as the monitor's `screendump` writes it.
    pub fn read_ppm(path: &Path) -> Result<Screenshot> {
        let bytes = std::fs::read(path).map_err(file_error("read", path))?;
        parse_ppm(&bytes).ok_or_else(|| Error::NotPpm { path: path.to_owned() })
    }

    /// Writes it as PNG, atomically.
    pub fn write_png(&self, path: &Path) -> Result<()> {
        let temporary = path.with_extension("png.part");
        let written = self.encode(&temporary).and_then(|()| {
            std::fs::rename(&temporary, path).map_err(file_error("rename the finished screenshot to", path))
        });
        if written.is_err() {
            // The first error is the one to report.
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    fn encode(&self, path: &Path) -> Result<()> {
        let file = File::create(path).map_err(file_error("create", path))?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer =
            encoder.write_header().map_err(|source| Error::Png { path: path.to_owned(), source })?;
        let written = writer.write_image_data(self.pixels.as_flattened()).and_then(|()| writer.finish());
        written.map_err(|source| Error::Png { path: path.to_owned(), source })
    }

    /// The pixel at x, y; black outside.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let inside = x < self.width && y < self.height;
        let index = y as usize * self.width as usize + x as usize;
        if inside { self.pixels[index] } else { [0; 3] }
    }

    /// The part of the screen inside the rectangle, black where it sticks out.
    pub fn region(&self, rect: Rect) -> Screenshot {
        let rows = rect.y..rect.y + rect.height;
        let pixels =
            rows.flat_map(|y| (rect.x..rect.x + rect.width).map(move |x| self.pixel(x, y))).collect();
        Screenshot { width: rect.width, height: rect.height, pixels }
    }

    /// How many different colours there are; an unpainted screen has one.
    pub fn colours(&self) -> usize {
        let mut seen = self.pixels.clone();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    }

    /// The share of pixels, 0 to 1, that differ by more than `tolerance` in any channel; 1 for different sizes.
    pub fn difference(&self, other: &Screenshot, tolerance: u8) -> f64 {
        if (self.width, self.height) != (other.width, other.height) || self.pixels.is_empty() {
            return if self == other { 0.0 } else { 1.0 };
        }
        let differs = |(a, b): (&[u8; 3], &[u8; 3])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > tolerance);
        let count = self.pixels.iter().zip(&other.pixels).filter(|pair| differs(*pair)).count();
        count as f64 / self.pixels.len() as f64
    }
}

fn parse_ppm(bytes: &[u8]) -> Option<Screenshot> {
    let mut rest = bytes.strip_prefix(b"P6")?;
    let mut numbers = [0_u32; 3];
    for number in &mut numbers {
        let start = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let length = rest[start..].iter().position(u8::is_ascii_whitespace)?;
        *number = std::str::from_utf8(&rest[start..start + length]).ok()?.parse().ok()?;
        rest = &rest[start + length..];
    }
    let [width, height, maximum] = numbers;
    let pixels: Vec<[u8; 3]> =
        rest.get(1..)?.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let whole = maximum == 255 && pixels.len() == width as usize * height as usize;
    whole.then_some(Screenshot { width, height, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Screenshot {
        parse_ppm(b"P6\n3 2\n255\n\0\0\0\x01\x01\x01\x02\x02\x02012345678").unwrap()
    }

    #[test]
    fn reads_pixels_and_regions() {
        let picture = picture();
        assert_eq!((picture.width, picture.height), (3, 2));
        assert_eq!(picture.pixel(2, 0), [2, 2, 2]);
        assert_eq!(picture.region(Rect { x: 1, y: 0, width: 2, height: 1 }).pixels, [[1, 1, 1], [2, 2, 2]]);
        assert_eq!(picture.region(Rect { x: 2, y: 1, width: 2, height: 1 }).pixels[1], [0, 0, 0]);
        assert!(parse_ppm(b"P6\n3 2\n255\nshort").is_none());
        assert!(parse_ppm(b"P5\n1 1\n255\nx").is_none());
    }

    #[test]
    fn differences_are_shares_beyond_the_tolerance() {
        let (one, mut other) = (picture(), picture());
        other.pixels[0] = [9, 0, 0];
        assert_eq!(one.difference(&other, 9), 0.0);
        assert_eq!(one.difference(&other, 8), 1.0 / 6.0);
        assert_eq!(one.difference(&one.region(Rect { x: 0, y: 0, width: 1, height: 1 }), 255), 1.0);
    }

    #[test]
    fn png_holds_the_same_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.png");
        picture().write_png(&path).unwrap();
        let file = std::io::BufReader::new(File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, picture().pixels.as_flattened());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

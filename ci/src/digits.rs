//! Reads a number off the screen, by comparing what stands there with the digits of the shipped font.
//!
//! The digits stand on one plain colour in a cell each, so finding them is cutting at empty columns.

use ab_glyph::{Font, FontVec, PxScale, point};
use anyhow::{Context, bail};
use weft_image::vm::Screenshot;

/// Both sides of a comparison are brought to a grid of this size.
const COLUMNS: usize = 24;
const ROWS: usize = 32;
/// How large the font's digits are drawn before that.
const DRAWN: f32 = 160.0;
/// A digit agrees with its own shape by 0.9 and more, with another by 0.8 at most.
const AGREEMENT: f64 = 0.85;

type Grid = Vec<f64>;

/// A picture in shades of one colour: 0 is background, 1 the strongest ink.
struct Ink {
    width: usize,
    rows: Vec<Vec<f64>>,
}

/// The digits of a font.
pub struct Digits(Vec<(char, Grid)>);

impl Digits {
    pub fn of_font(bytes: Vec<u8>) -> anyhow::Result<Digits> {
        let font = FontVec::try_from_vec(bytes).context("the font cannot be read")?;
        let drawn = ('0'..='9').map(|digit| Ok((digit, draw(&font, digit)?)));
        Ok(Digits(drawn.collect::<anyhow::Result<_>>()?))
    }

    /// The number in a picture that holds nothing else; an error where something is no digit.
    pub fn read(&self, picture: &Screenshot) -> anyhow::Result<String> {
        let ink = ink_of(picture);
        cells(&ink).map(|(start, end)| self.best(&grid(&ink, start, end))).collect()
    }

    fn best(&self, found: &Grid) -> anyhow::Result<char> {
        let scored = self.0.iter().map(|(digit, shape)| (*digit, agreement(shape, found)));
        match scored.max_by(|one, other| one.1.total_cmp(&other.1)) {
            Some((digit, score)) if score > AGREEMENT => Ok(digit),
            Some((digit, score)) => {
                bail!("what stands there looks most like {digit}, but only by {score:.2}")
            }
            None => bail!("the font has no digits"),
        }
    }
}

fn draw(font: &FontVec, digit: char) -> anyhow::Result<Grid> {
    let glyph = font.glyph_id(digit).with_scale_and_position(PxScale::from(DRAWN), point(0.0, 0.0));
    let outline = font.outline_glyph(glyph).with_context(|| format!("the font does not draw {digit}"))?;
    let bounds = outline.px_bounds();
    let mut rows = vec![vec![0.0; bounds.width() as usize]; bounds.height() as usize];
    outline.draw(|x, y, coverage| {
        if let Some(place) = rows.get_mut(y as usize).and_then(|row| row.get_mut(x as usize)) {
            *place = f64::from(coverage);
        }
    });
    let ink = Ink { width: bounds.width() as usize, rows };
    Ok(grid(&ink, 0, ink.width))
}

fn ink_of(picture: &Screenshot) -> Ink {
    let distance = |pixel: [u8; 3], from: [u8; 3]| -> f64 {
        pixel.iter().zip(from).map(|(one, other)| f64::from(one.abs_diff(other))).sum()
    };
    let background = picture.pixel(0, 0);
    let mut rows: Vec<Vec<f64>> = (0..picture.height)
        .map(|y| (0..picture.width).map(|x| distance(picture.pixel(x, y), background)).collect())
        .collect();
    let strongest = rows.iter().flatten().copied().fold(1.0, f64::max);
    rows.iter_mut().flatten().for_each(|value| *value /= strongest);
    Ink { width: picture.width as usize, rows }
}

/// The column ranges between empty columns.
fn cells(ink: &Ink) -> impl Iterator<Item = (usize, usize)> {
    let inked = |column: usize| ink.rows.iter().any(|row| row[column] > 0.5);
    let mut found = Vec::new();
    let mut start = None;
    for column in 0..=ink.width {
        match (start, column < ink.width && inked(column)) {
            (None, true) => start = Some(column),
            (Some(from), false) => {
                found.push((from, column));
                start = None;
            }
            _ => {}
        }
    }
    found.into_iter()
}

/// The inked part between two columns, averaged down to the grid.
fn grid(ink: &Ink, start: usize, end: usize) -> Grid {
    let inked = |row: &Vec<f64>| row[start..end].iter().any(|value| *value > 0.5);
    let top = ink.rows.iter().position(inked).unwrap_or(0);
    let bottom = ink.rows.iter().rposition(inked).map_or(0, |last| last + 1);
    let mut grid = Vec::with_capacity(COLUMNS * ROWS);
    for row in 0..ROWS {
        let rows = span(row, ROWS, top, bottom);
        for column in 0..COLUMNS {
            let columns = span(column, COLUMNS, start, end);
            let values: Vec<f64> =
                ink.rows[rows.clone()].iter().flat_map(|row| row[columns.clone()].iter().copied()).collect();
            grid.push(values.iter().sum::<f64>() / values.len().max(1) as f64);
        }
    }
    grid
}

/// Part `index` of `count` of the range from start to end, at least one wide.
fn span(index: usize, count: usize, start: usize, end: usize) -> std::ops::Range<usize> {
    let size = end.saturating_sub(start);
    let from = start + index * size / count;
    from..(start + (index + 1) * size / count).max(from + 1).min(end.max(from))
}

/// The correlation of two grids: 1 for the same shape.
fn agreement(one: &Grid, other: &Grid) -> f64 {
    let mean = |grid: &Grid| grid.iter().sum::<f64>() / grid.len() as f64;
    let (one_mean, other_mean) = (mean(one), mean(other));
    let mut sums = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (a - one_mean, b - other_mean);
        sums = (sums.0 + a * b, sums.1 + a * a, sums.2 + b * b);
    }
    sums.0 / (sums.1 * sums.2).sqrt().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where Debian's fonts-inter puts it, on the device as on a host that has it.
    const FONT: &str = "/usr/share/fonts/opentype/inter/Inter-SemiBold.otf";

    #[test]
    fn a_digit_is_closest_to_its_own_shape_and_far_from_the_others() {
        let Ok(bytes) = std::fs::read(FONT) else {
            println!("skipped: no {FONT} on this host; the tests in virtual machines use the image's own");
            return;
        };
        let font = FontVec::try_from_vec(bytes.clone()).unwrap();
        let digits = Digits::of_font(bytes).unwrap();
        for digit in '0'..='9' {
            let glyph = font.glyph_id(digit).with_scale_and_position(PxScale::from(176.0), point(0.4, 0.7));
            let outline = font.outline_glyph(glyph).unwrap();
            let bounds = outline.px_bounds();
            let (width, height) = (bounds.width() as usize + 30, bounds.height() as usize + 40);
            let mut ink = Ink { width, rows: vec![vec![0.0; width]; height] };
            outline.draw(|x, y, coverage| ink.rows[y as usize + 20][x as usize + 10] = f64::from(coverage));
            let found: Vec<(usize, usize)> = cells(&ink).collect();
            assert_eq!(found.len(), 1, "{digit}");
            let grid = grid(&ink, found[0].0, found[0].1);
            assert_eq!(digits.best(&grid).unwrap(), digit);
            for (other, shape) in digits.0.iter().filter(|(other, _)| *other != digit) {
                let score = agreement(shape, &grid);
                assert!(score < AGREEMENT, "{digit} looks like {other} by {score:.2}");
            }
        }
    }
}

//! Which part of a picture changed, found by comparing it with the one before.
//!
//! The engine draws the whole picture each time and its rows are bottom-up, as in GL; the window's rows are top-down.

/// Bands of changed rows that are closer than this become one: a compositor handles few rectangles better than many.
const NEAR_ROWS: usize = 24;

/// A changed rectangle in pixels, from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// The size of a picture of 4-byte pixels without gaps between its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

impl Size {
    /// Bytes of one row.
    pub fn stride(self) -> usize {
        self.width * 4
    }

    /// Bytes of the whole picture.
    pub fn bytes(self) -> usize {
        self.stride() * self.height
    }

    /// The whole picture as a rectangle.
    pub fn rect(self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }
}

/// The rectangles in which `drawn` (bottom-up) differs from `shown` (top-down), from top to bottom.
pub fn changed(drawn: &[u8], shown: &[u8], size: Size) -> Vec<Rect> {
    let stride = size.stride();
    let mut rects: Vec<Rect> = Vec::new();
    let rows = drawn.chunks_exact(stride).rev().zip(shown.chunks_exact(stride)).enumerate();
    for (y, (new, old)) in rows {
        if new == old {
            continue;
        }
        let differs = |(a, b): (&[u8], &[u8])| a != b;
        let pixels = || new.chunks_exact(4).zip(old.chunks_exact(4));
        let first = pixels().position(differs).unwrap_or(0);
        let end = pixels().rposition(differs).map_or(size.width, |last| last + 1);
        match rects.last_mut() {
            Some(last) if y < last.y + last.height + NEAR_ROWS => {
                let right = end.max(last.x + last.width);
                last.x = last.x.min(first);
                last.width = right - last.x;
                last.height = y + 1 - last.y;
            }
            _ => rects.push(Rect { x: first, y, width: end - first, height: 1 }),
        }
    }
    rects
}

/// Copies the rectangles of `drawn` (bottom-up) to where they belong in `window` (top-down).
pub fn copy(drawn: &[u8], window: &mut [u8], size: Size, rects: &[Rect]) {
    let stride = size.stride();
    for rect in rects {
        for y in rect.y..rect.y + rect.height {
            let (from, to) = ((size.height - 1 - y) * stride + rect.x * 4, y * stride + rect.x * 4);
            let len = rect.width * 4;
            if let (Some(to), Some(from)) = (window.get_mut(to..to + len), drawn.get(from..from + len)) {
                to.copy_from_slice(from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 7, height: 90 };

    fn flipped(picture: &[u8]) -> Vec<u8> {
        picture.chunks_exact(SIZE.stride()).rev().flatten().copied().collect()
    }

    fn set(picture: &mut [u8], x: usize, y: usize) {
        picture[y * SIZE.stride() + x * 4] = 9;
    }

    #[test]
    fn changes_are_found_where_they_are() {
        let shown = vec![0; SIZE.bytes()];
        let mut new = shown.clone();
        assert_eq!(changed(&flipped(&new), &shown, SIZE), []);
        set(&mut new, 2, 3);
        assert_eq!(changed(&flipped(&new), &shown, SIZE), [Rect { x: 2, y: 3, width: 1, height: 1 }]);
        set(&mut new, 5, 10);
        let near = Rect { x: 2, y: 3, width: 4, height: 8 };
        assert_eq!(changed(&flipped(&new), &shown, SIZE), [near], "near bands are one");
        set(&mut new, 6, 89);
        let far = Rect { x: 6, y: 89, width: 1, height: 1 };
        assert_eq!(changed(&flipped(&new), &shown, SIZE), [near, far]);
    }

    #[test]
    fn copying_the_changes_makes_the_pictures_equal() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize
        };
        for _ in 0..200 {
            let mut window: Vec<u8> = (0..SIZE.bytes()).map(|_| random() as u8).collect();
            let mut new = window.clone();
            for _ in 0..random() % 6 {
                set(&mut new, random() % SIZE.width, random() % SIZE.height);
            }
            let drawn = flipped(&new);
            let rects = changed(&drawn, &window, SIZE);
            copy(&drawn, &mut window, SIZE, &rects);
            assert!(window == new);
        }
        let drawn: Vec<u8> = (0..SIZE.bytes()).map(|_| random() as u8).collect();
        let mut window = vec![0; SIZE.bytes()];
        copy(&drawn, &mut window, SIZE, &[SIZE.rect()]);
        assert!(window == flipped(&drawn));
    }
}

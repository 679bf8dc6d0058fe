//! Rectangles of the output, and the strips along its edges that apps keep off.

/// A rectangle in logical pixels from the output's top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Rect {
    /// Whether the point is inside.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let inside = |at: f64, start: i32, length: i32| {
            at >= f64::from(start) && at < f64::from(start) + f64::from(length)
        };
        inside(x, self.x, self.width) && inside(y, self.y, self.height)
    }

    /// Whether `other` lies inside as a whole.
    pub fn encloses(&self, other: &Rect) -> bool {
        other.x >= self.x
            && other.y >= self.y
            && other.x + other.width <= self.x + self.width
            && other.y + other.height <= self.y + self.height
    }
}

/// Width and height of the output in logical pixels, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub width: i32,
    pub height: i32,
}

impl Extent {
    /// The output as a rectangle.
    pub fn rect(self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }
}

/// An edge of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Top,
    Bottom,
    Left,
    Right,
}

/// How far apps keep off each edge, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zones {
    pub top: i32,
    pub bottom: i32,
    pub left: i32,
    pub right: i32,
}

/// Height of the strip at the bottom that is kept free for the task bar while no panel has said otherwise.
pub const TASK_BAR_HEIGHT: i32 = 48;

impl Zones {
    /// What holds while no panel has set a zone.
    pub const TASK_BAR: Zones = Zones { top: 0, bottom: TASK_BAR_HEIGHT, left: 0, right: 0 };

    /// Sets the zone of one edge; a negative size counts as 0.
    pub fn set(&mut self, edge: Edge, size: i32) {
        let zone = match edge {
            Edge::Top => &mut self.top,
            Edge::Bottom => &mut self.bottom,
            Edge::Left => &mut self.left,
            Edge::Right => &mut self.right,
        };
        *zone = size.max(0);
    }

    /// The output without its zones. Two zones never take more than half of their direction each, and one pixel stays.
    pub fn work_area(&self, output: Extent) -> Rect {
        let (x, width) = cut(output.width, self.left, self.right);
        let (y, height) = cut(output.height, self.top, self.bottom);
        Rect { x, y, width, height }
    }
}

fn cut(length: i32, start: i32, end: i32) -> (i32, i32) {
    let start = start.min(length / 2);
    let end = end.min(length / 2);
    let start = if length - start - end < 1 { start - 1 } else { start };
    (start, length - start - end)
}

//! Boxes, points and how coordinates are written.

use serde::{Deserialize, Serialize};

/// Width and height of an image in pixels, as it was sent.
pub type Size = (f64, f64);

/// A box by its left, upper, right and lower side.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Region(pub [f64; 4]);

/// How a model writes coordinates of a box `x1, y1, x2, y2`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Coordinates {
    /// In pixels.
    #[serde(rename = "abs_xyxy")]
    Pixels,
    /// In thousandths of the sides.
    #[default]
    #[serde(rename = "norm_1000_xyxy")]
    Thousandths,
    /// In parts of the sides, 0 to 1.
    #[serde(rename = "norm_1_xyxy")]
    Parts,
}

impl Region {
    /// From the left upper corner, width and height in pixels, as records of COCO have it.
    pub fn of_corner([x, y, width, height]: [f64; 4], (wide, high): Size) -> Self {
        Region([x / wide, y / high, (x + width) / wide, (y + height) / high])
    }

    /// From two corners in pixels.
    pub fn of_pixels([x1, y1, x2, y2]: [f64; 4], (wide, high): Size) -> Self {
        Region([x1 / wide, y1 / high, x2 / wide, y2 / high])
    }

    /// From four numbers in any order of corners: within the image, left before right and upper before lower.
    pub fn read(numbers: [f64; 4], size: Size, coordinates: Coordinates) -> Self {
        let Region([x1, y1, x2, y2]) = match coordinates {
            Coordinates::Pixels => Self::of_pixels(numbers, size),
            Coordinates::Thousandths => Region(numbers.map(|number| number / 1000.0)),
            Coordinates::Parts => Region(numbers),
        };
        Region([x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2)].map(|side| side.clamp(0.0, 1.0)))
    }

    /// Area, at least 0.
    pub fn area(self) -> f64 {
        let [left, upper, right, lower] = self.0;
        (right - left).max(0.0) * (lower - upper).max(0.0)
    }

    /// The middle.
    pub fn center(self) -> (f64, f64) {
        let [left, upper, right, lower] = self.0;
        ((left + right) / 2.0, (upper + lower) / 2.0)
    }

    /// Whether a point lies within or on the border.
    pub fn holds(self, (x, y): (f64, f64)) -> bool {
        let [left, upper, right, lower] = self.0;
        left <= x && x <= right && upper <= y && y <= lower
    }

    /// Area that both share, of the area that either has; 0 where neither has any.
    pub fn overlap(self, other: Self) -> f64 {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        let shared = Region([a.max(e), b.max(f), c.min(g), d.min(h)]).area();
        let either = self.area() + other.area() - shared;
        if either > 0.0 { shared / either } else { 0.0 }
    }
}

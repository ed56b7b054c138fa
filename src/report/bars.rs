//! Draws bars across: filled for the server, hatched for the client, an outline where the value is not known well.

use plotters::element::{PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::Color;

use super::chart::{Bar, Hue};
use super::draw::{DrawResult, Plot};

/// Part of a row that its bar takes, to each side of its middle.
const HALF: f64 = 0.28;
/// The narrowest bar in pixels, so that none vanishes.
const LEAST: i32 = 4;
/// Pixels between two strokes of a hatch.
const HATCH: i32 = 11;

/// Draws the bars from the top down.
pub fn draw<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, bars: &[Bar]) -> DrawResult<DB> {
    for (row, bar) in bars.iter().rev().enumerate() {
        let (left, top) = plot.at(bar.from, row as f64 + HALF);
        let (right, bottom) = plot.at(bar.to, row as f64 - HALF);
        let right = right.max(left + LEAST);
        let color = plot.palette.hue(bar.hue);
        match (bar.filled, bar.hue) {
            (true, Hue::Client) => {
                let path = hatch((left, top), (right, bottom));
                plot.area.draw(&PathElement::new(path, color.stroke_width(2)))?;
                plot.area.draw(&Rectangle::new([(left, top), (right, bottom)], color.stroke_width(2)))?;
            }
            (true, _) => plot.area.draw(&Rectangle::new([(left, top), (right, bottom)], color.filled()))?,
            (false, _) => plot.area.draw(&Rectangle::new([(left, top), (right, bottom)], color.stroke_width(2)))?,
        }
        let (tick, middle) = plot.at(bar.tick, row as f64);
        plot.area.draw(&PathElement::new(vec![(right, middle), (tick, middle)], color.stroke_width(1)))?;
        plot.area.draw(&PathElement::new(vec![(tick, top), (tick, bottom)], color.stroke_width(3)))?;
        plot.take_box((left, top), (tick.max(right), bottom));
    }
    Ok(())
}

/// Parallel strokes through a box as one path: it goes from one to the next along the edges.
fn hatch((left, top): (i32, i32), (right, bottom): (i32, i32)) -> Vec<(i32, i32)> {
    let height = bottom - top;
    let mut path = Vec::new();
    for (index, x) in (left + HATCH - height..right).step_by(HATCH as usize).enumerate() {
        // From the lower edge at `x` to the upper edge at `x + height`, cut at the sides.
        let from = (x.max(left), bottom - (left - x).max(0));
        let to = ((x + height).min(right), top + (x + height - right).max(0));
        path.extend(if index % 2 == 0 { [from, to] } else { [to, from] });
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hatch_stays_in_its_box() {
        for width in [1, 4, 10, 300] {
            for (x, y) in hatch((100, 50), (100 + width, 80)) {
                assert!((100..=100 + width).contains(&x) && (50..=80).contains(&y), "{width}: {x} {y}");
            }
        }
        assert!(hatch((0, 0), (300, 30)).len() > 40);
    }
}

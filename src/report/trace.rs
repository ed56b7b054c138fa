//! Draws one series: lines with gaps, steps, stairs, bands and hairlines.

use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::DrawingBackend;
use plotters::style::{Color, RGBColor};

use super::chart::{Dot, Series, Trace, Weight};
use super::draw::{DrawResult, LETTER, Plot};

/// Radius of a dot in pixels.
const DOT: i32 = 6;
/// Radius of one dot among many.
const POINT: i32 = 4;
/// Opacity of a band.
const BAND: f64 = 0.22;

impl Weight {
    fn pixels(self) -> u32 {
        match self {
            Weight::Heavy => 4,
            Weight::Light => 2,
        }
    }
}

/// Draws a series into its plot.
pub fn draw<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, series: &Series) -> DrawResult<DB> {
    let color = plot.palette.hue(series.hue);
    let width = series.weight.pixels();
    match &series.trace {
        Trace::Line(dots) => line(plot, dots, color, width),
        Trace::Steps(steps) => {
            for run in runs(&steps.levels) {
                let mut points = Vec::with_capacity(run.len() * 2);
                for (x, y) in run {
                    points.push(plot.at(x, y));
                    points.push(plot.at((x + steps.width).min(steps.end), y));
                }
                points.dedup();
                plot.area.draw(&PathElement::new(points, color.stroke_width(width)))?;
            }
            Ok(())
        }
        Trace::Stairs(points) => {
            let mut path = Vec::with_capacity(points.len() * 2);
            let mut share = 0.0;
            for &(x, y) in points {
                path.push(plot.at(x, share));
                path.push(plot.at(x, y));
                share = y;
            }
            path.dedup();
            plot.area.draw(&PathElement::new(path, color.stroke_width(width)))
        }
        Trace::Quantiles(points) => {
            let mut path: Vec<_> = points.first().map(|&(x, y)| plot.at(x, y)).into_iter().collect();
            for pair in points.windows(2) {
                path.push(plot.at(pair[0].0, pair[1].1));
                path.push(plot.at(pair[1].0, pair[1].1));
            }
            path.dedup();
            plot.area.draw(&PathElement::new(path, color.stroke_width(width)))
        }
        Trace::Bars(bars) => super::bars::draw(plot, bars),
        Trace::Band(step, slices) => {
            for run in runs(slices) {
                let mut path = Vec::with_capacity(run.len() * 4);
                for &(x, (_, high)) in &run {
                    path.push(plot.at(x, high));
                    path.push(plot.at(x + step, high));
                }
                for &(x, (low, _)) in run.iter().rev() {
                    path.push(plot.at(x + step, low));
                    path.push(plot.at(x, low));
                }
                plot.area.draw(&Polygon::new(path, color.mix(BAND).filled()))?;
            }
            Ok(())
        }
        Trace::Points(points) => {
            for &(x, y) in points {
                plot.area.draw(&Circle::new(plot.at(x, y), POINT, color.filled()))?;
            }
            Ok(())
        }
        Trace::Rule(x, words) => rule(plot, *x, words),
    }
}

/// A short piece of the series for the legend.
pub fn sample<DB: DrawingBackend>(
    plot: &Plot<'_, DB>,
    series: &Series,
    [from, to]: [(i32, i32); 2],
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let color = plot.palette.hue(series.hue);
    if matches!(series.trace, Trace::Band(..)) {
        let corners = vec![(from.0, from.1 - 8), (to.0, to.1 - 8), (to.0, to.1 + 8), (from.0, from.1 + 8)];
        return plot.area.draw(&Polygon::new(corners, color.mix(BAND).filled()));
    }
    plot.area.draw(&PathElement::new(vec![from, to], color.stroke_width(series.weight.pixels())))
}

/// Neighbouring slices that have a value.
fn runs<T: Copy>(slices: &[(f64, Option<T>)]) -> Vec<Vec<(f64, T)>> {
    slices
        .split(|(_, value)| value.is_none())
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().filter_map(|(x, value)| Some((*x, (*value)?))).collect())
        .collect()
}

fn line<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, dots: &[Dot], color: RGBColor, width: u32) -> DrawResult<DB> {
    for run in dots.split(|dot| dot.y.is_none()) {
        let path: Vec<_> = run.iter().filter_map(|dot| Some(plot.at(dot.x, dot.y?))).collect();
        if path.len() > 1 {
            for ends in path.windows(2) {
                keep_free(plot, ends[0], ends[1]);
            }
            plot.area.draw(&PathElement::new(path, color.stroke_width(width)))?;
        }
    }
    for dot in dots {
        match dot.y {
            Some(y) => {
                let center = plot.at(dot.x, y);
                mark(plot, center, dot, color)?;
                plot.take(center, DOT + 2);
            }
            None => cross(plot, dot)?,
        }
    }
    for dot in dots {
        if let (Some(text), Some(y)) = (&dot.label, dot.y) {
            let (x, y) = plot.at(dot.x, y);
            let (near, far) = (DOT + 8, LETTER + DOT + 8);
            let width = text.chars().count() as i32 * LETTER * 2 / 3;
            let (left, middle, right) = (x - width - near, x - width / 2, x + near);
            let (above, below) = (y - far, y + near);
            let places = [
                (right, y + 4),
                (left, above),
                (middle, above),
                (middle, below),
                (right, above),
                (left, y + 4),
                (left, y - LETTER),
            ];
            plot.label(text, &places)?;
        }
    }
    Ok(())
}

/// Keeps labels away from a stroke.
fn keep_free<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, from: (i32, i32), to: (i32, i32)) {
    let (across, up) = (to.0 - from.0, to.1 - from.1);
    let steps = (across.abs().max(up.abs()) / 12).max(1);
    for step in 0..=steps {
        plot.take((from.0 + across * step / steps, from.1 + up * step / steps), 5);
    }
}

/// A dot: full when its quantile is firm, hollow when it is weak, a diamond at the knee.
fn mark<DB: DrawingBackend>(plot: &Plot<'_, DB>, (x, y): (i32, i32), dot: &Dot, color: RGBColor) -> DrawResult<DB> {
    if dot.knee {
        let size = DOT * 2;
        let corners = vec![(x, y - size), (x + size, y), (x, y + size), (x - size, y)];
        return plot.area.draw(&Polygon::new(corners, color.filled()));
    }
    if dot.weak {
        plot.area.draw(&Circle::new((x, y), DOT, plot.palette.sheet.filled()))?;
        return plot.area.draw(&Circle::new((x, y), DOT, color.stroke_width(2)));
    }
    plot.area.draw(&Circle::new((x, y), DOT, color.filled()))
}

/// A load without a result stands as a cross on the axis.
fn cross<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, dot: &Dot) -> DrawResult<DB> {
    let (_, _, _, bottom) = plot.frame;
    let (x, _) = plot.at(dot.x, 0.0);
    let (y, size) = (bottom - 14, 9);
    for path in [vec![(x - size, y - size), (x + size, y + size)], vec![(x - size, y + size), (x + size, y - size)]] {
        plot.area.draw(&PathElement::new(path, plot.palette.soft.stroke_width(3)))?;
    }
    plot.take((x, y), size);
    match &dot.label {
        Some(text) => plot.label(text, &[(x + size + 6, bottom - LETTER - 4), (x + size + 6, bottom - LETTER * 2 - 4)]),
        None => Ok(()),
    }
}

fn rule<DB: DrawingBackend>(plot: &mut Plot<'_, DB>, x: f64, words: &str) -> DrawResult<DB> {
    let (_, top, _, bottom) = plot.frame;
    let (x, _) = plot.at(x, 0.0);
    plot.area.draw(&PathElement::new(vec![(x, top), (x, bottom)], plot.palette.soft.stroke_width(1)))?;
    let width = words.chars().count() as i32 * LETTER * 2 / 3;
    let rows = [bottom - LETTER - 4, bottom - LETTER * 2 - 8, bottom - LETTER * 3 - 12, top + 2];
    let places: Vec<_> = rows.into_iter().flat_map(|y| [(x + 8, y), (x - width - 8, y)]).collect();
    plot.label(words, &places)
}

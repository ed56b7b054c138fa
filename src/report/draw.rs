//! Draws a chart on any plotters backend. One drawing serves the page (as SVG) and the picture (as pixels).
//!
//! Axes are drawn here and not by plotters' mesh, because load axes need labels at the measured loads, labels must
//! never overlap, and gaps must stay open.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle, register_font};

use super::chart::{Axis, Chart, Scale, Trace};
use super::palette::Palette;
use super::scale::{Ruler, tick};
use super::trace;

/// Size of a chart: 400 by 260 units, drawn at twice that because backends know whole pixels only.
pub const SIZE: (u32, u32) = (800, 520);
/// Height of letters in the drawing, 13 units.
pub const LETTER: i32 = 26;
/// A backend divides the wished size by this to get the height of letters.
const FONT_SCALE: f64 = 1.24;

/// What drawing can fail with.
pub type DrawResult<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Makes the embedded font known to plotters. Registering again replaces it by itself, which is harmless.
pub fn embed_font() {
    // The font is a constant of the program; a picture without letters is still a picture.
    let registered = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
    debug_assert!(registered.is_ok());
}

/// The part of a drawing where data goes, with its axes.
pub struct Plot<'a, DB: DrawingBackend> {
    /// The whole drawing.
    pub area: &'a DrawingArea<DB, Shift>,
    /// Colours.
    pub palette: &'a Palette,
    /// Left, top, right and bottom in pixels.
    pub frame: (i32, i32, i32, i32),
    x: Ruler,
    y: Ruler,
    taken: Vec<(i32, i32, i32, i32)>,
}

impl<DB: DrawingBackend> Plot<'_, DB> {
    /// The pixel of a point.
    pub fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let (left, top, right, bottom) = self.frame;
        let x = f64::from(left) + self.x.place(x) * f64::from(right - left);
        let y = f64::from(bottom) - self.y.place(y) * f64::from(bottom - top);
        (x.round() as i32, y.round() as i32)
    }

    /// Words at the first of the given places that is inside the frame and free; left out where none is, for the table
    /// below the chart has them all.
    pub fn label(&mut self, text: &str, places: &[(i32, i32)]) -> DrawResult<DB> {
        let (left, top, right, bottom) = self.frame;
        let width = self.width(text)?;
        let boxes = places.iter().map(|&(x, y)| (x, y, x + width, y + LETTER));
        let free = |space: &(i32, i32, i32, i32)| {
            let inside = space.0 >= left && space.1 >= top - LETTER / 2 && space.2 <= right && space.3 <= bottom;
            inside && self.taken.iter().all(|other| !overlap(space, other))
        };
        if let Some(space) = boxes.clone().find(free) {
            self.taken.push(space);
            self.write(text, (space.0, space.1), self.palette.soft, HPos::Left, VPos::Top)?;
        }
        Ok(())
    }

    /// Keeps labels away from a place.
    pub fn take(&mut self, center: (i32, i32), around: i32) {
        let (x, y) = center;
        self.taken.push((x - around, y - around, x + around, y + around));
    }

    /// Keeps labels away from a box.
    pub fn take_box(&mut self, (left, top): (i32, i32), (right, bottom): (i32, i32)) {
        self.taken.push((left, top, right, bottom));
    }

    fn width(&self, text: &str) -> Result<i32, DrawingAreaErrorKind<DB::ErrorType>> {
        let style = style(self.palette.ink, HPos::Left, VPos::Top);
        Ok(self.area.estimate_text_size(text, &style)?.0 as i32)
    }

    fn write(&self, text: &str, at: (i32, i32), color: RGBColor, h: HPos, v: VPos) -> DrawResult<DB> {
        self.area.draw(&Text::new(text.to_owned(), at, style(color, h, v)))
    }

    fn line(&self, points: Vec<(i32, i32)>, color: RGBColor, width: u32) -> DrawResult<DB> {
        self.area.draw(&PathElement::new(points, color.stroke_width(width)))
    }
}

fn overlap(a: &(i32, i32, i32, i32), b: &(i32, i32, i32, i32)) -> bool {
    a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3
}

fn style(color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    let font = ("sans-serif", f64::from(LETTER) * FONT_SCALE).into_font();
    TextStyle { color: color.to_backend_color(), ..TextStyle::from(font) }.pos(Pos::new(h, v))
}

/// Draws the chart on the area, all of it.
pub fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, chart: &Chart, palette: &Palette) -> DrawResult<DB> {
    let (width, height) = area.dim_in_pixel();
    let (width, height) = (width as i32, height as i32);
    let drawn: Vec<(f64, f64)> = chart.series.iter().flat_map(super::chart::Series::drawn).collect();
    let mut plot = Plot {
        area,
        palette,
        frame: (0, 0, width, height),
        x: ruler(&chart.x, extent(chart, &drawn)),
        y: match chart.bars().len() {
            0 => ruler(&chart.y, drawn.iter().map(|point| point.1).collect()),
            rows => Ruler::between(Scale::Linear, -0.7, rows as f64 - 0.1),
        },
        taken: Vec::new(),
    };
    let head = header(&plot, chart)?;
    // An axis without values has nothing to tell.
    let ticks: Vec<(f64, String)> = match chart.bars() {
        _ if chart.is_empty() => Vec::new(),
        [] => plot.y.ticks(5).into_iter().map(|value| (value, tick(value))).collect(),
        bars => bars.iter().rev().enumerate().map(|(row, bar)| (row as f64, bar.name.clone())).collect(),
    };
    let mut widest = 0;
    for (_, text) in &ticks {
        widest = widest.max(plot.width(text)?);
    }
    plot.frame = (widest + 14, head + LETTER / 2, width - LETTER, height - LETTER * 5 / 2 - 8);
    grid(&plot, &ticks)?;
    x_axis(&plot, chart)?;
    for series in &chart.series {
        trace::draw(&mut plot, series)?;
    }
    if chart.is_empty() {
        let (left, top, right, bottom) = plot.frame;
        let middle = ((left + right) / 2, (top + bottom) / 2);
        plot.write("not measured", middle, palette.soft, HPos::Center, VPos::Center)?;
    }
    Ok(())
}

/// The values that the x axis must hold: what is drawn, the loads that failed, and the end of the last slice.
fn extent(chart: &Chart, drawn: &[(f64, f64)]) -> Vec<f64> {
    let slices = chart.series.iter().flat_map(|series| match &series.trace {
        Trace::Steps(steps) => vec![steps.end],
        Trace::Line(dots) => dots.iter().map(|dot| dot.x).collect(),
        Trace::Rule(x, _) => vec![*x],
        Trace::Bars(bars) => {
            // A logarithm has no place for zero: such a bar begins at the edge.
            let shown = |value: &f64| chart.x.scale != Scale::Log10 || *value > 0.0;
            bars.iter().flat_map(|bar| [bar.from, bar.to, bar.tick]).filter(shown).collect()
        }
        _ => Vec::new(),
    });
    drawn.iter().map(|point| point.0).chain(chart.x.ticks.iter().copied()).chain(slices).collect()
}

fn ruler(axis: &Axis, values: Vec<f64>) -> Ruler {
    if axis.label.starts_with("share") {
        return Ruler::between(Scale::Linear, 0.0, 1.0);
    }
    Ruler::over(axis.scale, &values)
}

/// The y label on the left and the legend on the right; the legend goes below where both do not fit. Returns the
/// height they take.
fn header<DB: DrawingBackend>(plot: &Plot<'_, DB>, chart: &Chart) -> Result<i32, DrawingAreaErrorKind<DB::ErrorType>> {
    let (_, _, right, _) = plot.frame;
    let soft = plot.palette.soft;
    plot.write(&chart.y.label, (0, 0), soft, HPos::Left, VPos::Top)?;
    let named: Vec<_> = chart.series.iter().filter(|series| !series.name.is_empty()).collect();
    if named.len() < 2 {
        return Ok(LETTER + 8);
    }
    let mut widths = Vec::with_capacity(named.len());
    for series in &named {
        widths.push(plot.width(&series.name)?);
    }
    const STROKE: i32 = 36;
    let total: i32 = widths.iter().map(|width| width + STROKE + 34).sum::<i32>() - 26;
    let row = if plot.width(&chart.y.label)? + 30 + total > right { LETTER + 10 } else { 0 };
    let mut x = (right - total).max(0);
    for (series, width) in named.iter().zip(widths) {
        let middle = row + LETTER / 2;
        trace::sample(plot, series, [(x, middle), (x + STROKE, middle)])?;
        plot.write(&series.name, (x + STROKE + 8, row), soft, HPos::Left, VPos::Top)?;
        x += width + STROKE + 34;
    }
    Ok(row + LETTER + 8)
}

fn grid<DB: DrawingBackend>(plot: &Plot<'_, DB>, ticks: &[(f64, String)]) -> DrawResult<DB> {
    let (left, top, right, bottom) = plot.frame;
    let mut last = i32::MAX;
    for (value, text) in ticks {
        let (_, y) = plot.at(0.0, *value);
        if !(top - 2..=bottom + 2).contains(&y) || last - y < LETTER {
            continue;
        }
        last = y;
        plot.line(vec![(left, y), (right, y)], plot.palette.rule, 1)?;
        plot.write(text, (left - 10, y), plot.palette.soft, HPos::Right, VPos::Center)?;
    }
    plot.area.draw(&Rectangle::new([(left, bottom), (right, bottom + 1)], plot.palette.soft.filled()))
}

fn x_axis<DB: DrawingBackend>(plot: &Plot<'_, DB>, chart: &Chart) -> DrawResult<DB> {
    let (left, _, right, bottom) = plot.frame;
    let ticks = if chart.x.ticks.is_empty() { plot.x.ticks(6) } else { chart.x.ticks.clone() };
    let mut free = i32::MIN;
    for value in ticks {
        let (x, _) = plot.at(value, 0.0);
        let text = plot.x.label(value);
        let width = plot.width(&text)?;
        plot.line(vec![(x, bottom), (x, bottom + 7)], plot.palette.soft, 1)?;
        // A label that would touch its neighbour is left out; its tick stays.
        if x - width / 2 > free && x + width / 2 <= right + LETTER {
            plot.write(&text, (x, bottom + 12), plot.palette.soft, HPos::Center, VPos::Top)?;
            free = x + width / 2 + 12;
        }
    }
    let middle = (left + right) / 2;
    plot.write(&chart.x.label, (middle, bottom + LETTER + 18), plot.palette.soft, HPos::Center, VPos::Top)
}

//! A chart as data: what is drawn, in which units, and what it says. Renderers turn it into SVG or pixels.
//!
//! Grammar: a panel is one metric; the hue says which run or series; the line's weight says which quantile (p50 heavy,
//! p99 light); hollow dots are quantiles from too few values; a missing value is a gap, never a zero and never joined.

use super::table::Table;

/// Which token of the palette a series takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    /// First series, solid.
    First,
    /// Second series, dashed.
    Second,
    /// Third series, dotted.
    Third,
    /// Time of the client, always hatched.
    Client,
}

/// How heavy a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The median, or the only line.
    Heavy,
    /// The tail.
    Light,
}

/// A point that may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    /// Place on the x axis.
    pub x: f64,
    /// Value, absent where nothing was measured.
    pub y: Option<f64>,
    /// Too few values for a 95 % interval.
    pub weak: bool,
    /// Words beside the dot.
    pub label: Option<String>,
    /// Drawn as a diamond: the knee of a sweep.
    pub knee: bool,
}

impl Dot {
    /// A plain point.
    pub fn at(x: f64, y: Option<f64>) -> Self {
        Dot { x, y: y.filter(|y| y.is_finite()), weak: false, label: None, knee: false }
    }
}

/// Levels of slices of equal width; only the last one may be shorter.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// Width of a slice.
    pub width: f64,
    /// Where the last slice ends.
    pub end: f64,
    /// Start and level of each slice.
    pub levels: Vec<(f64, Option<f64>)>,
}

/// A bar across in a row with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Name of its row.
    pub name: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// A tick of its own, mostly beyond it.
    pub tick: f64,
    /// Its token.
    pub hue: Hue,
    /// Measured as it should be; an outline where it was not.
    pub filled: bool,
}

/// The shape of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Trace {
    /// Dots joined by straight lines, broken at gaps.
    Line(Vec<Dot>),
    /// A level for each slice, broken at gaps.
    Steps(Steps),
    /// A curve that rises at each point, as the share of values at or below it.
    Stairs(Vec<(f64, f64)>),
    /// Quantiles: the share of values and the value that bounds it, which holds back to the share before.
    Quantiles(Vec<(f64, f64)>),
    /// Bars across, a row each from the top down. A chart of bars has no other series but hairlines.
    Bars(Vec<Bar>),
    /// Dots that are not joined.
    Points(Vec<(f64, f64)>),
    /// An area between least and greatest for each slice of the given width.
    Band(f64, Vec<(f64, Option<(f64, f64)>)>),
    /// An upright hairline with words at its top.
    Rule(f64, String),
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend; empty for none.
    pub name: String,
    /// Its token.
    pub hue: Hue,
    /// Its weight.
    pub weight: Weight,
    /// What is drawn.
    pub trace: Trace,
}

impl Series {
    /// Every (x, y) that the series puts on the page.
    pub fn drawn(&self) -> Vec<(f64, f64)> {
        match &self.trace {
            Trace::Line(dots) => dots.iter().filter_map(|dot| Some((dot.x, dot.y?))).collect(),
            Trace::Steps(steps) => steps.levels.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect(),
            Trace::Stairs(points) | Trace::Points(points) | Trace::Quantiles(points) => points.clone(),
            Trace::Band(_, slices) => slices
                .iter()
                .filter_map(|(x, range)| range.map(|(low, high)| [(*x, low), (*x, high)]))
                .flatten()
                .collect(),
            Trace::Rule(..) | Trace::Bars(_) => Vec::new(),
        }
    }
}

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Even steps; `zero` is part of the axis.
    FromZero,
    /// The same with labels at whole numbers only.
    Count,
    /// Even steps around the values.
    Linear,
    /// Decades.
    Log10,
    /// Shares, as wide for each further nine: the tail has as much room as the body.
    Nines,
    /// Doublings.
    Log2,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Quantity, unit and direction, such as `TTFT, ms (lower is better)`.
    pub label: String,
    /// Layout.
    pub scale: Scale,
    /// Values that should carry a label; empty for round ones.
    pub ticks: Vec<f64>,
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Unique in its document.
    pub id: String,
    /// The finding.
    pub title: String,
    /// What is drawn.
    pub subtitle: String,
    /// The chart in words, for those who cannot see it.
    pub desc: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Series, drawn in order.
    pub series: Vec<Series>,
    /// Exactly the drawn values.
    pub table: Table,
}

impl Chart {
    /// Whether anything was measured that could be drawn.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.drawn().is_empty()) && self.bars().is_empty()
    }

    /// Its bars, from the top down; empty for every other chart.
    pub fn bars(&self) -> &[Bar] {
        let bars = |series: &'_ Series| matches!(series.trace, Trace::Bars(_));
        match self.series.iter().find(|series| bars(series)).map(|series| &series.trace) {
            Some(Trace::Bars(bars)) => bars,
            _ => &[],
        }
    }
}

/// A logarithmic axis where values span more than a decade, else an even one.
pub fn scale_of(values: impl Iterator<Item = f64>) -> Scale {
    let (mut low, mut high) = (f64::INFINITY, 0f64);
    for value in values {
        low = low.min(value);
        high = high.max(value);
    }
    if low > 0.0 && low.is_finite() && high / low > 10.0 { Scale::Log10 } else { Scale::Linear }
}

//! A chart as SVG that takes its colours from the style sheet of the page around it.

use plotters::drawing::IntoDrawingArea;
use plotters::prelude::SVGBackend;

use super::chart::Chart;
use super::draw::{SIZE, draw, embed_font};
use super::palette::{Palette, VARIABLES};
use crate::error::{Failure, Result};

/// The elements of the drawing, without the `<svg>` around them, whose `viewBox` is `0 0` and [`SIZE`].
///
/// # Errors
/// When plotters cannot draw, which is a defect.
pub fn elements(chart: &Chart) -> Result<String> {
    embed_font();
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let drawn = draw(&area, chart, &Palette::SENTINEL).and_then(|()| area.present());
        drawn.map_err(|e| Failure::bug(format!("cannot draw the chart {}: {e}", chart.id)))?;
    }
    let inner = text.split_once('>').map_or("", |(_, rest)| rest).trim();
    let mut inner = inner.strip_suffix("</svg>").unwrap_or(inner).to_owned();
    for (sentinel, variable) in VARIABLES {
        inner = inner.replace(sentinel, variable);
    }
    Ok(lean(&inner))
}

/// Drops what the style sheet says already, which is more than half of the bytes.
fn lean(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len() / 2);
    for line in svg.lines() {
        let line =
            line.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "").replace(" \"/>", "\"/>");
        match line.split_once(" font-size=\"") {
            Some((before, after)) => {
                out.push_str(before);
                out.push_str(after.split_once('"').map_or(after, |(_, rest)| rest));
            }
            None => out.push_str(&line),
        }
    }
    out
}

//! `sweep.png`: the curves of a sweep in one picture, in the light theme and at double size.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::Text;
use plotters::prelude::{BitMapBackend, DrawingBackend};
use plotters::style::{IntoFont, TextStyle};

use super::answer::answer;
use super::chart::Chart;
use super::curves::curves;
use super::draw::{DrawResult, LETTER, SIZE, draw, embed_font};
use super::palette::Palette;
use super::png::encode;
use crate::error::{Failure, Result};
use crate::run::RunResult;
use crate::units::clean;

/// Room around and between charts.
const GAP: u32 = 48;
/// Room for the words at the top.
const HEAD: u32 = 120;
/// Room for the title of a chart.
const TITLE: u32 = 56;
/// Charts beside each other.
const COLUMNS: u32 = 2;
/// Letters of the answer that fit into the width.
const LINE: usize = 120;

/// The picture as PNG bytes.
///
/// # Errors
/// When plotters cannot draw, which is a defect.
pub fn sweep_png(run: &RunResult) -> Result<Vec<u8>> {
    embed_font();
    let wanted = ["throughput", "ttft", "tpot", "e2e"];
    let mut charts = curves(run);
    if charts.iter().any(|chart| wanted.contains(&chart.id.as_str())) {
        charts.retain(|chart| wanted.contains(&chart.id.as_str()));
    }
    let rows = (charts.len() as u32).div_ceil(COLUMNS).max(1);
    let size = (GAP + COLUMNS * (SIZE.0 + GAP), GAP + HEAD + rows * (TITLE + SIZE.1 + GAP));
    let mut pixels = vec![0u8; (size.0 * size.1 * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        let drawn = picture(&area, run, &charts).and_then(|()| area.present());
        drawn.map_err(|e| Failure::bug(format!("cannot draw sweep.png: {e}")))?;
    }
    encode(&pixels, size)
}

fn picture<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, run: &RunResult, charts: &[Chart]) -> DrawResult<DB> {
    let palette = Palette::LIGHT;
    area.fill(&palette.sheet)?;
    let write = |text: String, x: u32, y: u32, letter: i32| {
        let font = ("sans-serif", f64::from(letter) * 1.24).into_font();
        let style = TextStyle::from(font).color(&palette.ink);
        area.draw(&Text::new(text, (x as i32, y as i32), style))
    };
    let setting = &run.setting;
    let head = format!("{}, {}", clean(&setting.model, 60), clean(&setting.dataset, 40));
    write(head, GAP, GAP, LETTER * 3 / 2)?;
    write(clean(&answer(run), LINE), GAP, GAP + 60, LETTER)?;
    for (index, chart) in charts.iter().enumerate() {
        let (column, row) = (index as u32 % COLUMNS, index as u32 / COLUMNS);
        let x = GAP + column * (SIZE.0 + GAP);
        let y = GAP + HEAD + row * (TITLE + SIZE.1 + GAP);
        write(clean(&chart.title, 60), x, y, LETTER)?;
        let place = area.clone().shrink((x, y + TITLE), SIZE);
        draw(&place, chart, &palette)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn every_run_has_a_picture() -> Result<()> {
        for run in [
            fixture::three(),
            fixture::all_failed(),
            fixture::one_request(),
            fixture::with_gap(),
            fixture::hostile(),
            fixture::run(&[]),
        ] {
            let bytes = sweep_png(&run)?;
            assert!(bytes.starts_with(b"\x89PNG"));
            assert!(bytes.len() < 400_000, "{}", bytes.len());
        }
        Ok(())
    }

    #[test]
    fn equal_runs_give_equal_bytes() -> Result<()> {
        assert_eq!(sweep_png(&fixture::three())?, sweep_png(&fixture::three())?);
        Ok(())
    }
}

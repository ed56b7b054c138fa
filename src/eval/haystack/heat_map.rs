//! Cells as a heat map: lengths across, depths down, scores as colours and as numbers.

use std::collections::BTreeSet;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle, register_font};

use super::score::Cell;
use crate::error::{Failure, Result};

/// A backend divides the wished size by this to get the height of letters.
const FONT_SCALE: f64 = 1.24;
/// Height of letters in pixels.
const LETTER: i32 = 22;
// Room for the title, the names of the axes, the labels and the scale.
const LEFT: i32 = 130;
const TOP: i32 = 90;
const RIGHT: i32 = 150;
const BOTTOM: i32 = 100;
/// Most pixels of a side, so that no grid asks for more memory than there is.
const LARGEST: usize = 6_000;

/// Colours from the lowest to the highest score: dark blue over grey to yellow, which readers of any colour vision can
/// order, and which are told apart from white and from black.
const SCALE: [(f64, f64, f64); 5] =
    [(20.0, 42.0, 98.0), (76.0, 84.0, 112.0), (124.0, 123.0, 120.0), (186.0, 172.0, 101.0), (248.0, 225.0, 81.0)];

/// Words and lines outside the cells.
struct Ink {
    sheet: RGBColor,
    words: RGBColor,
}

/// Colours that occur nowhere else, and are replaced by variables of the style.
const SENTINEL: Ink = Ink { sheet: RGBColor(1, 0, 1), words: RGBColor(1, 0, 2) };
const LIGHT: Ink = Ink { sheet: RGBColor(0xff, 0xff, 0xff), words: RGBColor(0x16, 0x20, 0x2a) };

/// Follows the reader's theme; a page that has variables `--sheet` and `--ink` of its own sets them.
const STYLE: &str = "<style>.heat-map{--heat-sheet:var(--sheet,#fff);--heat-ink:var(--ink,#16202a)}\
@media (prefers-color-scheme:dark){.heat-map{--heat-sheet:var(--sheet,#12181e);--heat-ink:var(--ink,#e6ebef)}}</style>";

/// What the drawing needs to know.
struct Map<'a> {
    title: &'a str,
    cells: &'a [Cell],
    lengths: Vec<u32>,
    depths: Vec<u32>,
    numbers: bool,
    /// Width of the longest length.
    label: i32,
    /// Width and height of a cell.
    cell: (i32, i32),
}

impl<'a> Map<'a> {
    fn new(title: &'a str, cells: &'a [Cell], numbers: bool) -> Self {
        let all = |of: fn(&Cell) -> u32| cells.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let (lengths, depths) = (all(|cell| cell.context_length), all(|cell| cell.depth_percent));
        let side = |count: usize, wanted: i32| wanted.min((LARGEST / count.max(1)) as i32).max(1);
        let digits = lengths.last().map_or(1, |length| length.to_string().len() as i32);
        let label = digits * LETTER * 2 / 3 + LETTER / 2;
        let cell = (side(lengths.len(), label.max(84)), side(depths.len(), 52));
        Self { title, cells, lengths, depths, numbers, label, cell }
    }

    fn size(&self) -> (u32, u32) {
        let across = self.cell.0.saturating_mul(self.lengths.len().max(6) as i32);
        let down = self.cell.1.saturating_mul(self.depths.len().max(3) as i32);
        ((LEFT + across + RIGHT) as u32, (TOP + down + BOTTOM) as u32)
    }
}

/// The map as a complete SVG text, which follows the light or dark theme of its reader.
///
/// # Errors
/// When plotters cannot draw, which is a defect.
pub fn svg(title: &str, cells: &[Cell], numbers: bool) -> Result<String> {
    embed_font();
    let map = Map::new(title, cells, numbers);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, map.size()).into_drawing_area();
        draw(&area, &map, &SENTINEL).and_then(|()| area.present()).map_err(failed)?;
    }
    let (head, rest) = text.split_once('>').unwrap_or(("", ""));
    let rest = rest.replace("\"#010001\"", "\"var(--heat-sheet)\"").replace("\"#010002\"", "\"var(--heat-ink)\"");
    Ok(format!("{head} class=\"heat-map\" role=\"img\">{STYLE}{rest}"))
}

/// The map as PNG bytes, in the light theme.
///
/// # Errors
/// When plotters cannot draw, which is a defect.
pub fn png(title: &str, cells: &[Cell], numbers: bool) -> Result<Vec<u8>> {
    embed_font();
    let map = Map::new(title, cells, numbers);
    let size = map.size();
    let mut pixels = vec![0_u8; size.0 as usize * size.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        draw(&area, &map, &LIGHT).and_then(|()| area.present()).map_err(failed)?;
    }
    encode(&pixels, size)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::bug(format!("cannot draw the heat map: {error}"))
}

fn embed_font() {
    // The font is a constant of the program; a map without letters is still a map.
    let registered = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
    debug_assert!(registered.is_ok());
}

fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// The colour of a score, and black or white, whichever is read better on it.
fn colors(score: f64) -> (RGBColor, RGBColor) {
    let last = SCALE.len() - 1;
    let place = if score.is_finite() { score.clamp(0.0, 1.0) * last as f64 } else { 0.0 };
    let below = (place as usize).min(last - 1);
    let (from, to, part) = (SCALE[below], SCALE[below + 1], place - below as f64);
    let mixed = |from: f64, to: f64| (from + (to - from) * part).round() as u8;
    let color = RGBColor(mixed(from.0, to.0), mixed(from.1, to.1), mixed(from.2, to.2));
    // Contrast as WCAG 2 has it: the two are equal at a relative luminance of about 0.18.
    let channel = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * channel(color.0) + 0.7152 * channel(color.1) + 0.0722 * channel(color.2);
    (color, if luminance > 0.179 { RGBColor(0, 0, 0) } else { RGBColor(255, 255, 255) })
}

type Drawn<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, map: &Map, ink: &Ink) -> Drawn<DB> {
    area.fill(&ink.sheet)?;
    let (wide, high) = map.cell;
    let write = |text: String, at: (i32, i32), color: RGBColor, h: HPos, v: VPos| {
        let font = ("sans-serif", f64::from(LETTER) * FONT_SCALE).into_font();
        let style = TextStyle { color: color.to_backend_color(), ..TextStyle::from(font) }.pos(Pos::new(h, v));
        area.draw(&Text::new(text, at, style))
    };
    write(map.title.to_owned(), (LEFT, LETTER), ink.words, HPos::Left, VPos::Top)?;
    let place = |list: &[u32], value: u32| list.binary_search(&value).unwrap_or(0) as i32;
    for cell in map.cells {
        let (column, row) = (place(&map.lengths, cell.context_length), place(&map.depths, cell.depth_percent));
        let (left, top) = (LEFT + column * wide, TOP + row * high);
        let (color, words) = colors(cell.score);
        let gap = i32::from(wide > 8 && high > 8);
        area.draw(&Rectangle::new([(left, top), (left + wide - gap, top + high - gap)], color.filled()))?;
        if map.numbers && wide >= 3 * LETTER && high > LETTER {
            write(format!("{:.2}", cell.score), (left + wide / 2, top + high / 2), words, HPos::Center, VPos::Center)?;
        }
    }
    let (right, bottom) = (LEFT + map.lengths.len() as i32 * wide, TOP + map.depths.len() as i32 * high);
    // Of labels that would touch, every second, third and so on is written.
    for (index, length) in map.lengths.iter().enumerate().step_by(stride(wide, map.label)) {
        let middle = LEFT + index as i32 * wide + wide / 2;
        write(length.to_string(), (middle, bottom + 8), ink.words, HPos::Center, VPos::Top)?;
    }
    for (index, depth) in map.depths.iter().enumerate().step_by(stride(high, LETTER + 6)) {
        let middle = TOP + index as i32 * high + high / 2;
        write(format!("{depth} %"), (LEFT - 10, middle), ink.words, HPos::Right, VPos::Center)?;
    }
    write("depth".to_owned(), (LEFT - 10, TOP - LETTER - 6), ink.words, HPos::Right, VPos::Top)?;
    let words = "length of the text in tokens".to_owned();
    write(words, (LEFT, bottom + 8 + LETTER * 3 / 2), ink.words, HPos::Left, VPos::Top)?;
    for step in 0..=10 {
        let score = f64::from(10 - step) / 10.0;
        let (top, side) = (TOP + step * LETTER, right + LETTER);
        area.draw(&Rectangle::new([(side, top), (side + LETTER, top + LETTER)], colors(score).0.filled()))?;
        if step % 5 == 0 {
            let at = (side + LETTER + 8, top + LETTER / 2);
            write(format!("{score:.1}"), at, ink.words, HPos::Left, VPos::Center)?;
        }
    }
    Ok(())
}

fn stride(each: i32, needed: i32) -> usize {
    ((needed + each - 1) / each.max(1)).max(1) as usize
}

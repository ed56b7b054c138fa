//! The colours of charts: tokens that stand for a role, as sentinels in SVG and as the light theme in pictures.

use plotters::style::RGBColor;

use super::chart::Hue;

/// The colours one drawing uses.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Surface below the plot.
    pub sheet: RGBColor,
    /// Words.
    pub ink: RGBColor,
    /// Tick labels.
    pub soft: RGBColor,
    /// Frame and ruled lines.
    pub rule: RGBColor,
    /// First, second and third series.
    pub series: [RGBColor; 3],
    /// Time of the client.
    pub client: RGBColor,
}

impl Palette {
    /// Colours that occur nowhere else; the SVG writer replaces them by the style sheet's variables, so that one
    /// drawing serves both themes.
    pub const SENTINEL: Palette = Palette {
        sheet: RGBColor(1, 0, 1),
        ink: RGBColor(1, 0, 2),
        soft: RGBColor(1, 0, 3),
        rule: RGBColor(1, 0, 4),
        series: [RGBColor(1, 0, 5), RGBColor(1, 0, 6), RGBColor(1, 0, 7)],
        client: RGBColor(1, 0, 8),
    };

    /// The light theme, for pictures.
    pub const LIGHT: Palette = Palette {
        sheet: RGBColor(0xff, 0xff, 0xff),
        ink: RGBColor(0x16, 0x20, 0x2a),
        soft: RGBColor(0x45, 0x52, 0x5d),
        rule: RGBColor(0xd5, 0xdb, 0xdb),
        series: [RGBColor(0x15, 0x50, 0xb3), RGBColor(0xa0, 0x42, 0x00), RGBColor(0x0a, 0x98, 0x9e)],
        client: RGBColor(0x66, 0x72, 0x7b),
    };

    /// The colour of a series.
    pub fn hue(&self, hue: Hue) -> RGBColor {
        let [first, second, third] = self.series;
        match hue {
            Hue::First => first,
            Hue::Second => second,
            Hue::Third => third,
            Hue::Client => self.client,
        }
    }
}

/// What each sentinel becomes in SVG: a variable of the style sheet, and for series their dashes, so that hue is never
/// the only difference.
pub const VARIABLES: [(&str, &str); 8] = [
    ("\"#010001\"", "\"var(--sheet)\""),
    ("\"#010002\"", "\"var(--ink)\""),
    ("\"#010003\"", "\"var(--ink2)\""),
    ("\"#010004\"", "\"var(--rule)\""),
    ("\"#010005\"", "\"var(--s1)\""),
    ("\"#010006\"", "\"var(--s2)\" stroke-dasharray=\"12 7\""),
    ("\"#010007\"", "\"var(--s3)\" stroke-dasharray=\"3 6\""),
    ("\"#010008\"", "\"var(--s0)\""),
];

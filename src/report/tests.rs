//! What every report must be, whatever the run was.

use super::fixture::Load;
use super::html::STYLE;
use super::palette::Palette;
use super::{Cell, Chart, Document, Series, Style, fixture, html, performance_summary, svg, sweep_png, sweep_table};
use crate::error::Result;
use crate::run::{RunResult, Status};

fn runs() -> Vec<(&'static str, RunResult)> {
    let mut cut = fixture::three();
    cut.points[2].status = Status::Interrupted;
    cut.points[2].reason = Some("stopped by the user".to_owned());
    cut.setting.tls = "not verified".to_owned();
    cut.setting.embedded = true;
    let mut whole = fixture::one_request();
    whole.setting.stream = false;
    whole.points[0].figures.ttft_ms = None;
    whole.points[0].figures.tpot_ms = None;
    whole.points[0].figures.itl_ms = None;
    vec![
        ("three", fixture::three()),
        ("eight", fixture::eight()),
        ("gap", fixture::with_gap()),
        ("failed", fixture::all_failed()),
        ("one", fixture::one_request()),
        ("cut", cut),
        ("whole", whole),
        ("hostile", fixture::hostile()),
        ("none", fixture::run(&[])),
        ("doubted", fixture::doubted()),
        ("open", fixture::open()),
        ("repeated", fixture::repeated()),
        ("unjudged", fixture::unjudged()),
        ("pooled", fixture::pooled_goodput()),
        ("goodput", fixture::with_goodput()),
    ]
}

/// The page without its style, drawings, drawn values and data: what a reader reads.
fn skeleton(page: &str) -> String {
    let mut text = page.to_owned();
    for (from, to) in [
        ("<style>", "</style>"),
        ("<svg", "</svg>"),
        ("<details class=\"values\">", "</details>"),
        ("<script", "</script>"),
    ] {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(from) {
            out.push_str(before);
            out.push_str(from);
            out.push('…');
            out.push_str(to);
            rest = after.split_once(to).map_or("", |(_, rest)| rest);
        }
        out.push_str(rest);
        text = out;
    }
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn skeletons() -> Result<()> {
    for (name, run) in runs() {
        if matches!(name, "three" | "failed" | "one" | "none" | "doubted" | "open" | "pooled" | "goodput") {
            insta::assert_snapshot!(format!("skeleton_{name}"), skeleton(&html(&run)?));
        }
    }
    Ok(())
}

#[test]
fn a_missing_value_is_never_a_word_of_the_machine() -> Result<()> {
    for (name, run) in runs() {
        let page = skeleton(&html(&run)?);
        let text = [page, sweep_table(&run, 100, Style::default()), performance_summary(&run)].concat();
        for word in ["NaN", "inf", "Infinity", "N/A", "-1", "-1.0", "-1000", "None", "undefined"] {
            let found = text.split(|c: char| !c.is_alphanumeric() && c != '/' && c != '-').any(|part| part == word);
            assert!(!found, "{name}: {word}");
        }
    }
    Ok(())
}

#[test]
fn nothing_is_asked_for_from_anywhere() -> Result<()> {
    for (name, run) in runs() {
        let page = html(&run)?;
        assert!(page.contains("default-src 'none'"), "{name}");
        for attribute in ["src=", "href=", "url(", "@import", "action="] {
            for (index, _) in page.match_indices(attribute) {
                let after = &page[index + attribute.len()..];
                let inert =
                    after.starts_with("\"#") || after.starts_with("\"data:,\"") || after.starts_with("x onerror");
                assert!(inert, "{name}: {}", after.chars().take(40).collect::<String>());
            }
        }
        // Addresses stand in the page as text only: in the facts, the setting, the plan and the data.
        assert!(!page.contains("xmlns"));
        assert!(!page.contains("<script src") && !page.contains("<img"));
        assert_eq!(page.matches("<script").count(), 1, "{name}");
    }
    Ok(())
}

#[test]
fn text_from_a_server_stays_text() -> Result<()> {
    let page = html(&fixture::hostile())?;
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert_eq!(page.matches("</script>").count(), 1);
    assert!(!page.contains("<b>bold") && !page.contains("<img") && !page.contains('\u{1b}') && !page.contains('\u{7}'));
    let data = page.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>"));
    let data: serde_json::Value = serde_json::from_str(data.map_or("", |(data, _)| data)).unwrap_or_default();
    assert_eq!(data["setting"]["model"], "<img src=x onerror=alert(2)>\u{1b}[2J");
    Ok(())
}

#[test]
fn both_themes_define_the_same_tokens() {
    let tokens = |css: &str| -> Vec<String> {
        css.split(['{', ';', '\n'])
            .filter_map(|part| part.trim().strip_prefix("--")?.split_once(':').map(|(name, _)| name.to_owned()))
            .collect()
    };
    let (light, rest) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap_or_default();
    let (dark, rest) = rest.split_once("* {").unwrap_or_default();
    let (_, print) = rest.split_once("@media print").unwrap_or_default();
    assert_eq!(tokens(light).len(), 19);
    assert_eq!(tokens(light), tokens(dark));
    assert_eq!(tokens(light), tokens(print));
    for used in STYLE.split("var(--").skip(1).filter_map(|rest| rest.split_once(')')) {
        assert!(tokens(light).contains(&used.0.to_owned()), "{}", used.0);
    }
}

/// A token of one theme as red, green and blue.
fn token(css: &str, name: &str) -> [u8; 3] {
    let hex = css.split_once(&format!("--{name}: #")).map_or("", |(_, rest)| &rest[..6]);
    let value = u32::from_str_radix(hex, 16).unwrap_or_default().to_be_bytes();
    [value[1], value[2], value[3]]
}

/// Contrast after WCAG 2.2.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let light = |color: [u8; 3]| {
        let [r, g, b] = color.map(|byte| {
            let part = f64::from(byte) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    };
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

#[test]
fn colours_can_be_read_in_both_themes() {
    let (light, rest) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap_or_default();
    for (theme, css) in [("light", light), ("dark", rest)] {
        let check = |front: &str, back: &str, least: f64| {
            let found = contrast(token(css, front), token(css, back));
            assert!(found >= least, "{theme}: {front} on {back} is {found:.2}");
        };
        for back in ["paper", "sheet", "well"] {
            for front in ["ink", "ink2", "ink3", "link", "warn", "bad"] {
                check(front, back, 4.5);
            }
        }
        for back in ["paper", "sheet", "well"] {
            check("ok", back, 4.5);
        }
        check("ok", "ok-tint", 4.5);
        check("warn", "warn-tint", 4.5);
        check("bad", "bad-tint", 4.5);
        for series in ["s0", "s1", "s2", "s3"] {
            check(series, "sheet", 3.0);
        }
    }
}

#[test]
fn pictures_have_the_colours_of_the_light_theme() {
    let light = Palette::LIGHT;
    let [s1, s2, s3] = light.series;
    for (name, color) in [
        ("sheet", light.sheet),
        ("ink", light.ink),
        ("ink2", light.soft),
        ("rule", light.rule),
        ("s1", s1),
        ("s2", s2),
        ("s3", s3),
        ("s0", light.client),
    ] {
        assert_eq!(token(STYLE, name), [color.0, color.1, color.2], "{name}");
    }
}

fn every_chart(document: &Document) -> impl Iterator<Item = &Chart> {
    let of_points = document.points.iter().flat_map(|point| &point.charts);
    document.charts.iter().chain(&document.trust.charts).chain(of_points)
}

#[test]
fn every_drawn_value_is_in_the_table_below_its_chart() {
    for (name, run) in runs() {
        let document = Document::of(&run);
        for chart in every_chart(&document) {
            let listed: Vec<f64> = chart.table.rows.iter().flat_map(|row| &row.cells).filter_map(Cell::value).collect();
            for (x, y) in chart.series.iter().flat_map(Series::drawn) {
                assert!(x.is_finite() && y.is_finite(), "{name} {}", chart.id);
                assert!(listed.contains(&x) && listed.contains(&y), "{name} {}: {x} {y}", chart.id);
            }
            for value in chart.bars().iter().flat_map(|bar| [bar.from, bar.to, bar.tick]) {
                assert!(value.is_finite() && listed.contains(&value), "{name} {}: {value}", chart.id);
            }
        }
    }
}

#[test]
fn a_missing_point_is_a_gap() {
    let document = Document::of(&fixture::with_gap());
    let chart = document.charts.iter().find(|chart| chart.id == "ttft");
    let drawn = chart.map(|chart| chart.series[0].drawn().len());
    assert_eq!(drawn, Some(2));
    assert_eq!(chart.map(|chart| chart.table.rows[1].cells[1].text()), Some("—".to_owned()));
}

#[test]
fn sizes_stay_within_their_limits() -> Result<()> {
    for (name, run) in runs() {
        let document = Document::of(&run);
        for chart in every_chart(&document) {
            let size = svg::elements(chart)?.len();
            assert!(size < 48_000, "{name} {}: {size}", chart.id);
        }
        assert!(html(&run)?.len() < 1_000_000, "{name}: {}", html(&run)?.len());
    }
    assert!(STYLE.len() < 24_000);
    Ok(())
}

#[test]
fn warnings_stand_at_the_head_and_in_the_title() -> Result<()> {
    let (_, run) = runs().swap_remove(5);
    let page = html(&run)?;
    let head = page.split_once("</header>").map_or("", |(head, _)| head);
    for words in
        ["interrupted: stopped by the user", "not verified", "4 cores of one machine", "8 of 800 requests failed"]
    {
        assert!(head.contains(words), "{words}");
    }
    assert!(head.contains("<title>! "));
    Ok(())
}

#[test]
fn the_worst_verdict_stands_in_the_first_line_the_title_and_the_head() -> Result<()> {
    for (run, glyph, word) in [
        (fixture::one_request(), "✓", "VALID"),
        (fixture::run(&[Load { lag_ms: 24.0, ..Load::of(32, 800) }]), "!", "DEGRADED"),
        (fixture::doubted(), "✗", "INVALID"),
        (fixture::unjudged(), "!", "not judged"),
    ] {
        let page = html(&run)?;
        assert_eq!(page.lines().next(), Some(format!("<!doctype html><!-- {word} -->").as_str()));
        let title = format!("<title>{glyph} qwen2.5-7b-instruct: load test, {word}</title>");
        assert!(page.contains(&title), "{title}");
        let head = page.split_once("</header>").map_or("", |(head, _)| head);
        assert!(head.contains(&format!(" {word}</a> at ")), "{word}");
    }
    Ok(())
}

#[test]
fn an_invalid_point_is_never_chosen() {
    let mut run = fixture::doubted();
    assert_eq!((run.best.throughput, run.points[3].point.load.level()), (Some(32.0), 128.0));
    run.points.retain(|point| point.verdict() == Some(crate::stats::Verdict::Invalid));
    run.choose();
    let document = Document::of(&run);
    assert!(document.answer.contains("INVALID"), "{}", document.answer);
    assert_eq!(document.cards.len(), 1);
    assert!(document.best.rows.is_empty() && document.sweep.rows[0].words == ["invalid"]);
}

/// Writes sample reports below the folder in `EVALSCOPE_SAMPLES`, to be looked at in a browser.
#[test]
fn samples() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let Some(folder) = std::env::var_os("EVALSCOPE_SAMPLES").map(std::path::PathBuf::from) else { return Ok(()) };
    std::fs::create_dir_all(&folder)?;
    for (name, run) in runs() {
        std::fs::write(folder.join(format!("{name}.html")), html(&run)?)?;
        std::fs::write(folder.join(format!("{name}.png")), sweep_png(&run)?)?;
    }
    Ok(())
}

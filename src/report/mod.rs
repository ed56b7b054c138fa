//! Results to a document, a document to bytes. Nothing here computes a metric: every number shown stands in the
//! result, and what is missing there is shown as missing.
//!
//! [`Document`] says what is shown; [`sweep_table`] (console), [`html`] (one file for everything) and [`sweep_png`]
//! give it a form. [`performance_summary`] and [`point_tables`] follow EvalScope's layout and take EvalScope's own
//! figures, so that they agree with its files. Text that came from a server is cleaned of control characters before it
//! is printed and escaped where it stands in a page.

mod advice;
mod answer;
mod audit;
mod bars;
mod bounds;
mod boxed;
mod calibration;
mod chart;
mod client;
mod compare;
mod conversations;
mod course;
mod curves;
mod datasets;
mod decimal;
mod depth;
mod document;
mod draw;
mod drawing;
mod evaluation;
#[cfg(test)]
mod fixture;
mod goodput;
mod html;
mod levels;
mod notice;
mod palette;
mod performance;
mod picture;
mod png;
mod point;
mod pooled;
mod quantiles;
mod scale;
mod shapes;
mod side_by_side;
mod sla;
mod speed;
mod stages;
mod svg;
mod sweep;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod time;
mod trace;
mod trust;
mod view;

pub use calibration::calibration_table;
pub use chart::{Axis, Bar, Chart, Dot, Hue, Scale, Series, Steps, Trace, Weight};
pub use compare::comparison;
pub use datasets::{dataset_text, datasets_json, datasets_table};
pub use depth::Depth;
pub use document::{Card, Document};
pub use drawing::{drawn_json, drawn_table};
pub use evaluation::{benchmark_text, benchmarks_table, evaluation_html, overview_table, scores_table, speed_table};
pub use html::html;
pub use levels::levels_table;
pub use notice::Notice;
pub use performance::performance_summary;
pub use picture::sweep_png;
pub use point::point_tables;
pub use pooled::{PooledDepth, merged};
pub use sla::sla_summary;
pub use table::{Cell, Column, Mark, Row, Table};
pub use terminal::{Style, sweep_table};
pub use trust::{Badge, Judged, Judgement, verdicts};

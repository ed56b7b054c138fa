//! stub
use crate::error::Result;
use crate::run::{PointResult, RunResult};
#[derive(Clone, Copy)]
pub struct Style {
    pub colour: bool,
    pub ascii: bool,
}
pub fn performance_summary(run: &RunResult) -> String {
    serde_json::to_string_pretty(&run.best).unwrap_or_default()
}
pub fn point_tables(p: &PointResult) -> String {
    serde_json::to_string_pretty(&p.evalscope_summary).unwrap_or_default()
}
pub fn sweep_table(_: &RunResult, _: usize, _: Style) -> String {
    String::new()
}
pub fn html(_: &RunResult) -> Result<String> {
    Ok(String::new())
}
pub fn sweep_png(_: &RunResult) -> Result<Vec<u8>> {
    Ok(vec![])
}

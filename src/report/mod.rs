//! Results to a document, a document to bytes. Nothing here computes a metric: every number shown stands in the
//! result, and what is missing there is shown as missing.

mod boxed;
mod decimal;
#[cfg(test)]
mod fixture;
mod performance;
mod point;
mod table;

pub use performance::performance_summary;
pub use point::point_tables;

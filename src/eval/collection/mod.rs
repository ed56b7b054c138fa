//! Mixtures of benchmarks: a schema of collections with weights, and the rows that are drawn from it.
//!
//! | file | noun |
//! |---|---|
//! | [`schema`] | collections of data sets and of collections, with weights and tags |
//! | [`sampler`] | how many rows each data set gives |
//! | [`mixture`] | the rows that are drawn, as `data_collection` reads them |

mod mixture;
mod sampler;
mod schema;

pub(super) use mixture::WAY;
pub use mixture::{Drawn, Mixture, draw};
pub use sampler::Sampler;
pub use schema::{Schema, Share};

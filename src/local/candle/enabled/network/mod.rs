//! The parts of a network, each written once for the kernels and for candle's devices.
//!
//! | file | what it holds |
//! |---|---|
//! | [`linear`] | linear layers and the embedding |
//! | [`norm`] | RMS norms, sums, and the gate of the feed-forward |
//! | [`attention`] | attention of rows to the past of their sequences |
//! | [`cache`] | keys and values of the past, in blocks |

pub mod attention;
pub mod cache;
pub mod linear;
pub mod norm;

pub use attention::{Attention, Run, Step};
pub use cache::Cache;
pub use linear::{Embedding, Linear, Weight};
pub use norm::{Norm, gate, sum};

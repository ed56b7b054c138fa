//! Records to numbers: histograms that merge exactly, the figures made from them, EvalScope's figures, and the course
//! of a run over time.

mod audit;
mod best;
mod evalscope;
mod figures;
mod prometheus;
mod reading;
mod summary;
mod timeline;
mod trust;
mod window;

pub use audit::{Audit, Code, Finding, Pair, Scrapes, Sharing};
pub use best::Best;
pub use evalscope::{Compat, CompatOptions, CompatRaw};
pub use figures::{Counts, DEFINITIONS, FailureCount, Figures, Spread};
pub use prometheus::{Page, Sample};
pub use reading::{Reading, engine_of};
pub use summary::Summary;
pub use timeline::{Course, Slice, Timeline};
pub use trust::{Bias, Cause, Doubt, Host, SelfCheck, Stage, StageSpread, Stages, TRUST_VERSION, Trust, Verdict};
pub use window::{Ours, Window};

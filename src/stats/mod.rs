//! Records to numbers: histograms that merge exactly, the figures made from them, EvalScope's figures, and the course
//! of a run over time.

mod audit;
mod best;
mod column;
mod compare;
mod conversations;
mod criteria;
pub mod dialect;
#[cfg(test)]
mod draw;
mod evalscope;
mod figures;
mod gate;
mod goodput;
pub mod inference;
mod interval;
mod plateau;
mod pool;
mod prometheus;
mod reading;
mod slots;
mod speed;
mod steady;
mod summary;
mod timeline;
mod token_course;
mod traces;
mod trust;
mod until;
mod window;

pub use audit::{Audit, Code, Finding, Pair, Scrapes, Sharing};
pub use best::Best;
pub use compare::{Change, Evidence, Quantity, Told};
pub use conversations::ConversationFigures;
pub use criteria::{Measured, Watch};
pub use evalscope::{Compat, CompatOptions, CompatRaw};
pub use figures::{Counts, DEFINITIONS, FailureCount, Figures, Spread};
pub use gate::{Gate, GateResult, GateState};
pub use goodput::{Attainment, Goodput, GoodputTally, Limit, LimitKept, Objective, Slo};
pub use interval::{Interval, Intervals};
pub use plateau::{Plateau, SteadyFigures};
pub use pool::{Between, Pool};
pub use prometheus::{Page, Sample};
pub use reading::{Reading, engine_of};
pub use speed::{Memory, MemoryOf, SpeedRow, SpeedTable, SpeedTally};
pub use steady::{FullLoad, Steady, WarmUp};
pub use summary::Summary;
pub use timeline::{Course, LongCourse, Slice, Timeline};
pub use token_course::{Throughput, ThroughputRow, TokenCourse, TokenPoint, TokenWindows};
pub use traces::{TraceRow, TraceSummary, Traces};
pub use trust::{Bias, Cause, Doubt, Host, SelfCheck, Stage, StageSpread, Stages, TRUST_VERSION, Trust, Verdict};
pub use until::{Latency, Progress, Stat, StopRule, Until};
pub use window::{Ours, Window};

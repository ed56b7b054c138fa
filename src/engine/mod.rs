//! Places requests and stamps what comes back.
//!
//! Worker threads each run a current-thread runtime with connections of their own; finished records go to the one
//! thread that called [`run`], which hands them to the sink. Nothing is shared between workers but the dispenser of
//! requests, and that is touched between requests only.

mod connect;
mod drive;
mod exchange;
mod link;
mod probe;
mod schedule;
mod stamped_io;
mod stop;
mod tls;
mod worker;

pub use connect::Route;
pub use drive::{Job, Request, Tally, run};
pub use probe::{Answer, get, probe};
pub use schedule::Schedule;
pub use stop::Stop;

//! Places requests and stamps what comes back.
//!
//! Worker threads each run a current-thread runtime with connections of their own; finished records go to the one
//! thread that called [`run`], which hands them to the sink. Nothing is shared between workers but the queue of
//! requests, and that is touched between requests only.

mod budget;
mod clock;
mod connect;
mod drive;
mod driver;
mod exchange;
mod feed;
mod halt;
mod kernel;
mod ledger;
mod link;
mod probe;
mod pulse;
mod schedule;
mod stamped_io;
mod stolen;
mod stop;
mod timer;
mod turns;
mod wire;
mod worker;

pub use connect::Route;
pub use drive::{Job, Tally, run, stand_back};
pub use feed::{Request, Requests};
pub use ledger::Ledger;
pub use probe::{Answer, get, probe, send};
pub use schedule::{Release, Schedule};
pub use stop::Stop;
pub use turns::{Said, Turn, Turns};

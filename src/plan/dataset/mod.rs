//! Datasets by name, and the options that each of them takes.
//!
//! | file | noun |
//! |---|---|
//! | `set` | the names, with what each set needs |
//! | `args` | `--dataset-args`: one schema a family, unknown keys refused with the known ones |
//! | `spread` | how a length is spread: one value, uniform, normal, lognormal, or values with weights |

mod args;
mod set;
mod spread;

pub use args::{
    Args, BatchArgs, RandomArgs, RankArgs, RecordedArgs, ServeArgs, SharedArgs, SpeedArgs, TextArgs, TraceArgs,
    TurnArgs,
};
pub use args::{InputLenMode, PrefixRole, Range};
pub use set::{Schema, Set};
pub use spread::{Pair, Spread};

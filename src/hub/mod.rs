//! Files of Hugging Face and ModelScope: listed, fetched, verified and kept.
//!
//! [`fetch`] is the one way in: it brings the files that a plan wants into the cache and says where they are, so that
//! nothing else in the program knows of hubs.
//!
//! ```text
//! $EVALSCOPE_CACHE/hub/<hub>/<datasets|models>/<owner>--<name>/
//!   refs/<revision>               the snapshot that the revision stood for when the hub was last asked
//!   listings/<snapshot>.json      path, size and digest of each file
//!   snapshots/<snapshot>/<path>   the files, whole and verified
//!   parts/<digest>                what an interrupted download left; the next one goes on from there
//!   sets/<pick>/<snapshot>/       the files of one split, linked, where a split has several
//!   lock                          held by the process that fetches
//! ```
//!
//! A snapshot is a commit on Hugging Face. ModelScope does not tell commits of datasets, so there it is the digest of the
//! listing. Files of the hubs' own clients are used where they are; see [`Config`] for what of the environment is honoured.
//!
//! | file | noun |
//! |---|---|
//! | `config` | endpoints, keys and folders, from the environment |
//! | `client` | GET with redirects, over connections of its own; `retry` when to ask again |
//! | `hugging_face`, `model_scope` | the APIs of both hubs |
//! | `listing`, `name` | the files of a snapshot and how some are picked; names that cannot leave a folder |
//! | `cache`, `foreign` | our folders; those of the hubs' own clients |
//! | `download`, `digest` | one file, resumed and verified; what it must hash to |
//! | `fetch` | all of it together |

mod cache;
mod client;
mod config;
mod digest;
mod download;
mod fetch;
mod foreign;
mod hugging_face;
mod listing;
mod model_scope;
mod name;
mod retry;

pub use config::Config;
pub use fetch::{Event, Fetched, fetch};
pub use listing::{Entry, Listing};
pub use name::safe;

//! The embedded model: `enabled` with the feature `local`, else `disabled`, which says so.

#[cfg_attr(feature = "local", path = "enabled/mod.rs")]
#[cfg_attr(not(feature = "local"), path = "disabled.rs")]
mod chosen;

pub use chosen::{check, load};

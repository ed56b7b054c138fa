//! The random generators of other load generators, to the last bit: numpy's two and CPython's.
//!
//! A tool that draws its prompts and arrivals from a seeded generator can be repeated exactly where the generator is
//! repeated exactly. These are the three that such tools use; our own draws come from `rng`.
//!
//! | file | generator |
//! |---|---|
//! | `pcg64` | `numpy.random.default_rng(seed)`: PCG64 seeded through a `SeedSequence` |
//! | `legacy` | `numpy.random.seed(seed)` and the functions of `numpy.random` that follow it |
//! | [`Python`] | `random.seed(seed)` and the functions of `random` that follow it |

mod legacy;
mod pcg64;
#[cfg(test)]
mod tests;

pub use crate::random::Python;
pub use legacy::Legacy;
pub use pcg64::Pcg64;

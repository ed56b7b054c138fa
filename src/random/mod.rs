//! Random numbers that other programs draw, to the last bit: what was shuffled by a seed there is shuffled alike here.
//!
//! | file | what |
//! |---|---|
//! | `mt19937` | the Mersenne twister |
//! | `python` | CPython's `random.Random` on top of it |

mod mt19937;
mod python;
#[cfg(test)]
mod tests;

pub(crate) use mt19937::Mt19937;
pub use python::Python;

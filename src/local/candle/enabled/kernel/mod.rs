//! The inner loops of the embedded model, on the CPU.
//!
//! | file | what it holds |
//! |---|---|
//! | [`team`] | the threads that share the work |
//! | [`matrix`], [`input`] | weights as their file has them; the rows that they multiply |
//! | [`float`] | products of floating-point weights |
//! | [`block`], [`panel`] | the formats of quantised weights; their products |
//! | [`attend`] | attention to keys and values in blocks of positions |
//! | [`row`] | norms, rotations and gates |
//! | [`activation`] | GELU and its kin |
//! | [`vector`], [`dispatch`], `avx2`, `avx512`, `attend256`, `attend512`, `row512`, `amx`, `amx_panel`, `tile` | loops for several instruction sets, and the choice |
//!
//! Each row of a batch is computed in the same order of additions, whatever the number of rows, the tiles and the
//! threads: that is what makes batched and single decoding equal to the bit on one machine.

mod activation;
#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod amx_panel;
mod attend;
#[cfg(target_arch = "x86_64")]
mod attend256;
#[cfg(target_arch = "x86_64")]
mod attend512;
#[cfg(test)]
mod attend_tests;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod dispatch;
mod float;
mod input;
mod matrix;
mod panel;
mod row;
#[cfg(target_arch = "x86_64")]
mod row512;
mod team;
#[cfg(target_arch = "x86_64")]
mod tile;
mod vector;

pub use activation::{gelu, gelu_tanh, relu};
pub use attend::{Heads, Memory, POSITIONS, Scores, Span};
pub use input::Input;
pub use matrix::{Kind, Matrix};
pub use row::{Pairs, layer_norm, rms_norm, rotate, silu_gate};
pub use team::Team;
pub use vector::{exp, vectorized};

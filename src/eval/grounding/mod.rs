//! Where in an image something is: boxes and points read from text, and compared with the true box.
//!
//! All comparisons are made in parts of the image's sides, 0 to 1, so that an image may be scaled before it is sent.
//!
//! | file | what |
//! |---|---|
//! | `region` | boxes, points and how coordinates are written |
//! | `refcoco` | a box for a phrase |
//! | `ref_adv` | a box for a phrase, asked again once where none was given |
//! | `screenspot` | a point to click on |

pub mod ref_adv;
pub mod refcoco;
mod region;
pub mod screenspot;
#[cfg(test)]
mod tests;

pub use region::{Coordinates, Region, Size};

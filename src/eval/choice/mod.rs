//! Letters, verdicts and short answers that replies choose, and the credit for them.

mod credit;
mod labels;
mod letters;

pub use credit::{accuracy, letter_set_accuracy, multi_choice_accuracy};
pub use labels::Labels;
pub use letters::{Chosen, LettersRule, Marker, Right, Via, letters};

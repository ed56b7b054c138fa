//! Letters, verdicts and short answers that replies choose, and the credit for them.
//!
//! - [`letters`]: labels after `ANSWER:` or `答案：`, with the last capital letter as a counted guess.
//! - [`verdict`]: yes, no, maybe. [`answer_line`], [`after_phrase`]: free answers.
//! - Extractors of single benchmarks: [`bbh_answer`], [`super_gpqa_letter`], [`safety_bench_letter`],
//!   [`maritime_bench_letter`], [`mmau_letter`], [`air_bench_letter`], [`phyx_letter`], [`cmmmu_letters`] and the open
//!   answers of MMMU, [`open_answer_matches`].
//! - Credit: [`accuracy`], [`multi_choice_accuracy`], [`letter_set_accuracy`], [`multi_label_figures`].

mod bbh;
mod cmmmu;
mod credit;
mod labels;
mod letters;
mod multilabel;
mod open;
mod phrase;
mod safety_bench;
mod shapes;
mod super_gpqa;
mod verdict;

pub use bbh::{BbhForm, bbh_answer};
pub use cmmmu::{CmmmuKind, cmmmu_blank_matches, cmmmu_judgement, cmmmu_letters};
pub use credit::{accuracy, letter_set_accuracy, multi_choice_accuracy};
pub use labels::Labels;
pub use letters::{Chosen, LettersRule, Marker, Right, Via, letters};
pub use multilabel::{MultiLabelFigures, letters_f1, multi_label_figures};
pub use open::{OpenAnswer, open_answer_matches, open_answers};
pub use phrase::{Occurrence, PhraseRule, Until, after_phrase, answer_line};
pub use safety_bench::safety_bench_letter;
pub use shapes::{air_bench_letter, maritime_bench_letter, mmau_letter, phyx_letter, phyx_matches};
pub use super_gpqa::{Shots, super_gpqa_letter};
pub use verdict::{Bare, Verdict, VerdictRule, Words, verdict};

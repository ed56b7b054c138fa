//! What a right answer is: benchmarks as cards, the families of extractors and scorers, and what their verdicts add up to.
//!
//! | file | noun |
//! |---|---|
//! | `card` | a benchmark as data |
//! | `args`, `benchmark`, `slots` | what a user changes of it; both together, ready to make samples |
//! | `source`, `readers`, `media`, `literal` | where records are, and what they hold |
//! | `sample`, `orders` | one question; the orders in which EvalScope asks |
//! | `asking`, `reasoning` | questions on their way through the load engine, and what came back |
//! | `rows` | rows of predictions and reviews |
//! | `method` | extractors and scorers by name |
//! | `choice`, `text` | what they are made of |

#[cfg(test)]
mod agreement;
pub mod args;
pub mod asking;
pub mod benchmark;
mod boxed;
pub mod card;
pub mod choice;
mod literal;
mod media;
pub mod method;
pub mod forms;
pub mod grounding;
pub mod haystack;
pub mod orders;
mod readers;
pub mod reasoning;
pub mod rows;
pub mod sample;
mod slots;
pub mod source;
pub mod text;
pub mod aggregate;
pub mod rules;
pub mod calls;
pub mod tags;

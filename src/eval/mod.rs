//! What a right answer is: benchmarks as cards, the families of extractors and scorers, and what their verdicts add up to.
//!
//! | file | noun |
//! |---|---|
//! | `task`, `config_file`, `subject` | one evaluation as the user asks for it; the file of it; who is evaluated, as a plan of the load engine |
//! | `collection` | mixtures of benchmarks: what is in them, how they are drawn, their rows |
//! | `card` | a benchmark as data |
//! | `args`, `params`, `benchmark`, `options`, `slots` | what a user changes of it; both together, ready to make samples |
//! | `source`, `files`, `edition`, `readers` | where records are, and what makes them those that a card speaks of |
//! | `data_folder`, `media`, `shrink`, `literal` | the files and values that they hold |
//! | `sample`, `orders` | one question; the orders in which EvalScope asks |
//! | `conduct`, `one_run`, `desk` | a whole evaluation; the run of one benchmark; what becomes of answers |
//! | `asking`, `reasoning` | questions on their way through the load engine, and what came back |
//! | `rows`, `cache`, `run_folder`, `progress` | rows of predictions and reviews; answers of an earlier run; the files |
//! | `method`, `filters` | extractors and scorers by name; what is done to a reply before |
//! | `choice`, `text`, `maths`, `rules`, `calls`, `tags`, `forms`, `grounding`, `haystack` | what they are made of |
//! | `figures`, `aggregate`, `extra`, `performance` | what marks add up to, and how fast they came |
//! | `semantics`, `report` | what a metric means; the report |

pub mod aggregate;
#[cfg(test)]
mod agreement;
pub mod args;
pub mod asking;
pub mod benchmark;
mod boxed;
pub mod cache;
pub mod calls;
pub mod card;
pub mod choice;
pub mod collection;
pub mod conduct;
mod config_file;
mod data_folder;
mod desk;
mod edition;
mod extra;
pub mod figures;
mod files;
mod filters;
pub mod forms;
pub mod grounding;
pub mod haystack;
mod literal;
pub mod maths;
mod media;
pub mod method;
mod one_run;
mod options;
pub mod orders;
mod params;
pub mod performance;
pub mod progress;
mod readers;
pub mod reasoning;
#[cfg(test)]
mod rehearsal_tests;
pub mod report;
pub mod rows;
pub mod rules;
pub mod run_folder;
pub mod sample;
pub mod semantics;
mod shrink;
mod slots;
pub mod source;
pub mod subject;
pub mod tags;
pub mod task;
pub mod text;
pub mod toolbench;

//! How an answer is taken from a reply and what it is worth: the extractors and scorers that cards name.
//!
//! | file | noun |
//! |---|---|
//! | `case` | a sample with the reply to it; what was taken; the marks it got |
//! | `extract` | extractors by name |
//! | `score` | scorers by name |
//! | `params` | parameters of both, as a card writes them |

mod case;
mod extract;
mod params;
mod score;

use std::sync::Arc;

use super::card::{Answer, Catalog};
use super::sample::Sample;
pub use case::{Case, Marks, Reply, Standing, Taken};
pub use extract::Extract;
pub use score::{Score, noted_tags};

/// How an answer is taken and scored.
pub struct Method {
    extract: Box<dyn Extract>,
    score: Box<dyn Score>,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Method")
    }
}

impl Method {
    /// The method that a card names.
    ///
    /// # Errors
    /// In words, when a name is not known or does not take a parameter; the message lists the known ones.
    pub fn of(answer: &Answer) -> Result<Self, String> {
        let score = answer.score.as_ref().ok_or("score: name a scorer")?;
        let made = score::scorer(score.name(), &score.params()).map_err(|why| format!("score: {why}"))?;
        let extract = match &answer.extract {
            Some(named) => {
                extract::extractor(named.name(), &named.params()).map_err(|why| format!("extract: {why}"))?
            }
            None => extract::whole(),
        };
        Ok(Method { extract, score: made })
    }

    /// Tells it the cards of the run.
    pub fn know(&mut self, catalog: &Arc<Catalog>) {
        self.score.know(catalog);
    }

    /// The marks of a reply.
    pub fn judge(&self, case: &Case<'_>) -> Marks {
        let taken = self.extract.take(case);
        let mut marks = self.score.score(case, &taken);
        marks.extracted.get_or_insert_with(|| taken.text.clone());
        marks.via = marks.via.or(taken.via);
        marks
    }

    /// Whether the server's refusal of a request is an answer too.
    pub fn weighs_refusals(&self) -> bool {
        self.score.weighs_refusals()
    }

    /// A reply that scores 1, where one can be told from the sample alone.
    pub fn right(&self, sample: &Sample) -> Option<Reply> {
        let told = sample.rehearsal.0.as_ref().map(Reply::of);
        told.or_else(|| Some(self.extract.reply(&self.score.right(sample)?, sample)))
    }

    /// A reply that scores 0.
    pub fn wrong(&self, sample: &Sample) -> Option<Reply> {
        let told = sample.rehearsal.1.as_ref().map(Reply::of);
        told.or_else(|| Some(self.extract.reply(&self.score.wrong(sample)?, sample)))
    }
}

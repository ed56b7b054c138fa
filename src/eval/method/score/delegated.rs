//! Samples of a mixture, each scored as its own benchmark scores.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value};
use toml::Table;

use super::super::super::card::Catalog;
use super::super::super::collection::WAY;
use super::super::super::sample::Sample;
use super::super::Method;
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, Score, noted, noted_text};

pub(super) const NAMES: &[&str] = &["delegated"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params).map(|()| Box::new(Delegated::default()) as Box<dyn Score>)
}

/// The cards that are built in, opened when the first sample is scored.
static CATALOG: LazyLock<Option<Catalog>> = LazyLock::new(|| Catalog::open(None).ok());

/// The name of a card and the number of a way of it.
type Way = (String, usize);

/// Scores by the way of the card that the sample names: the card's own, or the variant that a mixture drawn here notes.
#[derive(Default)]
struct Delegated {
    methods: Mutex<HashMap<Way, Option<Arc<Method>>>>,
}

impl Delegated {
    fn method(&self, name: &str, way: usize) -> Option<Arc<Method>> {
        let mut methods = self.methods.lock().ok()?;
        let made = || {
            let entry = CATALOG.as_ref()?.get(name).ok()?;
            // A mixture inside a mixture would never end.
            let answer = Some(&entry.card.answer)
                .filter(|answer| answer.score.as_ref().is_some_and(|score| score.name() != NAMES[0]));
            let answer = match way.checked_sub(1) {
                Some(variant) => answer?.with(&entry.card.variants.get(variant)?.answer),
                None => answer?.clone(),
            };
            Method::of(&answer).ok().map(Arc::new)
        };
        methods.entry((name.to_owned(), way)).or_insert_with(made).clone()
    }

    /// The sample as its own benchmark has it.
    fn own(sample: &Sample) -> Sample {
        let meta: Map<String, Value> =
            noted(sample, "metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let subset = noted_text(sample, "subset_name").to_owned();
        Sample { meta, subset, rehearsal: (None, None), way: 0, ..sample.clone() }
    }
}

impl Score for Delegated {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let name = noted_text(case.sample, "dataset_name");
        let own = Self::own(case.sample);
        let way = noted(&own, WAY).and_then(Value::as_u64).unwrap_or(0);
        match self.method(name, usize::try_from(way).unwrap_or(0)) {
            Some(method) => method.judge(&Case { sample: &own, reply: case.reply }),
            None => Marks::excluded(format!("{name:?} is no benchmark that scores single samples")),
        }
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}

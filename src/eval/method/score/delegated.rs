//! Samples of a mixture, each scored as its own benchmark scores.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value};
use toml::Table;

use super::super::super::card::Catalog;
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

/// Scores by the way of the card that the sample names. What a card does otherwise for some of its records is not known of
/// a sample that has no record.
#[derive(Default)]
struct Delegated {
    methods: Mutex<HashMap<String, Option<Arc<Method>>>>,
}

impl Delegated {
    fn method(&self, name: &str) -> Option<Arc<Method>> {
        let mut methods = self.methods.lock().ok()?;
        let made = || {
            let entry = CATALOG.as_ref()?.get(name).ok()?;
            // A mixture inside a mixture would never end.
            let answer = Some(&entry.card.answer)
                .filter(|answer| answer.score.as_ref().is_some_and(|score| score.name() != NAMES[0]));
            Method::of(answer?).ok().map(Arc::new)
        };
        methods.entry(name.to_owned()).or_insert_with(made).clone()
    }

    /// The sample as its own benchmark has it.
    fn own(sample: &Sample) -> Sample {
        let meta: Map<String, Value> =
            noted(sample, "metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        Sample { meta, rehearsal: (None, None), way: 0, ..sample.clone() }
    }
}

impl Score for Delegated {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let name = noted_text(case.sample, "dataset_name");
        match self.method(name) {
            Some(method) => method.judge(&Case { sample: &Self::own(case.sample), reply: case.reply }),
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

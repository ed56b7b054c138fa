//! Samples of a mixture, each scored as its own benchmark scores.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value};
use toml::Table;

use super::super::super::aggregate::canonical;
use super::super::super::card::{Card, Catalog};
use super::super::super::collection::is_mixture;
use super::super::super::sample::Sample;
use super::super::Method;
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, Score, noted};

pub(super) const NAMES: &[&str] = &["delegated"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params).map(|()| Box::new(Delegated::default()) as Box<dyn Score>)
}

/// The cards that are built in, opened when the first sample is scored by one who knows no others.
static CATALOG: LazyLock<Option<Catalog>> = LazyLock::new(|| Catalog::open(None).ok());

/// Scores by the way of the card that the sample names. A row that was drawn here says which of the card's ways is its own; one
/// that says nothing is scored by the first.
#[derive(Default)]
struct Delegated {
    catalog: Option<Arc<Catalog>>,
    known: Mutex<Ways>,
}

/// Benchmarks by name, with the number of a way; none where there is no such one.
type Ways = HashMap<(String, usize), Option<Arc<Known>>>;

/// How a benchmark scores in one of its ways.
struct Known {
    method: Method,
    /// The value that stands for a sample, where the card says.
    primary: Option<String>,
}

impl Known {
    fn of(card: &Card, way: usize) -> Option<Self> {
        // A mixture inside a mixture would never end.
        if is_mixture(card) {
            return None;
        }
        let variant = way.checked_sub(1).map(|place| card.variants.get(place));
        let answer = match variant {
            None => card.answer.clone(),
            Some(variant) => card.answer.with(&variant?.answer),
        };
        Some(Known { method: Method::of(&answer).ok()?, primary: card.report.primary.clone() })
    }

    /// The marks with the value first that stands for the sample.
    fn judge(&self, case: &Case<'_>) -> Marks {
        let mut marks = self.method.judge(case);
        let stands = |name: &str| self.primary.as_deref().is_some_and(|own| canonical(own) == canonical(name));
        if let Some(place) = marks.values.iter().position(|(name, _)| stands(name)) {
            let main = marks.values.remove(place);
            marks.values.insert(0, main);
        }
        marks
    }
}

impl Delegated {
    fn known(&self, name: &str, way: usize) -> Option<Arc<Known>> {
        let mut known = self.known.lock().ok()?;
        let made = || {
            let catalog = self.catalog.as_deref().or(CATALOG.as_ref())?;
            Known::of(&catalog.get(name).ok()?.card, way).map(Arc::new)
        };
        known.entry((name.to_owned(), way)).or_insert_with(made).clone()
    }

    /// The sample as its own benchmark has it.
    fn own(sample: &Sample) -> Sample {
        let number = |name: &str| noted(sample, name).and_then(Value::as_u64).unwrap_or(0) as usize;
        let meta: Map<String, Value> =
            noted(sample, "metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        Sample { meta, rehearsal: (None, None), way: number("way"), shots: number("shots"), ..sample.clone() }
    }
}

impl Score for Delegated {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let name = noted(case.sample, "collection_info").and_then(|info| info["dataset_name"].as_str());
        let name = name.unwrap_or_default();
        let own = Self::own(case.sample);
        match self.known(name, own.way) {
            Some(known) => known.judge(&Case { sample: &own, reply: case.reply }),
            None => Marks::excluded(format!("{name:?} is no benchmark that scores single samples")),
        }
    }

    fn know(&mut self, catalog: &Arc<Catalog>) {
        self.catalog = Some(Arc::clone(catalog));
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}

//! A card with what the user changed of it, ready to make samples of records.

use std::sync::Arc;

use minijinja::Value as Seen;
use serde_json::{Map, Value, json};

use super::args::DatasetArgs;
use super::card::{
    Answer, Card, Catalog, Entry, Examples, Fields, Language, Mode, Names, Prompt, Seeded, in_folder, seen,
    shared_templates, told,
};
use super::data_folder::DataFolder;
use super::edition::Origin;
use super::media::{self, Kind};
use super::method::Method;
use super::options::{options, shuffle};
use super::params::{params, shots};
use super::sample::{Sample, spelled};
use super::slots::Slots;
use crate::error::{Failure, Result, known};
use crate::table::Row;
use crate::wire::Question;

/// A card with what the user changed of it.
#[derive(Debug)]
pub struct Benchmark {
    /// The card and what lies beside it.
    pub entry: Entry,
    /// What the user changed.
    pub args: DatasetArgs,
    /// The settings of the benchmark's own.
    pub params: Map<String, Value>,
    /// The seed of the run.
    pub seed: u64,
    /// Examples before each question.
    pub shots: usize,
    language: Language,
    ways: Vec<Way>,
    overrides: Overrides,
    fixed: Map<String, Value>,
}

/// One way to ask and to score: the card's own, or that of a variant.
#[derive(Debug)]
struct Way {
    fields: Fields,
    prompt: Prompt,
    answer: Answer,
    method: Method,
    /// Parameters of the scorer, which expressions may use by name.
    known: Names,
}

/// Templates of the user in place of the card's.
#[derive(Debug, Default)]
struct Overrides {
    prompt: Option<Slots>,
    with_examples: Option<Slots>,
    query: Option<Slots>,
    system: Option<String>,
}

/// A sample whose prompt is not made yet, with the names that its templates use.
pub struct Draft {
    /// What is known of it.
    pub sample: Sample,
    names: Names,
    media: Vec<(Kind, Value)>,
    messages: Option<Vec<Value>>,
    system: Option<String>,
}

impl Benchmark {
    /// Compiles a card with what the user changed.
    ///
    /// # Errors
    /// When what the user changed does not fit the card; the message names the benchmark and the key.
    pub fn new(entry: &Entry, args: DatasetArgs, seed: u64) -> Result<Self> {
        let card = &entry.card;
        let refuse = |why: String| Failure::usage(format!("--dataset-args {}: {why}", card.name));
        let params = params(card, &args).map_err(refuse)?;
        let shared = shared_templates()?;
        let mut language = Language::new(Seeded(seed));
        let defect = |why: String| Failure::bug(format!("the card of {} was accepted and is wrong: {why}", card.name));
        let mut ways = vec![Way::of(&card.record.fields, &card.prompt, &card.answer).map_err(defect)?];
        for variant in &card.variants {
            let fields = card.record.fields.with(&variant.fields);
            ways.push(
                Way::of(&fields, &card.prompt.with(&variant.prompt), &card.answer.with(&variant.answer))
                    .map_err(defect)?,
            );
        }
        compile(&mut language, card, &ways, &shared).map_err(defect)?;
        let slots = |text: &Option<String>, key: &str| -> Result<Option<Slots>> {
            let read = text.as_deref().map(Slots::parse).transpose();
            read.map_err(|why| refuse(format!("{key}: {why}")))
        };
        let overrides = Overrides {
            prompt: slots(&args.prompt_template, "prompt_template")?,
            with_examples: slots(&args.few_shot_prompt_template, "few_shot_prompt_template")?,
            query: slots(&args.query_template, "query_template")?,
            system: args.system_prompt.clone(),
        };
        let shots = shots(card, &args).map_err(refuse)?;
        let fixed = match &card.prompt.examples {
            Some(Examples { mode: Mode::Fixed, file: Some(file), .. }) if shots > 0 => {
                let text = entry.text(file)?;
                let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
                    Failure::usage(format!("datasets/{}/{file}: {}", card.name, error.message()))
                })?;
                serde_json::to_value(table).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default()
            }
            _ => Map::new(),
        };
        let seed_of = seed;
        Ok(Benchmark { entry: entry.clone(), args, params, seed: seed_of, shots, language, ways, overrides, fixed })
    }

    /// The same among the cards of the run, which samples of a mixture are scored by.
    #[must_use]
    pub fn among(mut self, catalog: &Arc<Catalog>) -> Self {
        self.ways.iter_mut().for_each(|way| way.method.know(catalog));
        self
    }

    /// The card.
    pub fn card(&self) -> &Card {
        &self.entry.card
    }

    /// How an answer to a sample is taken and scored.
    pub fn method(&self, sample: &Sample) -> &Method {
        let own = self.ways.get(sample.way).or_else(|| self.ways.first());
        match own {
            Some(way) => &way.method,
            None => unreachable!("a benchmark has its card's own way"),
        }
    }

    /// Every way to take and score an answer that the card has.
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.ways.iter().map(|way| &way.method)
    }

    /// Whether examples come from a split of their own.
    pub fn draws_examples(&self) -> bool {
        self.shots > 0 && self.card().prompt.examples.as_ref().is_some_and(|examples| examples.mode == Mode::Drawn)
    }

    /// A record of another edition as the card speaks of it; any other stays as it is.
    ///
    /// # Errors
    /// In words, when it lacks what the edition says of it.
    pub fn recast(&self, record: Row, origin: Origin<'_>) -> Result<Row, String> {
        let names = || {
            let mut names: Names = record.iter().map(|(name, value)| (name.clone(), seen(value))).collect();
            names.insert("record".to_owned(), seen(&Value::Object(record.clone())));
            names.insert("file".to_owned(), Seen::from(origin.file));
            names
        };
        for (place, edition) in self.card().source.editions.iter().enumerate() {
            let key = |name: &str| format!("edition {place} {name}");
            let met = match &edition.when {
                None => origin.headless,
                Some(_) => self.language.value(&key("when"), &names()).map_err(|why| format!("when: {why}"))?.is_true(),
            };
            if !met {
                continue;
            }
            let (names, mut made) = (names(), record.clone());
            for column in edition.record.keys() {
                let value = self.language.value(&key(column), &names).map_err(|why| format!("{column}: {why}"))?;
                let value = told(&value).ok_or_else(|| match &edition.labels {
                    Some(labels) => format!("there is no {column}: its labels {labels} are not beside the file"),
                    None => format!("there is no {column}"),
                })?;
                made.insert(column.clone(), value);
            }
            return Ok(made);
        }
        Ok(record)
    }

    /// The samples of a record; none where the card leaves it out. `subset` is empty where a field tells it.
    ///
    /// # Errors
    /// In words, when the record lacks what the card needs, or an expression cannot be worked out.
    pub fn drafts(
        &self,
        record: &Row,
        subset: &str,
        split: &str,
        index: usize,
        folder: &DataFolder,
    ) -> Result<Vec<Draft>, String> {
        let mut names: Names = record.iter().map(|(name, value)| (name.clone(), seen(value))).collect();
        names.insert("record".to_owned(), seen(&Value::Object(record.clone())));
        names.insert("params".to_owned(), seen(&Value::Object(self.params.clone())));
        names.insert("subset".to_owned(), Seen::from(subset));
        names.insert("split".to_owned(), Seen::from(split));
        names.insert("index".to_owned(), Seen::from(index));
        in_folder(&mut names, folder);
        let mut drafts = Vec::new();
        if self.card().record.each.is_some() {
            let list = self.language.value("each", &names).map_err(|why| format!("record.each: {why}"))?;
            let items: Vec<Seen> = list.try_iter().map_err(|_| "record.each: gives no list".to_owned())?.collect();
            for (place, item) in items.into_iter().enumerate() {
                let mut names = names.clone();
                names.insert("item".to_owned(), item);
                names.insert("item_index".to_owned(), Seen::from(place));
                drafts.extend(self.draft(names, folder)?);
            }
        } else {
            drafts.extend(self.draft(names, folder)?);
        }
        Ok(drafts)
    }

    fn draft(&self, mut names: Names, folder: &DataFolder) -> Result<Option<Draft>, String> {
        let record = &self.card().record;
        for name in record.names.keys() {
            let value = self
                .language
                .value(&format!("let {name}"), &names)
                .map_err(|why| format!("record.let.{name}: {why}"))?;
            names.insert(name.clone(), value);
        }
        if record.keep.is_some() {
            let keep = self.language.value("keep", &names).map_err(|why| format!("record.keep: {why}"))?;
            if !keep.is_true() {
                return Ok(None);
            }
        }
        let mut way = 0;
        if !self.card().variants.is_empty() {
            // What a variant asks for may hang on what is noted of the record, which is worked out again below.
            let noted = self.meta(&names).unwrap_or_default();
            names.insert("meta".to_owned(), seen(&Value::Object(noted)));
            for place in 1..self.ways.len() {
                let when = self.language.value(&format!("when {place}"), &names);
                if when.map_err(|why| format!("variant {place}: when: {why}"))?.is_true() {
                    way = place;
                    break;
                }
            }
        }
        let Some(chosen) = self.ways.get(way) else { return Ok(None) };
        for (name, value) in &chosen.known {
            // What the record has of that name comes first.
            names.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let mut found: Map<String, Value> = Map::new();
        for (field, _) in chosen.fields.list() {
            let value = self
                .language
                .value(&format!("{way} {field}"), &names)
                .map_err(|why| format!("record.fields.{field}: {why}"))?;
            found.insert(field.to_owned(), told(&value).unwrap_or(Value::Null));
            names.insert(field.to_owned(), value);
        }
        let meta = self.meta(&names)?;
        names.insert("meta".to_owned(), seen(&Value::Object(meta.clone())));
        let take = |name: &str| found.get(name).filter(|value| !value.is_null()).cloned();
        let list = |name: &str| -> Vec<Value> {
            match take(name) {
                Some(Value::Array(list)) => list.into_iter().filter(|value| !value.is_null()).collect(),
                Some(one) => vec![one],
                None => Vec::new(),
            }
        };
        let messages = take("messages").map(|value| chat(&value)).transpose()?;
        let mut sample = Sample {
            subset: take("subset").map_or_else(|| named(&names, "subset"), |value| spelled(&value)),
            question: take("question").map(|value| spelled(&value)).unwrap_or_default(),
            choices: match take("choices") {
                Some(Value::Array(list)) => list.iter().map(spelled).collect(),
                _ => Vec::new(),
            },
            target: take("target").unwrap_or(Value::Null),
            meta,
            turns: list("turns").iter().map(spelled).collect(),
            tools: take("tools"),
            body: take("body")
                .map(serde_json::from_value)
                .transpose()
                .map_err(|why| format!("record.fields.body: {why}"))?
                .unwrap_or_default(),
            decision: take("decision")
                .map(|value| Question::read(&value))
                .transpose()
                .map_err(|why| format!("record.fields.decision: {why}"))?,
            way,
            ..Sample::default()
        };
        if take("question").is_none() && messages.is_none() {
            return Err("the record has no question: record.fields.question gives nothing".to_owned());
        }
        let (right, between) = (sample.target_text(), sample.meta.get("continuous") == Some(&Value::Bool(true)));
        if let Some(question) = sample.decision.as_ref().filter(|question| !question.admits(&right, between)) {
            let labels = known(question.labels());
            return Err(format!("record.fields.target: {right:?} is no answer to the question; there are {labels}"));
        }
        if self.args.shuffle_choices == Some(true) {
            shuffle(&mut sample, self.seed);
        }
        let mut media = Vec::new();
        for (name, kind) in [("images", Kind::Image), ("audio", Kind::Audio), ("video", Kind::Video)] {
            for (place, value) in list(name).iter().enumerate() {
                let part = media::part(kind, value, folder)
                    .map_err(|why| format!("record.fields.{name}: {} {why}", place + 1))?;
                media.push((kind, part));
            }
        }
        let messages = messages.map(|chat| media::placed(chat, &media, folder)).transpose();
        let messages = messages.map_err(|why| format!("record.fields.messages: {why}"))?;
        let (options, letters) = options(&sample, chosen.prompt.options.unwrap_or_default());
        names.insert("question".to_owned(), Seen::from(sample.question.as_str()));
        names.insert("choices".to_owned(), seen(&json!(sample.choices)));
        names.insert("options".to_owned(), Seen::from(options));
        names.insert("letters".to_owned(), Seen::from(letters));
        names.insert("target".to_owned(), seen(&sample.target));
        for (side, slot) in [("right", &mut sample.rehearsal.0), ("wrong", &mut sample.rehearsal.1)] {
            let key = format!("{way} {side}");
            if self.language.has(&key) {
                let value =
                    self.language.value(&key, &names).map_err(|why| format!("answer.rehearsal.{side}: {why}"))?;
                *slot = told(&value).filter(|value| !value.is_null());
            }
        }
        let system = take("system").map(|value| spelled(&value));
        Ok(Some(Draft { sample, names, media, messages, system }))
    }

    fn meta(&self, names: &Names) -> Result<Map<String, Value>, String> {
        let mut meta = Map::new();
        for name in self.card().record.meta.keys() {
            let value = self
                .language
                .value(&format!("meta {name}"), names)
                .map_err(|why| format!("record.meta.{name}: {why}"))?;
            meta.insert(name.clone(), told(&value).unwrap_or(Value::Null));
        }
        Ok(meta)
    }

    /// How a draft reads as an example.
    ///
    /// # Errors
    /// In words, when its template cannot be filled in.
    pub fn example(&self, draft: &Draft) -> Result<String, String> {
        let text = self.language.fill(&format!("{} example", draft.sample.way), &draft.names)?;
        Ok(text.trim().to_owned())
    }

    /// The fixed examples of a subset.
    fn fixed_examples(&self, subset: &str) -> Result<Vec<String>, String> {
        let table = self.fixed.get(subset).or_else(|| self.fixed.get("*"));
        let list = table.and_then(|table| table["examples"].as_array());
        let list: Vec<String> = list.into_iter().flatten().map(|text| spelled(text).trim().to_owned()).collect();
        if list.len() < self.shots {
            return Err(format!("few_shot_num {}: there are {} examples for {subset}", self.shots, list.len()));
        }
        Ok(list.into_iter().take(self.shots).collect())
    }

    /// Makes the prompt of a draft; `drawn` are the examples of its subset where they are drawn.
    ///
    /// # Errors
    /// In words, when a template cannot be filled in.
    pub fn finish(&self, draft: Draft, drawn: &[String]) -> Result<Sample, String> {
        let Draft { mut sample, mut names, media, messages, system } = draft;
        let Some(way) = self.ways.get(sample.way) else { return Err("no way to ask".to_owned()) };
        names.insert("subset".to_owned(), Seen::from(sample.subset.as_str()));
        if let Some(query) = &self.overrides.query {
            sample.question = query.fill(&names)?;
            names.insert("question".to_owned(), Seen::from(sample.question.as_str()));
        }
        let key = |part: &str| format!("{} {part}", sample.way);
        sample.messages = match messages {
            Some(messages) => messages,
            None => {
                let fixed = way.prompt.examples.as_ref().is_some_and(|examples| examples.mode == Mode::Fixed);
                let examples = match (self.shots, fixed) {
                    (0, _) => Vec::new(),
                    (_, true) => self.fixed_examples(&sample.subset)?,
                    (_, false) => drawn.to_vec(),
                };
                sample.shots = examples.len();
                names.insert("examples".to_owned(), Seen::from(examples.join("\n\n")));
                let plain = match &self.overrides.prompt {
                    Some(slots) => slots.fill(&names)?,
                    None => self.language.fill(&key("prompt"), &names)?,
                };
                let text = match (&self.overrides.with_examples, examples.is_empty()) {
                    (_, true) => plain,
                    (Some(slots), false) => slots.fill(&names)?,
                    (None, false) => {
                        names.insert("prompt".to_owned(), Seen::from(plain.trim()));
                        self.language.fill(&key("intro"), &names)?
                    }
                };
                let content = media::content(text.trim(), media, way.prompt.media.unwrap_or_default());
                vec![json!({"role": "user", "content": content})]
            }
        };
        let own =
            if self.language.has(&key("system")) { Some(self.language.fill(&key("system"), &names)?) } else { None };
        let system = self.overrides.system.clone().or(system).or(own).filter(|text| !text.trim().is_empty());
        if let Some(system) = system
            && !sample.messages.iter().any(|message| message["role"] == "system")
        {
            sample.messages.insert(0, json!({"role": "system", "content": system}));
        }
        Ok(sample)
    }
}

impl Way {
    fn of(fields: &Fields, prompt: &Prompt, answer: &Answer) -> Result<Self, String> {
        let method = Method::of(answer)?;
        let params = answer.score.as_ref().map(super::card::Method::params).unwrap_or_default();
        let told = |value: &toml::Value| seen(&serde_json::to_value(value).unwrap_or_default());
        let known = params.iter().map(|(name, value)| (name.clone(), told(value))).collect();
        Ok(Way { fields: fields.clone(), prompt: prompt.clone(), answer: answer.clone(), method, known })
    }
}

/// Compiles everything that a card says in expressions and templates.
fn compile(language: &mut Language, card: &Card, ways: &[Way], shared: &super::card::Shared) -> Result<(), String> {
    for (place, edition) in card.source.editions.iter().enumerate() {
        let columns = edition.record.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
        for (name, text) in columns.chain(edition.when.as_deref().map(|when| ("when", when))) {
            language.add(&format!("edition {place} {name}"), text)?;
        }
    }
    let record = &card.record;
    let tables = [("let", &record.names), ("meta", &record.meta)];
    for (kind, table) in tables {
        for (name, value) in table {
            language.add(&format!("{kind} {name}"), value.as_str().unwrap_or_default())?;
        }
    }
    for (name, text) in [("keep", &record.keep), ("each", &record.each)] {
        if let Some(text) = text {
            language.add(name, text)?;
        }
    }
    for (place, variant) in card.variants.iter().enumerate() {
        language.add(&format!("when {}", place + 1), &variant.when)?;
    }
    for (place, Way { fields, prompt, answer, .. }) in ways.iter().enumerate() {
        for (name, text) in fields.list() {
            language.add(&format!("{place} {name}"), text)?;
        }
        let pick = |own: &Option<String>,
                    name: &Option<String>,
                    all: &std::collections::BTreeMap<String, String>,
                    otherwise: &str| {
            let named = || all.get(name.as_deref().unwrap_or(otherwise)).cloned();
            own.clone().or_else(named).unwrap_or_default()
        };
        language.add_template(
            &format!("{place} prompt"),
            pick(&prompt.text, &prompt.template, &shared.prompt, "plain").trim(),
        )?;
        let examples = prompt.examples.clone().unwrap_or_default();
        let example = pick(&examples.text, &examples.template, &shared.example, "mcq");
        language.add_template(&format!("{place} example"), example.trim())?;
        let intro = examples.intro.clone().or_else(|| shared.intro.get("default").cloned()).unwrap_or_default();
        language.add_template(&format!("{place} intro"), intro.trim())?;
        if let Some(system) = &prompt.system {
            language.add_template(&format!("{place} system"), system)?;
        }
        if let Some(rehearsal) = &answer.rehearsal {
            for (side, text) in [("right", &rehearsal.right), ("wrong", &rehearsal.wrong)] {
                if let Some(text) = text {
                    language.add(&format!("{place} {side}"), text)?;
                }
            }
        }
    }
    Ok(())
}

/// A text among the names; empty where there is none.
fn named(names: &Names, name: &str) -> String {
    names.get(name).and_then(Seen::as_str).unwrap_or_default().to_owned()
}

/// A chat as it is sent: a list of messages, or one text that the user says.
fn chat(value: &Value) -> Result<Vec<Value>, String> {
    let fits = |message: &Value| message["role"].is_string();
    match value {
        Value::String(text) => Ok(vec![json!({"role": "user", "content": text})]),
        Value::Array(list) if !list.is_empty() && list.iter().all(fits) => Ok(list.clone()),
        _ => Err("record.fields.messages: must be a list of objects with `role` and `content`".to_owned()),
    }
}

//! Where the records of a benchmark are, and the samples that are made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Limit;
use super::benchmark::{Benchmark, Draft};
use super::card::SubsetBy;
use super::data_folder::DataFolder;
use super::files::{Files, is_one_table};
use super::sample::Sample;
use super::{edition, orders, readers, shrink};
use crate::error::{Failure, Result, known};
use crate::hub::Fetched;
use crate::plan::{Hub, Kind, Pick, Repo, Wanted};
use crate::table::Row;
use crate::table::layout;

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file or a folder.
    Local(PathBuf),
    /// A repository.
    Hub(Hub),
    /// The sample of the card.
    Sample,
}

/// What brings files of hubs: [`crate::run::fetch_one`] with its surroundings.
pub type Fetch<'a> = &'a mut dyn FnMut(&Wanted) -> Result<Fetched>;

/// Which of the samples are asked.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Most of each subset.
    pub limit: Option<Limit>,
    /// How often each is asked.
    pub repeats: usize,
}

/// The samples of a benchmark by subset, in order.
#[derive(Debug, Default)]
pub struct Questions {
    /// Name and samples of each subset.
    pub subsets: Vec<(String, Vec<Arc<Sample>>)>,
    /// What a reader of the results should know.
    pub notices: Vec<String>,
}

impl Questions {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.subsets.iter().map(|(_, samples)| samples.len()).sum()
    }
}

/// Loads the samples of a benchmark.
///
/// # Errors
/// When files are not there or cannot be fetched, or a record is not as the card says; the message names the file and the
/// row.
pub fn load(benchmark: &Benchmark, place: &Place, choice: Choice, cache: &Path, fetch: Fetch<'_>) -> Result<Questions> {
    let mut loader = Loader { benchmark, place, cache, fetch, left_out: 0, notices: Vec::new() };
    let drafts = loader.drafts(choice)?;
    let mut questions = Questions::default();
    let mut shrunk = shrink::Count::default();
    let draws = benchmark.draws_examples();
    let drawn = if draws { loader.examples()? } else { BTreeMap::new() };
    for (subset, drafts) in drafts {
        let examples = drawn.get(&subset).or_else(|| drawn.values().next()).cloned().unwrap_or_default();
        if draws && examples.len() < benchmark.shots && !drafts.is_empty() {
            return Err(Failure::usage(format!(
                "--dataset-args {}: few_shot_num {}: there are {} examples for {subset}",
                benchmark.card().name,
                benchmark.shots,
                examples.len()
            ))
            .hint("set a smaller few_shot_num"));
        }
        let mut samples = Vec::with_capacity(drafts.len() * choice.repeats);
        for draft in drafts {
            let made = benchmark.finish(draft, &examples);
            let refuse = |why: String| Failure::usage(format!("{}: {subset}: {why}", benchmark.card().name));
            let mut sample = made.map_err(refuse)?;
            if let Some(most) = benchmark.args.max_image_bytes {
                shrunk.add(shrink::fit(&mut sample.messages, most).map_err(refuse)?);
            }
            for repeat in 0..choice.repeats {
                let index = samples.len();
                let group = index / choice.repeats;
                samples.push(Arc::new(Sample { index, group, repeat, subset: subset.clone(), ..sample.clone() }));
            }
        }
        questions.subsets.push((subset, samples));
    }
    questions.notices = loader.notices;
    questions.notices.extend(shrunk.notice(&benchmark.card().name, benchmark.args.max_image_bytes));
    if loader.left_out > 0 {
        questions.notices.push(format!(
            "{}: {} records were left out by the rules of the card",
            benchmark.card().name,
            loader.left_out
        ));
    }
    if questions.count() == 0 {
        return Err(Failure::usage(format!("{}: there are no samples", benchmark.card().name))
            .hint("check subset_list, eval_split and --limit"));
    }
    Ok(questions)
}

struct Loader<'a, 'f> {
    benchmark: &'a Benchmark,
    place: &'a Place,
    cache: &'a Path,
    fetch: Fetch<'f>,
    left_out: u64,
    notices: Vec<String>,
}

impl Loader<'_, '_> {
    /// The subsets that are asked for.
    fn subsets(&self) -> Result<Vec<String>> {
        let Benchmark { args, .. } = self.benchmark;
        let card = self.benchmark.card();
        let Some(list) = &args.subset_list else { return Ok(card.source.subsets.clone()) };
        let open = args.local_path.is_some() || card.source.subset_by == SubsetBy::Config;
        if let Some(odd) = list.iter().find(|name| !open && !card.source.subsets.contains(name)) {
            return Err(Failure::usage(format!("--dataset-args {}: subset_list: no subset {odd}", card.name))
                .hint(format!("its subsets are {}", known(&card.source.subsets))));
        }
        Ok(list.clone())
    }

    /// A text of the card with the subset and the settings in place of their names in braces.
    fn filled(&self, text: &str, subset: &str) -> String {
        let mut text = text.replace("{subset}", subset);
        for (name, value) in &self.benchmark.params {
            text = text.replace(&format!("{{{name}}}"), &super::sample::spelled(value));
        }
        text
    }

    fn config(&self) -> String {
        let own = self.benchmark.card().source.config.as_deref().map(|config| self.filled(config, ""));
        self.benchmark.args.default_subset.clone().or(own).unwrap_or_else(|| "default".to_owned())
    }

    fn split(&self, subset: &str) -> String {
        let own = self.benchmark.card().source.split.as_deref().map(|split| self.filled(split, subset));
        self.benchmark.args.eval_split.clone().or(own).unwrap_or_else(|| "test".to_owned())
    }

    /// Where the records of each subset are. Of several splits the first comes first, with all subsets.
    fn asked(&self) -> Result<Vec<Asked>> {
        let card = self.benchmark.card();
        let subsets = self.subsets()?;
        let one = |subset: &String| {
            let (config, split) = match card.source.subset_by {
                SubsetBy::Split => (self.config(), self.split_of(subset)),
                _ => (subset.clone(), self.split(subset)),
            };
            Asked { name: subset.clone(), subset: subset.clone(), config, split }
        };
        if card.source.splits.is_empty() {
            return Ok(subsets.iter().map(one).collect());
        }
        let wanted = self
            .benchmark
            .args
            .eval_split
            .as_ref()
            .map_or_else(|| card.source.splits.clone(), |split| vec![split.clone()]);
        let in_split = |split: String| {
            let asked = subsets.iter().map(move |subset| Asked {
                name: format!("{subset}-{split}"),
                subset: subset.clone(),
                config: subset.clone(),
                split: split.clone(),
            });
            asked.collect::<Vec<_>>()
        };
        Ok(wanted.into_iter().flat_map(in_split).collect())
    }

    /// The drafts of each subset, limited.
    fn drafts(&mut self, choice: Choice) -> Result<Vec<(String, Vec<Draft>)>> {
        let limit = choice.limit;
        match self.benchmark.card().source.subset_by {
            SubsetBy::Field => {
                let subsets = self.subsets()?;
                let (config, split) = (self.config(), self.split(""));
                let rows = self.rows(&config, &split)?;
                let all = self.convert(rows, "", &split, None)?;
                let mut sorted: Vec<(String, Vec<Draft>)> =
                    subsets.iter().map(|name| (name.clone(), Vec::new())).collect();
                for draft in all {
                    if let Some((_, list)) = sorted.iter_mut().find(|(name, _)| *name == draft.sample.subset) {
                        list.push(draft);
                    }
                }
                for (_, list) in &mut sorted {
                    let most = limit.map_or(list.len(), |limit| limit.of(list.len()));
                    list.truncate(most);
                }
                sorted.retain(|(_, list)| !list.is_empty());
                Ok(sorted)
            }
            _ => {
                let mut found = Vec::new();
                let asked = self.asked()?;
                let several = asked.len() > 1;
                self.is_for_all(&asked)?;
                let mut missing = Vec::new();
                for Asked { name, subset, config, split } in asked {
                    let rows = match self.rows(&config, &split) {
                        // A sample holds some of the subsets, and so may a folder of the user's.
                        Err(failure) if several && *self.place == Place::Sample => {
                            missing.push(failure);
                            continue;
                        }
                        rows => rows?,
                    };
                    let drafts = self.convert(rows, &subset, &split, limit)?;
                    found.push((name, drafts));
                }
                match (found.is_empty(), missing.into_iter().next()) {
                    (true, Some(failure)) => Err(failure),
                    _ => Ok(found),
                }
            }
        }
    }

    /// Refuses a file in which every one of several subsets would be looked for, and found.
    fn is_for_all(&self, asked: &[Asked]) -> Result<()> {
        let ([_, _, ..], Place::Local(path)) = (asked, self.place) else { return Ok(()) };
        if !is_one_table(path) {
            return Ok(());
        }
        let name = &self.benchmark.card().name;
        let subsets = known(asked.iter().map(|asked| &asked.name));
        Err(Failure::usage(format!("--dataset-args {name}: local_path {}: one table for {subsets}", path.display()))
            .hint(format!(
                "name a folder with all of them, or the one that it holds: \"subset_list\": [\"{}\"]",
                asked.first().map_or("", |asked| &asked.subset)
            )))
    }

    /// The examples of each subset.
    fn examples(&mut self) -> Result<BTreeMap<String, Vec<String>>> {
        let card = self.benchmark.card();
        let own = card.source.train.clone().unwrap_or_default();
        let pattern = self.benchmark.args.train_split.clone().unwrap_or(own);
        let shots = self.benchmark.shots;
        let random = self.benchmark.args.few_shot_random == Some(true);
        if let Place::Local(path) = self.place
            && is_one_table(path)
        {
            return Err(Failure::usage(format!(
                "--dataset-args {}: local_path {}: one table holds the questions, and {shots} examples are drawn from split {pattern}",
                card.name,
                path.display()
            ))
            .hint("name a folder that has both, or set few_shot_num to 0"));
        }
        let mut examples: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut add = |benchmark: &Benchmark, subset: String, drafts: Vec<Draft>| -> Result<()> {
            for draft in drafts.iter().take(shots) {
                let text = benchmark
                    .example(draft)
                    .map_err(|why| Failure::usage(format!("{}: an example: {why}", benchmark.card().name)))?;
                examples.entry(subset.clone()).or_default().push(text);
            }
            Ok(())
        };
        if card.source.subset_by == SubsetBy::Field {
            let (config, split) = (self.config(), self.filled(&pattern, ""));
            let rows = self.rows(&config, &split)?;
            let rows = if random { self.shuffled(rows) } else { rows };
            let mut sorted: BTreeMap<String, Vec<Draft>> = BTreeMap::new();
            for draft in self.convert_in_order(rows, "", &split)? {
                sorted.entry(draft.sample.subset.clone()).or_default().push(draft);
            }
            for (subset, drafts) in sorted {
                add(self.benchmark, subset, drafts)?;
            }
            return Ok(examples);
        }
        for subset in self.subsets()? {
            let config = if card.source.subset_by == SubsetBy::Split { self.config() } else { subset.clone() };
            let split = self.filled(&pattern, &subset);
            let rows = match self.rows(&config, &split) {
                Err(_) if *self.place == Place::Sample => continue,
                rows => rows?,
            };
            let mut rows = if random { self.shuffled(rows) } else { rows };
            rows.rows.truncate(shots);
            let drafts = self.convert_in_order(rows, &subset, &split)?;
            add(self.benchmark, subset, drafts)?;
        }
        Ok(examples)
    }

    /// All records of a configuration and a split, or of the splits that a `+` joins.
    fn rows(&mut self, config: &str, split: &str) -> Result<Records> {
        let several = split.contains('+');
        // A hub has each of them; in a folder one file may hold both.
        let whole = if several && matches!(self.place, Place::Hub(_)) { None } else { Some(self.files(config, split)) };
        match whole {
            Some(Ok(files)) => return self.records(&files, config),
            Some(Err(failure)) if !several => return Err(failure),
            _ => {}
        }
        let mut all = Records { rows: Vec::new(), folder: PathBuf::new(), name: String::new() };
        for part in split.split('+') {
            let files = self.files(config, part)?;
            let Records { rows, folder, name } = self.records(&files, config)?;
            all = Records { rows: all.rows.into_iter().chain(rows).collect(), folder, name };
        }
        Ok(all)
    }

    fn records(&mut self, files: &Files, config: &str) -> Result<Records> {
        self.notice(files.notice.clone());
        let mut rows = Vec::new();
        for path in &files.paths {
            let (more, notice) = edition::records(self.benchmark, path, config)?;
            rows.extend(more);
            self.notice(notice);
        }
        let name = files.paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        Ok(Records { rows, folder: files.folder.clone(), name })
    }

    /// Tells something once.
    fn notice(&mut self, notice: impl IntoIterator<Item = String>) {
        for notice in notice {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }

    fn files(&mut self, config: &str, split: &str) -> Result<Files> {
        let card = self.benchmark.card();
        // The layout fills in subset and split itself.
        let own = card.source.reader.as_deref().and_then(|reader| readers::file(reader, config)).map(str::to_owned);
        let pattern = card.source.files.as_deref().map(|files| self.filled(files, "{subset}")).or(own);
        // What is made by the program is at no hub.
        let is_built_in = card.source.reader.as_deref() == Some(readers::BUILT_IN);
        let place = if is_built_in && matches!(self.place, Place::Hub(_)) { &Place::Sample } else { self.place };
        let others = self.others(split);
        let rows = layout::Rows { config, split, others: &others, pattern: pattern.as_deref() };
        match place {
            Place::Local(path) if is_one_table(path) => Ok(Files::one(path)),
            Place::Local(folder) => Files::below(folder, rows, card),
            Place::Sample => {
                let folder = self.benchmark.entry.sample(self.cache)?;
                Files::below(&folder, layout::Rows { pattern: None, ..rows }, card)
            }
            Place::Hub(hub) => {
                let hub = *hub;
                let pick = Pick::Rows { config: config.to_owned(), split: split.to_owned(), others, pattern };
                let wanted = self.wanted(hub, pick)?;
                let Fetched { path, notices, .. } = (self.fetch)(&wanted)?;
                self.notice(notices);
                let folder =
                    if path.is_dir() { path.clone() } else { path.parent().unwrap_or(Path::new(".")).to_owned() };
                let mut files = Files { folder, paths: vec![path], notice: None };
                for archive in card.source.archives.clone() {
                    let wanted = self.wanted(hub, Pick::File(archive.clone()))?;
                    let Fetched { path, notices, .. } = (self.fetch)(&wanted)?;
                    self.notice(notices);
                    // What records name is counted from where the archive lies.
                    let parts = Path::new(&archive).components().count();
                    files.folder = path.ancestors().nth(parts).unwrap_or(&files.folder).to_owned();
                }
                Ok(files)
            }
        }
    }

    /// The splits of the questions beside one, where there are several.
    fn others(&self, split: &str) -> Vec<String> {
        let source = &self.benchmark.card().source;
        let all = match source.subset_by {
            SubsetBy::Split => source.subsets.iter().map(|subset| self.split_of(subset)).collect(),
            _ => source.splits.clone(),
        };
        let is_other = |other: &String| !split.split('+').chain([split]).any(|own| own == other);
        all.into_iter().filter(is_other).collect()
    }

    /// The split that a subset is, where subsets are splits.
    fn split_of(&self, subset: &str) -> String {
        let split = self.benchmark.card().source.split.as_deref().map(|split| self.filled(split, subset));
        split.unwrap_or_else(|| subset.to_owned())
    }

    /// What is wanted of a hub.
    fn wanted(&self, hub: Hub, pick: Pick) -> Result<Wanted> {
        let card = self.benchmark.card();
        let args = &self.benchmark.args;
        let own = match hub {
            Hub::ModelScope => card.source.modelscope.clone().or_else(|| card.source.huggingface.clone()),
            Hub::HuggingFace => args
                .hf_dataset_id
                .clone()
                .or_else(|| card.source.huggingface.clone())
                .or_else(|| card.source.modelscope.clone()),
        };
        let id = args.local_path.clone().or(own).ok_or_else(|| {
            Failure::usage(format!("{}: its data is at no hub", card.name)).hint(format!(
                "name your file or folder: --dataset-args '{{\"{}\": {{\"local_path\": \"FOLDER\"}}}}'",
                card.name
            ))
        })?;
        let revision = match hub {
            Hub::HuggingFace => args.hf_dataset_revision.clone().or_else(|| args.dataset_revision.clone()),
            Hub::ModelScope => args.dataset_revision.clone(),
        };
        let revision = revision.unwrap_or_else(|| hub.branch().to_owned());
        Ok(Wanted { repo: Repo { hub, kind: Kind::Dataset, id, revision }, pick, flag: "--datasets" })
    }

    /// Records to drafts: shuffled where the card or the user says so, limited before they are converted, as EvalScope does.
    fn convert(&mut self, records: Records, subset: &str, split: &str, limit: Option<Limit>) -> Result<Vec<Draft>> {
        let shuffle = self.benchmark.args.shuffle.unwrap_or(self.benchmark.card().source.shuffle);
        let mut records = if shuffle { self.shuffled(records) } else { records };
        if let Some(limit) = limit {
            records.rows.truncate(limit.of(records.rows.len()));
        }
        self.convert_in_order(records, subset, split)
    }

    fn shuffled(&self, mut records: Records) -> Records {
        let of_hub = matches!(self.place, Place::Hub(_)) && self.benchmark.card().source.reader.is_none();
        orders::records(&mut records.rows, self.benchmark.seed, of_hub);
        records
    }

    fn convert_in_order(&mut self, records: Records, subset: &str, split: &str) -> Result<Vec<Draft>> {
        let Records { rows, folder, name } = records;
        let folder = DataFolder::new(&folder);
        let mut drafts = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let made = self.benchmark.drafts(row, subset, split, index, &folder);
            let made = made.map_err(|why| {
                Failure::usage(format!("{}: {name}: row {}: {why}", self.benchmark.card().name, index + 1))
                    .hint("compare the row with those of the card's sample, or correct the card")
            })?;
            self.left_out += u64::from(made.is_empty());
            drafts.extend(made.into_iter().map(|mut draft| {
                if !subset.is_empty() {
                    subset.clone_into(&mut draft.sample.subset);
                }
                draft
            }));
        }
        Ok(drafts)
    }
}

/// Where the records of a subset are.
struct Asked {
    /// What the subset is called in reports.
    name: String,
    /// What expressions know it as.
    subset: String,
    config: String,
    split: String,
}

struct Records {
    rows: Vec<Row>,
    folder: PathBuf,
    name: String,
}

/// Whether a value is a path of this machine.
pub fn is_local(value: &str) -> bool {
    Path::new(value).exists()
}

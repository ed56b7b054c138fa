//! The keys of a card. An unknown one is refused with the known ones.

use serde::Deserialize;
use toml::Table;

/// A benchmark.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The word `benchmark`; cards of workloads lie in the same folder.
    pub kind: String,
    /// The name it goes by; that of its folder.
    pub name: String,
    /// The name that people read.
    pub title: String,
    /// EvalScope's version of the evaluation; results of another version are not comparable.
    pub version: String,
    /// What it is about.
    pub tags: Vec<String>,
    /// What a question consists of, such as `text` or `image+text`.
    pub modality: String,
    /// Terms of the data.
    pub licence: String,
    /// Where it is described.
    #[serde(default)]
    pub paper: Option<String>,
    /// What is asked and how it is scored, in a few sentences.
    pub about: String,
    /// Where the data is.
    pub source: Source,
    /// Settings of its own that a user may change, by name.
    #[serde(default)]
    pub params: toml::map::Map<String, toml::Value>,
    /// What of a record is what.
    pub record: Record,
    /// How it is asked.
    #[serde(default)]
    pub prompt: Prompt,
    /// How an answer is taken and scored.
    pub answer: Answer,
    /// What differs for some of the records.
    #[serde(default, rename = "variant")]
    pub variants: Vec<Variant>,
    /// What is reported.
    pub report: Report,
}

/// A setting of a benchmark's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// `bool`, `int`, `float`, `str` or `list`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is when it is not set.
    #[serde(default)]
    pub value: Option<toml::Value>,
    /// What it may be, where not everything.
    #[serde(default)]
    pub choices: Vec<toml::Value>,
    /// What it does.
    pub about: String,
}

/// What a subset of a benchmark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubsetBy {
    /// A configuration of the repository.
    #[default]
    Config,
    /// A split.
    Split,
    /// What a field of the record says.
    Field,
    /// A file.
    File,
}

/// Where the data is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Repository at ModelScope.
    #[serde(default)]
    pub modelscope: Option<String>,
    /// Repository at Hugging Face.
    #[serde(default)]
    pub huggingface: Option<String>,
    /// What a subset is.
    #[serde(default)]
    pub subset_by: SubsetBy,
    /// The one configuration that is read where a subset is none; a setting in braces is filled in.
    #[serde(default)]
    pub config: Option<String>,
    /// The subsets, in order.
    #[serde(default)]
    pub subsets: Vec<String>,
    /// Split of the questions; `{subset}` and a setting in braces are filled in, and of `a+b` both are read.
    #[serde(default)]
    pub split: Option<String>,
    /// Splits of the questions where there are several: every subset is read in each, and is reported as `{subset}-{split}`.
    #[serde(default)]
    pub splits: Vec<String>,
    /// Split that examples are drawn from; filled in like that of the questions.
    #[serde(default)]
    pub train: Option<String>,
    /// Path of plain files in the repository, with `{subset}`, `{split}` and settings in braces in it.
    #[serde(default)]
    pub files: Option<String>,
    /// What makes records of files that are no tables.
    #[serde(default)]
    pub reader: Option<String>,
    /// Whether records are shuffled with the seed before some are taken.
    #[serde(default)]
    pub shuffle: bool,
    /// Zip archives of the repository that hold files which records name.
    #[serde(default)]
    pub archives: Vec<String>,
    /// Categories of reports: subsets by name.
    #[serde(default)]
    pub groups: toml::map::Map<String, toml::Value>,
    /// Other shapes in which people hold the data.
    #[serde(default, rename = "edition")]
    pub editions: Vec<Edition>,
}

/// Another shape of the data, such as the files of its authors, whose records become those that the card speaks of.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// An expression over a record: whether it is of this edition. Without it the records of tables without names are.
    #[serde(default)]
    pub when: Option<String>,
    /// Names of the columns of CSV and TSV files that have no line of names.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Path of its files below a folder, with `{subset}` and `{split}` in it.
    #[serde(default)]
    pub files: Option<String>,
    /// A file beside each table, with a line for each of its records, which is their `label`; `{file}` is the table's name.
    #[serde(default)]
    pub labels: Option<String>,
    /// Columns of the card's records, each an expression over the record and `file`.
    #[serde(default)]
    pub record: toml::map::Map<String, toml::Value>,
}

/// What of a record is what. All values but `each` of it are expressions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Records for which it is false are left out.
    #[serde(default)]
    pub keep: Option<String>,
    /// A list in the record, of which each item makes a sample.
    #[serde(default)]
    pub each: Option<String>,
    /// Names for the expressions after them.
    #[serde(default, rename = "let")]
    pub names: toml::map::Map<String, toml::Value>,
    /// What is asked and what is right.
    #[serde(default)]
    pub fields: Fields,
    /// What a scorer or a reader of the results needs beside.
    #[serde(default)]
    pub meta: toml::map::Map<String, toml::Value>,
}

/// What is asked and what is right, each an expression over the record.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Text of the question.
    #[serde(default)]
    pub question: Option<String>,
    /// Texts of the options.
    #[serde(default)]
    pub choices: Option<String>,
    /// What is right.
    #[serde(default)]
    pub target: Option<String>,
    /// What is read before the question.
    #[serde(default)]
    pub context: Option<String>,
    /// The subset that a record belongs to.
    #[serde(default)]
    pub subset: Option<String>,
    /// A whole chat, sent as it is.
    #[serde(default)]
    pub messages: Option<String>,
    /// What the user says after the answers before.
    #[serde(default)]
    pub turns: Option<String>,
    /// What the system says.
    #[serde(default)]
    pub system: Option<String>,
    /// Tools that may be called.
    #[serde(default)]
    pub tools: Option<String>,
    /// Fields of the body of the request beside the chat, which win over the settings of the generation.
    #[serde(default)]
    pub body: Option<String>,
    /// What a decision server is asked: an object with `state` and `question`.
    #[serde(default)]
    pub decision: Option<String>,
    /// Images.
    #[serde(default)]
    pub images: Option<String>,
    /// Sound.
    #[serde(default)]
    pub audio: Option<String>,
    /// Video.
    #[serde(default)]
    pub video: Option<String>,
}

impl Fields {
    /// The same with those of a variant in place of their own.
    pub fn with(&self, other: &Fields) -> Fields {
        let or = |new: &Option<String>, old: &Option<String>| new.clone().or_else(|| old.clone());
        Fields {
            question: or(&other.question, &self.question),
            choices: or(&other.choices, &self.choices),
            target: or(&other.target, &self.target),
            context: or(&other.context, &self.context),
            subset: or(&other.subset, &self.subset),
            messages: or(&other.messages, &self.messages),
            turns: or(&other.turns, &self.turns),
            system: or(&other.system, &self.system),
            tools: or(&other.tools, &self.tools),
            body: or(&other.body, &self.body),
            decision: or(&other.decision, &self.decision),
            images: or(&other.images, &self.images),
            audio: or(&other.audio, &self.audio),
            video: or(&other.video, &self.video),
        }
    }

    /// Those that are there by name, in the order in which they are worked out.
    pub fn list(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("context", &self.context),
            ("question", &self.question),
            ("choices", &self.choices),
            ("target", &self.target),
            ("subset", &self.subset),
            ("messages", &self.messages),
            ("turns", &self.turns),
            ("system", &self.system),
            ("tools", &self.tools),
            ("body", &self.body),
            ("decision", &self.decision),
            ("images", &self.images),
            ("audio", &self.audio),
            ("video", &self.video),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}

/// How options are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Options {
    /// `A) text`
    #[default]
    #[serde(rename = "A)")]
    Bracket,
    /// `A. text`
    #[serde(rename = "A.")]
    Dot,
    /// `(A) text`
    #[serde(rename = "(A)")]
    Brackets,
    /// `A text`
    #[serde(rename = "A")]
    Bare,
}

/// Where images and sound stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// Before the text.
    First,
    /// Behind it.
    #[default]
    Last,
    /// Where the text names them: `<image 1>`.
    Inline,
}

/// How a question is asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// A shared template.
    #[serde(default)]
    pub template: Option<String>,
    /// An own template in its place.
    #[serde(default)]
    pub text: Option<String>,
    /// What the system says, a template.
    #[serde(default)]
    pub system: Option<String>,
    /// How options are printed.
    #[serde(default)]
    pub options: Option<Options>,
    /// Where images and sound stand.
    #[serde(default)]
    pub media: Option<Media>,
    /// Examples before the question.
    #[serde(default)]
    pub examples: Option<Examples>,
}

impl Prompt {
    /// The same with what a variant says in place of its own.
    pub fn with(&self, other: &Prompt) -> Prompt {
        let own = other.template.is_some() || other.text.is_some();
        Prompt {
            template: if own { other.template.clone() } else { self.template.clone() },
            text: if own { other.text.clone() } else { self.text.clone() },
            system: other.system.clone().or_else(|| self.system.clone()),
            options: other.options.or(self.options),
            media: other.media.or(self.media),
            examples: other.examples.clone().or_else(|| self.examples.clone()),
        }
    }
}

/// Where examples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The split of examples.
    Drawn,
    /// The card.
    Fixed,
    /// There are none.
    #[default]
    None,
}

/// Examples before the question.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// Where they come from.
    #[serde(default)]
    pub mode: Mode,
    /// How many, where the user does not say.
    #[serde(default)]
    pub count: usize,
    /// How many there may be, where not any number.
    #[serde(default)]
    pub allowed: Vec<usize>,
    /// A shared form of one example.
    #[serde(default)]
    pub template: Option<String>,
    /// An own form in its place.
    #[serde(default)]
    pub text: Option<String>,
    /// What stands around the examples and the question, a template.
    #[serde(default)]
    pub intro: Option<String>,
    /// The file of fixed examples.
    #[serde(default)]
    pub file: Option<String>,
}

/// A name, or a table with `by` and parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Method {
    /// A name alone.
    Name(String),
    /// A name and parameters.
    With(Table),
}

impl Method {
    /// The name; empty where there is none.
    pub fn name(&self) -> &str {
        match self {
            Method::Name(name) => name,
            Method::With(table) => table.get("by").and_then(toml::Value::as_str).unwrap_or_default(),
        }
    }

    /// The parameters.
    pub fn params(&self) -> Table {
        match self {
            Method::Name(_) => Table::new(),
            Method::With(table) => {
                table.iter().filter(|(key, _)| *key != "by").map(|(k, v)| (k.clone(), v.clone())).collect()
            }
        }
    }
}

/// How an answer is taken and scored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// How the answer is taken from the reply.
    #[serde(default)]
    pub extract: Option<Method>,
    /// How it is scored.
    #[serde(default)]
    pub score: Option<Method>,
    /// What a perfect and a hopeless reply are.
    #[serde(default)]
    pub rehearsal: Option<Rehearsal>,
}

impl Answer {
    /// The same with what a variant says in place of its own.
    pub fn with(&self, other: &Answer) -> Answer {
        let changed = other.extract.is_some() || other.score.is_some();
        Answer {
            extract: other.extract.clone().or_else(|| self.extract.clone()),
            score: other.score.clone().or_else(|| self.score.clone()),
            rehearsal: other.rehearsal.clone().or_else(|| self.rehearsal.clone().filter(|_| !changed)),
        }
    }
}

/// Expressions that give a reply which scores 1 and one that scores 0.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// What scores 1.
    #[serde(default)]
    pub right: Option<String>,
    /// What scores 0.
    #[serde(default)]
    pub wrong: Option<String>,
}

/// What differs for the records for which `when` holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// An expression over the record.
    pub when: String,
    /// Fields in place of the card's own.
    #[serde(default)]
    pub fields: Fields,
    /// How it is asked.
    #[serde(default)]
    pub prompt: Prompt,
    /// How it is scored.
    #[serde(default)]
    pub answer: Answer,
}

/// What is reported.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Metrics, as EvalScope calls them.
    pub metrics: Vec<String>,
    /// The one that stands for the benchmark.
    #[serde(default)]
    pub primary: Option<String>,
    /// How values of samples become one.
    #[serde(default)]
    pub aggregate: Option<String>,
    /// What adds rows.
    #[serde(default)]
    pub rows: Option<String>,
    /// Metrics that do not tell how good something is.
    #[serde(default)]
    pub diagnostic: Vec<String>,
    /// Metrics of which less is better.
    #[serde(default)]
    pub lower_is_better: Vec<String>,
}

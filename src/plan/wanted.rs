//! Files that a hub keeps and a run wants: which repository, which revision, which of its files.

use std::path::Path;

use super::Settings;
use super::repos::repo_of;
use crate::error::{Failure, Result, known};

/// A place where datasets and models are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hub {
    /// ModelScope.
    ModelScope,
    /// Hugging Face.
    HuggingFace,
}

impl Hub {
    /// Both with the name that `--data-source` knows them by.
    pub const ALL: [(&'static str, Hub); 2] = [("modelscope", Hub::ModelScope), ("huggingface", Hub::HuggingFace)];

    /// The name that `--data-source` knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Hub::ModelScope => "modelscope",
            Hub::HuggingFace => "huggingface",
        }
    }

    /// The branch that is meant where no revision is given.
    pub fn branch(self) -> &'static str {
        match self {
            Hub::ModelScope => "master",
            Hub::HuggingFace => "main",
        }
    }
}

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A dataset.
    Dataset,
    /// A model, of which a run takes the tokenizer or all of it.
    Model,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Dataset => "dataset",
            Kind::Model => "model",
        }
    }
}

/// A repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repo {
    /// Who keeps it.
    pub hub: Hub,
    /// What it holds.
    pub kind: Kind,
    /// Owner and name, such as `org/name`; on Hugging Face some have a name alone.
    pub id: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

/// Which files of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The file at this path.
    File(String),
    /// Every file that carries the name of a split, such as `data/train-00000-of-00002.parquet`; every file of data where
    /// none does.
    Split(String),
    /// Every file that holds the rows of a configuration and a split: see [`crate::table::layout::Rows`].
    Rows {
        /// The configuration, or the file.
        config: String,
        /// The split.
        split: String,
        /// The other splits that the questions are in, which never stand for this one.
        others: Vec<String>,
        /// Path of the files, where the layout is none that is known.
        pattern: Option<String>,
    },
    /// The file of this name where there is one, else the only file of data.
    Data(Option<String>),
    /// What a tokenizer is made of.
    Tokenizer,
    /// What a model is made of: its description, its weights and its tokenizer.
    Model,
}

impl Pick {
    /// Whether the folder with the files is what is meant, however many there are.
    pub fn is_folder(&self) -> bool {
        matches!(self, Pick::Tokenizer | Pick::Model)
    }
}

/// Files of a repository, and the flag that asked for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where they are.
    pub repo: Repo,
    /// Which they are.
    pub pick: Pick,
    /// The flag that messages name.
    pub flag: &'static str,
}

/// Everything that a run wants from hubs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// The dataset.
    pub dataset: Option<Wanted>,
    /// The tokenizer.
    pub tokenizer: Option<Wanted>,
    /// The embedded model.
    pub model: Option<Wanted>,
}

/// Where data comes from, as `--data-source` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Unset,
    Local,
    Hub(Hub),
}

impl Source {
    fn of(given: Option<&str>) -> Result<Self> {
        let Some(given) = given else { return Ok(Source::Unset) };
        if given == "local" {
            return Ok(Source::Local);
        }
        let found = Hub::ALL.into_iter().find(|(name, _)| *name == given);
        found.map(|(_, hub)| Source::Hub(hub)).ok_or_else(|| {
            Failure::usage(format!("--data-source {given}: no such source"))
                .hint(format!("known sources: {}, local", known(Hub::ALL.map(|(name, _)| name))))
        })
    }
}

/// What the settings want from hubs. A path that exists is used as it is, as in EvalScope; `needs_file` says that the
/// dataset has no rows of its own, `embedded` that the model is run by this program.
///
/// A dataset is fetched where a hub is named, or where it has no rows without one. An id of a tokenizer is looked for at
/// ModelScope where no hub is named, as EvalScope does.
///
/// # Errors
/// When the source is not known, or a revision is given and nothing is fetched.
pub(super) fn wants(settings: &Settings, needs_file: bool, embedded: bool) -> Result<Wants> {
    let source = Source::of(settings.data_source.as_deref())?;
    let used = settings.prompt.is_none() && settings.workload.is_none();
    let dataset = if used { dataset(settings, source, needs_file)? } else { None };
    if let (Some(revision), None) = (&settings.dataset_revision, &dataset) {
        return Err(Failure::usage(format!("--dataset-revision {revision}: no dataset is fetched from a hub"))
            .hint("name the hub with --data-source modelscope or huggingface"));
    }
    let tokenizer = settings.tokenizer_path.as_deref().filter(|path| !path.ends_with(".json"));
    let tokenizer = tokenizer.and_then(|path| of_model(path, source, Pick::Tokenizer, "--tokenizer-path"));
    let model = settings.model.as_deref().filter(|_| embedded);
    let model = model.and_then(|model| of_model(model, source, Pick::Model, "--model"));
    Ok(Wants { dataset, tokenizer, model })
}

/// What a hub keeps of a model that this program is to run; `None` where it is built in or a path that exists. The
/// revision wins over one that stands behind the id.
///
/// # Errors
/// When the source is not known, or a revision is given and nothing is fetched.
pub fn model_wanted(model: &str, data_source: Option<&str>, revision: Option<&str>) -> Result<Option<Wanted>> {
    let wanted = of_model(model, Source::of(data_source)?, Pick::Model, "--model");
    match (wanted, revision) {
        (None, Some(revision)) => {
            Err(Failure::usage(format!("--revision {revision}: {model} is not fetched from a hub"))
                .hint("name a model at a hub with --model owner/name"))
        }
        (Some(_), Some(revision)) if !is_revision(revision) => {
            Err(Failure::usage(format!("--revision {revision:?}: not the name of a branch, a tag or a commit")))
        }
        (Some(mut wanted), Some(revision)) => {
            revision.clone_into(&mut wanted.repo.revision);
            Ok(Some(wanted))
        }
        (wanted, None) => Ok(wanted),
    }
}

/// Files of a model by its id, looked for at ModelScope where no hub is named; `None` where the text is no id, or a path
/// that exists.
fn of_model(text: &str, source: Source, pick: Pick, flag: &'static str) -> Option<Wanted> {
    if source == Source::Local || Path::new(text).exists() {
        return None;
    }
    let hub = if let Source::Hub(hub) = source { hub } else { Hub::ModelScope };
    let plain = source == Source::Hub(Hub::HuggingFace);
    let Id { id, revision, .. } = Id::parse(text, plain).filter(|id| id.inside.is_none())?;
    let revision = revision.unwrap_or_else(|| hub.branch().to_owned());
    Some(Wanted { repo: Repo { hub, kind: Kind::Model, id, revision }, pick, flag })
}

fn dataset(settings: &Settings, source: Source, needs_file: bool) -> Result<Option<Wanted>> {
    let name = settings.dataset.as_str();
    let hub = match (source, &settings.dataset_path) {
        (Source::Hub(hub), _) => hub,
        (Source::Unset, None) if needs_file && repo_of(name, Hub::ModelScope).is_some() => Hub::ModelScope,
        _ => return Ok(None),
    };
    let wanted = |id: String, revision: Option<String>, pick| {
        let revision = settings.dataset_revision.clone().or(revision).unwrap_or_else(|| hub.branch().to_owned());
        let flag = if settings.dataset_path.is_some() { "--dataset-path" } else { "--dataset" };
        Ok(Some(Wanted { repo: Repo { hub, kind: Kind::Dataset, id, revision }, pick, flag }))
    };
    let own = repo_of(name, hub);
    match &settings.dataset_path {
        Some(path) if Path::new(path).exists() => Ok(None),
        Some(path) => match Id::parse(path, hub == Hub::HuggingFace) {
            None => Ok(None),
            Some(Id { id, inside: Some(inside), revision }) => wanted(id, revision, Pick::File(inside)),
            Some(Id { id, inside: None, revision }) => match own {
                Some((repo, pick)) if repo == id => wanted(id, revision, pick),
                Some((_, Pick::File(file))) => wanted(id, revision, Pick::Data(Some(file))),
                Some((_, pick @ Pick::Split(_))) => wanted(id, revision, pick),
                _ => wanted(id, revision, Pick::Data(None)),
            },
        },
        None => match own {
            Some((id, pick)) => wanted(id.to_owned(), None, pick),
            None if needs_file => {
                Err(Failure::usage(format!("--dataset {name}: {} has no repository of this dataset", hub.name()))
                    .hint("name one with --dataset-path owner/name, or a file on this machine"))
            }
            // It makes its own prompts, and the source is that of the tokenizer.
            None => Ok(None),
        },
    }
}

/// What a flag that names a repository consists of: `owner/name[/path/inside][@revision]`.
#[derive(Debug, PartialEq, Eq)]
struct Id {
    id: String,
    inside: Option<String>,
    revision: Option<String>,
}

impl Id {
    /// `None` where the text cannot be an id. `plain` lets a name stand without its owner.
    fn parse(text: &str, plain: bool) -> Option<Id> {
        let (path, revision) = match text.split_once('@') {
            Some((path, revision)) => (path, Some(revision.to_owned()).filter(|revision| is_revision(revision))),
            None => (text, None),
        };
        if text.contains('@') && revision.is_none() {
            return None;
        }
        let mut parts = path.splitn(3, '/');
        let (first, second, inside) = (parts.next()?, parts.next(), parts.next());
        let id = match second {
            Some(second) => format!("{first}/{second}"),
            None if plain => first.to_owned(),
            None => return None,
        };
        let inside = inside.filter(|inside| !inside.is_empty()).map(str::to_owned);
        (is_id(&id)).then_some(Id { id, inside, revision })
    }
}

/// Whether the text may be the id of a repository: one or two names of letters, digits and `._-`.
pub fn is_id(text: &str) -> bool {
    let name = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        (1..=96).contains(&part.len())
            && part.chars().all(plain)
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains("--")
    };
    text.split('/').count() <= 2 && text.split('/').all(name)
}

/// Whether the text may be a revision: the name of a branch or tag, or a commit.
pub fn is_revision(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/+".contains(c))
        && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::layer;

    fn wanted(text: &str, needs_file: bool) -> Result<Wants> {
        wants(&layer(Some(("test", text)), toml::Table::new())?, needs_file, true)
    }

    fn shown(wanted: Option<Wanted>) -> String {
        wanted.map_or("none".to_owned(), |Wanted { repo, pick, flag }| {
            format!("{} {} {}@{} {pick:?} {flag}", repo.hub.name(), repo.kind.name(), repo.id, repo.revision)
        })
    }

    #[test]
    fn a_dataset_is_wanted_where_a_hub_is_named_or_nothing_else_has_its_rows() -> Result<()> {
        for (text, needs_file, expected) in [
            ("", false, "none"),
            (
                "data-source = 'huggingface'",
                false,
                "huggingface dataset Hello-SimpleAI/HC3-Chinese@main File(\"open_qa.jsonl\") --dataset",
            ),
            (
                "data-source = 'modelscope'\ndataset-revision = 'v1'",
                false,
                "modelscope dataset AI-ModelScope/HC3-Chinese@v1 File(\"open_qa.jsonl\") --dataset",
            ),
            (
                "dataset = 'longalpaca'",
                true,
                "modelscope dataset AI-ModelScope/LongAlpaca-12k@master Split(\"train\") --dataset",
            ),
            ("dataset = 'longalpaca'\ndata-source = 'local'", true, "none"),
            ("dataset = 'random'\ndata-source = 'modelscope'", false, "none"),
            ("data-source = 'modelscope'\nprompt = 'x'", false, "none"),
            ("dataset = 'line_by_line'\ndataset-path = 'a/b'", true, "none"),
            (
                "data-source = 'huggingface'\ndataset-path = 'my/qa@dev'",
                false,
                "huggingface dataset my/qa@dev Data(Some(\"open_qa.jsonl\")) --dataset-path",
            ),
            (
                "dataset = 'custom'\ndata-source = 'modelscope'\ndataset-path = 'my/qa/a/b.jsonl'",
                true,
                "modelscope dataset my/qa@master File(\"a/b.jsonl\") --dataset-path",
            ),
            ("data-source = 'huggingface'\ndataset-path = 'Cargo.toml'", false, "none"),
            ("data-source = 'huggingface'\ndataset-path = '../b'", false, "none"),
        ] {
            assert_eq!(shown(wanted(text, needs_file)?.dataset), expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn an_id_of_a_tokenizer_is_looked_for_at_a_hub() -> Result<()> {
        for (text, expected) in [
            ("tokenizer-path = 'Qwen/Qwen2.5'", "modelscope model Qwen/Qwen2.5@master Tokenizer --tokenizer-path"),
            (
                "tokenizer-path = 'gpt2@v1'\ndata-source = 'huggingface'\ndataset = 'random'",
                "huggingface model gpt2@v1 Tokenizer --tokenizer-path",
            ),
            ("tokenizer-path = 'gpt2'", "none"),
            ("tokenizer-path = 'a/tokenizer.json'", "none"),
            ("tokenizer-path = 'a/b'\ndata-source = 'local'", "none"),
            ("tokenizer-path = '/a/b'", "none"),
            ("tokenizer-path = 'src'", "none"),
        ] {
            assert_eq!(shown(wanted(text, false)?.tokenizer), expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn an_id_of_a_model_is_looked_for_at_a_hub() -> Result<()> {
        for (model, source, revision, expected) in [
            ("Qwen/Qwen2.5", None, None, "modelscope model Qwen/Qwen2.5@master Model --model"),
            ("a/b@v1", Some("huggingface"), None, "huggingface model a/b@v1 Model --model"),
            ("a/b@v1", Some("huggingface"), Some("v2"), "huggingface model a/b@v2 Model --model"),
            ("gpt2", Some("huggingface"), None, "huggingface model gpt2@main Model --model"),
            ("a/b", Some("local"), None, "none"),
            ("random:tiny", None, None, "none"),
            ("random:tiny", Some("huggingface"), None, "none"),
            ("src", None, None, "none"),
        ] {
            assert_eq!(shown(model_wanted(model, source, revision)?), expected, "{model}");
        }
        assert_eq!(shown(wanted("model = 'a/b'", false)?.model), "modelscope model a/b@master Model --model");
        let refused = |model, revision| model_wanted(model, None, Some(revision)).err().map(|failure| failure.message);
        assert!(refused("random:tiny", "v1").is_some_and(|message| message.contains("--revision v1")));
        assert!(refused("a/b", "..").is_some_and(|message| message.contains("--revision")));
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, needs_file, words) in [
            ("data-source = 'github'", true, "modelscope, huggingface, local"),
            ("dataset-revision = 'v1'", false, "--data-source"),
            ("dataset = 'custom'\ndata-source = 'modelscope'", true, "--dataset-path owner/name"),
        ] {
            let hint = wanted(text, needs_file).err().and_then(|failure| failure.hint).unwrap_or_default();
            assert!(hint.contains(words), "{text}: {hint}");
        }
    }

    #[test]
    fn ids_and_revisions_are_names_and_nothing_more() {
        for id in ["a/b", "A-b/c.d_e", "gpt2"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "/b", "a/", "a/b/c", "../b", "a/..", "a b/c", "a/b?x", "a/b--c", "é/b", ".a/b", "a/b."] {
            assert!(!is_id(id), "{id}");
        }
        for revision in ["main", "refs/convert/parquet", "v1.0", "0123abcd"] {
            assert!(is_revision(revision), "{revision}");
        }
        for revision in ["", "..", "a/../b", "a//b", "/a", "a b", "a?b", "a#b", "-\u{7}"] {
            assert!(!is_revision(revision), "{revision}");
        }
    }
}

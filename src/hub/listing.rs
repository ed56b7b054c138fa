//! The files of a repository at a revision, and how some of them are picked.

use std::path::Path;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::name::safe;
use crate::error::{Failure, Result, known};
use crate::plan::{Pick, Repo, Wanted};
use crate::table::is_data;
use crate::table::layout::{Rows, SYNONYMS};

/// Version of the file.
const FORMAT_VERSION: u32 = 1;
/// What a model is made of beside its weights and its tokenizer, the one that it cannot be without first; the last ones
/// tell how an embedding is made.
const MODEL: [&str; 8] = [
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
];
/// Files of a tokenizer: the one that is needed, and those that say more where there are any.
const TOKENIZER: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.json",
    "chat_template.jinja",
];
/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path inside the repository, with `/` between its parts. It is safe: see [`safe`].
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// What its contents hash to; `None` where the hub does not tell.
    pub digest: Option<Digest>,
}

/// The files of a repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    format_version: u32,
    /// Names this state of the repository: a commit where the hub tells one, else a digest of the listing.
    pub snapshot: String,
    /// Whether the snapshot is a commit, which never changes.
    pub commit: bool,
    /// The files, by path.
    pub files: Vec<Entry>,
    /// Names that were left out because they cannot be paths.
    pub unsafe_names: u64,
}

impl Listing {
    /// Sorts the files and leaves out names that cannot be paths. Without a commit the files themselves make the name of
    /// the snapshot.
    pub(super) fn new(commit: Option<String>, mut files: Vec<Entry>) -> Self {
        let all = files.len();
        files.retain(|file| safe(&file.path).is_some());
        let unsafe_names = (all - files.len()) as u64;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        let lines: String = files
            .iter()
            .map(|Entry { path, size, digest }| {
                format!("{path}\0{size}\0{}\n", digest.as_ref().map(ToString::to_string).unwrap_or_default())
            })
            .collect();
        let own = || {
            let whole = digest(&SHA256, lines.as_bytes());
            whole.as_ref().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
        };
        let is_commit = commit.is_some();
        Listing {
            format_version: FORMAT_VERSION,
            snapshot: commit.unwrap_or_else(own),
            commit: is_commit,
            files,
            unsafe_names,
        }
    }

    /// Reads a listing that was kept; `None` where it is of another version, or was tampered with.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let listing: Listing = serde_json::from_slice(bytes).ok()?;
        let sound = listing.files.iter().all(|file| safe(&file.path).is_some());
        (listing.format_version == FORMAT_VERSION && sound).then_some(listing)
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&Entry> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files that are wanted, at least one.
    ///
    /// # Errors
    /// When the repository has no such file, or does not say which of several is meant; the message lists what it has.
    pub(super) fn pick(&self, wanted: &Wanted) -> Result<Vec<&Entry>> {
        let Wanted { repo, pick, flag } = wanted;
        let missing = |what: &str| {
            let mut failure =
                Failure::usage(format!("{flag}: {} has no {what} at {}", shown(repo), wanted.repo.revision));
            if self.unsafe_names > 0 {
                failure
                    .message
                    .push_str(&format!("; {} of its names cannot be paths and were left out", self.unsafe_names));
            }
            failure.hint(format!("it has: {}", self.some_names()))
        };
        let found = match pick {
            Pick::File(path) => self.file(path).into_iter().collect(),
            Pick::Tokenizer => {
                if self.file(TOKENIZER[0]).is_none() {
                    return Err(missing(TOKENIZER[0]));
                }
                TOKENIZER.iter().filter_map(|name| self.file(name)).collect()
            }
            Pick::Model => self.model().ok_or_else(|| missing("config.json with weights in safetensors"))?,
            Pick::Split(split) => match self.split(split) {
                found if found.is_empty() => self.data(),
                found => found,
            },
            Pick::Rows { config, split, others, pattern } => {
                let paths: Vec<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
                let rows = Rows { config, split, others, pattern: pattern.as_deref() };
                rows.pick(&paths).into_iter().filter_map(|path| self.file(path)).collect()
            }
            Pick::Data(name) => {
                let named = |file: &&Entry| {
                    name.as_deref().is_some_and(|name| file.path == name || base(&file.path) == base(name))
                };
                match self.files.iter().find(named) {
                    Some(file) => vec![file],
                    None => self.only(repo, flag)?,
                }
            }
        };
        if found.is_empty() {
            return Err(match pick {
                Pick::File(path) => missing(&format!("file {path}")),
                Pick::Rows { config, split, .. } => missing(&format!("rows of split {split} of {config}")),
                _ => missing("file of data"),
            });
        }
        Ok(found)
    }

    /// What a model is made of; `None` where its description or its weights are missing.
    fn model(&self) -> Option<Vec<&Entry>> {
        // Some repositories hold their weights a second time, in another layout.
        let is_weights = |path: &str| {
            let first = !path.starts_with("consolidated") && !path.starts_with("adapter");
            first && !path.contains('/') && path.ends_with(".safetensors")
        };
        let known = |path: &str| MODEL.contains(&path) || TOKENIZER.contains(&path);
        let whole = self.file(MODEL[0]).is_some() && self.files.iter().any(|file| is_weights(&file.path));
        let parts = self.files.iter().filter(|file| known(&file.path) || is_weights(&file.path));
        whole.then(|| parts.collect())
    }

    /// The files that carry the name of a split in their path.
    fn split(&self, split: &str) -> Vec<&Entry> {
        let alike = SYNONYMS.iter().find(|words| words.contains(&split));
        let own = [split];
        let words: &[&str] = alike.map_or(&own, |words| words);
        let carries = |file: &&Entry| {
            let parts = file.path.to_ascii_lowercase();
            parts.split(|c: char| "-._/ ".contains(c) || c.is_ascii_digit()).any(|part| words.contains(&part))
        };
        // A description, such as test/README.md, is no data.
        let described = |file: &&Entry| !file.path.to_ascii_lowercase().ends_with(".md");
        self.files.iter().filter(carries).filter(described).collect()
    }

    fn data(&self) -> Vec<&Entry> {
        self.files.iter().filter(|file| is_data(Path::new(&file.path))).collect()
    }

    /// The one file of data.
    fn only(&self, repo: &Repo, flag: &str) -> Result<Vec<&Entry>> {
        let files = self.data();
        match files.as_slice() {
            [] | [_] => Ok(files),
            [first, ..] => Err(Failure::usage(format!("{flag}: {} has {} files of data", shown(repo), files.len()))
                .hint(format!("name one, such as {flag} {}/{}; it has: {}", repo.id, first.path, self.some_names()))),
        }
    }

    fn some_names(&self) -> String {
        const SHOWN: usize = 12;
        let names = known(self.files.iter().take(SHOWN).map(|file| &file.path));
        match self.files.len() {
            0 => "nothing".to_owned(),
            all if all > SHOWN => format!("{names} and {} more", all - SHOWN),
            _ => names,
        }
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How messages call a repository.
pub(super) fn shown(repo: &Repo) -> String {
    format!("{} {} {}", repo.hub.name(), repo.kind.name(), repo.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Hub, Kind};

    fn listing(paths: &[&str]) -> Listing {
        let entry = |path: &&str| Entry { path: (*path).to_owned(), size: 1, digest: None };
        Listing::new(None, paths.iter().map(entry).collect())
    }

    fn picked(paths: &[&str], pick: Pick) -> String {
        let repo = Repo { hub: Hub::HuggingFace, kind: Kind::Dataset, id: "o/n".into(), revision: "main".into() };
        let wanted = Wanted { repo, pick, flag: "--dataset-path" };
        match listing(paths).pick(&wanted) {
            Ok(files) => known(files.iter().map(|file| &file.path)),
            Err(failure) => format!("{failure} ({})", failure.hint.as_deref().unwrap_or_default()),
        }
    }

    #[test]
    fn files_are_picked_by_name_split_and_kind() {
        let split = |name: &str| Pick::Split(name.to_owned());
        let shards = ["README.md", "data/test-00000-of-00001.parquet", "data/train-00000-of-00002.parquet"];
        assert_eq!(picked(&shards, split("train")), "data/train-00000-of-00002.parquet");
        assert_eq!(
            picked(&shards, split("validation")),
            "data/test-00000-of-00001.parquet, data/train-00000-of-00002.parquet"
        );
        assert_eq!(picked(&["a/dev-0.parquet", "latest.txt"], split("validation")), "a/dev-0.parquet");
        assert_eq!(picked(&["test/0.tar", "test/README.md", "train/0.tar"], split("test")), "test/0.tar");
        assert_eq!(picked(&["a.json", "README.md"], split("train")), "a.json");
        assert_eq!(picked(&["x/a.json", "b.json"], Pick::Data(Some("a.json".into()))), "x/a.json");
        assert_eq!(picked(&["1.jsonl", "README.md"], Pick::Data(None)), "1.jsonl");
        assert_eq!(
            picked(&["model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.json"], Pick::Tokenizer),
            "tokenizer.json, tokenizer_config.json"
        );
        let files = ["config.json", "model.safetensors", "consolidated.safetensors", "onnx/model.onnx", "README.md"];
        assert_eq!(picked(&files, Pick::Model), "config.json, model.safetensors");
    }

    #[test]
    fn what_is_not_there_or_not_clear_is_said_with_what_is() {
        assert_eq!(
            picked(&["a.json"], Pick::File("b.json".into())),
            "--dataset-path: huggingface dataset o/n has no file b.json at main (it has: a.json)"
        );
        assert_eq!(
            picked(&["train.json", "test.json"], Pick::Data(None)),
            "--dataset-path: huggingface dataset o/n has 2 files of data (name one, such as --dataset-path o/n/test.json; \
             it has: test.json, train.json)"
        );
        assert!(picked(&["config.json", "a.bin"], Pick::Model).contains("no config.json with weights in safetensors"));
        assert!(picked(&["a.bin"], Pick::Tokenizer).contains("no tokenizer.json at main (it has: a.bin)"));
        assert!(picked(&["../a.json"], Pick::Data(None)).contains("1 of its names cannot be paths"));
    }

    #[test]
    fn a_listing_that_changes_is_another_snapshot() {
        let (one, two) = (listing(&["a", "b"]), listing(&["b", "a"]));
        assert_eq!(one, two);
        assert_ne!(one.snapshot, listing(&["a"]).snapshot);
        assert_eq!(Listing::parse(&serde_json::to_vec(&one).unwrap_or_default()), Some(one.clone()));
        let mut bent = one;
        bent.files[0].path = "../a".to_owned();
        assert_eq!(Listing::parse(&serde_json::to_vec(&bent).unwrap_or_default()), None);
    }
}

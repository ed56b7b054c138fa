//! Which files of a folder or a repository hold the rows of a configuration and a split, told by their paths.

use std::path::Path;

use super::format::Format;
use super::rows::is_data;

/// Words that stand for the same split, as the hubs' own libraries take them.
pub const SYNONYMS: [&[&str]; 3] =
    [&["train", "training"], &["validation", "valid", "dev", "val"], &["test", "testing", "eval", "evaluation"]];

/// The rows that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows<'a> {
    /// The configuration, or the file, that they belong to.
    pub config: &'a str,
    /// The split.
    pub split: &'a str,
    /// The other splits that the questions are in, where there are several: what names one of them, or none at all, is never
    /// read in place of this one.
    pub others: &'a [String],
    /// A path with `{subset}` and `{split}` in it, and `*` for anything, where the layout is none that is known.
    pub pattern: Option<&'a str>,
}

impl Rows<'_> {
    /// The paths that hold them, in order; none where no rule finds any. Rules, the first that finds something counts:
    ///
    /// 1. the pattern;
    /// 2. `{config}_{split}.*`, else `{config}.*`, as EvalScope has its own files;
    /// 3. files below a folder named after the configuration, or named after it, that carry the name of the split;
    /// 4. files that carry the name of the split and belong to no configuration;
    /// 5. the same with a word that stands for the same split.
    ///
    /// Of those found, files that are called after the split alone win over `test_other.jsonl`, and of a table in several
    /// formats one is enough: the first by name. [`Rows::passed_over`] tells the rest.
    pub fn pick<'p>(&self, paths: &[&'p str]) -> Vec<&'p str> {
        self.settled(&self.found(paths))
    }

    /// What holds the rows too, and is not read because other files hold them.
    pub fn passed_over<'p>(&self, paths: &[&'p str]) -> Vec<&'p str> {
        let found = self.found(paths);
        let picked = self.settled(&found);
        found.into_iter().filter(|path| !picked.contains(path)).collect()
    }

    /// Of files that hold the rows those that are read.
    fn settled<'p>(&self, found: &[&'p str]) -> Vec<&'p str> {
        let own = [self.split];
        let alike = SYNONYMS.iter().find(|words| words.contains(&self.split)).map_or(&own[..], |words| words);
        let plain = |path: &&&str| alike.iter().any(|word| is_called(path, word));
        let called: Vec<&str> = found.iter().filter(plain).copied().collect();
        let chosen = if self.pattern.is_some() || called.is_empty() { found.to_vec() } else { called };
        let first = chosen.first().and_then(|path| Format::of_name(Path::new(path)));
        chosen.into_iter().filter(|path| Format::of_name(Path::new(path)) == first).collect()
    }

    fn found<'p>(&self, paths: &[&'p str]) -> Vec<&'p str> {
        let mut paths: Vec<&str> = paths.iter().copied().filter(|path| is_data(Path::new(path))).collect();
        paths.sort_unstable();
        let found =
            |rule: &dyn Fn(&str) -> bool| -> Vec<&'p str> { paths.iter().copied().filter(|path| rule(path)).collect() };
        if let Some(pattern) = self.pattern {
            let pattern = pattern.replace("{subset}", self.config).replace("{split}", self.split);
            return found(&|path| fits(path, &pattern));
        }
        let flat = self.config.replace('/', "_");
        let own = [format!("{flat}_{}", self.split), flat.clone()];
        let is_one_of_several = !self.others.is_empty();
        for name in own.iter().take(if is_one_of_several { 1 } else { 2 }) {
            let exact = found(&|path| stem(path) == name);
            let of_split = exact.iter().copied().find(|path| carries(path, self.split));
            // Of a file in several formats one is enough.
            if let Some(one) = of_split.or(exact.first().copied()) {
                return vec![one];
            }
        }
        let alike = SYNONYMS.iter().find(|words| words.contains(&self.split));
        let others = alike.into_iter().flat_map(|words| words.iter().copied()).filter(|word| *word != self.split);
        let plain = ["default", "main", "all"].contains(&self.config);
        for split in std::iter::once(self.split).chain(others) {
            let of_config = found(&|path| self.is_in(path) && carries(path, split));
            if !of_config.is_empty() {
                return of_config;
            }
            let whole = found(&|path| carries(path, split) && (plain || is_flat(path)));
            if plain && !whole.is_empty() {
                return whole;
            }
        }
        if is_one_of_several {
            return Vec::new();
        }
        // What is named after another split is never read in place of this one.
        let free = |path: &str| !SYNONYMS.iter().flat_map(|words| words.iter()).any(|word| carries(path, word));
        let of_config = found(&|path| self.is_in(path) && free(path));
        if !of_config.is_empty() {
            return of_config;
        }
        let alone = found(&|_| true);
        if alone.len() == 1 && plain && alone.iter().all(|path| free(path)) { alone } else { Vec::new() }
    }

    /// Whether a path belongs to the configuration: a folder, or the name of the file without its split, is named so.
    fn is_in(&self, path: &str) -> bool {
        let name = stem(path);
        let inside = path.split('/').rev().skip(1).any(|part| part == self.config);
        let prefix = format!("{}/", self.config);
        let nested = path.starts_with(&prefix) || path.contains(&format!("/{prefix}"));
        let named =
            name == self.config || name.strip_prefix(self.config).is_some_and(|rest| rest.starts_with(['-', '_', '.']));
        inside || nested || named
    }
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a file lies at the top or in `data`, so that it belongs to no configuration of its own.
fn is_flat(path: &str) -> bool {
    match path.rsplit_once('/') {
        None => true,
        Some((folder, _)) => folder == "data",
    }
}

/// Whether a file is called after the split alone, or after it and the number of a shard.
fn is_called(path: &str, split: &str) -> bool {
    let name = stem(path).to_ascii_lowercase();
    let Some(rest) = name.strip_prefix(&split.to_ascii_lowercase()) else { return false };
    let mut rest = rest.chars();
    match rest.next() {
        None => true,
        Some(mark) => "-_.".contains(mark) && rest.next().is_some_and(|digit| digit.is_ascii_digit()),
    }
}

/// Whether a part of the path, or the beginning or the end of its name, is the name of the split, in any case.
fn carries(path: &str, split: &str) -> bool {
    let (path, split) = (path.to_ascii_lowercase(), split.to_ascii_lowercase());
    let name = stem(&path);
    let split = split.as_str();
    let bounded = |rest: &str| rest.is_empty() || rest.starts_with(['-', '_', '.']);
    let ends = |rest: &str| rest.is_empty() || rest.ends_with(['-', '_', '.']);
    let starts = name.strip_prefix(split).is_some_and(bounded);
    let closes = name.strip_suffix(split).is_some_and(ends);
    let within = name.split(['-', '.', '_']).any(|part| part == split);
    starts || closes || within || path.split('/').rev().skip(1).any(|part| part == split)
}

/// Whether a path is what a pattern says, with `*` for anything.
fn fits(path: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(paths: &[&str], config: &str, split: &str) -> String {
        Rows { config, split, others: &[], pattern: None }.pick(paths).join(" ")
    }

    #[test]
    fn tables_of_hubs_are_found() {
        let arc = [
            "ARC-Easy/test-00000-of-00001.parquet",
            "ARC-Challenge/test-00000-of-00001.parquet",
            "ARC-Easy/train-00000-of-00001.parquet",
        ];
        assert_eq!(picked(&arc, "ARC-Easy", "test"), arc[0]);
        let shards = [
            "data/train-00000-of-00002.parquet",
            "data/train-00001-of-00002.parquet",
            "data/test-00000-of-00001.parquet",
            "README.md",
        ];
        assert_eq!(picked(&shards, "default", "train"), shards[..2].join(" "));
        assert_eq!(picked(&["data/validation-0.parquet"], "default", "val"), "data/validation-0.parquet");
        assert_eq!(picked(&["main/test-0.parquet", "socratic/test-0.parquet"], "main", "test"), "main/test-0.parquet");
        assert_eq!(picked(&["a/dev.jsonl", "a/test.jsonl"], "default", "test"), "a/test.jsonl");
        assert_eq!(picked(&["mgsm_en.tsv", "mgsm_de.tsv"], "mgsm_en", "test"), "mgsm_en.tsv");
    }

    #[test]
    fn files_named_after_subsets_are_found() {
        let cmmlu = ["data/test/agronomy.csv", "data/dev/agronomy.csv", "data/test/anatomy.csv"];
        assert_eq!(picked(&cmmlu, "agronomy", "test"), cmmlu[0]);
        let mmlu = ["dev/anatomy_dev.csv", "test/anatomy_test.csv"];
        assert_eq!(picked(&mmlu, "anatomy", "test"), mmlu[1]);
        assert_eq!(picked(&["example_val.jsonl", "example_dev.jsonl"], "example", "val"), "example_val.jsonl");
        assert_eq!(picked(&["example.jsonl"], "example", "val"), "example.jsonl");
        assert_eq!(picked(&["arxiv_january_train.jsonl"], "arxiv/january", "train"), "arxiv_january_train.jsonl");
        assert_eq!(picked(&["x.jsonl", "y.jsonl"], "z", "test"), "");
        assert_eq!(picked(&["a/train-0.parquet"], "a", "test"), "");
        assert_eq!(picked(&["train.jsonl"], "default", "test"), "");
        let pattern = Rows { config: "a", split: "test", others: &[], pattern: Some("d/*/{subset}-{split}.json") };
        assert_eq!(pattern.pick(&["d/1/a-test.json", "d/1/b-test.json"]), ["d/1/a-test.json"]);
    }

    #[test]
    fn splits_of_any_names_do_not_stand_for_each_other() {
        let levels = ["low", "medium", "high", "top"].map(str::to_owned);
        let of = |paths: &[&str], split: &str| {
            let others: Vec<String> = levels.iter().filter(|level| *level != split).cloned().collect();
            Rows { config: "en", split, others: &others, pattern: None }.pick(paths).join(" ")
        };
        assert_eq!(of(&["en/low.jsonl", "en/top.jsonl"], "top"), "en/top.jsonl");
        assert_eq!(of(&["en_low.jsonl", "en_top.jsonl"], "top"), "en_top.jsonl");
        // One is not there, and what is there is not said to be it.
        for paths in [&["en/low.jsonl"][..], &["en_low.jsonl"], &["en-low.jsonl"], &["en.jsonl"], &["en/all.jsonl"]] {
            assert_eq!(of(paths, "top"), "", "{paths:?}");
        }
    }

    #[test]
    fn one_table_is_read_once() {
        assert_eq!(picked(&["test.jsonl", "test_socratic.jsonl", "train.jsonl"], "main", "test"), "test.jsonl");
        assert_eq!(picked(&["Easy-Dev.jsonl", "Hard-Dev.jsonl"], "Easy", "validation"), "Easy-Dev.jsonl");
        let twice = ["arrow/Easy/validation/data-00000.arrow", "parquet/Easy/validation-00000.parquet"];
        assert_eq!(picked(&twice, "Easy", "validation"), twice[1]);
        let same = ["data/test.csv", "data/test.jsonl"];
        let rows = Rows { config: "default", split: "test", others: &[], pattern: None };
        assert_eq!((rows.pick(&same), rows.passed_over(&same)), (vec![same[0]], vec![same[1]]));
        // Names that say more than the split are parts of it where none says the split alone.
        let parts = ["test/agronomy.csv", "test/anatomy.csv"];
        assert_eq!(picked(&parts, "default", "test"), parts.join(" "));
    }
}

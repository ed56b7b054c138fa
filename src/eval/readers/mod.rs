//! Readers of files that are no tables: what makes records of them.
//!
//! | file | noun |
//! |---|---|
//! | `functions` | requests with functions, joined with the calls that are accepted |
//! | `needles` | a long text made into texts with needles |
//! | `streets` | what is known of pictures of streets, made into questions |
//! | here | lists inside a document, and data that is built in |

mod functions;
mod needles;
mod streets;

use std::path::Path;

use serde_json::{Map, Value};

use super::collection;
use crate::error::{Failure, Result, known};
use crate::table::{Row, Rows};

/// The reader of data that the program makes: the sample of the card is the whole of it.
pub const BUILT_IN: &str = "built-in";

/// All readers by name.
pub const NAMES: [&str; 6] = [BUILT_IN, "bfcl-v4", "collection", "examples", "haystack", "surds"];

/// Records, and what a reader of the results should know of how they were made.
#[derive(Debug, Default)]
pub struct Read {
    /// The records.
    pub rows: Vec<Row>,
    /// What should be known.
    pub notice: Option<String>,
}

/// The records of a file. `params` are the settings of the benchmark.
///
/// # Errors
/// When the file cannot be read, or is not what the reader takes.
pub fn read(reader: &str, path: &Path, config: &str, params: &Map<String, Value>) -> Result<Read> {
    let plain = |rows| Read { rows, notice: None };
    match reader {
        BUILT_IN => Rows::open(path)?.collect::<Result<_>>().map(plain),
        "collection" => collection::opened(path).map(plain),
        "bfcl-v4" => functions::read(path).map(plain),
        "examples" => list_under(path, "examples").map(plain),
        "haystack" => needles::read(path, config, params),
        "surds" => streets::read(path).map(plain),
        _ => Err(Failure::bug(format!("source.reader {reader:?}: known are {}", known(NAMES)))),
    }
}

/// The name that the file of a configuration has in a repository, where no pattern tells it.
pub fn file(reader: &str, config: &str) -> Option<&'static str> {
    match (reader, config) {
        ("haystack", "english") => Some("PaulGraham_Essays.txt"),
        ("haystack", "chinese") => Some("Journey_to_the_West.txt"),
        _ => None,
    }
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::files(format!("{}: cannot be read", path.display())).because(error))
}

fn wrong(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {why}", path.display()))
}

/// The objects of a file: one after another, a line each or not.
fn objects(path: &Path) -> Result<Vec<Row>> {
    let text = text(path)?;
    let read = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter::<Row>();
    let row = |(place, row): (usize, serde_json::Result<Row>)| {
        row.map_err(|error| wrong(path, format!("record {}: {error}", place + 1)))
    };
    read.enumerate().map(row).collect()
}

/// Records that stand in a list below a key of one JSON document; those of any other file as they are.
fn list_under(path: &Path, key: &str) -> Result<Vec<Row>> {
    let is_json = path.extension().is_some_and(|ending| ending == "json" || ending == "jsonl");
    if !is_json {
        return Rows::open(path)?.collect();
    }
    let rows = objects(path)?;
    match rows.as_slice() {
        [document] if document.get(key).is_some_and(Value::is_array) => {
            let list = document.get(key).and_then(Value::as_array).into_iter().flatten();
            Ok(list.filter_map(|item| item.as_object().cloned()).collect())
        }
        _ => Ok(rows),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use serde_json::json;

    use super::*;

    fn file_of(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_list_in_a_document_and_lines_are_both_read() {
        for text in ["{\"canary\": \"x\", \"examples\": [{\"a\": 1}, {\"a\": 2}]}", "{\"a\": 1}\n{\"a\": 2}"] {
            let (_folder, path) = file_of("t.json", text);
            let read = read("examples", &path, "t", &Map::new()).unwrap();
            assert_eq!(json!(read.rows), json!([{"a": 1}, {"a": 2}]));
        }
        let (_folder, path) = file_of("t.json", "{\"a\": 1}\n{");
        assert!(read("examples", &path, "t", &Map::new()).unwrap_err().message.contains("record 2"));
    }

    #[test]
    fn accepted_calls_are_joined_by_their_id() {
        let (folder, path) =
            file_of("BFCL_v4_simple.json", "{\"id\": \"a\"}\n{\"id\": \"b\"}\n{\"id\": \"c\", \"ground_truth\": [1]}");
        std::fs::create_dir(folder.path().join("possible_answer")).unwrap();
        let truth = "{\"id\": \"b\", \"ground_truth\": [2]}\n{\"id\": \"a\", \"ground_truth\": [3]}";
        std::fs::write(folder.path().join("possible_answer/BFCL_v4_simple.json"), truth).unwrap();
        let rows = read("bfcl-v4", &path, "simple", &Map::new()).unwrap().rows;
        let truths: Vec<&Value> = rows.iter().map(|row| &row["ground_truth"]).collect();
        assert_eq!(json!(truths), json!([[3], [2], [1]]));
    }

    #[test]
    fn a_text_gives_a_grid_of_texts_with_needles() {
        let (_folder, path) = file_of("english.txt", &"The sea was calm. Boats lay in the harbour.\n".repeat(50));
        let params = json!({
            "needles": ["The key is red."], "retrieval_question": "Which key?", "context_lengths_min": 400, "context_lengths_max": 800,
            "context_lengths_num_intervals": 2, "document_depth_percent_intervals": 3, "tokenizer_path": "no/such", "show_score": false,
        });
        let read = read("haystack", &path, "english", params.as_object().unwrap()).unwrap();
        assert_eq!(read.rows.len(), 6);
        assert!(read.rows.iter().all(|row| row["context"].as_str().unwrap().contains("The key is red.")));
        assert_eq!((&read.rows[5]["context_length"], &read.rows[5]["depth_percent"]), (&json!(800), &json!(100)));
        assert_eq!(read.rows[0]["answer"], "The key is red.");
        assert!(read.notice.unwrap().contains("no/such"));
    }
}

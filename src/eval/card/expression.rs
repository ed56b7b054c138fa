//! What a card says of a record: expressions and templates in Jinja's language.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use regex::Regex;
use serde_json::Value as Json;

use super::super::boxed::boxed;
use super::super::data_folder::DataFolder;
use super::super::{literal, orders};
use super::{pictures, records};
use crate::template::python_json;

/// The name under which an expression's value is looked up.
const RESULT: &str = "__result";

/// The name under which the folder of the data is known.
const FOLDER: &str = "__folder";

/// The expressions and templates of a card, compiled once, and what they know beyond Jinja: see the page on cards.
#[derive(Clone)]
pub struct Language(Arc<Environment<'static>>);

/// What draws with the seed of the run.
#[derive(Debug, Clone, Copy)]
pub struct Seeded(pub u64);

/// Names and values that an expression may use.
pub type Names = BTreeMap<String, Value>;

/// A value of a record as an expression sees it.
pub fn seen(value: &Json) -> Value {
    Value::from(Serde(value))
}

/// A value of an expression as a record holds it; nothing where it is not defined.
pub fn told(value: &Value) -> Option<Json> {
    if value.is_undefined() { None } else { serde_json::to_value(value).ok() }
}

/// The folder of the data among the names of an expression.
#[derive(Debug)]
struct Held(DataFolder);

impl Object for Held {}

/// Lets expressions read files of the folder of the data, which are those beside the records.
pub fn in_folder(names: &mut Names, folder: &DataFolder) {
    names.insert(FOLDER.to_owned(), Value::from_object(Held(folder.clone())));
}

/// The folder of the data; the working directory is none.
fn folder_of(state: &State<'_, '_>) -> Result<DataFolder, Error> {
    let held = state.lookup(FOLDER).and_then(|folder| folder.downcast_object::<Held>());
    held.map(|held| held.0.clone()).ok_or_else(|| wrong("there is no folder of data here"))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The label of an option by its place: A to Z, then 1, 2 and so on, as EvalScope labels them.
pub fn label(place: usize) -> String {
    match u8::try_from(place) {
        Ok(place @ 0..26) => char::from(b'A' + place).to_string(),
        _ => (place - 25).to_string(),
    }
}

/// The place that a number, or a number as text, stands for.
fn place(value: &Value, from: i64) -> Option<usize> {
    let number = match value.as_str() {
        Some(text) => text.trim().parse::<i64>().ok()?,
        None => i64::try_from(value.clone()).ok().or_else(|| f64::try_from(value.clone()).ok().map(|n| n as i64))?,
    };
    usize::try_from(number.checked_sub(from)?).ok()
}

/// The text behind the last of a mark; all of it where there is none.
fn after(text: String, mark: String) -> String {
    text.rfind(&mark).and_then(|at| text.get(at + mark.len()..)).map_or(text.clone(), str::to_owned)
}

/// The text before the first of a mark; all of it where there is none.
fn before(text: String, mark: String) -> String {
    text.find(&mark).and_then(|at| text.get(..at)).map_or(text.clone(), str::to_owned)
}

fn in_order(list: &[Value], order: &[usize]) -> Vec<Value> {
    order.iter().filter_map(|place| list.get(*place).cloned()).collect()
}

impl Language {
    /// An empty one.
    pub fn new(seed: Seeded) -> Self {
        let mut environment = Environment::new();
        // As in the other templates of the program, so that they may be written over several lines.
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("letter", |value: Value, from: Option<i64>| match place(&value, from.unwrap_or(0)) {
            Some(place) => Value::from(label(place)),
            // What is a letter already stays one: some tables mix them.
            None => value,
        });
        environment.add_filter("find", |list: Vec<Value>, wanted: Value| {
            match list.iter().position(|item| *item == wanted) {
                Some(place) => Value::from(place),
                None => Value::from(()),
            }
        });
        environment.add_filter("present", |list: Vec<Value>| -> Vec<Value> {
            let empty = |item: &Value| {
                item.is_undefined() || item.is_none() || item.as_str().is_some_and(|text| text.trim().is_empty())
            };
            list.into_iter().take_while(|item| !empty(item)).collect()
        });
        environment.add_filter("python", |value: Value| -> Result<Value, Error> {
            match value.as_str() {
                Some(text) => literal::parse(text).map(|read| seen(&read)).map_err(wrong),
                None => Ok(value),
            }
        });
        environment.add_filter("json", |value: Value| -> Result<Value, Error> {
            let Some(text) = value.as_str() else { return Ok(value) };
            serde_json::from_str::<Json>(text)
                .map(|read| seen(&read))
                .map_err(|error| wrong(format!("not JSON: {error}")))
        });
        environment.add_filter(
            "match",
            |text: String, pattern: String, group: Option<usize>| -> Result<Value, Error> {
                let regex = Regex::new(&pattern).map_err(|error| wrong(error.to_string()))?;
                let found = regex
                    .captures(&text)
                    .and_then(|found| found.get(group.unwrap_or(0)).map(|part| part.as_str().to_owned()));
                Ok(found.map_or(Value::from(()), Value::from))
            },
        );
        environment.add_filter("sub", |text: String, pattern: String, to: String| -> Result<String, Error> {
            let regex = Regex::new(&pattern).map_err(|error| wrong(error.to_string()))?;
            Ok(regex.replace_all(&text, to.as_str()).into_owned())
        });
        environment.add_filter("drop", |text: String, count: usize| text.chars().skip(count).collect::<String>());
        environment.add_filter("boxed", |text: String| Value::from(boxed(&text)));
        environment.add_filter("after", after);
        environment.add_filter("before", before);
        environment.add_function("boxed", |text: String| Value::from(boxed(&text)));
        environment.add_function("after", after);
        environment.add_function("before", before);
        environment.add_function("shuffle_by_hash", |list: Vec<Value>, text: String| {
            in_order(&list, &orders::by_texts(&[text.trim()], list.len()))
        });
        environment.add_function("shuffle_by_texts", |list: Vec<Value>, parts: Vec<String>| {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            in_order(&list, &orders::by_texts(&parts, list.len()))
        });
        environment.add_function("shuffle_by_seed", move |list: Vec<Value>| {
            in_order(&list, &orders::by_seed(seed.0, list.len()))
        });
        of_records(&mut environment);
        environment.add_function("raise", |message: String| -> Result<Value, Error> { Err(wrong(message)) });
        environment.add_filter("tojson", python_json);
        super::functions::add(&mut environment);
        Language(Arc::new(environment))
    }

    /// Adds an expression under a name.
    ///
    /// # Errors
    /// In words, when it is none.
    pub fn add(&mut self, name: &str, expression: &str) -> Result<(), String> {
        self.add_template(name, &format!("{{% set {RESULT} = ({expression}) %}}"))
    }

    /// Adds a template under a name.
    ///
    /// # Errors
    /// In words and with the line, when it is none.
    pub fn add_template(&mut self, name: &str, source: &str) -> Result<(), String> {
        let environment = Arc::make_mut(&mut self.0);
        environment.add_template_owned(name.to_owned(), source.to_owned()).map_err(|error| in_words(&error))
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.get_template(name).is_ok()
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// In words, when it cannot be worked out.
    pub fn value(&self, name: &str, names: &Names) -> Result<Value, String> {
        let template = self.0.get_template(name).map_err(|error| in_words(&error))?;
        let captured = template.render_captured(Value::from(names.clone())).map_err(|error| in_words(&error))?;
        Ok(captured.state().lookup(RESULT).unwrap_or_default())
    }

    /// A template, filled in.
    ///
    /// # Errors
    /// In words and with the line, when it cannot be.
    pub fn fill(&self, name: &str, names: &Names) -> Result<String, String> {
        let template = self.0.get_template(name).map_err(|error| in_words(&error))?;
        template.render(Value::from(names.clone())).map_err(|error| in_words(&error))
    }
}

/// What reads fields, files and pictures.
fn of_records(environment: &mut Environment<'static>) {
    environment.add_function("numbered", |record: Value, name: String| records::numbered(&record, &name));
    environment.add_function("drop_golds", |answer: Value, validated: Value| records::drop_golds(&answer, &validated));
    environment.add_filter("spoken_html", |text: String| records::spoken_html(&text));
    environment.add_filter("file", |state: &State<'_, '_>, path: String, archive: Option<String>| {
        folder_of(state).map(|folder| folder.place(&path, archive.as_deref()))
    });
    environment.add_filter(
        "read",
        |state: &State<'_, '_>, path: String, archive: Option<String>| -> Result<String, Error> {
            let folder = folder_of(state)?;
            let bytes = folder.file(&folder.place(&path, archive.as_deref())).map_err(wrong)?;
            String::from_utf8(bytes).map_err(|_| wrong(format!("{path}: is not UTF-8")))
        },
    );
    environment.add_function("image_size", |state: &State<'_, '_>, image: Value| -> Result<Vec<u32>, Error> {
        let image = told(&image).unwrap_or_default();
        pictures::size(&image, &folder_of(state)?).map(|size| size.to_vec()).map_err(wrong)
    });
    environment.add_function("outlined", |state: &State<'_, '_>, image: Value, shape: Value| -> Result<Value, Error> {
        let (image, shape) = (told(&image).unwrap_or_default(), told(&shape).unwrap_or_default());
        pictures::outlined(&image, &shape, &folder_of(state)?).map(|image| seen(&image)).map_err(wrong)
    });
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Language")
    }
}

/// An error in one line: what and where.
fn in_words(error: &Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) if line > 1 => format!("line {line}: {what}"),
        _ => what,
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(expression: &str, record: Json) -> Result<Option<Json>, String> {
        let mut language = Language::new(Seeded(42));
        language.add("e", expression)?;
        let names = record.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), seen(value))).collect();
        language.value("e", &names).map(|value| told(&value))
    }

    #[test]
    fn letters_come_from_places_and_stay_letters() {
        assert_eq!(value("a | letter", json!({"a": 2})), Ok(Some(json!("C"))));
        assert_eq!(value("a | letter(1)", json!({"a": "1"})), Ok(Some(json!("A"))));
        assert_eq!(value("a | letter(1)", json!({"a": "D"})), Ok(Some(json!("D"))));
        assert_eq!(value("26 | letter", json!({})), Ok(Some(json!("1"))));
        assert_eq!(value("c | find(x) | letter", json!({"c": ["u", "v"], "x": "v"})), Ok(Some(json!("B"))));
    }

    #[test]
    fn lists_end_where_nothing_is_there() {
        let record = json!({"A": "a", "B": "b", "C": null, "D": "d"});
        assert_eq!(value("[A, B, C, D, E] | present", record), Ok(Some(json!(["a", "b"]))));
    }

    #[test]
    fn literals_and_json_are_read() {
        assert_eq!(value("a | python", json!({"a": "['x', \"y's\"]"})), Ok(Some(json!(["x", "y's"]))));
        assert_eq!(value("(a | json).b", json!({"a": "{\"b\": 1}"})), Ok(Some(json!(1))));
        assert!(value("a | python", json!({"a": "f("})).is_err());
    }

    #[test]
    fn what_is_missing_is_nothing_and_not_an_error() {
        assert_eq!(value("a.b.c", json!({})), Ok(None));
        assert_eq!(value("a == 'x' and not b", json!({"a": "x"})), Ok(Some(json!(true))));
    }

    #[test]
    fn files_are_those_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("imgs")).expect("a folder in it");
        std::fs::write(folder.path().join("imgs/a.txt"), "one").expect("a file");
        std::fs::write(folder.path().join("b.txt"), "two").expect("a file");
        let value = |expression: &str| {
            let mut language = Language::new(Seeded(42));
            language.add("e", expression)?;
            let mut names = Names::new();
            in_folder(&mut names, &DataFolder::new(folder.path()));
            language.value("e", &names).map(|value| told(&value))
        };
        assert_eq!(value("'a.txt' | file('imgs.zip')"), Ok(Some(json!("imgs/a.txt"))));
        assert_eq!(value("'deep/b.txt' | file"), Ok(Some(json!("b.txt"))));
        assert_eq!(value("'deep/c.txt' | file"), Ok(Some(json!("deep/c.txt"))));
        assert_eq!(value("'imgs/a.txt' | read"), Ok(Some(json!("one"))));
        assert!(value("'../c.txt' | read").is_err() && value("'c.txt' | read").is_err());
    }

    #[test]
    fn text_is_taken_apart() {
        let record = json!({"t": "x #### 3 #### 4", "s": "a [title] b [c]  d"});
        assert_eq!(value("(t | after('####')).strip()", record.clone()), Ok(Some(json!("4"))));
        assert_eq!(value("t | match('#### (\\\\d)', 1)", record.clone()), Ok(Some(json!("3"))));
        assert_eq!(value("s | sub('\\\\[.*?\\\\]', '')", record), Ok(Some(json!("a  b   d"))));
        assert_eq!(
            value("boxed(t)", json!({"t": "\\boxed{1} so \\boxed{\\frac{1}{2}}"})),
            Ok(Some(json!("\\frac{1}{2}")))
        );
    }
}

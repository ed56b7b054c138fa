//! A template in Jinja's language, compiled once.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// The name that a template goes by inside its own environment; nobody sees it.
const NAME: &str = "template";

/// A compiled template. Clones share it.
///
/// Beyond Jinja it knows what Hugging Face gives chat templates: the methods of Python's strings, lists and dicts,
/// `break` and `continue`, `raise_exception` and `strftime_now`. `tojson` writes JSON as Python does, blanks and
/// characters beyond ASCII included. What is not defined can be asked for and is an error where it would be printed.
#[derive(Clone)]
pub struct Jinja(Arc<Environment<'static>>);

impl Jinja {
    /// Compiles a template.
    ///
    /// # Errors
    /// In words and with the line, when it is not one.
    pub fn new(source: impl Into<String>) -> Result<Self, String> {
        let mut environment = Environment::new();
        // As Hugging Face sets it, so that templates may be written over several lines.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| told(&error))?);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", python_json);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", |format: String| -> Result<String, Error> {
            jiff::fmt::strtime::format(&format, &jiff::Zoned::now())
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        environment.add_template_owned(NAME, source.into()).map_err(|error| told(&error))?;
        Ok(Jinja(Arc::new(environment)))
    }

    /// Fills it in.
    ///
    /// # Errors
    /// In words and with the line, when something that is not defined is printed or the template itself objects.
    pub fn render(&self, values: impl Serialize) -> Result<String, String> {
        let template = self.0.get_template(NAME).map_err(|error| told(&error))?;
        template.render(Value::from(Serde(values))).map_err(|error| told(&error))
    }

    /// The names it asks for from outside.
    pub fn variables(&self) -> BTreeSet<String> {
        let known: BTreeSet<&str> = self.0.globals().map(|(name, _)| name).collect();
        let Ok(template) = self.0.get_template(NAME) else { return BTreeSet::new() };
        template.undeclared_variables(false).into_iter().filter(|name| !known.contains(name.as_str())).collect()
    }
}

impl fmt::Debug for Jinja {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jinja")
    }
}

/// An error in one line: what and where.
fn told(error: &Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

/// JSON with the blanks of Python's `json.dumps`.
struct Spaced(CompactFormatter);

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_object_value(writer)?;
        writer.write_all(b" ")
    }
}

/// `tojson(indent=4)`, with the blanks of Python; its other options are accepted and have no meaning here.
///
/// # Errors
/// When the value cannot be spelled as JSON.
pub fn python_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let wrong = |error: serde_json::Error| Error::new(ErrorKind::InvalidOperation, error.to_string());
    let mut out = Vec::new();
    match options.get::<Option<usize>>("indent")? {
        Some(indent) => {
            let blanks = " ".repeat(indent);
            let formatter = PrettyFormatter::with_indent(blanks.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(wrong)?;
        }
        None => {
            let formatter = Spaced(CompactFormatter);
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(wrong)?;
        }
    }
    String::from_utf8(out).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(source: &str, values: serde_json::Value) -> Result<String, String> {
        Jinja::new(source)?.render(values)
    }

    #[test]
    fn json_is_written_as_python_writes_it() {
        let values = json!({"v": {"b": [1, "é<&'"], "a": null}});
        assert_eq!(filled("{{ v | tojson }}", values.clone()).as_deref(), Ok(r#"{"b": [1, "é<&'"], "a": null}"#));
        assert_eq!(
            filled("{{ v.b | tojson(indent=2, ensure_ascii=False) }}", values).as_deref(),
            Ok("[\n  1,\n  \"é<&'\"\n]")
        );
    }

    #[test]
    fn what_chat_templates_use_is_there() {
        let source = "{% for m in ms %}\n  {% if loop.index0 == 2 %}{% break %}{% endif %}\n{{ m.strip().upper() }}{{ m.split('-')[-1] }}|{% endfor %}";
        assert_eq!(filled(source, json!({"ms": [" a-b ", "c", "d"]})).as_deref(), Ok("A-Bb |Cc|"));
        assert_eq!(filled("{{ raise_exception('no system role') }}", json!({})), Err("line 1: no system role".into()));
        assert_eq!(filled("{{ strftime_now('%Y') | length }}", json!({})).as_deref(), Ok("4"));
        assert!(filled("{{ strftime_now('%!') }}", json!({})).is_err());
    }

    #[test]
    fn what_is_not_defined_may_be_asked_for_and_not_printed() {
        assert_eq!(filled("{% if x %}y{% endif %}{% if x is defined %}z{% endif %}", json!({})).as_deref(), Ok(""));
        assert!(filled("a\n{{ x }}", json!({})).is_err_and(|error| error.starts_with("line 2: ")));
        assert!(Jinja::new("a\n\n{% if %}").is_err_and(|error| error.starts_with("line 3: ")));
    }

    #[test]
    fn names_from_outside_are_known() {
        let names = Jinja::new("{% set a = b %}{{ a }}{{ c.d }}{{ namespace(x=range(3)) }}").map(|j| j.variables());
        assert_eq!(names.map(|names| names.into_iter().collect::<Vec<_>>()), Ok(vec!["b".to_owned(), "c".to_owned()]));
    }
}

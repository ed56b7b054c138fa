//! Where something stands in a JSON document: `choices[0].delta.content`, `results[*].text`.

use serde_json::Value;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    Every,
}

/// A path into a JSON document: names joined by dots, `[n]` for one item of a list and `[*]` for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<Step>);

impl Place {
    /// Reads a path.
    ///
    /// # Errors
    /// In words, when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            if name.is_empty() && (rest.is_empty() || !steps.is_empty()) {
                return Err("a name is missing between two dots or at an end".to_owned());
            }
            if name.contains(']') {
                return Err(format!("{name:?} has a ']' without its '['"));
            }
            if !name.is_empty() {
                steps.push(Step::Name(name.to_owned()));
            }
            while !rest.is_empty() {
                let inside = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                let Some((index, after)) = inside else { return Err(format!("{rest:?} is not [n] or [*]")) };
                steps.push(match index {
                    "*" => Step::Every,
                    index => Step::Index(index.parse().map_err(|_| format!("[{index}] is not [n] or [*]"))?),
                });
                rest = after;
            }
        }
        Ok(Place(steps))
    }

    /// Everything that stands there.
    pub fn find<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![document], |found, step| {
            found
                .into_iter()
                .flat_map(|value| match step {
                    Step::Name(name) => value.get(name).into_iter().collect::<Vec<_>>(),
                    Step::Index(index) => value.get(*index).into_iter().collect(),
                    Step::Every => value.as_array().into_iter().flatten().collect(),
                })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_are_found_where_they_are() {
        let document = json!({"a": {"b": [{"c": "x"}, {"c": "y"}, {}]}, "d": "z"});
        for (path, expected) in [
            ("d", json!(["z"])),
            ("a.b[0].c", json!(["x"])),
            ("a.b[*].c", json!(["x", "y"])),
            ("a.b[7].c", json!([])),
            ("a.nothing.c", json!([])),
            ("d[0]", json!([])),
        ] {
            let found = Place::parse(path).map(|place| json!(place.find(&document)));
            assert_eq!(found, Ok(expected), "{path}");
        }
        assert_eq!(Place::parse("[*].s").map(|place| json!(place.find(&json!([{"s": 1}])))), Ok(json!([1])));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "a..b", ".a", "a.", "a[", "a[x]", "a[0", "a]b", "a[0]b", "a.[0]"] {
            assert!(Place::parse(path).is_err(), "{path}");
        }
    }
}

//! A literal: a value as Python has it, where whole and real numbers, lists and tuples are different things.

use std::collections::HashMap;

use serde_json::Value;

/// A value of Python.
///
/// Equality is that of Python: `1`, `1.0` and `True` are equal, a list never equals a tuple, and the order of the entries
/// of a dictionary does not count.
#[derive(Debug, Clone)]
pub enum Literal {
    /// `None`.
    Nothing,
    /// `True` or `False`.
    Truth(bool),
    /// A whole number. One that needs more than 128 bits is kept as the nearest that does not.
    Whole(i128),
    /// A real number.
    Real(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Literal>),
    /// A tuple.
    Tuple(Vec<Literal>),
    /// A dictionary in the order of its first insertions.
    Dictionary(Dictionary),
    /// A value of a type that no parameter can have, such as bytes or a complex number. It equals nothing.
    Other(String),
}

/// The types that a checker tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The type of `None`.
    Nothing,
    /// Truth values.
    Truth,
    /// Whole numbers.
    Whole,
    /// Real numbers.
    Real,
    /// Texts.
    Text,
    /// Lists.
    List,
    /// Tuples.
    Tuple,
    /// Dictionaries.
    Dictionary,
    /// Sets, which no literal of a reply has.
    Set,
    /// Anything else.
    Other,
}

/// A dictionary: entries in order, found by their key in constant time.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    entries: Vec<(Literal, Literal)>,
    places: HashMap<String, usize>,
}

impl Literal {
    /// The type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nothing => Kind::Nothing,
            Self::Truth(_) => Kind::Truth,
            Self::Whole(_) => Kind::Whole,
            Self::Real(_) => Kind::Real,
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Tuple(_) => Kind::Tuple,
            Self::Dictionary(_) => Kind::Dictionary,
            Self::Other(_) => Kind::Other,
        }
    }

    /// The text, where the value is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is the empty text, which marks a parameter that may be left out.
    pub fn is_blank(&self) -> bool {
        self.text() == Some("")
    }

    /// A spelling that two keys share exactly if they are the same key; none for values that cannot be keys.
    fn key(&self) -> Option<String> {
        match self {
            Self::Nothing => Some("none".to_owned()),
            Self::Text(text) => Some(format!("text {text}")),
            Self::Truth(truth) => Some(format!("number {}", i128::from(*truth))),
            Self::Whole(whole) => Some(format!("number {whole}")),
            Self::Real(real) if real.fract() == 0.0 && real.abs() < 1e38 => Some(format!("number {}", *real as i128)),
            Self::Real(real) => Some(format!("real {:x}", real.to_bits())),
            Self::Other(text) => Some(format!("other {text}")),
            Self::Tuple(items) => {
                let mut key = "tuple".to_owned();
                for item in items {
                    let inner = item.key()?;
                    key.push_str(&format!(" {}:{inner}", inner.len()));
                }
                Some(key)
            }
            Self::List(_) | Self::Dictionary(_) => None,
        }
    }

    /// The value as JSON: tuples as lists, keys as texts as Python's `json` writes them, no number for infinities.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Truth(truth) => Value::Bool(*truth),
            Self::Whole(whole) => i64::try_from(*whole)
                .map(Value::from)
                .or_else(|_| u64::try_from(*whole).map(Value::from))
                .unwrap_or_else(|_| Value::from(*whole as f64)),
            Self::Real(real) => Value::from(*real),
            Self::Text(text) | Self::Other(text) => Value::String(text.clone()),
            Self::List(items) | Self::Tuple(items) => items.iter().map(Self::to_json).collect(),
            Self::Dictionary(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.spelled(), value.to_json())).collect())
            }
        }
    }

    /// The value as Python's `repr` writes it.
    pub fn repr(&self) -> String {
        let joined = |items: &[Self]| items.iter().map(Self::repr).collect::<Vec<_>>().join(", ");
        match self {
            Self::Nothing => "None".to_owned(),
            Self::Truth(true) => "True".to_owned(),
            Self::Truth(false) => "False".to_owned(),
            Self::Whole(whole) => whole.to_string(),
            Self::Real(real) => super::python::real(*real),
            Self::Text(text) => super::python::quoted(text),
            Self::List(items) => format!("[{}]", joined(items)),
            Self::Tuple(items) if items.len() == 1 => format!("({},)", joined(items)),
            Self::Tuple(items) => format!("({})", joined(items)),
            Self::Dictionary(entries) => {
                let entry = |(key, value): (&Self, &Self)| format!("{}: {}", key.repr(), value.repr());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            Self::Other(text) => text.clone(),
        }
    }

    /// The value as Python's `str` writes it: a text as it is.
    pub fn shown(&self) -> String {
        self.text().map_or_else(|| self.repr(), str::to_owned)
    }

    /// The value as the key of a JSON object.
    fn spelled(&self) -> String {
        match self {
            Self::Nothing => "null".to_owned(),
            Self::Truth(truth) => truth.to_string(),
            Self::Whole(whole) => whole.to_string(),
            Self::Real(real) => super::python::real(*real),
            Self::Text(text) | Self::Other(text) => text.clone(),
            Self::List(_) | Self::Tuple(_) | Self::Dictionary(_) => self.to_json().to_string(),
        }
    }
}

impl From<&Value> for Literal {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(truth) => Self::Truth(*truth),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Self::Whole(i128::from(whole)),
                (None, Some(whole)) => Self::Whole(i128::from(whole)),
                (None, None) => Self::Real(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(entries) => {
                let mut dictionary = Dictionary::default();
                for (key, value) in entries {
                    dictionary.insert_text(key, Self::from(value));
                }
                Self::Dictionary(dictionary)
            }
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::List(one), Self::List(two)) | (Self::Tuple(one), Self::Tuple(two)) => one == two,
            (Self::Dictionary(one), Self::Dictionary(two)) => one == two,
            _ => match (number(self), number(other)) {
                (Some(one), Some(two)) => one.equals(two),
                _ => false,
            },
        }
    }
}

/// A number of either sort.
#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Real(f64),
}

fn number(literal: &Literal) -> Option<Number> {
    match literal {
        Literal::Truth(truth) => Some(Number::Whole(i128::from(*truth))),
        Literal::Whole(whole) => Some(Number::Whole(*whole)),
        Literal::Real(real) => Some(Number::Real(*real)),
        _ => None,
    }
}

impl Number {
    /// Whether the two are the same number; a whole number is never rounded for it.
    fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(one), Self::Whole(two)) => one == two,
            (Self::Real(one), Self::Real(two)) => one == two,
            (Self::Whole(whole), Self::Real(real)) | (Self::Real(real), Self::Whole(whole)) => {
                real.fract() == 0.0 && real.abs() < 1e38 && real as i128 == whole
            }
        }
    }
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Dictionary {
    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Literal, &Literal)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &Literal) -> Option<&Literal> {
        let place = self.places.get(&key.key()?)?;
        self.entries.get(*place).map(|(_, value)| value)
    }

    /// The value of a key that is a text.
    pub fn get_text(&self, key: &str) -> Option<&Literal> {
        let place = self.places.get(&format!("text {key}"))?;
        self.entries.get(*place).map(|(_, value)| value)
    }

    /// Sets the value of a key. A key that is there keeps its place. Returns false where the value cannot be a key.
    pub fn insert(&mut self, key: Literal, value: Literal) -> bool {
        let Some(spelling) = key.key() else { return false };
        let place = *self.places.entry(spelling).or_insert(self.entries.len());
        match self.entries.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
        true
    }

    /// Sets the value of a key that is a text.
    pub fn insert_text(&mut self, key: &str, value: Literal) {
        self.insert(Literal::Text(key.to_owned()), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_across_their_types() {
        assert_eq!(Literal::Whole(1), Literal::Real(1.0));
        assert_eq!(Literal::Truth(true), Literal::Whole(1));
        assert_ne!(Literal::Whole((1 << 53) + 1), Literal::Real((1_i64 << 53) as f64));
        assert_ne!(Literal::Text("1".to_owned()), Literal::Whole(1));
        assert_ne!(Literal::Real(f64::INFINITY), Literal::Whole(i128::MAX));
    }

    #[test]
    fn a_list_is_no_tuple() {
        assert_ne!(Literal::List(vec![Literal::Whole(1)]), Literal::Tuple(vec![Literal::Whole(1)]));
    }

    #[test]
    fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
        let mut dictionary = Dictionary::default();
        dictionary.insert_text("a", Literal::Whole(1));
        dictionary.insert_text("b", Literal::Whole(2));
        dictionary.insert_text("a", Literal::Whole(3));
        assert_eq!(Literal::Dictionary(dictionary).to_json().to_string(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn keys_are_the_same_where_numbers_are_equal() {
        let mut dictionary = Dictionary::default();
        assert!(dictionary.insert(Literal::Whole(1), Literal::Nothing));
        assert!(dictionary.insert(Literal::Real(1.0), Literal::Whole(2)));
        assert!(!dictionary.insert(Literal::List(Vec::new()), Literal::Nothing));
        assert_eq!(dictionary.len(), 1);
        assert_eq!(dictionary.get(&Literal::Truth(true)), Some(&Literal::Whole(2)));
    }
}

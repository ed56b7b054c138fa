//! Types and comparisons of ACEBench, which forgives more than the leaderboard does.

use super::super::check::Fault;
use super::super::literal::{Dictionary, Kind, Literal};
use super::super::values::{Checked, standard, standard_value};

/// The type of a name of a type; none for a name that nobody knows.
pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "string" | "any" => Kind::Text,
        "integer" | "int" | "number" => Kind::Whole,
        "float" => Kind::Real,
        "boolean" => Kind::Truth,
        "array" | "tuple" | "list" | "objectArray" | "list(string)" | "list(enum)" => Kind::List,
        "dict" | "object" => Kind::Dictionary,
        // The reference has a type here that no value has, so that such a parameter is compared by its answer's type.
        "enum" => Kind::Set,
        _ => return None,
    })
}

/// Whether the items of a type are looked into.
pub fn has_items(name: &str) -> bool {
    matches!(name, "array" | "tuple" | "list(string)" | "list(enum)" | "object" | "objectArray")
}

/// A truth value that is written as a text.
fn truth(value: &Literal) -> Literal {
    match value.text() {
        Some("true") => Literal::Truth(true),
        Some("false") => Literal::Truth(false),
        _ => value.clone(),
    }
}

/// Checks the type of a value, and says whether it stands for a variable, whose value is not compared.
pub fn typed(
    name: &str,
    value: &Literal,
    answer: &Literal,
    expected: Kind,
    inner: Option<Kind>,
) -> Result<bool, Fault> {
    let value = truth(value);
    let accepted = (!answer.is_blank()).then(|| answer.kind());
    let is_variable = accepted.is_some_and(|accepted| accepted != expected);
    let like_answer = accepted == Some(value.kind()) || (accepted.is_some() && *answer == value);
    let wrong = || Fault::new("type_error", format!("{name}: {} is of the wrong type", value.repr()));
    if value.kind() != expected {
        return if like_answer { Ok(true) } else { Err(wrong()) };
    }
    let Some(inner) = inner else { return Ok(is_variable) };
    let fits = |item: &Literal| match (item, &value) {
        (Literal::List(answers), Literal::List(items)) => items
            .iter()
            .map(truth)
            .all(|one| one.kind() == inner || one.kind() == Kind::List || Literal::List(answers.clone()) == one),
        _ => true,
    };
    let fitting = match answer {
        Literal::List(items) | Literal::Tuple(items) => items.iter().any(fits),
        Literal::Dictionary(entries) => !entries.is_empty(),
        Literal::Text(text) => !text.is_empty(),
        _ => return Err(Fault::broken(format!("{name}: the answer has no items"))),
    };
    if fitting { Ok(is_variable) } else { Err(wrong()) }
}

/// Compares texts: equal in the family `agent`, else the answer must stand in the value.
pub fn text(name: &str, value: &Literal, answer: &Literal, category: &str) -> Checked {
    let (Some(ours), Some(theirs)) = (value.text(), answer.text()) else {
        return Err(Fault::broken(format!("{name}: the answer is no text")));
    };
    let (ours, theirs) = (standard(ours), standard(theirs));
    let fits = if category.contains("agent") { ours == theirs } else { ours.contains(&theirs) };
    if fits { Ok(()) } else { Err(Fault::new("value_error:string", format!("{name}: {ours} is not {theirs}"))) }
}

/// Compares lists, which must be equal.
pub fn list(name: &str, value: &Literal, answer: &Literal) -> Checked {
    let standard = |items: &[Literal]| items.iter().map(standard_value).collect::<Vec<_>>();
    match (value, answer) {
        (Literal::List(ours), Literal::List(theirs)) if standard(ours) == standard(theirs) => Ok(()),
        _ => Err(Fault::new("value_error:list/tuple", format!("{name}: {} is another list", value.repr()))),
    }
}

/// Compares dictionaries: the same keys, and each answer must stand in the text of the value.
pub fn dictionary(name: &str, value: &Literal, answer: &Literal) -> Checked {
    let wrong = || Fault::new("value_error", format!("{name}: {} is another dictionary", value.repr()));
    let Literal::Dictionary(ours) = value else { return Err(wrong()) };
    let Literal::Dictionary(theirs) = answer else {
        return Err(Fault::broken(format!("{name}: the answer is no dictionary")));
    };
    if ours.len() != theirs.len() {
        return Err(wrong());
    }
    ours.iter().try_for_each(|(key, item)| entry(name, key, item, theirs))
}

fn entry(name: &str, key: &Literal, item: &Literal, theirs: &Dictionary) -> Checked {
    let wrong = || Fault::new("value_error", format!("{name}: the value of {} is wrong", key.repr()));
    let item = truth(item);
    let answer = theirs.get(key).ok_or_else(wrong)?;
    if answer.kind() == Kind::Dictionary {
        return dictionary(name, &item, answer);
    }
    let fits = standard_value(&item).shown().contains(&standard_value(answer).shown());
    if fits { Ok(()) } else { Err(wrong()) }
}

/// Compares lists of dictionaries, item by item.
pub fn dictionaries(name: &str, value: &Literal, answer: &Literal) -> Checked {
    let (Literal::List(ours), Literal::List(theirs)) = (value, answer) else {
        return Err(Fault::broken(format!("{name}: the answer is no list")));
    };
    if ours.len() != theirs.len() {
        return Err(Fault::new("value_error:list_dict_count", format!("{name}: the number of dictionaries is wrong")));
    }
    ours.iter().zip(theirs).try_for_each(|(our, their)| dictionary(name, our, their))
}

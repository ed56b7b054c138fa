//! The comparison of values with those that are accepted: texts, lists, dictionaries and lists of dictionaries.

use super::check::Fault;
use super::literal::{Dictionary, Literal};

/// Nothing, or what is wrong.
pub type Checked = Result<(), Fault>;

/// A text without case, blanks and the characters `, . / - _ * ^`, its single quotes made double.
pub fn standard(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !" ,./-_*^".contains(*c)).collect();
    kept.to_lowercase().replace('\'', "\"")
}

/// A value, a text in its standard form.
pub(super) fn standard_value(value: &Literal) -> Literal {
    match value {
        Literal::Text(text) => Literal::Text(standard(text)),
        other => other.clone(),
    }
}

/// Whether the text is one of the accepted ones.
pub fn text(name: &str, value: &Literal, answers: &[Literal]) -> Checked {
    let text = standard(value.text().unwrap_or_default());
    if answers.iter().filter_map(Literal::text).any(|answer| standard(answer) == text) {
        return Ok(());
    }
    Err(Fault::new("value_error:string", format!("{name}: {} is none of the accepted texts", value.to_json())))
}

/// The items of a value as Python would walk through it; none where it cannot.
fn items(value: &Literal) -> Option<Vec<Literal>> {
    match value {
        Literal::List(items) | Literal::Tuple(items) => Some(items.clone()),
        Literal::Text(text) => Some(text.chars().map(|c| Literal::Text(c.to_string())).collect()),
        Literal::Dictionary(entries) if entries.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

/// Whether the list is one of the accepted ones.
pub fn list(name: &str, value: &Literal, answers: &[Literal]) -> Checked {
    let ours: Vec<Literal> = items(value).unwrap_or_default().iter().map(standard_value).collect();
    let mut found = false;
    for answer in answers {
        let theirs = items(answer).ok_or_else(|| Fault::broken("an accepted list is none"))?;
        found |= theirs.iter().map(standard_value).collect::<Vec<_>>() == ours;
    }
    if found {
        return Ok(());
    }
    Err(Fault::new("value_error:list/tuple", format!("{name}: {} is none of the accepted lists", value.to_json())))
}

/// Whether the dictionary fits one of the accepted ones, whose values are lists of accepted values.
pub fn dictionary(name: &str, value: &Literal, answers: &[Literal]) -> Checked {
    let Literal::Dictionary(entries) = value else {
        return Err(Fault::broken(format!("{name}: an item is no dictionary")));
    };
    let mut last = Fault::new("dict_checker:unclear", format!("{name}: no dictionary is accepted"));
    for answer in answers.iter().filter(|answer| !answer.is_blank()) {
        let Literal::Dictionary(accepted) = answer else {
            return Err(Fault::broken(format!("{name}: an accepted dictionary is none")));
        };
        match fits(entries, accepted)? {
            None => return Ok(()),
            Some(fault) => last = fault,
        }
    }
    Err(last)
}

/// What a dictionary differs in, if anything: what it lacks before what it has wrong.
fn fits(entries: &Dictionary, accepted: &Dictionary) -> Result<Option<Fault>, Fault> {
    let wrong = first_wrong(entries, accepted)?;
    Ok(first_missing(entries, accepted)?.or(wrong))
}

fn first_wrong(entries: &Dictionary, accepted: &Dictionary) -> Result<Option<Fault>, Fault> {
    for (key, value) in entries.iter() {
        let Some(answers) = accepted.get(key) else {
            return Ok(Some(Fault::new("value_error:dict_key", format!("{} is unexpected", key.to_json()))));
        };
        let value = standard_value(value);
        let answers = items(answers).ok_or_else(|| Fault::broken("the accepted values of an entry are no list"))?;
        if !answers.iter().any(|answer| standard_value(answer) == value) {
            return Ok(Some(Fault::new("value_error:dict_value", format!("{} has a wrong value", key.to_json()))));
        }
    }
    Ok(None)
}

/// The first entry that is missing. One may be where `""` is among its accepted values.
fn first_missing(entries: &Dictionary, accepted: &Dictionary) -> Result<Option<Fault>, Fault> {
    for (key, answers) in accepted.iter() {
        if entries.get(key).is_some() {
            continue;
        }
        let optional = match answers {
            Literal::List(answers) => answers.iter().any(Literal::is_blank),
            Literal::Text(_) => true,
            Literal::Dictionary(answers) => answers.get_text("").is_some(),
            _ => return Err(Fault::broken("the accepted values of an entry are no list")),
        };
        if !optional {
            return Ok(Some(Fault::new("value_error:dict_key", format!("{} is missing", key.to_json()))));
        }
    }
    Ok(None)
}

/// Whether the list of dictionaries fits one of the accepted lists, item by item.
pub fn dictionaries(name: &str, value: &Literal, answers: &[Literal]) -> Checked {
    let ours = items(value).unwrap_or_default();
    let mut last = Fault::new("list_dict_checker:unclear", format!("{name}: no list is accepted"));
    for answer in answers {
        let theirs = items(answer).ok_or_else(|| Fault::broken("an accepted list is none"))?;
        if ours.len() != theirs.len() {
            last = Fault::new("value_error:list_dict_count", format!("{name}: the number of dictionaries is wrong"));
            continue;
        }
        match ours.iter().zip(&theirs).try_for_each(|(our, their)| dictionary(name, our, std::slice::from_ref(their))) {
            Ok(()) => return Ok(()),
            Err(fault) if fault.is_broken() => return Err(fault),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

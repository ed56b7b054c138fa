//! The questions that follow from the records of all pictures, drawn as the benchmark draws them, with Python's
//! `random.Random(42)`.

use serde::Deserialize;
use serde_json::Number;

use crate::random::Python;

const SEED: u64 = 42;

/// A line of `metadata.jsonl`: a picture and the things in it, one a place of each list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Record {
    /// The picture.
    pub file_name: String,
    /// What each thing is called.
    pub descs: Vec<String>,
    /// How far each is, in metres.
    #[serde(default)]
    pub distances: Vec<f64>,
    /// How far ahead each is, in metres.
    #[serde(default)]
    pub depths: Vec<f64>,
    /// Where each is, in pixels.
    #[serde(default, rename = "xy2Ds")]
    pub places: Vec<Vec<Number>>,
    /// Where each faces: `North`, `Southeast` and so on.
    #[serde(default, rename = "yaw_descs")]
    pub headings: Vec<String>,
    /// Around each, left, upper, right and lower side in pixels.
    #[serde(default, rename = "bboxes2D")]
    pub boxes: Vec<Vec<f64>>,
}

/// A subset of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Where a thing faces.
    Yaw,
    /// Where a thing is in the picture.
    Xy2d,
    /// How far ahead a thing is.
    Depth,
    /// Which of two things is closer.
    Distance,
    /// Which of two things is further left.
    LeftRight,
    /// Whether one thing is in front of another.
    FrontBehind,
}

impl Subject {
    /// Its name as a subset.
    pub fn name(self) -> &'static str {
        match self {
            Subject::Yaw => "yaw",
            Subject::Xy2d => "xy2d",
            Subject::Depth => "depth",
            Subject::Distance => "distance",
            Subject::LeftRight => "left_right",
            Subject::FrontBehind => "front_behind",
        }
    }

    /// Whether its questions come in pairs that count together.
    pub fn is_paired(self) -> bool {
        !matches!(self, Subject::Xy2d | Subject::Depth)
    }
}

/// One way to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What differs between the two of a pair: `closer` and `farther`, `left` and `right`, `in front of` and `behind`,
    /// or where the camera faces; empty where there is one only.
    pub relation: &'static str,
    /// The true answer.
    pub answer: String,
}

/// A question with its variants.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// What it is about.
    pub subject: Subject,
    /// Its name.
    pub pair_id: String,
    /// The picture.
    pub file_name: String,
    /// What the things are called, each with `the`.
    pub things: Vec<String>,
    /// What may be answered, in the order to be shown; empty for `xy2d`.
    pub options: Vec<String>,
    /// How it is asked.
    pub variants: Vec<Variant>,
    /// Around the thing, where there is one; `None` for two.
    pub bbox: Option<[f64; 4]>,
}

const ALIKE: &str = "Almost the same";
const ABREAST: &str = "Almost the same in terms of front-back position";

/// All questions: those about pairs of things in the order of the records, and as many of each kind about one thing.
/// `None` where a record lacks what is asked of it, or too few show one thing only.
pub fn questions(records: &[Record]) -> Option<Vec<Unit>> {
    let mut found: Vec<Unit> = Vec::new();
    for (number, record) in records.iter().enumerate() {
        for first in 0..record.descs.len() {
            for second in first + 1..record.descs.len() {
                found.extend(of_two(record, number, first, second)?);
            }
        }
    }
    let pairs = found.len() / 3;
    let singles: Vec<usize> =
        records.iter().enumerate().filter(|(_, record)| record.descs.len() == 1).map(|(number, _)| number).collect();
    let mut random = Python::new(SEED);
    let mut chosen: Vec<usize> =
        random.sample(singles.len(), pairs)?.into_iter().filter_map(|place| singles.get(place).copied()).collect();
    chosen.sort_unstable();
    for number in chosen {
        found.extend(of_one(records.get(number)?, number, &mut random)?);
    }
    Some(found)
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + &characters.as_str().to_lowercase()
}

fn of_two(record: &Record, number: usize, first: usize, second: usize) -> Option<[Unit; 3]> {
    let both = |list: &[f64]| Some((*list.get(first)?, *list.get(second)?));
    let things = vec![format!("the {}", record.descs.get(first)?), format!("the {}", record.descs.get(second)?)];
    let (one, other) = (capital(&things[0]), capital(&things[1]));
    let unit =
        |subject: Subject, prefix: &str, options: [&str; 3], relations: [&'static str; 2], answers: [&str; 2]| Unit {
            subject,
            pair_id: format!("{prefix}-{number}-{first}-{second}"),
            file_name: record.file_name.clone(),
            things: things.clone(),
            options: options.map(str::to_owned).to_vec(),
            variants: relations
                .into_iter()
                .zip(answers)
                .map(|(relation, answer)| Variant { relation, answer: answer.to_owned() })
                .collect(),
            bbox: None,
        };
    // Which of two answers is first, or the third for both.
    let ordered = |difference: f64, near: bool, answers: [&'static str; 2], alike: &'static str| {
        if near {
            [alike; 2]
        } else if difference < 0.0 {
            answers
        } else {
            [answers[1], answers[0]]
        }
    };
    let named = |picked: [&'static str; 2]| {
        picked.map(|pick| match pick {
            "one" => one.as_str(),
            "other" => other.as_str(),
            alike => alike,
        })
    };
    let (near, far) = both(&record.distances)?;
    let distance = ordered(near - far, (near - far).abs() <= 1.0, ["one", "other"], ALIKE);
    let across = |place: usize| record.places.get(place).and_then(|place| place.first()).and_then(Number::as_f64);
    let (left, right) = (across(first)?, across(second)?);
    let side = ordered(left - right, (left - right).abs() < 100.0, ["one", "other"], ALIKE);
    let (ahead, behind) = both(&record.depths)?;
    let front = ordered(behind - ahead, (ahead - behind).abs() < 0.5, ["Yes", "No"], ABREAST);
    let listed = [one.as_str(), other.as_str(), ALIKE];
    Some([
        unit(Subject::Distance, "distance", listed, ["closer", "farther"], named(distance)),
        unit(Subject::LeftRight, "left-right", listed, ["left", "right"], named(side)),
        unit(Subject::FrontBehind, "front-behind", ["Yes", "No", ABREAST], ["in front of", "behind"], front),
    ])
}

fn of_one(record: &Record, number: usize, random: &mut Python) -> Option<[Unit; 3]> {
    let heading = record.headings.first()?;
    let drawn = |random: &mut Python, list: [&str; 4]| {
        let order = random.sample(4, 4)?;
        order.into_iter().map(|place| list.get(place).map(|name| (*name).to_owned())).collect::<Option<Vec<_>>>()
    };
    // Both are drawn whichever is needed.
    let diagonal = drawn(random, ["Northeast", "Southeast", "Northwest", "Southwest"])?;
    let cardinal = drawn(random, ["East", "South", "West", "North"])?;
    let headings = [diagonal, cardinal].into_iter().find(|list| list.contains(heading))?;
    let opposite = match heading.as_str() {
        "North" => "South",
        "South" => "North",
        "East" => "West",
        "West" => "East",
        "Northeast" => "Southwest",
        "Southeast" => "Northwest",
        "Southwest" => "Northeast",
        _ => "Southeast",
    };
    let [left, upper, right, lower] = record.boxes.first()?.as_slice() else { return None };
    let unit = |subject: Subject, options: Vec<String>, variants: Vec<Variant>| Unit {
        subject,
        pair_id: format!("{}-{number}", subject.name()),
        file_name: record.file_name.clone(),
        things: record.descs.first().map(|name| format!("the {name}")).into_iter().collect(),
        options,
        variants,
        bbox: Some([*left, *upper, *right, *lower]),
    };
    let place: Vec<String> = record.places.first()?.iter().map(Number::to_string).collect();
    let ranges = depths(*record.depths.first()?, random).map(range);
    let order = random.sample(3, 3)?;
    let options: Vec<String> = order.into_iter().filter_map(|place| ranges.get(place).cloned()).collect();
    let alone = |answer: String| vec![Variant { relation: "", answer }];
    let headed = vec![
        Variant { relation: "North", answer: heading.clone() },
        Variant { relation: "South", answer: opposite.to_owned() },
    ];
    Some([
        unit(Subject::Yaw, headings, headed),
        unit(Subject::Xy2d, Vec::new(), alone(format!("[{}]", place.join(", ")))),
        unit(Subject::Depth, options, alone(ranges[0].clone())),
    ])
}

/// The true range of a depth in metres and two that lie apart from it.
fn depths(depth: f64, random: &mut Python) -> [(i64, i64); 3] {
    let length = random.uniform(6.0, 7.0);
    let rounded = |number: f64| number.round_ties_even() as i64;
    let truth = (rounded(depth - length / 2.0).max(1), rounded(depth + length / 2.0));
    let mut within = |min: u32, max: u32| i64::from(random.within(min, max));
    if depth < 7.0 {
        let second = truth.1 + within(1, 2);
        let second = (second, second + within(3, 4));
        let third = second.1 + within(1, 2);
        [truth, second, (third, third + within(3, 4))]
    } else if depth > 15.0 {
        let second = truth.0 - within(1, 2);
        let second = (second - within(3, 4), second);
        let third = second.0 - within(1, 2);
        [truth, second, ((third - within(3, 4)).max(1), third)]
    } else {
        let second = truth.0 - within(1, 2);
        let second = ((second - within(3, 4)).max(1), second);
        let third = truth.1 + within(1, 2);
        [truth, second, (third, third + within(3, 4))]
    }
}

fn range((from, to): (i64, i64)) -> String {
    let unit = |metres: i64| if metres <= 1 { "meter" } else { "meters" };
    format!("Between {from} {} and {to} {}", unit(from), unit(to))
}

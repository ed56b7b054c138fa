//! A question in words.

use super::questions::{Subject, Unit, Variant};

/// How the answer is to be given.
const FORM: &str =
    "Think it through between <think> and </think>. Then give the answer alone between <answer> and </answer>.";

/// The prompt of a variant, which goes with the picture.
pub fn prompt(unit: &Unit, variant: &Variant) -> String {
    let thing = |place: usize| unit.things.get(place).map(String::as_str).unwrap_or_default();
    let relation = variant.relation;
    let question = match unit.subject {
        Subject::Yaw => format!("The camera faces {relation}. In which direction does {} face?", thing(0)),
        Subject::Xy2d => format!("Where in the picture is {}? Answer with its pixel coordinates as [x, y].", thing(0)),
        Subject::Depth => format!("How far ahead of the camera is {}?", thing(0)),
        Subject::Distance => format!("Which is {relation} to the camera, {} or {}?", thing(0), thing(1)),
        Subject::LeftRight => {
            format!("Seen from the camera, which is further to the {relation}, {} or {}?", thing(0), thing(1))
        }
        Subject::FrontBehind => {
            format!("What is farther from the camera counts as in front. Is {} {relation} {}?", thing(0), thing(1))
        }
    };
    let options: Vec<String> = unit.options.iter().map(|option| format!("- {option}")).collect();
    let listed = if options.is_empty() { String::new() } else { format!("\n\nOptions:\n{}", options.join("\n")) };
    format!("{question}{listed}\n\n{FORM}")
}

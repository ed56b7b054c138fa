//! Whether two answers are the same.

use num_rational::BigRational;

use super::answer::{self, Answer};
use super::parser;
use super::region::Region;
use super::scalar;
use super::shape::Shape;
use super::tidy;
use super::tree::{Fence, Node};

/// Pairs of members that are compared at most.
const MOST_PAIRS: usize = 40_000;

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The two are the same answer.
    Equal,
    /// They are not.
    Different,
    /// There was nothing to read in the prediction.
    NoPrediction,
    /// There was nothing to read in the reference; such a sample has no score.
    NoReference,
}

impl Verdict {
    /// Whether the prediction is right.
    pub fn is_equal(self) -> bool {
        self == Self::Equal
    }

    fn of(equal: bool) -> Self {
        if equal { Self::Equal } else { Self::Different }
    }
}

/// Compares a reference answer with a predicted one, both as text: LaTeX, plain mathematics or words.
///
/// Formulas are equal where exact arithmetic says so; where roots or functions leave that open, where their values agree
/// in double precision at fixed points. A decimal number agrees with an exact one at six places behind the point, but
/// never with a whole number. The order of a set or list does not matter, that in brackets does. 10 % equals 10 and 0.1.
/// Units and words behind a number are dropped. Work is bounded for any two texts.
pub fn equal(gold: &str, prediction: &str) -> Verdict {
    let gold = tidy::bare(gold);
    let prediction = tidy::bare(prediction);
    if gold.is_empty() {
        return Verdict::NoReference;
    }
    if prediction.is_empty() {
        return Verdict::NoPrediction;
    }
    if tidy::same_words(&gold, &prediction) {
        return Verdict::Equal;
    }
    match (parser::parse(&gold), parser::parse(&prediction)) {
        (Some(gold), Some(prediction)) => Verdict::of(same(&Shape::of(&gold), &Shape::of(&prediction))),
        _ => Verdict::Different,
    }
}

/// Extracts the answer of a reply and compares it with the reference. A reply that is the reference word by word is
/// right, whatever is extracted from it.
pub fn judge(gold: &str, reply: &str) -> (Option<Answer>, Verdict) {
    let answer = answer::answer(reply);
    let text = answer.as_ref().map_or("", |answer| &answer.text);
    let verdict = equal(gold, text);
    if verdict != Verdict::NoReference && tidy::same_words(gold, reply) {
        return (answer, Verdict::Equal);
    }
    (answer, verdict)
}

/// Whether two answers are the same; it does not matter which comes first.
pub fn same(left: &Shape, right: &Shape) -> bool {
    one_way(left, right).or_else(|| one_way(right, left)).unwrap_or(false)
}

fn scalar_of(shape: &Shape) -> Option<&Node> {
    match shape {
        Shape::Scalar(node) => Some(node),
        _ => None,
    }
}

fn hundredth(node: &Node) -> Node {
    Node::Quotient(Box::new(node.clone()), Box::new(Node::integer(100)))
}

/// The verdict for two sorts in this order; `None` where the other order decides.
fn one_way(left: &Shape, right: &Shape) -> Option<bool> {
    match (left, right) {
        (Shape::Scalar(first), Shape::Scalar(second)) => Some(scalar::same(first, second)),
        (Shape::Text(first), Shape::Text(second)) => Some(tidy::same_words(first, second)),
        (Shape::Text(words), Shape::Scalar(node)) => {
            Some(spelled(node).is_some_and(|text| tidy::same_words(words, &text)))
        }
        (Shape::Definition(..), _) => defined(left, right),
        (Shape::Equation(first, second), Shape::Equation(third, fourth)) => {
            Some(scalar::same_equation((first, second), (third, fourth)))
        }
        (Shape::Equation(_, value), Shape::Scalar(_) | Shape::Percent(_) | Shape::Measured(..)) => {
            Some(!value.has_letters() && same(&Shape::of(value), right))
        }
        (Shape::Percent(first), Shape::Percent(second)) => Some(scalar::same(first, second)),
        (Shape::Percent(value), Shape::Scalar(other)) => {
            Some(scalar::same(value, other) || scalar::same(&hundredth(value), other))
        }
        (Shape::Measured(value, read), _) => measured(value, read, right),
        (Shape::Based(digits, base), Shape::Based(others, other)) => {
            let value = super::number::in_base(digits, *base);
            Some(value.is_some() && value == super::number::in_base(others, *other))
        }
        // A number without its base is taken to be written in the same one.
        (Shape::Based(digits, _), Shape::Scalar(node)) => {
            Some(super::number::decimal(digits, "", 0).is_some_and(|value| scalar::same(&Node::rational(value), node)))
        }
        (Shape::Unordered(first), Shape::Unordered(second)) => Some(same_members(first, second)),
        (Shape::Ordered(open, close, first, one), Shape::Ordered(other_open, other_close, second, other)) => {
            let fences = open == other_open && close == other_close;
            let members =
                first.len() == second.len() && first.iter().zip(second).all(|(left, right)| same(left, right));
            Some(members && (fences || first.len() != 2) || fences && first.len() == 2 && same_region(one, other))
        }
        (Shape::Ordered(open, close, first, _), Shape::Unordered(second)) => {
            // Two members in other than round brackets are an interval, not a list.
            let listed = first.len() != 2 || (*open, *close) == (Fence::Round, Fence::Round);
            Some(listed && same_members(first, second))
        }
        (Shape::Ordered(_, _, _, node), Shape::Region(region)) => {
            Some(Region::of(node).is_some_and(|interval| interval.is_same(region)))
        }
        (Shape::Region(first), Shape::Region(second)) => Some(first.is_same(second)),
        (Shape::Unordered(members), Shape::Region(region)) => {
            Some(points(members).is_some_and(|set| set.is_same(region)))
        }
        // Values that are all the same are one value.
        (Shape::Unordered(members), Shape::Scalar(_) | Shape::Percent(_)) if members.len() <= 8 => {
            Some(!members.is_empty() && members.iter().all(|member| same(member, right)))
        }
        (Shape::Matrix(first), Shape::Matrix(second)) => Some(same_matrix(first, second)),
        (Shape::Other(first), Shape::Other(second)) => Some(first == second),
        _ => None,
    }
}

/// The letters that a formula of letters only is written with.
fn spelled(node: &Node) -> Option<String> {
    match node {
        Node::Symbol(name) | Node::Text(name) => Some(name.clone()),
        Node::Euler => Some("e".to_owned()),
        Node::Imaginary => Some("i".to_owned()),
        Node::Product(factors) => factors.iter().map(spelled).collect(),
        _ => None,
    }
}

fn same_region(left: &Node, right: &Node) -> bool {
    match (Region::of(left), Region::of(right)) {
        (Some(first), Some(second)) => first.is_same(&second),
        _ => false,
    }
}

fn points(members: &[Shape]) -> Option<Region> {
    let members: Option<Vec<Node>> = members.iter().map(|member| scalar_of(member).cloned()).collect();
    Region::of(&Node::Set(members?))
}

/// A letter that is said to be something, against anything.
fn defined(left: &Shape, right: &Shape) -> Option<bool> {
    let Shape::Definition(name, value) = left else { return None };
    match right {
        Shape::Definition(other_name, other_value) => {
            let formula = |shape: &Shape| scalar_of(shape).is_some_and(Node::has_letters);
            if name == other_name || !(formula(value) || formula(other_value)) {
                return Some(same(value, other_value));
            }
            let (Some(first), Some(second)) = (scalar_of(value), scalar_of(other_value)) else { return Some(false) };
            Some(scalar::same_equation((name, first), (other_name, second)))
        }
        Shape::Equation(first, second) => {
            Some(scalar_of(value).is_some_and(|value| scalar::same_equation((name, value), (first, second))))
        }
        // x = 5 and y = 6 are the values 5 and 6; a single statement is its value.
        _ => Some(same(value, right)),
    }
}

fn measured(value: &Node, read: &Node, right: &Shape) -> Option<bool> {
    match right {
        Shape::Measured(_, other) => Some(scalar::same(read, other)),
        Shape::Scalar(other) => Some(scalar::same(read, other) || !other.has_letters() && scalar::same(value, other)),
        Shape::Percent(_) => Some(same(&Shape::Scalar(value.clone()), right)),
        _ => None,
    }
}

/// Whether each member of one is in the other, both ways.
fn same_members(left: &[Shape], right: &[Shape]) -> bool {
    if left.len().saturating_mul(right.len()) > MOST_PAIRS {
        return false;
    }
    let mut found = vec![false; right.len()];
    left.iter().all(|member| {
        let mut any = false;
        for (other, mark) in right.iter().zip(&mut found) {
            if differ_plainly(member, other) {
                continue;
            }
            if same(member, other) {
                any = true;
                *mark = true;
            }
        }
        any
    }) && found.iter().all(|mark| *mark)
}

/// A quick test for two exact numbers that are not the same.
fn differ_plainly(left: &Shape, right: &Shape) -> bool {
    let whole = |shape: &Shape| scalar_of(shape).and_then(Node::literal).filter(BigRational::is_integer);
    match (whole(left), whole(right)) {
        (Some(first), Some(second)) => first != second,
        _ => false,
    }
}

fn same_matrix(left: &[Vec<Node>], right: &[Vec<Node>]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(first, second)| {
            first.len() == second.len()
                && first.iter().zip(second).all(|(one, other)| same(&Shape::of(one), &Shape::of(other)))
        })
}

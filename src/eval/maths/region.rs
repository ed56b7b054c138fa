//! Sets of real numbers as intervals: unions, intersections, and what inequalities in one letter say.

use super::estimate;
use super::scalar;
use super::tree::{Fence, Function, Named, Node, Relation};

/// More intervals than an answer has.
const MOST_SPANS: usize = 64;

/// An end of an interval; without a node it is infinite.
#[derive(Clone, Debug)]
struct End {
    node: Option<Node>,
    place: f64,
    closed: bool,
}

#[derive(Clone, Debug)]
struct Span {
    low: End,
    high: End,
}

/// A set of real numbers, as intervals in order that do not touch, and the letter it was said of.
#[derive(Clone, Debug)]
pub struct Region {
    letter: Option<String>,
    spans: Vec<Span>,
}

fn order(left: &End, right: &End) -> std::cmp::Ordering {
    let scale = left.place.abs().max(right.place.abs());
    if left.place == right.place || scale.is_finite() && (left.place - right.place).abs() <= 1e-12 * scale {
        return std::cmp::Ordering::Equal;
    }
    left.place.total_cmp(&right.place)
}

fn infinite(place: f64) -> End {
    End { node: None, place, closed: false }
}

impl Region {
    /// The set a tree stands for, if it is a set of real numbers with known ends.
    pub fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Named(Named::Reals) => Some(Self::whole()),
            Node::Named(Named::Empty) => Some(Self { letter: None, spans: Vec::new() }),
            Node::Bracketed(open, close, members) => match members.as_slice() {
                [low, high] => Self::interval(low, *open == Fence::Square, high, *close == Fence::Square),
                _ => None,
            },
            Node::Set(members) => {
                let points = members.iter().map(|member| Self::interval(member, true, member, true));
                points.collect::<Option<Vec<_>>>().map(|points| Self::union(&points))?
            }
            Node::Union(members) | Node::Either(members) => Self::union(&Self::all(members)?),
            Node::Intersection(members) | Node::Both(members) => {
                let mut members = Self::all(members)?.into_iter();
                let first = members.next()?;
                members.try_fold(first, |left, right| left.intersection(&right))
            }
            Node::Without(left, right) => Self::of(left)?.intersection(&Self::of(right)?.complement()),
            Node::Related(sides, relations) => Self::related(sides, relations),
            _ => None,
        }
    }

    fn all(members: &[Node]) -> Option<Vec<Self>> {
        members.iter().map(Self::of).collect()
    }

    fn whole() -> Self {
        Self { letter: None, spans: vec![Span { low: infinite(f64::NEG_INFINITY), high: infinite(f64::INFINITY) }] }
    }

    fn interval(low: &Node, low_closed: bool, high: &Node, high_closed: bool) -> Option<Self> {
        let low = end(low, low_closed)?;
        let high = end(high, high_closed)?;
        let empty = match order(&low, &high) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => !(low.closed && high.closed),
            std::cmp::Ordering::Greater => return None,
        };
        Some(Self { letter: None, spans: if empty { Vec::new() } else { vec![Span { low, high }] } })
    }

    fn union(members: &[Self]) -> Option<Self> {
        let letter = common(members)?;
        let mut spans: Vec<Span> = members.iter().flat_map(|member| member.spans.iter().cloned()).collect();
        if spans.len() > MOST_SPANS {
            return None;
        }
        spans.sort_by(|left, right| order(&left.low, &right.low).then(right.low.closed.cmp(&left.low.closed)));
        let mut joined: Vec<Span> = Vec::new();
        for span in spans {
            match joined.last_mut() {
                Some(last) if touches(&last.high, &span.low) => {
                    let reach = order(&span.high, &last.high);
                    if reach.is_gt() || reach.is_eq() && span.high.closed {
                        last.high = span.high;
                    }
                }
                _ => joined.push(span),
            }
        }
        Some(Self { letter, spans: joined })
    }

    fn intersection(&self, other: &Self) -> Option<Self> {
        let letter = common(&[self.clone(), other.clone()])?;
        let mut spans = Vec::new();
        for left in &self.spans {
            for right in &other.spans {
                let low = later(&left.low, &right.low);
                let high = earlier(&left.high, &right.high);
                let order = order(low, high);
                if order.is_lt() || order.is_eq() && low.closed && high.closed {
                    spans.push(Span { low: low.clone(), high: high.clone() });
                }
            }
        }
        (spans.len() <= MOST_SPANS).then_some(Self { letter, spans })
    }

    fn complement(&self) -> Self {
        let mut spans = Vec::new();
        let mut low = infinite(f64::NEG_INFINITY);
        for span in &self.spans {
            let high = End { closed: !span.low.closed && span.low.node.is_some(), ..span.low.clone() };
            let order = order(&low, &high);
            if order.is_lt() || order.is_eq() && low.closed && high.closed {
                spans.push(Span { low, high });
            }
            low = End { closed: !span.high.closed && span.high.node.is_some(), ..span.high.clone() };
        }
        if low.place < f64::INFINITY {
            spans.push(Span { low, high: infinite(f64::INFINITY) });
        }
        Self { letter: self.letter.clone(), spans }
    }

    /// What a chain of inequalities in one letter says.
    fn related(sides: &[Node], relations: &[Relation]) -> Option<Self> {
        if let ([name, set], [Relation::Member]) = (sides, relations) {
            let mut region = Self::of(set)?;
            region.letter = Some(letter(name)?);
            return Some(region);
        }
        let mut letters = Vec::new();
        for side in sides {
            gather(side, &mut letters);
        }
        let [name] = letters.as_slice() else { return None };
        let mut whole = Self::whole();
        for (pair, relation) in sides.windows(2).zip(relations) {
            let [left, right] = pair else { return None };
            whole = whole.intersection(&solved(left, *relation, right, name)?)?;
        }
        whole.letter = Some(name.clone());
        Some(whole)
    }

    /// Whether two are the same set, said of the same letter where both name one.
    pub fn is_same(&self, other: &Self) -> bool {
        let letters = match (&self.letter, &other.letter) {
            (Some(left), Some(right)) => left == right,
            _ => true,
        };
        letters
            && self.spans.len() == other.spans.len()
            && self
                .spans
                .iter()
                .zip(&other.spans)
                .all(|(left, right)| same_end(&left.low, &right.low) && same_end(&left.high, &right.high))
    }
}

fn common(members: &[Region]) -> Option<Option<String>> {
    let mut names = members.iter().filter_map(|member| member.letter.as_ref());
    let Some(first) = names.next() else { return Some(None) };
    names.all(|name| name == first).then(|| Some(first.clone()))
}

fn touches(high: &End, low: &End) -> bool {
    let order = order(low, high);
    order.is_lt() || order.is_eq() && (low.closed || high.closed)
}

fn later<'a>(left: &'a End, right: &'a End) -> &'a End {
    match order(left, right) {
        std::cmp::Ordering::Greater => left,
        std::cmp::Ordering::Less => right,
        std::cmp::Ordering::Equal if left.closed => right,
        std::cmp::Ordering::Equal => left,
    }
}

fn earlier<'a>(left: &'a End, right: &'a End) -> &'a End {
    match order(left, right) {
        std::cmp::Ordering::Less => left,
        std::cmp::Ordering::Greater => right,
        std::cmp::Ordering::Equal if left.closed => right,
        std::cmp::Ordering::Equal => left,
    }
}

fn same_end(left: &End, right: &End) -> bool {
    left.closed == right.closed
        && match (&left.node, &right.node) {
            (Some(first), Some(second)) => scalar::same(first, second),
            (None, None) => left.place == right.place,
            _ => false,
        }
}

fn end(node: &Node, closed: bool) -> Option<End> {
    match node {
        Node::Infinity => Some(infinite(f64::INFINITY)),
        Node::Negative(inner) if **inner == Node::Infinity => Some(infinite(f64::NEG_INFINITY)),
        _ if node.has_letters() || !node.is_scalar() => None,
        _ => {
            let value = estimate::Estimator::at(0).value(node);
            let real = value.is_known() && value.imaginary.abs() <= value.error.max(1e-12);
            real.then(|| End { node: Some(node.clone()), place: value.real, closed })
        }
    }
}

/// The name of a letter.
pub fn letter(node: &Node) -> Option<String> {
    match node {
        Node::Symbol(name) => Some(name.clone()),
        Node::Euler => Some("e".to_owned()),
        Node::Imaginary => Some("i".to_owned()),
        _ => None,
    }
}

/// Adds the letters of a tree that are not there yet.
fn gather(node: &Node, letters: &mut Vec<String>) {
    if let Node::Symbol(name) = node
        && !letters.contains(name)
    {
        letters.push(name.clone());
    }
    for child in node.children() {
        gather(child, letters);
    }
}

fn mirrored(relation: Relation) -> Relation {
    match relation {
        Relation::Less => Relation::Greater,
        Relation::LessEqual => Relation::GreaterEqual,
        Relation::Greater => Relation::Less,
        Relation::GreaterEqual => Relation::LessEqual,
        other => other,
    }
}

/// The solution of one relation between formulas that are linear in a letter, or of one with the distance of such.
fn solved(left: &Node, relation: Relation, right: &Node, name: &str) -> Option<Region> {
    if let Node::Call(Function::Abs, inner) = left
        && let [inner] = inner.as_slice()
        && !right.has_letters()
    {
        return distance(inner, relation, right, name);
    }
    if let Node::Call(Function::Abs, _) = right {
        return solved(right, mirrored(relation), left, name).filter(|_| !left.has_letters());
    }
    let whole = Node::Sum(vec![left.clone(), Node::Negative(Box::new(right.clone()))]);
    let at = |place: i32| super::normal::put(&whole, name, &Node::integer(place));
    let slope = Node::Sum(vec![at(1), Node::Negative(Box::new(at(0)))]);
    let line = Node::Sum(vec![Node::Product(vec![slope.clone(), Node::Symbol(name.to_owned())]), at(0)]);
    if !scalar::same(&whole, &line) {
        return None;
    }
    let rising = match estimate::sign(&slope)? {
        0 => return None,
        sign => sign > 0,
    };
    let bound = if letter(left).as_deref() == Some(name) && !right.has_letters() {
        right.clone()
    } else if letter(right).as_deref() == Some(name) && !left.has_letters() {
        left.clone()
    } else {
        Node::Negative(Box::new(Node::Quotient(Box::new(at(0)), Box::new(slope))))
    };
    let relation = if rising { relation } else { mirrored(relation) };
    let below = Node::Negative(Box::new(Node::Infinity));
    match relation {
        Relation::Less => Region::interval(&below, false, &bound, false),
        Relation::LessEqual => Region::interval(&below, false, &bound, true),
        Relation::Greater => Region::interval(&bound, false, &Node::Infinity, false),
        Relation::GreaterEqual => Region::interval(&bound, true, &Node::Infinity, false),
        Relation::Unequal => Some(Region::interval(&bound, true, &bound, true)?.complement()),
        Relation::Equal => Region::interval(&bound, true, &bound, true),
        Relation::Member => None,
    }
}

/// |u| < c is -c < u < c, and |u| > c what is outside.
fn distance(inner: &Node, relation: Relation, right: &Node, name: &str) -> Option<Region> {
    let opposite = Node::Negative(Box::new(right.clone()));
    let upper = solved(inner, relation, right, name)?;
    let lower = solved(inner, mirrored(relation), &opposite, name)?;
    match relation {
        Relation::Less | Relation::LessEqual => upper.intersection(&lower),
        Relation::Greater | Relation::GreaterEqual => Region::union(&[upper, lower]),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::super::parser::parse;
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        Region::of(&parse(left).unwrap()).unwrap().is_same(&Region::of(&parse(right).unwrap()).unwrap())
    }

    #[test]
    fn inequalities_are_intervals() {
        assert!(same("x \\ge -4", "[-4,\\infty)"));
        assert!(same("3 \\le x < 11", "[3,11)"));
        assert!(same("x - 6 \\le 0", "(-\\infty,6]"));
        assert!(same("-2x < 12", "(-6, \\infty)"));
        assert!(same("|x| < 1", "(-1,1)"));
        assert!(same("|x-2| \\ge 1", "(-\\infty,1]\\cup[3,\\infty)"));
        assert!(same("x<-3 \\text{ or } x>1", "(-\\infty,-3)\\cup(1,\\infty)"));
        assert!(same("x>1 \\text{ and } x<3", "(1,3)"));
        assert!(same("x \\neq 2", "(-\\infty,2)\\cup(2,\\infty)"));
        assert!(same("x \\in \\mathbb{R}", "(-\\infty,\\infty)"));
        assert!(same("\\{x \\in \\mathbb{R} \\mid x > 2\\}", "(2,\\infty)"));
        assert!(!same("x > -3", "x > -4"));
        assert!(!same("x > 1", "x \\ge 1"));
        assert!(!same("x > 1", "y > 1"));
    }

    #[test]
    fn sets_are_joined_and_cut() {
        assert!(same("[8,\\infty)\\cup(-\\infty,1]", "(-\\infty,1]\\cup[8,\\infty)"));
        assert!(same("[0,2]\\cup(1,3)", "[0,3)"));
        assert!(same("(-\\infty,-10]\\cap[-4,\\infty)", "\\emptyset"));
        assert!(same("\\mathbb{R}\\setminus\\{0\\}", "(-\\infty,0)\\cup(0,\\infty)"));
        assert!(same("[0, \\sqrt{8}]", "[0, 2\\sqrt2]"));
    }
}

//! What sort of answer a tree is: one value, members with or without order, a region, a matrix, an equation, words.

use super::region::Region;
use super::tree::{Fence, Named, Node, Relation};

/// Choices of signs that are written out.
const MOST_MEMBERS: usize = 400;

/// An answer by its sort.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A number or formula.
    Scalar(Node),
    /// A number with a percent sign.
    Percent(Node),
    /// A number followed by a letter that may be its unit: the number alone, and the product with the letter.
    Measured(Node, Node),
    /// Digits in a base.
    Based(String, u32),
    /// Members of which the order does not matter: a set, or a list without brackets.
    Unordered(Vec<Shape>),
    /// Members in brackets.
    Ordered(Fence, Fence, Vec<Shape>, Node),
    /// A set of real numbers.
    Region(Region),
    /// Rows of cells.
    Matrix(Vec<Vec<Node>>),
    /// A letter, or a function, that is said to be something.
    Definition(Node, Box<Shape>),
    /// Two sides that are equal.
    Equation(Node, Node),
    /// Words.
    Text(String),
    /// Something that equals only itself.
    Other(Node),
}

impl Shape {
    /// The sort of a tree.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::Text(words) => Self::Text(words.clone()),
            Node::Percent(inner) => Self::Percent((**inner).clone()),
            Node::Negative(inner) if matches!(**inner, Node::Percent(_)) => match &**inner {
                Node::Percent(value) => Self::Percent(Node::Negative(value.clone())),
                _ => Self::Other(node.clone()),
            },
            Node::Negative(inner) if matches!(**inner, Node::Measured(..) | Node::Degrees(_)) => match &**inner {
                Node::Degrees(value) => Self::of(&Node::Negative(value.clone())),
                Node::Measured(value, unit) => Self::measured(&Node::Negative(value.clone()), unit.as_deref()),
                _ => Self::Other(node.clone()),
            },
            Node::Measured(value, unit) => Self::measured(value, unit.as_deref()),
            Node::Degrees(value) => Self::of(value),
            Node::Based(digits, base) => Self::Based(digits.clone(), *base),
            Node::List(members) | Node::Set(members) => Self::unordered(members),
            Node::Bracketed(open, close, members) => Self::bracketed(*open, *close, members, node),
            Node::Named(Named::Other(_)) | Node::Ellipsis | Node::Infinity => Self::Other(node.clone()),
            Node::Negative(inner) if **inner == Node::Infinity => Self::Other(node.clone()),
            Node::Named(_)
            | Node::Union(_)
            | Node::Intersection(_)
            | Node::Without(..)
            | Node::Either(_)
            | Node::Both(_) => Region::of(node).map_or_else(|| Self::Other(node.clone()), Self::Region),
            Node::Matrix(rows) => Self::Matrix(rows.clone()),
            Node::Determinant(rows) if rows.iter().any(|row| row.len() != rows.len()) => Self::Other(node.clone()),
            Node::Related(sides, relations) => Self::related(sides, relations, node),
            _ if has_choice(node) => Self::unordered(std::slice::from_ref(node)),
            _ if node.is_scalar() => Self::Scalar(node.clone()),
            _ => Self::Other(node.clone()),
        }
    }

    /// A letter behind a number may be its unit or a factor; words are a unit.
    fn measured(value: &Node, unit: Option<&Node>) -> Self {
        match unit {
            Some(letter @ Node::Symbol(_)) => {
                Self::Measured(value.clone(), Node::Product(vec![value.clone(), letter.clone()]))
            }
            _ => Self::of(value),
        }
    }

    fn unordered(members: &[Node]) -> Self {
        let mut shapes = Vec::new();
        for member in members {
            if has_choice(member) {
                shapes.extend([true, false].map(|upper| Self::of(&chosen(member, upper))));
            } else {
                match Self::of(member) {
                    // A statement about a letter is a list of its values: x = 1, 2.
                    Self::Definition(_, value) => match *value {
                        Self::Unordered(more) => shapes.extend(more),
                        single => shapes.push(single),
                    },
                    single => shapes.push(single),
                }
            }
            if shapes.len() > MOST_MEMBERS {
                break;
            }
        }
        if shapes.len() == 1
            && let Some(single) = shapes.pop()
        {
            return single;
        }
        Self::Unordered(shapes)
    }

    fn bracketed(open: Fence, close: Fence, members: &[Node], node: &Node) -> Self {
        let row = |member: &Node| match member {
            Node::Bracketed(_, _, cells) => Some(cells.clone()),
            _ => None,
        };
        // Lists of lists are the rows of a matrix.
        if open == Fence::Square
            && close == Fence::Square
            && let Some(rows) = members.iter().map(row).collect::<Option<Vec<_>>>()
            && members.iter().all(|member| matches!(member, Node::Bracketed(Fence::Square, Fence::Square, _)))
        {
            return Self::Matrix(rows);
        }
        if let [single] = members {
            return Self::of(single);
        }
        Self::Ordered(open, close, members.iter().map(Self::of).collect(), node.clone())
    }

    fn related(sides: &[Node], relations: &[Relation], node: &Node) -> Self {
        let (Some(first), Some(last)) = (sides.first(), sides.last()) else { return Self::Other(node.clone()) };
        if relations == [Relation::Member] {
            return Region::of(node)
                .map_or_else(|| Self::Definition(first.clone(), Box::new(Self::of(last))), Self::Region);
        }
        if relations.iter().all(|relation| *relation == Relation::Equal) {
            return Self::equal(first, last);
        }
        Region::of(node).map_or_else(|| Self::Other(node.clone()), Self::Region)
    }

    fn equal(first: &Node, last: &Node) -> Self {
        let names = |node: &Node| match node {
            Node::Symbol(_) | Node::Applied(..) => true,
            Node::Bracketed(_, _, members) => members.iter().all(|member| matches!(member, Node::Symbol(_))),
            Node::Text(_) => true,
            _ => false,
        };
        if names(first) || !first.has_letters() {
            return Self::Definition(first.clone(), Box::new(Self::of(last)));
        }
        if names(last) && first.is_scalar() {
            return Self::Definition(last.clone(), Box::new(Self::of(first)));
        }
        // "x + y = 1 or 2" has no side to compare with others.
        if last.is_scalar() && first.is_scalar() && !has_choice(last) {
            return Self::Equation(first.clone(), last.clone());
        }
        Self::Definition(first.clone(), Box::new(Self::of(last)))
    }
}

/// Whether there is a ± in it.
fn has_choice(node: &Node) -> bool {
    node.is_scalar() && node.any(&|node| matches!(node, Node::PlusMinus(..)))
}

/// The tree with the upper signs of all ± and ∓, or the lower ones.
fn chosen(node: &Node, upper: bool) -> Node {
    let mut made = node.clone();
    choose(&mut made, upper);
    made
}

fn choose(node: &mut Node, upper: bool) {
    node.children_mut().into_iter().for_each(|child| choose(child, upper));
    if let Node::PlusMinus(plus, inner) = node {
        let inner = std::mem::replace(inner, Box::new(Node::Ellipsis));
        *node = if *plus == upper { *inner } else { Node::Negative(inner) };
    }
}

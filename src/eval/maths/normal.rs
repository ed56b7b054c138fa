//! Brings a formula into its normal form: a quotient of polynomials with exact coefficients.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::number;
use super::polynomial::{Atom, Fraction, Unfit};
use super::tree::{Binder, Function, Node, small_whole};

/// What a sum or product over whole numbers may count through.
const MOST_STEPS: u32 = 500;

/// Whole numbers that factorials and binomials are taken of.
const MOST_WHOLE: u32 = 1_000_000;

/// Exact logarithms are looked for up to this.
const MOST_LOGARITHM: u32 = 500;

/// Reads formulas into normal forms and bounds the work for one comparison.
pub struct Normaliser {
    fuel: usize,
}

impl Default for Normaliser {
    fn default() -> Self {
        Self { fuel: 60_000 }
    }
}

impl Normaliser {
    /// The normal form of a formula.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where it has none, or one too large.
    pub fn normal(&mut self, node: &Node) -> Result<Fraction, Unfit> {
        let fraction = self.read(node)?;
        self.fuel = self.fuel.checked_sub(fraction.cost()).ok_or(Unfit)?;
        Ok(fraction)
    }

    fn read(&mut self, node: &Node) -> Result<Fraction, Unfit> {
        self.fuel = self.fuel.checked_sub(1).ok_or(Unfit)?;
        match node {
            Node::Number { value, .. } => Ok(Fraction::constant(value.clone())),
            Node::Symbol(name) | Node::Text(name) => Ok(Fraction::atom(Atom::Symbol(name.clone()))),
            Node::Pi => Ok(Fraction::atom(Atom::Pi)),
            Node::Euler => Ok(Fraction::atom(Atom::Euler)),
            Node::Imaginary => Ok(Fraction::atom(Atom::Imaginary)),
            Node::Sum(terms) => {
                let mut sum = Fraction::constant(BigRational::zero());
                for term in terms {
                    sum = sum.plus(&self.normal(term)?)?;
                }
                Ok(sum)
            }
            Node::Product(factors) => {
                let mut product = Fraction::constant(BigRational::one());
                for factor in factors {
                    product = product.times(&self.normal(factor)?)?;
                }
                Ok(product)
            }
            Node::Quotient(above, below) => self.normal(above)?.over(&self.normal(below)?),
            Node::Negative(inner) => Ok(self.normal(inner)?.negative()),
            Node::Root(inner, degree) => {
                let exponent = BigRational::new(BigInt::one(), BigInt::from(*degree));
                self.normal(inner)?.raised(&exponent)
            }
            Node::Power(base, exponent) => self.power(base, exponent),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Applied(name, arguments) => {
                let arguments = arguments.iter().map(|argument| self.normal(argument)).collect::<Result<_, _>>()?;
                Ok(Fraction::atom(Atom::Applied(name.clone(), arguments)))
            }
            Node::Percent(inner) => {
                self.normal(inner)?.over(&Fraction::constant(BigRational::from_integer(100.into())))
            }
            Node::Degrees(inner) => self.normal(inner),
            Node::Based(digits, base) => number::in_base(digits, *base).map(Fraction::constant).ok_or(Unfit),
            Node::Measured(inner, None) => self.normal(inner),
            Node::Measured(inner, Some(unit)) => self.normal(inner)?.times(&self.normal(unit)?),
            Node::Bound(binder @ (Binder::Sum | Binder::Product), variable, parts) => {
                self.repeated(*binder, variable, parts)
            }
            Node::Determinant(rows) => self.determinant(rows),
            _ => Err(Unfit),
        }
    }

    fn power(&mut self, base: &Node, exponent: &Node) -> Result<Fraction, Unfit> {
        let exponent = self.normal(exponent)?;
        let base = self.normal(base)?;
        match exponent.as_number() {
            Some(exponent) => base.raised(&exponent),
            None => Ok(Fraction::atom(Atom::Power(Box::new((base, exponent))))),
        }
    }

    fn call(&mut self, function: Function, arguments: &[Node]) -> Result<Fraction, Unfit> {
        if matches!(
            function,
            Function::Sin | Function::Cos | Function::Tan | Function::Cot | Function::Sec | Function::Csc
        ) {
            // Degrees in an angle are a matter of numbers.
            if arguments.iter().any(|argument| argument.any(&|node| matches!(node, Node::Degrees(_)))) {
                return Err(Unfit);
            }
        }
        let arguments: Vec<Fraction> =
            arguments.iter().map(|argument| self.normal(argument)).collect::<Result<_, _>>()?;
        let numbers: Option<Vec<BigRational>> = arguments.iter().map(Fraction::as_number).collect();
        if let Some(value) = numbers.as_deref().and_then(|numbers| exact(function, numbers)) {
            return Ok(Fraction::constant(value));
        }
        if function == Function::Binomial
            && let [total, chosen] = arguments.as_slice()
            && let Some(chosen) = chosen.as_number().and_then(|chosen| small_whole(&chosen, 30))
        {
            return falling(total, chosen);
        }
        Ok(Fraction::atom(Atom::Call(function, arguments)))
    }

    /// A sum or product whose bounds are whole numbers, written out.
    fn repeated(&mut self, binder: Binder, variable: &str, parts: &[Node; 3]) -> Result<Fraction, Unfit> {
        let [lower, upper, body] = parts;
        let lower = self.normal(lower)?.as_number().filter(BigRational::is_integer).ok_or(Unfit)?;
        let upper = self.normal(upper)?.as_number().filter(BigRational::is_integer).ok_or(Unfit)?;
        let steps =
            (&upper - &lower).to_integer().to_i64().filter(|steps| *steps < i64::from(MOST_STEPS)).ok_or(Unfit)?;
        let mut total =
            Fraction::constant(if binder == Binder::Sum { BigRational::zero() } else { BigRational::one() });
        for step in 0..=steps {
            let value = Node::rational(&lower + BigRational::from_integer(step.into()));
            let term = self.normal(&put(body, variable, &value))?;
            total = if binder == Binder::Sum { total.plus(&term)? } else { total.times(&term)? };
        }
        Ok(total)
    }

    fn determinant(&mut self, rows: &[Vec<Node>]) -> Result<Fraction, Unfit> {
        let size = rows.len();
        if size == 0 || size > 4 || rows.iter().any(|row| row.len() != size) {
            return Err(Unfit);
        }
        let cells: Vec<Vec<Fraction>> =
            rows.iter().map(|row| row.iter().map(|cell| self.normal(cell)).collect()).collect::<Result<_, _>>()?;
        expanded(&cells)
    }
}

/// A determinant by its first row.
fn expanded(cells: &[Vec<Fraction>]) -> Result<Fraction, Unfit> {
    let Some((first, below)) = cells.split_first() else { return Ok(Fraction::constant(BigRational::one())) };
    let mut sum = Fraction::constant(BigRational::zero());
    for (column, cell) in first.iter().enumerate() {
        let minor: Vec<Vec<Fraction>> = below
            .iter()
            .map(|row| row.iter().enumerate().filter(|(at, _)| *at != column).map(|(_, cell)| cell.clone()).collect())
            .collect();
        let part = cell.times(&expanded(&minor)?)?;
        sum = sum.plus(&if column % 2 == 0 { part } else { part.negative() })?;
    }
    Ok(sum)
}

/// n(n-1)...(n-k+1)/k!
fn falling(total: &Fraction, chosen: u32) -> Result<Fraction, Unfit> {
    let mut product = Fraction::constant(BigRational::one());
    for step in 0..chosen {
        let factor = total.plus(&Fraction::constant(-BigRational::from_integer(step.into())))?;
        product = product.times(&factor)?;
    }
    let below = number::factorial(chosen).ok_or(Unfit)?;
    product.over(&Fraction::constant(BigRational::from_integer(below)))
}

/// A tree with a value in the place of a letter.
pub fn put(node: &Node, variable: &str, value: &Node) -> Node {
    let mut made = node.clone();
    put_in(&mut made, variable, value);
    made
}

fn put_in(node: &mut Node, variable: &str, value: &Node) {
    match node {
        Node::Symbol(name) if name == variable => *node = value.clone(),
        // The letter i is the imaginary unit except where it counts.
        Node::Imaginary if variable == "i" => *node = value.clone(),
        Node::Euler if variable == "e" => *node = value.clone(),
        Node::Bound(_, name, _) if name == variable => {}
        _ => node.children_mut().into_iter().for_each(|child| put_in(child, variable, value)),
    }
}

/// The exact value of a function of exact numbers, where it has one.
fn exact(function: Function, numbers: &[BigRational]) -> Option<BigRational> {
    match (function, numbers) {
        (Function::Abs, [value]) => Some(value.abs()),
        (Function::Floor, [value]) => Some(value.floor()),
        (Function::Ceil, [value]) => Some(value.ceil()),
        (Function::Factorial, [value]) => {
            number::factorial(small_whole(value, MOST_WHOLE)?).map(BigRational::from_integer)
        }
        (Function::Binomial, [total, chosen]) => {
            number::binomial(small_whole(total, MOST_WHOLE)?, small_whole(chosen, MOST_WHOLE)?)
                .map(BigRational::from_integer)
        }
        (Function::Mod, [value, by]) if !by.is_zero() => Some(value - (value / by).floor() * by),
        (Function::Max, [_, ..]) => numbers.iter().max().cloned(),
        (Function::Min, [_, ..]) => numbers.iter().min().cloned(),
        (Function::Gcd | Function::Lcm, [first, rest @ ..]) if numbers.iter().all(BigRational::is_integer) => {
            let folded = rest.iter().fold(first.to_integer(), |sum, next| match function {
                Function::Gcd => sum.gcd(&next.to_integer()),
                _ => sum.lcm(&next.to_integer()),
            });
            let value = BigRational::from_integer(folded);
            number::fits(&value).then_some(value)
        }
        (
            Function::Sin | Function::Tan | Function::Asin | Function::Atan | Function::Sinh | Function::Tanh,
            [value],
        ) if value.is_zero() => Some(BigRational::zero()),
        (Function::Cos | Function::Sec | Function::Cosh, [value]) if value.is_zero() => Some(BigRational::one()),
        (Function::Ln, [value]) if value.is_one() => Some(BigRational::zero()),
        (Function::Log, [base, value]) => exact_logarithm(base, value),
        _ => None,
    }
}

/// The whole number that a base has to be raised to, if there is a small one.
fn exact_logarithm(base: &BigRational, value: &BigRational) -> Option<BigRational> {
    if !base.is_positive() || base.is_one() || !value.is_positive() {
        return None;
    }
    let bits = |value: &BigRational| value.numer().bits().max(value.denom().bits());
    let mut power = BigRational::one();
    for step in 0..MOST_LOGARITHM {
        if power == *value {
            return Some(BigRational::from_integer(step.into()));
        }
        if power.numer() == value.denom() && power.denom() == value.numer() {
            return Some(-BigRational::from_integer(step.into()));
        }
        power *= base;
        if bits(&power) > 2_000 {
            return None;
        }
    }
    None
}

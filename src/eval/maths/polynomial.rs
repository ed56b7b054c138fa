//! Polynomials and their quotients over exact fractions, in letters, constants and roots: a normal form of formulas.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::{BigRational, Ratio};
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::number;
use super::tree::Function;

/// Products of sums may have this many terms.
const MOST_TERMS: usize = 400;

/// A sum is raised by multiplying it out where exponent and terms have no larger product.
const MOST_FACTORS: i64 = 200;

/// Exponents in a normal form stay below this.
const MOST_EXPONENT: i64 = 100_000;

/// A normal form was not reached: the formula is too large, or it has no value, such as a division by nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

/// What a polynomial is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A letter.
    Symbol(String),
    /// π
    Pi,
    /// e
    Euler,
    /// i, of which even powers are replaced.
    Imaginary,
    /// A prime number with an exponent below one: the part of a root that stays.
    Prime(BigInt),
    /// A function of its arguments.
    Call(Function, Vec<Fraction>),
    /// A function known by its letter only.
    Applied(String, Vec<Fraction>),
    /// A power that is no polynomial.
    Power(Box<(Fraction, Fraction)>),
}

/// Atoms with their exponents.
pub type Monomial = BTreeMap<Atom, Ratio<i64>>;

/// Terms with their coefficients, none of them zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Polynomial(pub BTreeMap<Monomial, BigRational>);

/// A quotient of two polynomials. The first coefficient of the lower one is 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fraction {
    /// Above the line.
    pub above: Polynomial,
    /// Below the line; never zero.
    pub below: Polynomial,
}

impl Polynomial {
    /// A number.
    pub fn constant(value: BigRational) -> Self {
        let mut terms = BTreeMap::new();
        if !value.is_zero() {
            terms.insert(Monomial::new(), value);
        }
        Self(terms)
    }

    /// An atom with an exponent.
    fn atom(atom: Atom, exponent: Ratio<i64>) -> Self {
        Self(BTreeMap::from([(Monomial::from([(atom, exponent)]), BigRational::one())]))
    }

    /// Whether all terms went away.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The number it is, if it is one.
    pub fn as_number(&self) -> Option<BigRational> {
        match self.0.len() {
            0 => Some(BigRational::zero()),
            1 => self.0.iter().next().filter(|(monomial, _)| monomial.is_empty()).map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    fn add(&self, other: &Self) -> Result<Self, Unfit> {
        let mut sum = self.clone();
        for (monomial, value) in &other.0 {
            sum.insert(monomial.clone(), value.clone());
        }
        if sum.0.len() > MOST_TERMS { Err(Unfit) } else { Ok(sum) }
    }

    fn insert(&mut self, monomial: Monomial, value: BigRational) {
        use std::collections::btree_map::Entry;
        match self.0.entry(monomial) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += value;
                if entry.get().is_zero() {
                    entry.remove();
                }
            }
        }
    }

    /// All coefficients times a number.
    pub fn scaled(&self, factor: &BigRational) -> Self {
        if factor.is_zero() {
            return Self::default();
        }
        Self(self.0.iter().map(|(monomial, value)| (monomial.clone(), value * factor)).collect())
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Result<Self, Unfit> {
        if self.0.len().saturating_mul(other.0.len()) > MOST_TERMS * 8 {
            return Err(Unfit);
        }
        let mut product = Self::default();
        for (left, first) in &self.0 {
            for (right, second) in &other.0 {
                let (monomial, factor) = merged(left, right)?;
                let value = first * second * factor;
                if !number::fits(&value) {
                    return Err(Unfit);
                }
                product.insert(monomial, value);
            }
        }
        if product.0.len() > MOST_TERMS { Err(Unfit) } else { Ok(product) }
    }

    /// Whether one is the other times a number that is not zero.
    pub fn is_multiple_of(&self, other: &Self) -> bool {
        let (Some((_, first)), Some((_, second))) = (self.0.first_key_value(), other.0.first_key_value()) else {
            return self.is_zero() && other.is_zero();
        };
        *self == other.scaled(&(first / second))
    }

    /// The only term, if there is one only.
    fn only(&self) -> Option<(&Monomial, &BigRational)> {
        if self.0.len() == 1 { self.0.first_key_value() } else { None }
    }

    /// Whether no hidden relation can be between its atoms: letters and roots of primes, i, and one of π and e.
    pub fn is_free(&self) -> bool {
        let atoms = || self.0.keys().flat_map(Monomial::keys);
        let simple = atoms().all(|atom| !matches!(atom, Atom::Call(..) | Atom::Applied(..) | Atom::Power(_)));
        simple && !(atoms().any(|atom| *atom == Atom::Pi) && atoms().any(|atom| *atom == Atom::Euler))
    }
}

/// The product of two monomials and the number that came out of roots and powers of i.
fn merged(left: &Monomial, right: &Monomial) -> Result<(Monomial, BigRational), Unfit> {
    let mut product = left.clone();
    for (atom, exponent) in right {
        let sum = product.get(atom).copied().unwrap_or_default() + *exponent;
        if sum.numer().abs() > MOST_EXPONENT || *sum.denom() > MOST_EXPONENT {
            return Err(Unfit);
        }
        if sum.is_zero() {
            product.remove(atom);
        } else {
            product.insert(atom.clone(), sum);
        }
    }
    let factor = reduced(&mut product)?;
    Ok((product, factor))
}

/// Takes whole powers of primes and even powers of i out of a monomial.
fn reduced(monomial: &mut Monomial) -> Result<BigRational, Unfit> {
    let mut factor = BigRational::one();
    let special: Vec<Atom> =
        monomial.keys().filter(|atom| matches!(atom, Atom::Prime(_) | Atom::Imaginary)).cloned().collect();
    for atom in special {
        let exponent = monomial.get(&atom).copied().unwrap_or_default();
        let whole = exponent.floor();
        let mut rest = exponent - whole;
        match &atom {
            Atom::Prime(prime) => {
                let power =
                    number::power(&BigRational::from_integer(prime.clone()), whole.to_integer()).ok_or(Unfit)?;
                factor *= power;
            }
            _ if rest.is_zero() => {
                let quarter = whole.to_integer().rem_euclid(4);
                if quarter >= 2 {
                    factor = -factor;
                }
                rest = Ratio::from_integer(quarter % 2);
            }
            _ => return Err(Unfit),
        }
        if rest.is_zero() {
            monomial.remove(&atom);
        } else {
            monomial.insert(atom, rest);
        }
    }
    if number::fits(&factor) { Ok(factor) } else { Err(Unfit) }
}

impl Fraction {
    /// A number.
    pub fn constant(value: BigRational) -> Self {
        Self { above: Polynomial::constant(value), below: Polynomial::constant(BigRational::one()) }
    }

    /// A single atom.
    pub fn atom(atom: Atom) -> Self {
        Self::power_of(atom, Ratio::one())
    }

    fn power_of(atom: Atom, exponent: Ratio<i64>) -> Self {
        Self { above: Polynomial::atom(atom, exponent), below: Polynomial::constant(BigRational::one()) }
    }

    /// What work with it costs, in units of a small operation: it grows with the square of terms and of digits.
    pub fn cost(&self) -> usize {
        let terms = self.above.0.len() + self.below.0.len();
        let values = self.above.0.values().chain(self.below.0.values());
        let words = values.map(number::words).max().unwrap_or_default();
        1 + terms * terms / 16 + words * words / 100
    }

    /// The number it is, if it is one.
    pub fn as_number(&self) -> Option<BigRational> {
        Some(self.above.as_number()? / self.below.as_number()?)
    }

    fn normal(above: Polynomial, below: Polynomial) -> Result<Self, Unfit> {
        let Some((_, first)) = below.0.first_key_value() else { return Err(Unfit) };
        let factor = first.recip();
        // A lower part of one term is brought up, so that it shows no quotient.
        if let Some((monomial, _)) = below.only()
            && !monomial.is_empty()
        {
            let mut inverse: Monomial = monomial.iter().map(|(atom, exponent)| (atom.clone(), -*exponent)).collect();
            let number = reduced(&mut inverse)?;
            let inverse = Polynomial(BTreeMap::from([(inverse, number * factor)]));
            return Ok(Self { above: above.times(&inverse)?, below: Polynomial::constant(BigRational::one()) });
        }
        Ok(Self { above: above.scaled(&factor), below: below.scaled(&factor) })
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Result<Self, Unfit> {
        if self.below == other.below {
            return Self::normal(self.above.add(&other.above)?, self.below.clone());
        }
        let left = self.above.times(&other.below)?;
        let right = other.above.times(&self.below)?;
        Self::normal(left.add(&right)?, self.below.times(&other.below)?)
    }

    /// The opposite.
    pub fn negative(&self) -> Self {
        Self { above: self.above.scaled(&-BigRational::one()), below: self.below.clone() }
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Result<Self, Unfit> {
        Self::normal(self.above.times(&other.above)?, self.below.times(&other.below)?)
    }

    /// The quotient.
    pub fn over(&self, other: &Self) -> Result<Self, Unfit> {
        Self::normal(self.above.times(&other.below)?, self.below.times(&other.above)?)
    }

    /// The difference of two, brought over one line: zero where they are the same. Only the part above is given.
    pub fn difference(&self, other: &Self) -> Result<Polynomial, Unfit> {
        let left = self.above.times(&other.below)?;
        let right = other.above.times(&self.below)?;
        left.add(&right.scaled(&-BigRational::one()))
    }

    /// A power with an exact exponent.
    pub fn raised(&self, exponent: &BigRational) -> Result<Self, Unfit> {
        if exponent.is_integer() {
            return self.raised_whole(exponent.numer().to_i64().ok_or(Unfit)?);
        }
        let (Some(above), Some(below)) = (exponent.numer().to_i64(), exponent.denom().to_i64()) else {
            return Err(Unfit);
        };
        if below > 1_000 || above.abs() > MOST_EXPONENT {
            return Err(Unfit);
        }
        let rational = Ratio::new(above, below);
        if let Some(root) = self.rooted(rational)? {
            return Ok(root);
        }
        let exponent = Self::constant(exponent.clone());
        Ok(Self::atom(Atom::Power(Box::new((self.clone(), exponent)))))
    }

    fn raised_whole(&self, exponent: i64) -> Result<Self, Unfit> {
        if exponent == 0 {
            return if self.above.is_zero() { Err(Unfit) } else { Ok(Self::constant(BigRational::one())) };
        }
        if exponent.abs() > MOST_EXPONENT {
            return Err(Unfit);
        }
        if let Some(value) = self.as_number() {
            return number::power(&value, exponent).map(Self::constant).ok_or(Unfit);
        }
        if let (Some((monomial, value)), Some(below)) = (self.above.only(), self.below.as_number()) {
            let mut raised = Monomial::new();
            for (atom, power) in monomial {
                let power =
                    power.numer().checked_mul(exponent).map(|above| Ratio::new(above, *power.denom())).ok_or(Unfit)?;
                if power.numer().abs() > MOST_EXPONENT {
                    return Err(Unfit);
                }
                raised.insert(atom.clone(), power);
            }
            let factor = reduced(&mut raised)? * number::power(&(value / below), exponent).ok_or(Unfit)?;
            let above = Polynomial(BTreeMap::from([(raised, factor)]));
            return Ok(Self { above, below: Polynomial::constant(BigRational::one()) });
        }
        let terms = i64::try_from(self.above.0.len() + self.below.0.len()).unwrap_or(i64::MAX);
        if exponent.abs().saturating_mul(terms) > MOST_FACTORS {
            return Err(Unfit);
        }
        let mut result = self.clone();
        for _ in 1..exponent.abs() {
            result = result.times(self)?;
        }
        if exponent < 0 { Self::constant(BigRational::one()).over(&result) } else { Ok(result) }
    }

    /// A power with an exponent that is not whole, of a number, a product of positive constants, or one letter.
    fn rooted(&self, exponent: Ratio<i64>) -> Result<Option<Self>, Unfit> {
        let (Some((monomial, value)), Some(below)) = (self.above.only(), self.below.as_number()) else {
            return Ok(self
                .above
                .is_zero()
                .then(|| Self::constant(BigRational::zero()))
                .filter(|_| exponent.is_positive()));
        };
        let value = value / below;
        let letter = monomial.len() == 1
            && value.is_one()
            && matches!(monomial.first_key_value(), Some((Atom::Symbol(_), power)) if power.is_one());
        let positive = monomial.keys().all(|atom| matches!(atom, Atom::Prime(_) | Atom::Pi | Atom::Euler));
        if !letter && !positive {
            return Ok(None);
        }
        let Some(mut result) = root_of_number(&value, exponent)? else { return Ok(None) };
        for (atom, power) in monomial {
            let above = power.numer().checked_mul(*exponent.numer()).ok_or(Unfit)?;
            let below =
                power.denom().checked_mul(*exponent.denom()).filter(|below| *below < MOST_EXPONENT).ok_or(Unfit)?;
            let mut raised = Monomial::from([(atom.clone(), Ratio::new(above, below))]);
            let factor = reduced(&mut raised)?;
            let above = Polynomial(BTreeMap::from([(raised, factor)]));
            result = result.times(&Self { above, below: Polynomial::constant(BigRational::one()) })?;
        }
        Ok(Some(result))
    }
}

/// A number to an exponent that is not whole, as roots of primes. A negative number has a root of odd degree, as at
/// school, and an imaginary square root.
fn root_of_number(value: &BigRational, exponent: Ratio<i64>) -> Result<Option<Fraction>, Unfit> {
    if value.is_zero() {
        return Ok(exponent.is_positive().then(|| Fraction::constant(BigRational::zero())));
    }
    let mut result = Fraction::constant(BigRational::one());
    if value.is_negative() {
        match exponent.denom() {
            2 => result = Fraction::atom(Atom::Imaginary).raised_whole(*exponent.numer())?,
            degree if degree % 2 == 1 => {
                if exponent.numer() % 2 != 0 {
                    result = result.negative();
                }
            }
            _ => return Ok(None),
        }
    }
    for (part, sign) in [(value.numer(), 1), (value.denom(), -1)] {
        let Some(factors) = number::factors(part) else { return Ok(None) };
        for (prime, count) in factors {
            let power = exponent.numer().checked_mul(i64::from(count) * sign).ok_or(Unfit)?;
            let mut monomial = Monomial::from([(Atom::Prime(prime), Ratio::new(power, *exponent.denom()))]);
            let factor = reduced(&mut monomial)?;
            let above = Polynomial(BTreeMap::from([(monomial, factor)]));
            result = result.times(&Fraction { above, below: Polynomial::constant(BigRational::one()) })?;
        }
    }
    Ok(Some(result))
}

//! Exact numbers from their digits, with bounds on how large they may become.

use num_bigint::{BigInt, BigUint};
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, Zero};

/// Powers of ten beyond this are not written out.
const MOST_EXPONENT: i32 = 10_000;

/// Exact results may have this many bits; what is larger is compared without being written out.
const MOST_BITS: u64 = 64_000;

/// Factorials beyond this are not written out.
const MOST_FACTORIAL: u32 = 5_000;

/// The value of digits with an optional decimal point, digits that repeat for ever, and a power of ten.
pub fn decimal(digits: &str, repeating: &str, exponent: i32) -> Option<BigRational> {
    if exponent.abs() > MOST_EXPONENT {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa: BigInt = parse_digits(&[whole, fraction].concat())?;
    let scale = ten(u32::try_from(fraction.len()).ok()?);
    let mut value = BigRational::new(mantissa, scale.clone());
    if !repeating.is_empty() {
        let nines = ten(u32::try_from(repeating.len()).ok()?) - BigInt::one();
        value += BigRational::new(parse_digits(repeating)?, nines * scale);
    }
    let factor = BigRational::from_integer(ten(exponent.unsigned_abs()));
    Some(if exponent < 0 { value / factor } else { value * factor })
}

fn parse_digits(digits: &str) -> Option<BigInt> {
    let digits = if digits.is_empty() { "0" } else { digits };
    BigInt::parse_bytes(digits.as_bytes(), 10)
}

fn ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

fn bits(value: &BigRational) -> u64 {
    value.numer().bits().max(value.denom().bits())
}

/// How many machine words the larger part of a fraction takes.
pub fn words(value: &BigRational) -> usize {
    usize::try_from(bits(value) / 64).unwrap_or(usize::MAX / 2).min(1 << 20)
}

/// Whether a number is small enough to go on with.
pub fn fits(value: &BigRational) -> bool {
    bits(value) <= MOST_BITS
}

/// A whole power, if it fits.
pub fn power(base: &BigRational, exponent: i64) -> Option<BigRational> {
    let size = exponent.unsigned_abs();
    let trivial = base.is_zero() || base.abs().is_one();
    if !trivial && bits(base).saturating_mul(size) > MOST_BITS {
        return None;
    }
    if base.is_zero() && exponent <= 0 {
        return None;
    }
    if trivial {
        let odd = exponent.is_odd();
        return Some(if base.is_zero() || odd { base.clone() } else { BigRational::one() });
    }
    let raised = Pow::pow(base.clone(), u32::try_from(size).ok()?);
    Some(if exponent < 0 { raised.recip() } else { raised })
}

/// The factorial, if it fits.
pub fn factorial(number: u32) -> Option<BigInt> {
    if number > MOST_FACTORIAL {
        return None;
    }
    Some(BigInt::from((2..=number).fold(BigUint::one(), |product, factor| product * factor)))
}

/// The binomial coefficient, if it fits.
pub fn binomial(total: u32, chosen: u32) -> Option<BigInt> {
    if chosen > total {
        return Some(BigInt::zero());
    }
    let chosen = chosen.min(total - chosen);
    if chosen > MOST_FACTORIAL {
        return None;
    }
    let mut value = BigInt::one();
    for step in 1..=chosen {
        value = value * (total - chosen + step) / step;
        if value.bits() > MOST_BITS {
            return None;
        }
    }
    Some(value)
}

/// The base of a number system as its subscript says it, in digits or a word.
pub fn base(subscript: &str) -> Option<u32> {
    const NAMES: [(&str, u32); 9] = [
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("sixteen", 16),
    ];
    let lower = subscript.trim().to_lowercase();
    let named = NAMES.iter().find(|(name, _)| *name == lower).map(|(_, base)| *base);
    let base = named.or(if lower == "ten" { Some(10) } else { lower.parse().ok() })?;
    (2..=36).contains(&base).then_some(base)
}

/// The value of digits in a base.
pub fn in_base(digits: &str, base: u32) -> Option<BigRational> {
    BigInt::parse_bytes(digits.as_bytes(), base).map(BigRational::from_integer)
}

/// The number as prime powers, each with its count; `None` where it has a large factor that was not found.
pub fn factors(number: &BigInt) -> Option<Vec<(BigInt, u32)>> {
    let mut rest = u128::try_from(number.abs()).ok()?;
    let mut found = Vec::new();
    let mut divisor = 2u128;
    while divisor * divisor <= rest && divisor < 20_000 {
        let mut count = 0;
        while rest % divisor == 0 {
            rest /= divisor;
            count += 1;
        }
        if count > 0 {
            found.push((BigInt::from(divisor), count));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    if rest > 1 {
        if divisor * divisor <= rest {
            return None;
        }
        found.push((BigInt::from(rest), 1));
    }
    Some(found)
}

/// The number rounded to so many places behind the point, as a count of the last place; halves go away from zero.
pub fn rounded(value: &BigRational, places: u32) -> BigInt {
    let scaled = value * BigRational::from_integer(ten(places));
    scaled.round().to_integer()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(above: i64, below: i64) -> BigRational {
        BigRational::new(above.into(), below.into())
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("12.50", "", 0), Some(of(25, 2)));
        assert_eq!(decimal("0.1", "6", 0), Some(of(1, 6)));
        assert_eq!(decimal("2", "", -3), Some(of(1, 500)));
        assert_eq!(decimal("1", "", 2_000_000_000), None);
    }

    #[test]
    fn what_grows_too_large_is_not_written_out() {
        assert_eq!(power(&of(2, 1), 10), Some(of(1024, 1)));
        assert_eq!(power(&of(2, 1), -1), Some(of(1, 2)));
        assert_eq!(power(&of(9, 1), 387_420_489), None);
        assert_eq!(power(&of(-1, 1), i64::MAX), Some(of(-1, 1)));
        assert_eq!(factorial(5), Some(BigInt::from(120)));
        assert_eq!(factorial(2_955_613), None);
        assert_eq!(binomial(10, 4), Some(BigInt::from(210)));
    }

    #[test]
    fn digits_have_a_base() {
        assert_eq!(base("two"), Some(2));
        assert_eq!(base("1"), None);
        assert_eq!(in_base("1010", 2), Some(of(10, 1)));
        assert_eq!(in_base("12", 2), None);
    }

    #[test]
    fn factors_of_small_numbers_are_found() {
        assert_eq!(factors(&BigInt::from(12)), Some(vec![(BigInt::from(2), 2), (BigInt::from(3), 1)]));
        assert_eq!(factors(&BigInt::from(1)), Some(Vec::new()));
    }
}

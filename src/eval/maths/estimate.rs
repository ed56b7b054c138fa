//! Evaluates formulas in double precision at chosen points: the way out where exact forms do not decide.

use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

use super::ball::Ball;
use super::tree::{Binder, Function, Node};

/// Parts of the interval that an integral is taken over.
const PANELS: u32 = 64;

/// Points and weights of the Gauss-Legendre rule with five points on [-1, 1].
const GAUSS: [(f64, f64); 5] = [
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

/// Evaluates formulas, with letters at the values of one point, and bounds the work.
pub struct Estimator {
    point: u64,
    fuel: usize,
    bound: Vec<(String, Ball)>,
}

fn unknown() -> Ball {
    Ball { real: f64::NAN, imaginary: f64::NAN, error: f64::INFINITY }
}

/// A double near an exact fraction, also where its parts are too large for doubles.
pub fn nearest(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

impl Estimator {
    /// An estimator for the point of that number; at every point a letter has another value.
    pub fn at(point: u64) -> Self {
        Self { point, fuel: 20_000, bound: Vec::new() }
    }

    /// The value of a formula.
    pub fn value(&mut self, node: &Node) -> Ball {
        self.fuel = self.fuel.saturating_sub(1);
        if self.fuel == 0 {
            return unknown();
        }
        match node {
            Node::Number { value, .. } => Ball::real(nearest(value)),
            Node::Symbol(name) | Node::Text(name) => self.letter(name),
            Node::Pi => Ball::real(std::f64::consts::PI),
            Node::Euler => Ball::real(std::f64::consts::E),
            Node::Imaginary => self.bound_value("i").unwrap_or(Ball::I),
            Node::Sum(terms) => terms
                .iter()
                .fold(Ball { real: 0.0, imaginary: 0.0, error: 0.0 }, |sum, term| sum.plus(self.value(term))),
            Node::Product(factors) => {
                factors.iter().fold(Ball::real(1.0), |product, factor| product.times(self.value(factor)))
            }
            Node::Quotient(above, below) => self.value(above).times(self.value(below).inverse()),
            Node::Power(base, exponent) => self.power(base, exponent),
            Node::Negative(inner) => self.value(inner).negative(),
            Node::Root(inner, degree) => self.value(inner).root(*degree),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Applied(name, arguments) => self.applied(name, arguments),
            Node::Percent(inner) => self.value(inner).times(Ball::real(0.01)),
            Node::Degrees(inner) => self.value(inner),
            Node::Measured(inner, None) => self.value(inner),
            Node::Measured(inner, Some(unit)) => self.value(inner).times(self.value(unit)),
            Node::Bound(binder, variable, parts) => self.bound(*binder, variable, parts),
            _ => unknown(),
        }
    }

    fn bound_value(&self, name: &str) -> Option<Ball> {
        self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, value)| *value)
    }

    fn letter(&self, name: &str) -> Ball {
        self.bound_value(name).unwrap_or_else(|| Ball::real(spread(self.point, name.bytes())))
    }

    /// A function of which only the letter is known: some number that depends on its arguments.
    fn applied(&mut self, name: &str, arguments: &[Node]) -> Ball {
        let mut sum = self.letter(&format!("{name}()"));
        for (place, argument) in arguments.iter().enumerate() {
            let weight = spread(self.point, format!("{name}({place})").bytes());
            let (cosine, _) = self.value(argument).times(Ball::real(weight)).turned();
            sum = sum.plus(cosine);
        }
        sum
    }

    fn power(&mut self, base: &Node, exponent: &Node) -> Ball {
        // A root written as a power: of a negative number it is real where the degree is odd.
        if let Node::Quotient(above, below) = exponent
            && let (Some(above), Some(below)) = (above.literal(), below.literal())
            && let (Some(above), Some(below)) = (above.to_i32(), below.to_u32())
            && (2..1000).contains(&below)
            && above.unsigned_abs() < 1000
        {
            return self.value(base).root(below).whole_power(above);
        }
        let base = self.value(base);
        let exponent = self.value(exponent);
        base.power(exponent)
    }

    fn call(&mut self, function: Function, arguments: &[Node]) -> Ball {
        let angle = matches!(
            function,
            Function::Sin | Function::Cos | Function::Tan | Function::Cot | Function::Sec | Function::Csc
        );
        let values: Vec<Ball> = arguments
            .iter()
            .map(|argument| {
                let value = self.value(argument);
                // Where there is a degree sign the angle is in degrees.
                let degrees = angle && argument.any(&|node| matches!(node, Node::Degrees(_)));
                if degrees { value.times(Ball::real(std::f64::consts::PI / 180.0)) } else { value }
            })
            .collect();
        match (function, values.as_slice()) {
            (Function::Log, [base, value]) => value.ln().times(base.ln().inverse()),
            (Function::Binomial, [total, chosen]) => gamma(total.plus(Ball::real(1.0)))
                .times(gamma(chosen.plus(Ball::real(1.0))).inverse())
                .times(gamma(total.plus(chosen.negative()).plus(Ball::real(1.0))).inverse()),
            (Function::Max, [first, rest @ ..]) => {
                rest.iter().fold(*first, |most, next| if next.real > most.real { *next } else { most })
            }
            (Function::Min, [first, rest @ ..]) => {
                rest.iter().fold(*first, |least, next| if next.real < least.real { *next } else { least })
            }
            (Function::Mod, [value, by]) => {
                let quotient = value.times(by.inverse()).mapped(f64::floor);
                value.plus(quotient.times(*by).negative())
            }
            (_, [value]) => single(function, *value),
            _ => unknown(),
        }
    }

    fn bound(&mut self, binder: Binder, variable: &str, parts: &[Node; 3]) -> Ball {
        let [lower, upper, body] = parts;
        match binder {
            Binder::Integral => {
                let (from, to) = (self.value(lower), self.value(upper));
                self.integral(variable, body, from, to)
            }
            Binder::Limit => self.limit(variable, body, lower),
            Binder::Sum | Binder::Product => unknown(),
        }
    }

    fn with(&mut self, variable: &str, value: f64, body: &Node) -> Ball {
        self.bound.push((variable.to_owned(), Ball { real: value, imaginary: 0.0, error: 0.0 }));
        let result = self.value(body);
        self.bound.pop();
        result
    }

    fn integral(&mut self, variable: &str, body: &Node, from: Ball, to: Ball) -> Ball {
        if !from.is_known() || !to.is_known() || from.imaginary != 0.0 || to.imaginary != 0.0 {
            return unknown();
        }
        let mut sums = [Ball::real(0.0); 2];
        for (sum, panels) in sums.iter_mut().zip([PANELS / 2, PANELS]) {
            let width = (to.real - from.real) / f64::from(panels);
            for panel in 0..panels {
                let middle = from.real + (f64::from(panel) + 0.5) * width;
                for (place, weight) in GAUSS {
                    let value = self.with(variable, middle + place * width / 2.0, body);
                    *sum = sum.plus(value.times(Ball::real(weight * width / 2.0)));
                }
            }
        }
        let [rough, mut fine] = sums;
        fine.error += fine.plus(rough.negative()).size() / 10.0;
        fine
    }

    /// A limit from both sides, by values ever nearer and what they tend to.
    fn limit(&mut self, variable: &str, body: &Node, at: &Node) -> Ball {
        let infinite = matches!(at, Node::Infinity);
        let sign = if matches!(at, Node::Negative(inner) if **inner == Node::Infinity) { -1.0 } else { 1.0 };
        let point = self.value(at).real;
        let mut near = |distance: f64| {
            let place = if infinite || sign < 0.0 { sign / distance } else { point + distance };
            self.with(variable, place, body)
        };
        // Two steps of extrapolation take away the terms of first and second order.
        let [far, middle, close] = [4e-3, 2e-3, 1e-3].map(&mut near);
        let first = close.plus(close).plus(middle.negative());
        let second = middle.plus(middle).plus(far.negative());
        let best = first.times(Ball::real(4.0)).plus(second.negative()).times(Ball::real(1.0 / 3.0));
        let mut result = best;
        result.error += best.plus(first.negative()).size() / 10.0 + 1e-9;
        result
    }
}

/// A value between -2.5 and 2.5, not too near to zero, that depends on the point and on the bytes.
fn spread(point: u64, bytes: impl Iterator<Item = u8>) -> f64 {
    let mut state = 0x9E37_79B9_7F4A_7C15u64 ^ point.wrapping_mul(0xD1B5_4A32_D192_ED03);
    for byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        state ^= state >> 29;
    }
    state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state ^= state >> 32;
    let unit = f64::from(u32::try_from(state >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    let size = 0.3 + 2.2 * unit;
    if state & 1 == 0 { size } else { -size }
}

fn single(function: Function, value: Ball) -> Ball {
    let real = value.imaginary.abs() <= value.error;
    match function {
        Function::Sin => value.turned().1,
        Function::Cos => value.turned().0,
        Function::Tan => value.turned().1.times(value.turned().0.inverse()),
        Function::Cot => value.turned().0.times(value.turned().1.inverse()),
        Function::Sec => value.turned().0.inverse(),
        Function::Csc => value.turned().1.inverse(),
        Function::Asin => value.mapped(f64::asin),
        Function::Acos => value.mapped(f64::acos),
        Function::Atan => value.mapped(f64::atan),
        Function::Sinh => value.mapped(f64::sinh),
        Function::Cosh => value.mapped(f64::cosh),
        Function::Tanh => value.mapped(f64::tanh),
        Function::Ln => value.ln(),
        Function::Abs => Ball { real: value.size(), imaginary: 0.0, error: value.error },
        Function::Floor if real => value.mapped(f64::floor),
        Function::Ceil if real => value.mapped(f64::ceil),
        Function::Factorial => gamma(value.plus(Ball::real(1.0))),
        _ => unknown(),
    }
}

/// The gamma function by the approximation of Lanczos (g = 7, nine terms), to about thirteen digits.
fn gamma(value: Ball) -> Ball {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let mut result = value.mapped(|place| {
        let lanczos = |place: f64| {
            let place = place - 1.0;
            let sum = TERMS.iter().enumerate().skip(1).fold(TERMS[0], |sum, (at, term)| {
                let at = u32::try_from(at).map_or(0.0, f64::from);
                sum + term / (place + at)
            });
            let shifted = place + 7.5;
            (2.0 * std::f64::consts::PI).sqrt() * shifted.powf(place + 0.5) * (-shifted).exp() * sum
        };
        if place < 0.5 {
            std::f64::consts::PI / ((std::f64::consts::PI * place).sin() * lanczos(1.0 - place))
        } else {
            lanczos(place)
        }
    });
    result.error += result.size() * 1e-12;
    result
}

/// The sign of an exact or a real value: -1, 0 or 1; `None` where it is not known.
pub fn sign(node: &Node) -> Option<i32> {
    if let Some(value) = node.literal() {
        return Some(if value.is_zero() {
            0
        } else if value.is_positive() {
            1
        } else {
            -1
        });
    }
    let value = Estimator::at(0).value(node);
    if !value.is_known() || value.imaginary.abs() > value.error {
        return None;
    }
    if value.real.abs() <= value.error { None } else { Some(if value.real > 0.0 { 1 } else { -1 }) }
}

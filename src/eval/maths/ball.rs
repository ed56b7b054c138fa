//! Complex numbers in double precision that know how far off they may be.

/// Relative error of one operation in double precision, with some room.
const STEP: f64 = 4.0 * f64::EPSILON;

/// A complex number and a bound on its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// The real part.
    pub real: f64,
    /// The imaginary part.
    pub imaginary: f64,
    /// How far the true value may be away.
    pub error: f64,
}

impl Ball {
    /// A real number that is exact up to its last place.
    pub fn real(value: f64) -> Self {
        Self::near(value, 0.0, 0.0)
    }

    /// The imaginary unit.
    pub const I: Self = Self { real: 0.0, imaginary: 1.0, error: 0.0 };

    fn near(real: f64, imaginary: f64, error: f64) -> Self {
        Self { real, imaginary, error: error + STEP * real.hypot(imaginary) }
    }

    /// The distance from zero.
    pub fn size(self) -> f64 {
        self.real.hypot(self.imaginary)
    }

    /// Whether it is a number at all, known to some digits.
    pub fn is_known(self) -> bool {
        let size = self.size();
        size.is_finite() && self.error.is_finite() && self.error <= 1e-6 * size.max(1.0)
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        Self::near(self.real + other.real, self.imaginary + other.imaginary, self.error + other.error)
    }

    /// The opposite.
    pub fn negative(self) -> Self {
        Self { real: -self.real, imaginary: -self.imaginary, error: self.error }
    }

    /// The product.
    pub fn times(self, other: Self) -> Self {
        let error = self.size() * other.error + other.size() * self.error + self.error * other.error;
        Self::near(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
            error,
        )
    }

    /// One over it; unknown around zero.
    pub fn inverse(self) -> Self {
        let size = self.size();
        if size <= 2.0 * self.error || size == 0.0 {
            return Self { real: f64::NAN, imaginary: f64::NAN, error: f64::INFINITY };
        }
        let error = 2.0 * self.error / (size * size);
        // Two divisions, so that squares of large numbers do not overflow.
        Self::near(self.real / size / size, -self.imaginary / size / size, error)
    }

    /// The exponential.
    pub fn exp(self) -> Self {
        let scale = self.real.exp();
        let error = scale * self.error * 2.0 + scale * STEP * self.size();
        Self::near(scale * self.imaginary.cos(), scale * self.imaginary.sin(), error)
    }

    /// The principal natural logarithm.
    pub fn ln(self) -> Self {
        let size = self.size();
        if size <= 2.0 * self.error || size == 0.0 {
            return Self { real: f64::NAN, imaginary: f64::NAN, error: f64::INFINITY };
        }
        Self::near(size.ln(), self.angle(), 2.0 * self.error / size + STEP)
    }

    /// The angle, taken as that of the real line where the imaginary part is within the error.
    fn angle(self) -> f64 {
        let imaginary = if self.imaginary.abs() <= self.error { 0.0 } else { self.imaginary };
        imaginary.atan2(self.real)
    }

    /// A whole power by repeated squares.
    pub fn whole_power(self, exponent: i32) -> Self {
        let mut result = Self::real(1.0);
        let mut square = self;
        let mut rest = exponent.unsigned_abs();
        while rest > 0 {
            if rest % 2 == 1 {
                result = result.times(square);
            }
            square = square.times(square);
            rest /= 2;
        }
        if exponent < 0 { result.inverse() } else { result }
    }

    /// The principal power.
    pub fn power(self, exponent: Self) -> Self {
        if exponent.imaginary == 0.0 && exponent.real.fract() == 0.0 && exponent.real.abs() < 1e6 {
            #[expect(clippy::cast_possible_truncation, reason = "the range was tested")]
            return self.whole_power(exponent.real as i32);
        }
        if self.size() <= self.error {
            let error = self.error.powf(exponent.real.max(0.0));
            return if exponent.real > 0.0 { Self::near(0.0, 0.0, error) } else { self.ln() };
        }
        self.ln().times(exponent).exp()
    }

    /// The root of a whole degree: for odd degrees a real number has a real one.
    pub fn root(self, degree: u32) -> Self {
        let exponent = Self::real(f64::from(degree)).inverse();
        if degree % 2 == 1 && self.imaginary.abs() <= self.error && self.real < 0.0 {
            return self.negative().power(exponent).negative();
        }
        self.power(exponent)
    }

    /// Cosine and sine.
    pub fn turned(self) -> (Self, Self) {
        let up = Self::I.times(self).exp();
        let down = Self::I.times(self).negative().exp();
        let half = Self::real(0.5);
        let cosine = up.plus(down).times(half);
        let sine = up.plus(down.negative()).times(half).times(Self::I.negative());
        (cosine, sine)
    }

    /// A real function of a real number with a bound on its slope.
    pub fn mapped(self, function: impl Fn(f64) -> f64) -> Self {
        if self.imaginary.abs() > self.error {
            return Self { real: f64::NAN, imaginary: f64::NAN, error: f64::INFINITY };
        }
        let value = function(self.real);
        let step = self.error.max(STEP * self.real.abs()).max(f64::MIN_POSITIVE);
        let slope = (function(self.real + step) - value).abs().max((value - function(self.real - step)).abs());
        Self::near(value, 0.0, slope)
    }

    /// Whether two may be the same number, given what is known of both.
    pub fn meets(self, other: Self) -> bool {
        let difference = self.plus(other.negative());
        difference.size() <= 8.0 * (self.error + other.error) + 1e-13 * self.size().max(other.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_by_half_gives_minus_one() {
        let half_turn = Ball::I.times(Ball::real(std::f64::consts::PI)).exp();
        assert!(half_turn.meets(Ball::real(-1.0)));
        let (cosine, sine) = Ball::real(std::f64::consts::FRAC_PI_6).turned();
        assert!(sine.meets(Ball::real(0.5)));
        assert!(cosine.meets(Ball::real(0.75).root(2)));
    }

    #[test]
    fn roots_of_negative_numbers() {
        assert!(Ball::real(-8.0).root(3).meets(Ball::real(-2.0)));
        assert!(Ball::real(-4.0).root(2).meets(Ball::I.times(Ball::real(2.0))));
    }

    #[test]
    fn what_cancels_is_not_known_to_be_equal() {
        let large = Ball::real(1e20);
        let difference = large.plus(Ball::real(1.0)).plus(large.negative());
        assert!(!difference.is_known());
    }
}

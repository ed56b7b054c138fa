//! Rotary positions: angles by position, and how they are stretched for long contexts.
//!
//! RoPE: Su et al., arXiv:2104.09864. Stretching: Llama 3's of `transformers`, YaRN (Peng et al., arXiv:2309.00071) and
//! LongRoPE (Ding et al., arXiv:2402.13753). Frequencies and angles are computed in 32 bits, as `transformers` does: at
//! position 10,000 a more exact angle would be another one than the model was trained with.

use std::f64::consts::PI;

/// How positions turn queries and keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// Numbers of a head that are rotated; the rest stay as they are.
    pub width: usize,
    /// Base of the frequencies.
    pub base: f64,
    /// Whether neighbours are rotated together, as the checkpoints of llama.cpp have it for Llama; else number `i` goes
    /// with the one half a width further.
    pub interleaved: bool,
    /// How the frequencies are stretched.
    pub scaling: Scaling,
}

/// How frequencies are stretched.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    /// Not at all.
    None,
    /// All by the same factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Low frequencies more than high ones.
    Llama3 {
        /// Factor of the lowest.
        factor: f64,
        /// Turns within the old context below which a frequency counts as low.
        low: f64,
        /// Turns above which it counts as high.
        high: f64,
        /// The old context.
        original: f64,
    },
    /// Low frequencies more than high ones, and attention sharpened.
    Yarn {
        /// Factor of the lowest.
        factor: f64,
        /// Turns within the old context above which a frequency stays.
        fast: f64,
        /// Turns below which it is stretched in full.
        slow: f64,
        /// The old context.
        original: f64,
        /// Factor of queries and keys.
        attention: f64,
    },
    /// Each by a factor of its own.
    Each {
        /// One factor a frequency.
        factors: Vec<f64>,
        /// Factor of queries and keys.
        attention: f64,
    },
}

/// Cosines and sines of some positions: for each `width / 2` cosines, then as many sines.
#[derive(Debug, Clone, PartialEq)]
pub struct Angles {
    /// The numbers of all positions in a row.
    pub table: Vec<f32>,
}

impl Rotation {
    /// Says what makes this no rotation.
    ///
    /// # Errors
    /// When the base or a factor is no positive number, or the factors are too few.
    pub fn check(&self) -> Result<(), String> {
        let factors = match &self.scaling {
            Scaling::None => Vec::new(),
            Scaling::Linear { factor } => vec![*factor],
            Scaling::Llama3 { factor, low, high, original } => vec![*factor, *low, *high - *low, *original],
            Scaling::Yarn { factor, fast, slow, original, attention } => {
                vec![*factor, *fast, *slow, *original, *attention]
            }
            Scaling::Each { factors, attention } => {
                if factors.len() != self.width / 2 {
                    return Err(format!("rope scaling: {} factors for {} frequencies", factors.len(), self.width / 2));
                }
                factors.iter().copied().chain([*attention]).collect()
            }
        };
        let is_sound = |number: &f64| number.is_finite() && *number > 0.0;
        if factors.iter().chain([&self.base]).all(is_sound) {
            Ok(())
        } else {
            Err("rope: base and scaling factors must be positive numbers".to_owned())
        }
    }

    /// The frequencies, in radians a position.
    pub fn frequencies(&self) -> Vec<f32> {
        let half = self.width / 2;
        (0..half)
            .map(|i| {
                let plain = 1.0 / (self.base as f32).powf((2 * i) as f32 / self.width as f32);
                let turns = |original: f64| original * f64::from(plain) / (2.0 * PI);
                match &self.scaling {
                    Scaling::None => plain,
                    Scaling::Linear { factor } => plain / *factor as f32,
                    Scaling::Llama3 { factor, low, high, original } => {
                        let kept = ((turns(*original) - low) / (high - low)).clamp(0.0, 1.0);
                        between(plain, *factor, kept)
                    }
                    Scaling::Yarn { factor, fast, slow, original, .. } => {
                        let [first, last] = self.bounds(*fast, *slow, *original);
                        let ramp = ((i as f64 - first) / (last - first)).clamp(0.0, 1.0);
                        between(plain, *factor, 1.0 - ramp)
                    }
                    Scaling::Each { factors, .. } => {
                        1.0 / (factors[i] as f32 * (self.base as f32).powf((2 * i) as f32 / self.width as f32))
                    }
                }
            })
            .collect()
    }

    /// Between which frequencies YaRN goes over from keeping to stretching.
    fn bounds(&self, fast: f64, slow: f64, original: f64) -> [f64; 2] {
        let width = self.width as f64;
        let at = |turns: f64| width * (original / (turns * 2.0 * PI)).ln() / (2.0 * self.base.ln());
        let first = at(fast).floor().max(0.0);
        let last = at(slow).ceil().min(width - 1.0);
        [first, if last == first { last + 0.001 } else { last }]
    }

    /// What cosines and sines are multiplied by.
    pub fn attention(&self) -> f32 {
        match self.scaling {
            Scaling::Yarn { attention, .. } | Scaling::Each { attention, .. } => attention as f32,
            _ => 1.0,
        }
    }

    /// The angles of some positions.
    pub fn angles(&self, frequencies: &[f32], positions: impl Iterator<Item = usize>) -> Angles {
        let attention = self.attention();
        let mut table = Vec::new();
        for position in positions {
            let turned = |turn: fn(f64) -> f64| {
                let angle = move |frequency: &f32| turn(f64::from(position as f32 * frequency)) as f32 * attention;
                frequencies.iter().map(angle)
            };
            table.extend(turned(f64::cos));
            table.extend(turned(f64::sin));
        }
        Angles { table }
    }
}

/// A frequency between the stretched one and the one that is kept.
fn between(plain: f32, factor: f64, kept: f64) -> f32 {
    let plain = f64::from(plain);
    (plain * kept + plain / factor * (1.0 - kept)) as f32
}

/// How much attention is sharpened for a context stretched by a factor, as YaRN has it.
pub fn sharpened(factor: f64, scale: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(scaling: Scaling) -> Rotation {
        Rotation { width: 8, base: 10_000.0, interleaved: false, scaling }
    }

    #[test]
    fn frequencies_fall_by_the_base_and_are_stretched_from_below() {
        let plain = rotation(Scaling::None).frequencies();
        for (made, expected) in plain.iter().zip([1.0, 0.1, 0.01, 0.001]) {
            assert!((made / expected - 1.0).abs() < 1e-6, "{made}");
        }
        let low = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 100.0 };
        // 15.9, 1.59, 0.159 and 0.0159 turns within 100 positions.
        let stretched = rotation(low).frequencies();
        assert_eq!((stretched[0], stretched[2], stretched[3]), (plain[0], plain[2] / 8.0, plain[3] / 8.0));
        assert!(stretched[1] < plain[1] && stretched[1] > plain[1] / 8.0);
        let each = rotation(Scaling::Each { factors: vec![1.0, 2.0, 4.0, 8.0], attention: 1.5 });
        assert_eq!((each.frequencies()[0], each.attention()), (plain[0], 1.5));
        assert!((each.frequencies()[3] / plain[3] - 0.125).abs() < 1e-6);
    }

    #[test]
    fn angles_stand_position_by_position() {
        let rotation = rotation(Scaling::None);
        let angles = rotation.angles(&rotation.frequencies(), [0, 3].into_iter());
        assert_eq!(angles.table[..8], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((angles.table[8] - 3f32.cos()).abs() < 1e-7 && (angles.table[12] - 3f32.sin()).abs() < 1e-7);
    }

    #[test]
    fn factors_are_checked() {
        let wrong = [
            Scaling::Linear { factor: 0.0 },
            Scaling::Each { factors: vec![1.0; 3], attention: 1.0 },
            Scaling::Llama3 { factor: 8.0, low: 4.0, high: 4.0, original: 8192.0 },
        ];
        assert!(wrong.into_iter().all(|scaling| rotation(scaling).check().is_err()));
    }
}

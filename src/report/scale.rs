//! Values to places along an axis, and the ticks that are labelled there.

use super::chart::Scale;

/// An axis with its bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Ruler {
    /// The axis that holds all values with a little room. Without values it runs from 0 to 1, so that an empty chart
    /// still has its frame.
    pub fn over(scale: Scale, values: &[f64]) -> Self {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let low = finite.clone().fold(f64::INFINITY, f64::min);
        let high = finite.fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Ruler { scale: Scale::FromZero, low: 0.0, high: 1.0 };
        }
        match scale {
            Scale::Log10 | Scale::Log2 if low > 0.0 => {
                let room = (high / low).powf(0.1).max(1.15);
                Ruler { scale, low: low / room, high: high * room }
            }
            Scale::Nines => {
                let high = values.iter().copied().filter(|value| *value < 1.0).fold(0.5, f64::max);
                // A fifth of a nine is room enough.
                Ruler { scale, low: 0.0, high: 1.0 - (1.0 - high) * 0.63 }
            }
            Scale::FromZero | Scale::Count => {
                let high = if high > 0.0 { high * 1.08 } else { 1.0 };
                Ruler { scale, low: low.min(0.0), high }
            }
            // A logarithm has no place for zero, so the axis falls back to even steps.
            Scale::Linear | Scale::Log10 | Scale::Log2 => {
                let room = if high > low { (high - low) * 0.1 } else { high.abs().max(1e-9) * 0.2 };
                let floor = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
                Ruler { scale: Scale::Linear, low: floor, high: high + room }
            }
        }
    }

    /// The axis with exactly these bounds.
    pub fn between(scale: Scale, low: f64, high: f64) -> Self {
        Ruler { scale, low, high }
    }

    /// Where a value lies, 0 at the low end and 1 at the high one.
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Log10 | Scale::Log2 => (value / self.low).ln() / (self.high / self.low).ln(),
            Scale::FromZero | Scale::Count | Scale::Linear => (value - self.low) / (self.high - self.low),
            // The greatest value has all shares below it: it stands at the end.
            Scale::Nines if value >= 1.0 => 1.0,
            Scale::Nines => (1.0 - value).log10() / (1.0 - self.high).log10(),
        };
        if place.is_finite() { place.clamp(-0.01, 1.01) } else { 0.0 }
    }

    /// Round values inside the bounds, about `wished` of them.
    pub fn ticks(&self, wished: usize) -> Vec<f64> {
        match self.scale {
            Scale::Log10 | Scale::Log2 => self.log_ticks(wished),
            Scale::FromZero | Scale::Count | Scale::Linear => self.even_ticks(wished),
            Scale::Nines => [0.5, 0.9, 0.99, 0.999, 0.9999].into_iter().filter(|share| *share < self.high).collect(),
        }
    }

    /// The label of a tick.
    pub fn label(&self, value: f64) -> String {
        if self.scale == Scale::Nines { format!("p{}", tick(100.0 * value)) } else { tick(value) }
    }

    fn even_ticks(&self, wished: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wished.max(1) as f64;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|nice| nice * decade).find(|step| *step >= rough * 0.999);
        let least = if self.scale == Scale::Count { 1.0 } else { 0.0 };
        let Some(step) = step.map(|step| step.max(least)).filter(|step| step.is_finite() && *step > 0.0) else {
            return Vec::new();
        };
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    fn log_ticks(&self, wished: usize) -> Vec<f64> {
        let within = |value: &f64| *value >= self.low && *value <= self.high;
        let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
        // The finest set of round values that does not crowd the axis.
        for nice in [&[1.0, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]] {
            let ticks: Vec<f64> = decades
                .clone()
                .flat_map(|decade| nice.iter().map(move |nice| nice * 10f64.powi(decade)))
                .filter(within)
                .collect();
            if ticks.len() <= wished + 1 {
                return ticks;
            }
        }
        let stride = (self.high / self.low).log10().ceil() as usize / wished.max(1) + 1;
        decades.step_by(stride).map(|decade| 10f64.powi(decade)).filter(within).collect()
    }
}

/// A tick's label: as short as it can be without becoming wrong.
pub fn tick(value: f64) -> String {
    let size = value.abs();
    let (scaled, letter) = match size {
        _ if size >= 1e9 => (value / 1e9, " G"),
        _ if size >= 1e6 => (value / 1e6, " M"),
        _ if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let text = if scaled == 0.0 { "0".to_owned() } else { crate::units::figure(Some(scaled)) };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let ruler = Ruler::over(Scale::FromZero, &[3790.0, 122.0]);
        assert_eq!(ruler.ticks(5), [0.0, 1000.0, 2000.0, 3000.0, 4000.0]);
        let ruler = Ruler::over(Scale::Log10, &[41.0, 3120.0]);
        assert_eq!(ruler.ticks(4), [30.0, 100.0, 300.0, 1000.0, 3000.0]);
        assert!((3..=6).contains(&Ruler::over(Scale::Log10, &[1e-3, 1e12]).ticks(4).len()));
    }

    #[test]
    fn odd_values_still_make_an_axis() {
        for values in [&[][..], &[0.0], &[5.0], &[f64::NAN], &[0.0, 0.0]] {
            for scale in [Scale::Nines, Scale::Count, Scale::FromZero, Scale::Linear, Scale::Log10, Scale::Log2] {
                let ruler = Ruler::over(scale, values);
                assert!(ruler.high > ruler.low, "{scale:?} {values:?}");
                assert!(ruler.ticks(5).len() < 12);
                assert!((-0.02..=1.02).contains(&ruler.place(0.0)));
            }
        }
    }

    #[test]
    fn each_nine_is_as_wide_as_the_one_before() {
        let ruler = Ruler::over(Scale::Nines, &[0.1, 0.9, 0.999, 1.0]);
        let width = ruler.place(0.99) - ruler.place(0.9);
        assert!((ruler.place(0.999) - ruler.place(0.99) - width).abs() < 1e-9);
        assert_eq!((ruler.place(0.0), ruler.place(1.0)), (0.0, 1.0));
        assert_eq!(ruler.ticks(5).iter().map(|q| ruler.label(*q)).collect::<Vec<_>>(), ["p50", "p90", "p99", "p99.9"]);
    }

    #[test]
    fn labels_are_short() {
        for (value, text) in
            [(0.5, "0.5"), (0.0, "0"), (1000.0, "1,000"), (20_000.0, "20 k"), (1.5e6, "1.5 M"), (0.1 + 0.2, "0.3")]
        {
            assert_eq!(tick(value), text);
        }
    }
}

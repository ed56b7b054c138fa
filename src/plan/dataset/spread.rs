//! How a length is spread over requests.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Where a length is drawn from, in tokens.
///
/// | JSON | meaning |
/// |---|---|
/// | `512` | always 512 |
/// | `[100, 900]` or `{"uniform": [100, 900]}` | each from 100 to 900 alike |
/// | `{"normal": {"mean": 500, "std": 100, "min": 1, "max": 4000}}` | normal, rounded, held between the bounds |
/// | `{"lognormal": {"mean": 500, "std": 400}}` | lognormal with this mean and standard deviation of the lengths |
/// | `{"values": [[128, 3], [1024, 1]]}` | 128 three times as often as 1024 |
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// Each length from the first to the second alike, both included.
    Uniform(u32, u32),
    /// Normal.
    Normal(Bell),
    /// Lognormal.
    Lognormal(Bell),
    /// Lengths with their weights.
    Values(Vec<(u32, f64)>),
}

/// Mean, standard deviation and bounds, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bell {
    /// Mean of what is drawn, before it is held between the bounds.
    pub mean: f64,
    /// Standard deviation of it.
    pub std: f64,
    /// Least length.
    #[serde(default = "one")]
    pub min: u32,
    /// Greatest length.
    #[serde(default = "most")]
    pub max: u32,
}

fn one() -> u32 {
    1
}

/// No prompt is longer than this.
fn most() -> u32 {
    16_777_216
}

/// A prompt length and a reply length that belong together, with the weight of the pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Tokens of the reply.
    pub reply: u32,
    /// How often, against the others.
    pub weight: f64,
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<f64>::deserialize(deserializer)?;
        let length = |value: f64| {
            let whole = value >= 1.0 && value <= f64::from(most()) && value.fract() == 0.0;
            whole.then_some(value as u32).ok_or_else(|| D::Error::custom(format!("{value} is no length in tokens")))
        };
        match numbers.as_slice() {
            [prompt, reply] => Ok(Pair { prompt: length(*prompt)?, reply: length(*reply)?, weight: 1.0 }),
            [prompt, reply, weight] if weight.is_finite() && *weight > 0.0 => {
                Ok(Pair { prompt: length(*prompt)?, reply: length(*reply)?, weight: *weight })
            }
            _ => Err(D::Error::custom(
                "a pair is [prompt length, reply length] or [prompt length, reply length, weight]",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Spread::of(&value).map_err(D::Error::custom)
    }
}

impl Spread {
    fn of(value: &Value) -> Result<Spread, String> {
        let length = |value: &Value| {
            let length =
                value.as_u64().and_then(|length| u32::try_from(length).ok()).filter(|length| *length <= most());
            length.ok_or_else(|| format!("{value} is no length in tokens"))
        };
        let uniform = |bounds: &Value| match bounds.as_array().map(Vec::as_slice) {
            Some([min, max]) => match (length(min)?, length(max)?) {
                (min, max) if min <= max => Ok(Spread::Uniform(min, max)),
                _ => Err(format!("{bounds}: the first must not exceed the second")),
            },
            _ => Err(format!("{bounds}: two lengths are needed")),
        };
        match value {
            Value::Number(_) => length(value).map(|length| Spread::Uniform(length, length)),
            Value::Array(_) => uniform(value),
            Value::Object(fields) => match fields.iter().collect::<Vec<_>>().as_slice() {
                [(name, bounds)] if *name == "uniform" => uniform(bounds),
                [(name, bell)] if *name == "normal" => Bell::of(bell).map(Spread::Normal),
                [(name, bell)] if *name == "lognormal" => Bell::of(bell).map(Spread::Lognormal),
                [(name, values)] if *name == "values" => Self::values(values),
                _ => Err("a spread has one of the keys uniform, normal, lognormal, values".to_owned()),
            },
            _ => Err(format!("{value}: a length, two bounds, or an object with a spread is needed")),
        }
    }

    fn values(values: &Value) -> Result<Spread, String> {
        let pairs: Vec<(u32, f64)> =
            serde_json::from_value(values.clone()).map_err(|error| format!("values: {error}"))?;
        let sound = |(length, weight): &(u32, f64)| *length >= 1 && weight.is_finite() && *weight > 0.0;
        if pairs.is_empty() || !pairs.iter().all(sound) {
            return Err(
                "values: lengths of at least 1 with positive weights are needed: [[128, 3], [1024, 1]]".to_owned()
            );
        }
        Ok(Spread::Values(pairs))
    }

    /// Least and greatest length that can be drawn.
    pub fn bounds(&self) -> (u32, u32) {
        match self {
            Spread::Uniform(min, max) => (*min, *max),
            Spread::Normal(bell) | Spread::Lognormal(bell) => (bell.min, bell.max),
            Spread::Values(values) => {
                let lengths = || values.iter().map(|(length, _)| *length);
                (lengths().min().unwrap_or(1), lengths().max().unwrap_or(1))
            }
        }
    }
}

impl Bell {
    fn of(value: &Value) -> Result<Bell, String> {
        let bell: Bell = serde_json::from_value(value.clone()).map_err(|error| error.to_string().replace('`', ""))?;
        let sound = bell.mean.is_finite() && bell.mean > 0.0 && bell.std.is_finite() && bell.std >= 0.0;
        if !sound || bell.min > bell.max || bell.min == 0 {
            return Err("mean must be positive, std not negative, and 1 <= min <= max".to_owned());
        }
        Ok(bell)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Spread, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn every_spelling_is_read() {
        let bell = Bell { mean: 500.0, std: 90.0, min: 1, max: most() };
        for (value, spread) in [
            (json!(512), Spread::Uniform(512, 512)),
            (json!([1, 9]), Spread::Uniform(1, 9)),
            (json!({"uniform": [1, 9]}), Spread::Uniform(1, 9)),
            (json!({"normal": {"mean": 500, "std": 90}}), Spread::Normal(bell)),
            (json!({"lognormal": {"mean": 500, "std": 90, "max": 7}}), Spread::Lognormal(Bell { max: 7, ..bell })),
            (json!({"values": [[128, 3], [1024, 0.5]]}), Spread::Values(vec![(128, 3.0), (1024, 0.5)])),
        ] {
            assert_eq!(read(value.clone()), Ok(spread), "{value}");
        }
    }

    #[test]
    fn what_is_no_spread_is_refused() {
        for value in [
            json!(-1),
            json!("x"),
            json!([9, 1]),
            json!([1]),
            json!({"uniform": [1, 2], "normal": {}}),
            json!({"poisson": 3}),
            json!({"normal": {"mean": 0, "std": 1}}),
            json!({"normal": {"mean": 5, "std": 1, "mode": 2}}),
            json!({"values": []}),
            json!({"values": [[1, -1]]}),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn pairs_may_have_weights() -> Result<(), serde_json::Error> {
        let pairs: Vec<Pair> = serde_json::from_value(json!([[1024, 128], [16, 4, 0.5]]))?;
        assert_eq!(pairs[1], Pair { prompt: 16, reply: 4, weight: 0.5 });
        assert!(serde_json::from_value::<Pair>(json!([1.5, 2])).is_err());
        assert!(serde_json::from_value::<Pair>(json!([1, 2, 0])).is_err());
        Ok(())
    }
}

//! How the rows of a text become one vector: `modules.json` and what it names, as sentence-transformers writes them.

use std::path::{Component, Path};

use serde_json::{Map, Value};

use crate::error::{Failure, Result, known};
use crate::local::candle::chosen::config::{Fields, read};

/// What is taken of the rows of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The first row.
    Cls,
    /// The greatest number of each column.
    Max,
    /// The mean of each column.
    Mean,
    /// The sum of each column over the root of the number of rows.
    MeanSqrtLen,
    /// The mean of each column, the n-th row counting n times.
    WeightedMean,
    /// The last row.
    LastToken,
}

/// The modes by the names of `pooling_mode` and, in older files, of truth values.
const MODES: [(Mode, &str, &str); 6] = [
    (Mode::Cls, "cls", "pooling_mode_cls_token"),
    (Mode::Max, "max", "pooling_mode_max_tokens"),
    (Mode::Mean, "mean", "pooling_mode_mean_tokens"),
    (Mode::MeanSqrtLen, "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"),
    (Mode::WeightedMean, "weightedmean", "pooling_mode_weightedmean_tokens"),
    (Mode::LastToken, "lasttoken", "pooling_mode_lasttoken"),
];

/// How the rows of a text become one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooling {
    /// What is taken; the vectors of several stand one behind the other.
    pub modes: Vec<Mode>,
    /// Whether the vector is brought to the length 1.
    pub normalize: bool,
}

impl Pooling {
    /// The mean, normalised or not.
    pub fn mean(normalize: bool) -> Self {
        Pooling { modes: vec![Mode::Mean], normalize }
    }

    /// Reads what a folder says; where it says nothing it is the mean, as sentence-transformers has it.
    ///
    /// # Errors
    /// When a file cannot be read, or asks for something that is not served.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let path = folder.join("modules.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                tracing::info!(
                    "{}: there is no modules.json, so texts are embedded as the mean of their rows",
                    folder.display()
                );
                return Ok(Self::mean(false));
            }
            Err(error) => return Err(Failure::files(format!("{}: cannot be read", path.display())).because(error)),
        };
        let failed = |why: String| Failure::files(format!("{}: {why}", path.display()));
        let modules: Vec<Map<String, Value>> =
            serde_json::from_slice(&text).map_err(|error| failed("not a list of modules".to_owned()).because(error))?;
        let mut pooling = Pooling { modes: Vec::new(), normalize: false };
        for module in &modules {
            let module = Fields(module);
            let type_ = module.text("type").unwrap_or_default();
            match type_.rsplit('.').next() {
                Some("Transformer") => {}
                Some("Pooling") => {
                    let path = Path::new(module.text("path").unwrap_or_default());
                    // The list comes from the same stranger as the model; it may not point outside the folder.
                    if path.components().any(|part| !matches!(part, Component::Normal(_))) {
                        return Err(failed(format!("the path {} leads out of the folder", path.display())));
                    }
                    let within = folder.join(path).join("config.json");
                    let said = read(&within)?.ok_or_else(|| {
                        Failure::files(format!("{}: is not there", within.display()))
                            .hint("fetch the model again, its folders included")
                    })?;
                    let modes = modes(&said).map_err(|why| Failure::files(format!("{}: {why}", within.display())))?;
                    pooling.modes.extend(modes);
                }
                Some("Normalize") => pooling.normalize = true,
                _ => {
                    return Err(failed(format!("the module {type_:?} is not served"))
                        .hint("served are Transformer, Pooling and Normalize"));
                }
            }
        }
        if pooling.modes.is_empty() {
            return Err(failed("names no Pooling, so a text has no vector".to_owned()));
        }
        Ok(pooling)
    }

    /// The vector of a text out of its rows of `hidden` numbers, at least one row.
    pub fn pool(&self, rows: &[f32], hidden: usize) -> Vec<f32> {
        let mut vector = Vec::with_capacity(self.modes.len() * hidden);
        for mode in &self.modes {
            vector.extend(mode.pool(rows, hidden));
        }
        if self.normalize {
            let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt().max(1e-12);
            vector.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
        }
        vector
    }
}

fn modes(said: &Map<String, Value>) -> std::result::Result<Vec<Mode>, String> {
    let fields = Fields(said);
    let named = |name: &str| {
        let mode = MODES.iter().find(|(_, known, _)| *known == name).map(|(mode, ..)| *mode);
        mode.ok_or_else(|| {
            format!("pooling_mode: {name:?} is not served; served are {}", known(MODES.map(|(_, name, _)| name)))
        })
    };
    let wrong = || "pooling_mode: must be a name or a list of names".to_owned();
    let modes: Vec<Mode> = match fields.get("pooling_mode") {
        Some(Value::String(name)) => vec![named(name)?],
        Some(Value::Array(names)) => {
            names.iter().map(|name| named(name.as_str().ok_or_else(wrong)?)).collect::<std::result::Result<_, _>>()?
        }
        Some(_) => return Err(wrong()),
        None => MODES.iter().filter(|(.., flag)| fields.flag(flag)).map(|(mode, ..)| *mode).collect(),
    };
    Ok(if modes.is_empty() { vec![Mode::Mean] } else { modes })
}

impl Mode {
    fn pool(self, rows: &[f32], hidden: usize) -> Vec<f32> {
        let each = || rows.chunks_exact(hidden);
        let count = rows.len() / hidden;
        // In 64 bits, so that a long text loses nothing.
        let sum = |weight: &dyn Fn(usize) -> f64, over: f64| {
            let mut sums = vec![0.0f64; hidden];
            for (index, row) in each().enumerate() {
                let weight = weight(index);
                sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += weight * f64::from(*number));
            }
            sums.into_iter().map(|sum| (sum / over) as f32).collect()
        };
        match self {
            Mode::Cls => rows[..hidden].to_vec(),
            Mode::LastToken => rows[rows.len() - hidden..].to_vec(),
            Mode::Max => each().fold(vec![f32::NEG_INFINITY; hidden], |most, row| {
                most.iter().zip(row).map(|(most, number)| most.max(*number)).collect()
            }),
            Mode::Mean => sum(&|_| 1.0, count as f64),
            Mode::MeanSqrtLen => sum(&|_| 1.0, (count as f64).sqrt()),
            Mode::WeightedMean => sum(&|index| (index + 1) as f64, (count * (count + 1)) as f64 / 2.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    const KINDS: &str = "sentence_transformers.models.";

    fn read_from(modules: &Value, pooling: Option<&Value>) -> Outcome<Result<Pooling>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("modules.json"), modules.to_string())?;
        std::fs::create_dir(folder.path().join("1_Pooling"))?;
        if let Some(pooling) = pooling {
            std::fs::write(folder.path().join("1_Pooling/config.json"), pooling.to_string())?;
        }
        Ok(Pooling::of_folder(folder.path()))
    }

    fn module(kind: &str, path: &str) -> Value {
        json!({"type": format!("{KINDS}{kind}"), "path": path})
    }

    #[test]
    fn modes_come_by_name_and_by_flag() -> Outcome {
        let modules = json!([module("Transformer", ""), module("Pooling", "1_Pooling")]);
        for (said, expected) in [
            (json!({"pooling_mode": "cls"}), vec![Mode::Cls]),
            (json!({"pooling_mode": ["max", "lasttoken"]}), vec![Mode::Max, Mode::LastToken]),
            (json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}), vec![Mode::Cls, Mode::Mean]),
            (json!({"pooling_mode_cls_token": false}), vec![Mode::Mean]),
        ] {
            assert_eq!(read_from(&modules, Some(&said))??, Pooling { modes: expected, normalize: false });
        }
        let folder = tempfile::tempdir()?;
        assert_eq!(Pooling::of_folder(folder.path())?, Pooling::mean(false));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> Outcome {
        let chain =
            |kinds: &[&str]| Value::from(kinds.iter().map(|kind| module(kind, "1_Pooling")).collect::<Vec<_>>());
        let whole = chain(&["Transformer", "Pooling"]);
        for (modules, pooling, words) in [
            (&json!({}), None, "not a list of modules"),
            (&whole, None, "1_Pooling/config.json: is not there"),
            (&whole, Some(json!({"pooling_mode": "median"})), "pooling_mode: \"median\" is not served"),
            (&whole, Some(json!({"pooling_mode": 1})), "must be a name or a list"),
            (&chain(&["Transformer"]), None, "names no Pooling"),
            (&json!([module("Pooling", "../b")]), None, "the path ../b leads out of the folder"),
            (&chain(&["Dense"]), None, "models.Dense\" is not served"),
        ] {
            let failure = read_from(modules, pooling.as_ref())?.err().ok_or("read")?;
            assert!(failure.message.contains(words), "{failure}");
        }
        Ok(())
    }

    #[test]
    fn a_normalised_vector_has_the_length_1() {
        let rows = [3.0, 4.0, -1.0, 1.0];
        let vector = Pooling { modes: vec![Mode::Cls, Mode::WeightedMean], normalize: true }.pool(&rows, 2);
        let length: f32 = vector.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-6 && (vector[0] / vector[1] - 0.75).abs() < 1e-6, "{vector:?}");
        // (3 - 2) / 3 and (4 + 2) / 3.
        assert!((vector[2] / vector[3] - 1.0 / 6.0).abs() < 1e-6, "{vector:?}");
    }
}

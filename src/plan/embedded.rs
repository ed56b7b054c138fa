//! The model inside this program: which it is and how it is run.

use crate::error::{Failure, Result, known};

/// The model that is run where none is named.
pub const EMBEDDED_MODEL: &str = "random:tiny";

/// How weights may be held; `auto` is what the model is made of.
const DTYPES: [&str; 5] = ["auto", "f32", "f16", "bf16", "q8_0"];

/// The embedded model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddedSpec {
    /// A name such as `random:tiny`, or the folder or GGUF file of a model.
    pub model: String,
    /// Port to listen on; `None` takes a free one.
    pub port: Option<u16>,
    /// Seed of the weights that are drawn, and of replies whose request gives none.
    pub seed: u64,
    /// The name that requests ask for; that of the model when unset.
    pub served_name: Option<String>,
    /// How the model is run.
    pub engine: EngineSpec,
}

impl EmbeddedSpec {
    /// The name that requests ask for.
    pub fn name(&self) -> &str {
        self.served_name.as_deref().unwrap_or(&self.model)
    }
}

/// How the embedded model is run; what is unset is left to the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineSpec {
    /// How weights are held: `auto`, `f32`, `f16`, `bf16` or `q8_0`.
    pub dtype: Option<String>,
    /// Threads that compute, at least 1.
    pub threads: Option<usize>,
    /// Most tokens of prompt and reply together, at least 1.
    pub max_model_len: Option<usize>,
    /// Most requests that are worked on at once, at least 1.
    pub max_num_seqs: Option<usize>,
    /// Most requests that may wait; beyond that they are refused.
    pub max_waiting: Option<usize>,
    /// Most bytes of keys and values of all requests together.
    pub kv_cache_bytes: Option<u64>,
}

impl EngineSpec {
    /// The same, with so many GiB for keys and values, once every value is found to be sound.
    ///
    /// # Errors
    /// When one is not; the message names its flag.
    pub fn checked(mut self, kv_cache_gib: Option<f64>) -> Result<Self> {
        if let Some(dtype) = self.dtype.as_deref().filter(|dtype| !DTYPES.contains(dtype)) {
            return Err(Failure::usage(format!("--dtype {dtype}: weights are not held in this"))
                .hint(format!("known: {}", known(DTYPES))));
        }
        for (flag, value) in [
            ("--threads", self.threads),
            ("--max-model-len", self.max_model_len),
            ("--max-num-seqs", self.max_num_seqs),
        ] {
            if value == Some(0) {
                return Err(Failure::usage(format!("{flag} 0: must be at least 1")));
            }
        }
        if let Some(gib) = kv_cache_gib {
            let sound = gib > 0.0 && gib <= f64::from(1 << 20);
            if !sound {
                return Err(Failure::usage(format!("--kv-cache-gib {gib}: must be a number of GiB above 0"))
                    .hint("0.5 is half a GiB; leave it out to let the model decide"));
            }
            self.kv_cache_bytes = Some((gib * f64::from(1 << 30)) as u64);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_names_its_flag() {
        let none = EngineSpec::default;
        for (spec, gib, words) in [
            (EngineSpec { dtype: Some("int4".to_owned()), ..none() }, None, "--dtype int4"),
            (EngineSpec { threads: Some(0), ..none() }, None, "--threads 0"),
            (EngineSpec { max_model_len: Some(0), ..none() }, None, "--max-model-len 0"),
            (EngineSpec { max_num_seqs: Some(0), ..none() }, None, "--max-num-seqs 0"),
            (none(), Some(0.0), "--kv-cache-gib 0"),
            (none(), Some(f64::NAN), "--kv-cache-gib NaN"),
        ] {
            let message = spec.checked(gib).err().map(|failure| failure.message).unwrap_or_default();
            assert!(message.starts_with(words), "{words}: {message}");
        }
    }

    #[test]
    fn memory_is_given_in_gib() {
        let spec = EngineSpec { dtype: Some("q8_0".to_owned()), ..EngineSpec::default() };
        let bytes = spec.checked(Some(0.5)).ok().and_then(|spec| spec.kv_cache_bytes);
        assert_eq!(bytes, Some(512 << 20));
    }
}

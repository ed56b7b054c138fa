//! The flags of the model inside this program, named as vLLM names them where it has them.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::EngineSpec;

/// How the embedded model is run. What is serialised is laid over the profile under the same names.
#[derive(Debug, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct EngineFlags {
    /// How weights are held: auto, f32, f16, bf16 or q8_0 [default: auto]
    #[arg(long, help_heading = "Embedded model")]
    dtype: Option<String>,
    /// Threads that the model computes on [default: all processors, but one fewer in a load test]
    #[arg(long, value_name = "N", help_heading = "Embedded model")]
    threads: Option<usize>,
    /// Most tokens of prompt and reply together [default: what the model was made for]
    #[arg(long, value_name = "TOKENS", help_heading = "Embedded model")]
    max_model_len: Option<usize>,
    /// Most requests that are worked on at once [default: 256]
    #[arg(long, value_name = "N", help_heading = "Embedded model")]
    max_num_seqs: Option<usize>,
    /// Memory for keys and values of all requests together [default: 1]
    #[arg(long, value_name = "GIB", help_heading = "Embedded model")]
    kv_cache_gib: Option<f64>,
}

impl EngineFlags {
    /// How the model is run, with so many requests that may wait.
    ///
    /// # Errors
    /// When a value cannot be used; the message names the flag.
    pub(super) fn spec(&self, max_waiting: Option<usize>) -> Result<EngineSpec> {
        let spec = EngineSpec {
            dtype: self.dtype.clone(),
            threads: self.threads,
            max_model_len: self.max_model_len,
            max_num_seqs: self.max_num_seqs,
            max_waiting,
            kv_cache_bytes: None,
        };
        spec.checked(self.kv_cache_gib)
    }
}

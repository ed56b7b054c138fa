//! Weights in a folder as on Hugging Face.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use ::safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;

use super::{Checkpoint, Stored, map};
use crate::error::{Failure, Result};
use crate::local::candle::chosen::kernel::Kind;

/// The file of a model that is not cut into shards.
const WHOLE: &str = "model.safetensors";
/// What says in which shard each tensor lies.
const INDEX: &str = "model.safetensors.index.json";

/// The index of a sharded model; only the shards matter, for each says itself what it holds.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Maps the weights of a folder.
///
/// # Errors
/// When there are none, a shard is missing, a file is cut short or no safetensors file, or a number type is not served.
pub fn open(folder: &Path) -> Result<Checkpoint> {
    let mut tensors = BTreeMap::new();
    for name in shards(folder)? {
        read(&folder.join(name), &mut tensors)?;
    }
    Ok(Checkpoint::new(folder.display().to_string(), tensors))
}

fn shards(folder: &Path) -> Result<BTreeSet<String>> {
    if folder.join(WHOLE).is_file() {
        return Ok(BTreeSet::from([WHOLE.to_owned()]));
    }
    let path = folder.join(INDEX);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::files(format!("{}: holds neither {WHOLE} nor a readable {INDEX}", folder.display()))
            .because(error)
            .hint("give a folder as on Hugging Face, with safetensors weights, or a GGUF file")
    })?;
    let index: Index = serde_json::from_str(&text).map_err(|error| {
        Failure::files(format!("{}: not the index of a sharded model", path.display())).because(error)
    })?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    // The index comes from the same stranger as the weights; it may not point outside their folder.
    let plain =
        |name: &&String| !matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
    if let Some(name) = shards.iter().find(plain) {
        return Err(Failure::files(format!("{}: the shard {name:?} is not a file name", path.display())));
    }
    Ok(shards)
}

fn read(path: &Path, tensors: &mut BTreeMap<String, Stored>) -> Result<()> {
    let bytes = map(path)?;
    let parsed = SafeTensors::deserialize(&bytes).map_err(|error| {
        Failure::files(format!("{}: not a whole safetensors file", path.display()))
            .because(error)
            .hint("fetch it again; it may have been cut short")
    })?;
    for (name, view) in parsed.iter() {
        // Older files of encoders keep the numbers 0, 1, 2 and so on as a tensor.
        if name.ends_with("position_ids") {
            continue;
        }
        let kind = match view.dtype() {
            Dtype::F32 => Kind::F32,
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::BF16,
            other => {
                return Err(Failure::files(format!(
                    "{}: the tensor {name} is of the type {other:?}, which is not served",
                    path.display()
                ))
                .hint("served are F32, F16 and BF16; quantized models are read from GGUF files"));
            }
        };
        let stored = Stored { kind, dims: view.shape().to_vec(), bytes: bytes.slice_ref(view.data()) };
        tensors.insert(name.to_owned(), stored);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// A file with one tensor of two numbers.
    fn file(dtype: &str, offsets: &str, data: &[u8]) -> Vec<u8> {
        let header = format!(r#"{{"w":{{"dtype":"{dtype}","shape":[2],"data_offsets":{offsets}}}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    type Files<'a> = &'a [(&'a str, &'a [u8])];

    fn opened(files: Files<'_>) -> std::result::Result<Result<Checkpoint>, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes)?;
        }
        Ok(open(folder.path()))
    }

    #[test]
    fn shards_are_read_together() -> Outcome {
        let good = file("BF16", "[0,4]", &[1, 2, 3, 4]);
        let index = br#"{"metadata":{},"weight_map":{"w":"a.safetensors"}}"#;
        let checkpoint = opened(&[(INDEX, index), ("a.safetensors", &good)])??;
        let stored = checkpoint.take("w", &[2])?;
        assert_eq!((stored.kind, &stored.bytes[..]), (Kind::BF16, &[1, 2, 3, 4][..]));
        let missing = checkpoint.take("v", &[2]).err().ok_or("taken")?;
        assert!(missing.message.ends_with("the tensor v is missing"), "{missing}");
        let other = checkpoint.take("w", &[1, 2]).err().ok_or("taken")?;
        assert!(other.message.contains("has the shape [2], but the model's description asks for [1, 2]"), "{other}");
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> Outcome {
        let good = file("F32", "[0,8]", &[0; 8]);
        let huge = [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat();
        let cases: [(Files<'_>, &str); 9] = [
            (&[], "holds neither model.safetensors nor"),
            (&[(INDEX, b"{")], "not the index of a sharded model"),
            (&[(INDEX, br#"{"weight_map":{"w":"../a"}}"#)], "\"../a\" is not a file name"),
            (&[(INDEX, br#"{"weight_map":{"w":"gone.safetensors"}}"#)], "gone.safetensors: cannot be read"),
            (&[(WHOLE, &good[..good.len() - 1])], "not a whole safetensors file"),
            (&[(WHOLE, &good[..5])], "not a whole safetensors file"),
            (&[(WHOLE, &huge)], "not a whole safetensors file"),
            (&[(WHOLE, &file("F32", "[0,99999999999]", &[0; 8]))], "not a whole safetensors file"),
            (&[(WHOLE, &file("I64", "[0,16]", &[0; 16]))], "is of the type I64, which is not served"),
        ];
        for (files, words) in cases {
            let failure = opened(files)?.err().ok_or("opened")?;
            assert!(failure.message.contains(words), "{failure}");
        }
        Ok(())
    }
}

//! One file with everything, as llama.cpp reads it.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Every length and offset in it is a
//! stranger's word, so each is held against what is left of the file before anything is made from it.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use serde_json::{Number, Value};

use super::{Checkpoint, Stored, map};
use crate::error::{Failure, Result};
use crate::local::candle::chosen::convert;
use crate::local::candle::chosen::kernel::Kind;

const MAGIC: &[u8] = b"GGUF";
/// Bytes that the data of tensors is aligned to where the file does not say.
const ALIGNMENT: u64 = 32;
/// Arrays inside arrays that are followed.
const DEPTH: usize = 4;
/// Most sizes of a tensor.
const DIMS: u32 = 4;

/// A file: what it says of the model, and its tensors.
#[derive(Debug)]
pub struct Gguf {
    /// Settings by name, such as `llama.block_count`.
    pub settings: BTreeMap<String, Value>,
    /// Tensors by name.
    pub checkpoint: Checkpoint,
}

/// Maps a file.
///
/// # Errors
/// When it is no GGUF file, is cut short, or holds a type of numbers that is not served.
pub fn open(path: &Path) -> Result<Gguf> {
    let place = path.display().to_string();
    let failed = |why: String| {
        Failure::files(format!("{place}: not a whole GGUF file: {why}"))
            .hint("fetch it again; it may have been cut short")
    };
    let (settings, found) = read(&map(path)?).map_err(failed)?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in found {
        let Tensor { code, dims, bytes } = tensor;
        let Some(type_) = Type::of(code) else {
            return Err(Failure::files(format!(
                "{place}: the tensor {name} is of the type {code}, which is not served"
            ))
            .hint("served are F32, F16, BF16, Q4_0, Q5_0, Q8_0, Q4K, Q5K and Q6K; convert the model to one of them"));
        };
        let (kind, bytes) = match type_ {
            Type::As(kind) => (kind, bytes),
            // Their numbers are those of Q8_0 with fewer of them, so nothing is lost.
            Type::Q4_0 => (Kind::Q8_0, convert::q4_0_to_q8_0(&bytes)),
            Type::Q5_0 => (Kind::Q8_0, convert::q5_0_to_q8_0(&bytes)),
        };
        tensors.insert(name, Stored { kind, dims, bytes });
    }
    Ok(Gguf { settings, checkpoint: Checkpoint::new(place, tensors) })
}

impl Gguf {
    /// The setting of this name as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }

    /// The setting of this name as a list.
    pub fn list(&self, name: &str) -> Option<&[Value]> {
        self.settings.get(name)?.as_array().map(Vec::as_slice)
    }
}

/// The types of ggml that are read.
enum Type {
    /// One that the kernels know.
    As(Kind),
    Q4_0,
    Q5_0,
}

impl Type {
    fn of(code: u32) -> Option<Self> {
        Some(match code {
            0 => Type::As(Kind::F32),
            1 => Type::As(Kind::F16),
            2 => Type::Q4_0,
            6 => Type::Q5_0,
            8 => Type::As(Kind::Q8_0),
            12 => Type::As(Kind::Q4K),
            13 => Type::As(Kind::Q5K),
            14 => Type::As(Kind::Q6K),
            30 => Type::As(Kind::BF16),
            _ => return None,
        })
    }
}

/// Numbers of a block of a type, and its bytes. `None` for types that are unknown.
fn block(code: u32) -> Option<(u64, u64)> {
    Some(match code {
        0 => (1, 4),
        1 | 30 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}

/// A tensor as the file has it.
struct Tensor {
    code: u32,
    dims: Vec<usize>,
    bytes: Bytes,
}

type Contents = (BTreeMap<String, Value>, BTreeMap<String, Tensor>);

fn read(file: &Bytes) -> std::result::Result<Contents, String> {
    let mut reader = Reader { file, at: 0 };
    if reader.bytes(4)? != MAGIC {
        return Err("it does not begin with GGUF".to_owned());
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(format!("version {version} of the format is not read, only 2 and 3"));
    }
    let (tensors, settings) = (reader.u64()?, reader.u64()?);
    let mut found = BTreeMap::new();
    for _ in 0..settings {
        let name = reader.text()?;
        let type_ = reader.u32()?;
        let value = reader.value(type_, 0).map_err(|why| format!("{name}: {why}"))?;
        found.insert(name, value);
    }
    let mut headers = Vec::new();
    for _ in 0..tensors {
        headers.push(reader.header()?);
    }
    let alignment = found.get("general.alignment").and_then(Value::as_u64).unwrap_or(ALIGNMENT);
    if !alignment.is_power_of_two() {
        return Err(format!("general.alignment: {alignment} is not a power of two"));
    }
    let data = (reader.at as u64).next_multiple_of(alignment);
    let mut tensors = BTreeMap::new();
    for Header { name, code, dims, offset } in headers {
        let bytes = length(code, &dims)
            .and_then(|length| {
                let from = data.checked_add(offset)?;
                let to = from.checked_add(length)?;
                (to <= file.len() as u64).then(|| file.slice(from as usize..to as usize))
            })
            .ok_or_else(|| match block(code) {
                Some(_) => format!("the tensor {name} reaches beyond its end"),
                None => format!("the tensor {name} is of the type {code}, which is not known"),
            })?;
        tensors.insert(name, Tensor { code, dims, bytes });
    }
    Ok((found, tensors))
}

/// Bytes of a tensor; `None` where that is no number or the rows do not divide into blocks.
fn length(code: u32, dims: &[usize]) -> Option<u64> {
    let (numbers, bytes) = block(code)?;
    let row = *dims.last()? as u64;
    let rows = dims.iter().rev().skip(1).try_fold(1u64, |rows, size| rows.checked_mul(*size as u64))?;
    row.is_multiple_of(numbers).then(|| (row / numbers).checked_mul(bytes)?.checked_mul(rows)).flatten()
}

/// Where a tensor lies.
struct Header {
    name: String,
    code: u32,
    /// The outermost first; the file has them the other way round.
    dims: Vec<usize>,
    offset: u64,
}

/// What is left of the file.
struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: u64) -> std::result::Result<&'a [u8], String> {
        let left = &self.file[self.at..];
        let taken = usize::try_from(count).ok().and_then(|count| left.get(..count));
        let taken = taken.ok_or_else(|| format!("{count} bytes are missing at byte {}", self.at))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> std::result::Result<[u8; N], String> {
        let bytes = self.bytes(N as u64)?;
        bytes.try_into().map_err(|_| "a number is cut".to_owned())
    }

    fn u32(&mut self) -> std::result::Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> std::result::Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> std::result::Result<String, String> {
        let count = self.u64()?;
        let at = self.at;
        String::from_utf8(self.bytes(count)?.to_vec()).map_err(|_| format!("a text at byte {at} is not UTF-8"))
    }

    fn value(&mut self, type_: u32, depth: usize) -> std::result::Result<Value, String> {
        // JSON has no numbers that are not finite; nothing that is read here may be one.
        let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
        Ok(match type_ {
            0 => Value::from(u8::from_le_bytes(self.array()?)),
            1 => Value::from(i8::from_le_bytes(self.array()?)),
            2 => Value::from(u16::from_le_bytes(self.array()?)),
            3 => Value::from(i16::from_le_bytes(self.array()?)),
            4 => Value::from(self.u32()?),
            5 => Value::from(i32::from_le_bytes(self.array()?)),
            6 => float(f64::from(f32::from_le_bytes(self.array()?))),
            7 => Value::from(self.array::<1>()? != [0]),
            8 => Value::from(self.text()?),
            9 if depth < DEPTH => {
                let (type_, count) = (self.u32()?, self.u64()?);
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.value(type_, depth + 1)?);
                }
                Value::from(items)
            }
            9 => return Err(format!("arrays lie in each other more than {DEPTH} deep")),
            10 => Value::from(self.u64()?),
            11 => Value::from(i64::from_le_bytes(self.array()?)),
            12 => float(f64::from_le_bytes(self.array()?)),
            other => return Err(format!("a value of the unknown type {other}")),
        })
    }

    fn header(&mut self) -> std::result::Result<Header, String> {
        let name = self.text()?;
        let count = self.u32()?;
        if !(1..=DIMS).contains(&count) {
            return Err(format!("the tensor {name} has {count} sizes"));
        }
        let mut dims = Vec::new();
        for _ in 0..count {
            dims.push(usize::try_from(self.u64()?).map_err(|_| format!("the tensor {name} is too large"))?);
        }
        dims.reverse();
        Ok(Header { name, code: self.u32()?, dims, offset: self.u64()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// A file with three settings and one tensor of 2 by 32 numbers of the given type and data.
    fn file(code: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &3u32.to_le_bytes(), &1u64.to_le_bytes(), &3u64.to_le_bytes()].concat();
        bytes.extend([text("a.count"), 4u32.to_le_bytes().to_vec(), 7u32.to_le_bytes().to_vec()].concat());
        bytes.extend([text("a.name"), 8u32.to_le_bytes().to_vec(), text("x")].concat());
        let list = [9u32.to_le_bytes().to_vec(), 6u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec()].concat();
        bytes.extend([text("a.list"), list, 0.5f32.to_le_bytes().to_vec()].concat());
        bytes.extend([text("w"), 2u32.to_le_bytes().to_vec()].concat());
        bytes.extend([32u64.to_le_bytes(), 2u64.to_le_bytes()].concat());
        bytes.extend([&code.to_le_bytes()[..], &0u64.to_le_bytes()].concat());
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend_from_slice(data);
        bytes
    }

    fn opened(bytes: &[u8]) -> std::result::Result<Result<Gguf>, Box<dyn std::error::Error>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        Ok(open(file.path()))
    }

    #[test]
    fn settings_and_tensors_are_read() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let data: Vec<u8> = (0..68).collect();
        let gguf = opened(&file(8, &data))??;
        assert_eq!(gguf.settings["a.count"], 7);
        assert_eq!((gguf.text("a.name"), gguf.list("a.list")), (Some("x"), Some(&[Value::from(0.5)][..])));
        let stored = gguf.checkpoint.take("w", &[2, 32])?;
        assert_eq!((stored.kind, &stored.bytes[..]), (Kind::Q8_0, &data[..]));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let good = file(8, &[0; 68]);
        let with = |at: usize, bytes: &[u8]| [&good[..at], bytes, &good[at + bytes.len()..]].concat();
        for (bytes, words) in [
            (with(0, b"GGML"), "does not begin with GGUF"),
            (with(4, &[1]), "version 1 of the format"),
            (good[..good.len() - 1].to_vec(), "the tensor w reaches beyond its end"),
            (good[..40].to_vec(), "bytes are missing at byte"),
            // Counts and lengths beyond all bounds.
            (with(8, &u64::MAX.to_le_bytes()), "the tensor  has 0 sizes"),
            (with(16, &u64::MAX.to_le_bytes()), "missing at byte"),
            (with(24, &u64::MAX.to_le_bytes()), "18446744073709551615 bytes are missing at byte 32"),
            (file(16, &[0; 68]), "of the type 16, which is not known"),
            (file(10, &[0; 68]), "the tensor w reaches beyond its end"),
        ] {
            let failure = opened(&bytes)?.err().ok_or("opened")?;
            assert!(failure.message.contains(words), "{failure}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_byte_makes_it_panic(at in 0usize..300, byte: u8, cut in 0usize..300) {
            let mut bytes = file(8, &[0; 68]);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len().min(cut.max(at)));
            let _ = read(&Bytes::from(bytes));
        }
    }
}

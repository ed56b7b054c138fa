//! Numbers of one kind to another, when a model is loaded.

use bytes::Bytes;
use half::{bf16, f16};

use super::checkpoint::Stored;
use super::kernel::{Kind, Matrix};

/// Numbers of a block that share a scale.
const BLOCK: usize = 32;

/// Writes a matrix in another kind.
///
/// # Errors
/// In words, when its bytes do not fit its sizes or the kind cannot be made.
pub fn convert(stored: &Stored, outer: usize, inner: usize, kind: Kind) -> Result<Bytes, String> {
    if stored.kind == kind {
        return Ok(stored.bytes.clone());
    }
    let matrix = Matrix::new(stored.kind, outer, inner, stored.bytes.clone())?;
    let mut row = vec![0.0; inner];
    let mut bytes = Vec::new();
    for index in 0..outer {
        matrix.row(index, &mut row);
        encode(&row, kind, &mut bytes)?;
    }
    Ok(bytes.into())
}

/// Appends numbers in the given kind.
///
/// # Errors
/// In words, when the kind cannot be made or its blocks do not divide the numbers.
pub fn encode(numbers: &[f32], kind: Kind, bytes: &mut Vec<u8>) -> Result<(), String> {
    match kind {
        Kind::F32 => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
        Kind::F16 => bytes.extend(numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes())),
        Kind::BF16 => bytes.extend(numbers.iter().flat_map(|number| bf16::from_f32(*number).to_le_bytes())),
        Kind::Q8_0 => {
            let (blocks, rest) = numbers.as_chunks::<BLOCK>();
            if !rest.is_empty() {
                return Err(format!("rows of {} numbers do not divide into blocks of {BLOCK}", numbers.len()));
            }
            blocks.iter().for_each(|block| q8_0(block, bytes));
        }
        Kind::Q4K | Kind::Q5K | Kind::Q6K => {
            return Err("weights of this kind are read from GGUF files, not made".to_owned());
        }
    }
    Ok(())
}

/// A block of Q8_0 as ggml makes it: the scale is the greatest magnitude by 127.
fn q8_0(block: &[f32; BLOCK], bytes: &mut Vec<u8>) {
    let most = block.iter().fold(0.0f32, |most, number| most.max(number.abs()));
    let scale = most / 127.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    bytes.extend(f16::from_f32(scale).to_le_bytes());
    bytes.extend(block.iter().map(|number| ((number * inverse).round() as i8).cast_unsigned()));
}

/// Q4_0 (a scale, then pairs of 4 bits that mean -8 to 7) as Q8_0.
pub fn q4_0_to_q8_0(bytes: &[u8]) -> Bytes {
    let blocks = bytes.as_chunks::<18>().0;
    let numbers = |block: &[u8; 18]| {
        let low = (0..16).map(|i| (block[2 + i] & 15).wrapping_sub(8));
        let high = (0..16).map(|i| (block[2 + i] >> 4).wrapping_sub(8));
        low.chain(high).collect::<Vec<u8>>()
    };
    blocks.iter().flat_map(|block| block[..2].iter().copied().chain(numbers(block))).collect()
}

/// Q5_0 (a scale, 32 fifth bits, then pairs of 4 bits; together they mean -16 to 15) as Q8_0.
pub fn q5_0_to_q8_0(bytes: &[u8]) -> Bytes {
    let blocks = bytes.as_chunks::<22>().0;
    let numbers = |block: &[u8; 22]| {
        let fifth = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
        let bit = move |i: usize| ((fifth >> i & 1) as u8) << 4;
        let low = (0..16).map(|i| (block[6 + i] & 15 | bit(i)).wrapping_sub(16));
        let high = (0..16).map(|i| (block[6 + i] >> 4 | bit(16 + i)).wrapping_sub(16));
        low.chain(high).collect::<Vec<u8>>()
    };
    blocks.iter().flat_map(|block| block[..2].iter().copied().chain(numbers(block))).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor};

    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn numbers() -> Vec<f32> {
        (0..128).map(|i| ((i * 37 % 101) as f32 - 50.0) / 17.0).collect()
    }

    fn read(kind: Kind, bytes: Bytes) -> Result<Vec<f32>, String> {
        let matrix = Matrix::new(kind, 2, 64, bytes)?;
        let mut all = vec![0.0; 128];
        all.chunks_exact_mut(64).enumerate().for_each(|(index, row)| matrix.row(index, row));
        Ok(all)
    }

    #[test]
    fn numbers_stay_what_they_are_as_far_as_the_kind_goes() -> Outcome {
        for (kind, off) in [(Kind::F32, 0.0), (Kind::F16, 1e-3), (Kind::BF16, 8e-3), (Kind::Q8_0, 1.2e-2)] {
            let mut bytes = Vec::new();
            encode(&numbers(), kind, &mut bytes)?;
            for (made, given) in read(kind, bytes.into())?.iter().zip(numbers()) {
                assert!((made - given).abs() <= off, "{kind:?}: {made} for {given}");
            }
        }
        assert!(encode(&[0.0; 31], Kind::Q8_0, &mut Vec::new()).is_err());
        Ok(())
    }

    #[test]
    fn blocks_of_fewer_bits_are_kept_exactly() -> Outcome {
        let tensor = Tensor::from_vec(numbers(), (2, 64), &Device::Cpu)?;
        for (type_, widen) in [(GgmlDType::Q4_0, q4_0_to_q8_0 as fn(&[u8]) -> Bytes), (GgmlDType::Q5_0, q5_0_to_q8_0)] {
            let quantized = QTensor::quantize(&tensor, type_)?;
            let expected = quantized.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
            assert_eq!(read(Kind::Q8_0, widen(&quantized.data()?))?, expected, "{type_:?}");
        }
        Ok(())
    }

    #[test]
    fn q8_0_is_made_as_ggml_makes_it() -> Outcome {
        let tensor = Tensor::from_vec(numbers(), (2, 64), &Device::Cpu)?;
        let mut bytes = Vec::new();
        encode(&numbers(), Kind::Q8_0, &mut bytes)?;
        assert_eq!(bytes, QTensor::quantize(&tensor, GgmlDType::Q8_0)?.data()?.as_ref());
        Ok(())
    }
}

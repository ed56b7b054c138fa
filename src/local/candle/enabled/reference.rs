//! The network once more, in candle's plain operations, without a cache and all positions at once. It shares no loop
//! with the real one and is what that is checked against.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops;

use super::decoder::Decoder;

/// Logits after each of the tokens, `[tokens, vocabulary]`.
pub fn logits(decoder: &Decoder, tokens: &[u32]) -> Result<Tensor> {
    let shape = &decoder.shape;
    let ids = Tensor::new(tokens, &Device::Cpu)?;
    let mut x = decoder.embedding.index_select(&ids, 0)?;
    for block in &decoder.blocks {
        let qkv = norm(&x)?.matmul(&plain(&block.asking)?)?;
        let heads = |from: usize, count: usize| {
            qkv.narrow(1, from, count * shape.head)?.reshape((tokens.len(), count, shape.head))?.transpose(0, 1)
        };
        let (cos, sin) = angles(shape.head, tokens.len())?;
        let turn = |x: Tensor| candle_nn::rotary_emb::rope(&x.contiguous()?.unsqueeze(0)?, &cos, &sin)?.squeeze(0);
        let q = turn(heads(0, shape.heads)?)?;
        let k = spread(&turn(heads(shape.asking(), shape.kv_heads)?)?, shape.heads / shape.kv_heads)?;
        let v = spread(&heads(shape.asking() + shape.asked(), shape.kv_heads)?, shape.heads / shape.kv_heads)?;
        let scores = (q.matmul(&k.transpose(1, 2)?)? / (shape.head as f64).sqrt())?;
        let weights = ops::softmax(&scores.broadcast_add(&mask(tokens.len())?)?, D::Minus1)?;
        let mixed = weights.matmul(&v)?.transpose(0, 1)?.reshape((tokens.len(), shape.asking()))?;
        x = (x + mixed.matmul(&plain(&block.mixing)?)?)?;
        let opened = norm(&x)?.matmul(&plain(&block.opening)?)?;
        x = (x + ops::swiglu(&opened)?.matmul(&plain(&block.closing)?)?)?;
    }
    norm(&x)?.matmul(&plain(&decoder.head)?)?.narrow(1, 0, decoder.vocabulary)
}

fn norm(x: &Tensor) -> Result<Tensor> {
    let mean = x.sqr()?.mean_keepdim(1)?;
    x.broadcast_div(&(mean + 1e-6)?.sqrt()?)
}

/// A matrix out of its panels.
fn plain(panels: &Tensor) -> Result<Tensor> {
    let (count, inner, panel) = panels.dims3()?;
    panels.transpose(0, 1)?.reshape((inner, count * panel))?.contiguous()
}

fn spread(heads: &Tensor, times: usize) -> Result<Tensor> {
    let (count, tokens, width) = heads.dims3()?;
    heads.unsqueeze(1)?.expand((count, times, tokens, width))?.reshape((count * times, tokens, width))?.contiguous()
}

fn mask(tokens: usize) -> Result<Tensor> {
    let row = |i: usize| (0..tokens).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 });
    Tensor::from_vec((0..tokens).flat_map(row).collect(), (tokens, tokens), &Device::Cpu)
}

fn angles(head: usize, tokens: usize) -> Result<(Tensor, Tensor)> {
    let base: Vec<f32> = (0..head / 2).map(|i| 1.0 / 10_000f32.powf(2.0 * i as f32 / head as f32)).collect();
    let base = Tensor::from_vec(base, (1, head / 2), &Device::Cpu)?;
    let positions: Vec<f32> = (0..tokens).map(|position| position as f32).collect();
    let angles = Tensor::from_vec(positions, (tokens, 1), &Device::Cpu)?.matmul(&base)?;
    Ok((angles.cos()?, angles.sin()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::candle::chosen::cache::Cache;
    use crate::local::candle::chosen::catalog;
    use crate::local::candle::chosen::decoder::Row;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    fn stepwise(decoder: &Decoder, tokens: &[u32], chunk: usize) -> Result<Vec<Vec<f32>>> {
        let mut caches = [Cache::new(&decoder.shape, tokens.len())];
        let mut all = Vec::new();
        for tokens in tokens.chunks(chunk) {
            let rows: Vec<Row> = tokens.iter().map(|token| Row { slot: 0, token: *token, wanted: true }).collect();
            if let Some(logits) = decoder.forward(&rows, &mut caches)? {
                all.extend(logits.narrow(1, 0, decoder.vocabulary)?.to_vec2::<f32>()?);
            }
        }
        Ok(all)
    }

    #[test]
    fn stepwise_with_a_cache_equals_all_at_once_without() -> Outcome {
        for name in ["random:tiny", "random:small"] {
            let decoder = Decoder::draw(catalog::find(name)?, 300, 7)?;
            let tokens: Vec<u32> = (0..90).map(|i| i * 37 % 300).collect();
            let whole = logits(&decoder, &tokens)?.to_vec2::<f32>()?;
            let single = stepwise(&decoder, &tokens, 1)?;
            let far = whole.iter().flatten().zip(single.iter().flatten()).map(|(a, b)| (a - b).abs());
            let far = far.fold(0.0, f32::max);
            assert!(far < 1e-4, "{name}: logits differ by {far}");
            // Chunks differ by nothing at all.
            assert_eq!(single, stepwise(&decoder, &tokens, 13)?);
        }
        Ok(())
    }
}

//! What is made of the rows of a step: a vector of each text, or a score of each pair.

use candle_core::{DType, Device, Result, Tensor};

use super::config::{Family, Shape};
use super::pooling::Pooling;
use super::text::Text;
use crate::local::candle::chosen::machine::Machine;
use crate::local::candle::chosen::network::Linear;

/// What is made of the rows of a text.
pub enum Head {
    /// One vector.
    Vector(Pooling),
    /// A score, alone in its vector.
    Score(Scorer),
}

/// The head of a cross-encoder.
pub struct Scorer {
    /// What the first row goes through.
    pub pooler: Linear,
    /// To the logit.
    pub score: Linear,
    /// Whether the score is the share that the logit stands for.
    pub sigmoid: bool,
}

impl Head {
    /// The vectors of texts out of their rows, `[rows, hidden]`.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, rows: &Tensor, texts: &[Text], shape: &Shape, machine: &Machine) -> Result<Vec<Vec<f32>>> {
        match self {
            Head::Vector(pooling) => {
                let numbers = rows.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
                let mut rest = numbers.as_slice();
                let pool = |text: &Text| {
                    let (own, after) = rest.split_at(text.tokens.len() * shape.hidden);
                    rest = after;
                    pooling.pool(own, shape.hidden)
                };
                Ok(texts.iter().map(pool).collect())
            }
            Head::Score(scorer) => {
                let mut first = 0;
                let starts = texts.iter().map(|text| {
                    let start = first;
                    first += text.tokens.len() as u32;
                    start
                });
                let starts = Tensor::from_iter(starts, &machine.device())?;
                let logits = scorer.forward(&rows.index_select(&starts, 0)?, shape.family, machine)?;
                let logits = logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
                let score = |logit: f32| if scorer.sigmoid { 1.0 / (1.0 + (-logit).exp()) } else { logit };
                Ok(logits.into_iter().map(|logit| vec![score(logit)]).collect())
            }
        }
    }

    /// Bytes of its matrices.
    pub fn bytes(&self) -> usize {
        match self {
            Head::Vector(_) => 0,
            Head::Score(scorer) => scorer.pooler.bytes() + scorer.score.bytes(),
        }
    }
}

impl Scorer {
    fn forward(&self, rows: &Tensor, family: Family, machine: &Machine) -> Result<Tensor> {
        let pooled = self.pooler.forward(rows, machine)?;
        let pooled = match family {
            Family::Bert | Family::Roberta => pooled.tanh()?,
            Family::DistilBert => pooled.relu()?,
        };
        self.score.forward(&pooled, machine)
    }
}

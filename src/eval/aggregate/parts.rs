//! Parts to a whole: the micro mean, where each sample counts the same, and the macro mean, where each part does.

/// A part with its figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The figure.
    pub score: f64,
    /// Samples in it.
    pub num: u64,
}

/// The mean weighted by samples; the plain mean where no part has any, `None` without parts.
pub fn micro(parts: &[Part]) -> Option<f64> {
    let total: u64 = parts.iter().map(|part| part.num).sum();
    if total == 0 {
        return macro_(parts);
    }
    Some(parts.iter().map(|part| part.score * part.num as f64).sum::<f64>() / total as f64)
}

/// The plain mean of the parts; `None` without any.
pub fn macro_(parts: &[Part]) -> Option<f64> {
    (!parts.is_empty()).then(|| parts.iter().map(|part| part.score).sum::<f64>() / parts.len() as f64)
}

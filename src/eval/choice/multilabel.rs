//! F1 over several labels a sample.

/// The F1 of all samples together, three ways, and the share of samples whose labels are all right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiLabelFigures {
    /// Mean of the F1 of each label, weighted by how often the label is right.
    pub f1_weighted: f64,
    /// F1 of the summed counts.
    pub f1_micro: f64,
    /// Mean of the F1 of each label.
    pub f1_macro: f64,
    /// Share of samples with exactly the right labels.
    pub exact_match: f64,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    hits: usize,
    wrong: usize,
    missed: usize,
}

impl Counts {
    /// 2 hits / (2 hits + wrong + missed), 0 where nothing was hit.
    fn f1(self) -> f64 {
        if self.hits == 0 {
            return 0.0;
        }
        2.0 * self.hits as f64 / (2 * self.hits + self.wrong + self.missed) as f64
    }

    fn count(&mut self, chosen: bool, right: bool) {
        self.hits += usize::from(chosen && right);
        self.wrong += usize::from(chosen && !right);
        self.missed += usize::from(!chosen && right);
    }
}

/// F1 of the letters of one sample.
pub fn letters_f1(prediction: &str, reference: &str, labels: &[char]) -> f64 {
    let mut counts = Counts::default();
    for label in labels {
        counts.count(prediction.contains(*label), reference.contains(*label));
    }
    counts.f1()
}

/// The figures of pairs of predicted and right letters (`AC`, `A`); letters that are no label are passed over.
pub fn multi_label_figures(pairs: &[(&str, &str)], labels: &[char]) -> MultiLabelFigures {
    let mut each = vec![Counts::default(); labels.len()];
    let mut all = Counts::default();
    let mut exact = 0;
    for (prediction, reference) in pairs {
        for (label, counts) in labels.iter().zip(&mut each) {
            let (chosen, right) = (prediction.contains(*label), reference.contains(*label));
            counts.count(chosen, right);
            all.count(chosen, right);
        }
        exact += usize::from(labels.iter().all(|label| prediction.contains(*label) == reference.contains(*label)));
    }
    let share = |part: f64, whole: usize| if whole == 0 { 0.0 } else { part / whole as f64 };
    let support: usize = each.iter().map(|counts| counts.hits + counts.missed).sum();
    MultiLabelFigures {
        f1_weighted: share(each.iter().map(|c| c.f1() * (c.hits + c.missed) as f64).sum(), support),
        f1_micro: all.f1(),
        f1_macro: share(each.iter().map(|c| c.f1()).sum(), labels.len()),
        exact_match: share(exact as f64, pairs.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_means_of_f1() {
        let figures = multi_label_figures(&[("AB", "AB"), ("A", "B"), ("", "C")], &['A', 'B', 'C']);
        // A: 1 hit, 1 wrong; B: 1 hit, 1 missed; C: 1 missed.
        assert!((figures.f1_macro - (2.0 / 3.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!((figures.f1_micro - 4.0 / 7.0).abs() < 1e-12);
        assert!((figures.f1_weighted - (2.0 / 3.0 + 2.0 * 2.0 / 3.0) / 4.0).abs() < 1e-12);
        assert!((figures.exact_match - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(letters_f1("AC", "A", &['A', 'B', 'C']), 2.0 / 3.0);
    }

    #[test]
    fn nothing_is_no_division() {
        assert_eq!(multi_label_figures(&[], &[]).f1_weighted, 0.0);
    }
}

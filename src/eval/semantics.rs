//! What a metric means to whoever shows it: EvalScope's kinds, directions and units.

use serde_json::{Value, json};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Semantics {
    /// EvalScope's name of the meaning.
    pub id: &'static str,
    /// What people read.
    pub name: &'static str,
    /// How it is shown.
    pub shown: Shown,
    /// Which way is better.
    pub better: Better,
}

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// A share, as percent with one decimal.
    Percent,
    /// A number with so many decimals.
    Number(u8),
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More.
    Higher,
    /// Less.
    Lower,
    /// Neither: it says how something went, not how well.
    Neither,
}

const fn share(id: &'static str, name: &'static str) -> Semantics {
    Semantics { id, name, shown: Shown::Percent, better: Better::Higher }
}

const fn failure(id: &'static str, name: &'static str) -> Semantics {
    Semantics { id, name, shown: Shown::Percent, better: Better::Lower }
}

/// The meaning of a metric by its name and how it was made.
pub fn of(metric: &str, aggregation: &str) -> Semantics {
    match aggregation {
        "pass_at_k" | "pass_hat_k" => return share("quality.pass_at_k.ratio", "Pass@k"),
        "bayes_at_n" => return share("quality.posterior_mean.ratio", "Bayes@N posterior mean"),
        "bayes_at_n_sd" => {
            return Semantics {
                id: "diagnostic.posterior_sd.ratio",
                name: "Bayes@N posterior SD",
                shown: Shown::Number(4),
                better: Better::Neither,
            };
        }
        _ => {}
    }
    let name = metric.split('[').next().unwrap_or(metric);
    match name {
        "f1" | "f1_macro" | "f1_micro" | "f1_weighted" | "simple_f1_score" | "tool_call_f1" => {
            share("quality.f1.ratio", "F1")
        }
        "precision" | "boundary_precision" => share("quality.precision.ratio", "Precision"),
        "recall" => share("quality.recall.ratio", "Recall"),
        "exact_match" | "Act.EM" | "Plan.EM" | "act_em" | "plan_em" => {
            share("quality.exact_match.ratio", "Exact Match")
        }
        "strict_pass" | "pass_rate" => share("quality.pass_at_k.ratio", "Pass@k"),
        "required_coverage" | "coverage_score" => share("quality.coverage.ratio", "Coverage"),
        "iou" => share("quality.iou.ratio", "IoU"),
        "bleu" => share("quality.bleu.ratio", "BLEU"),
        "rouge" | "rouge_l" | "Rouge-L" => share("quality.rouge.ratio", "ROUGE"),
        "meteor" => share("quality.meteor.ratio", "METEOR"),
        "cider" => {
            Semantics { id: "quality.cider.unbounded", name: "CIDEr", shown: Shown::Number(3), better: Better::Higher }
        }
        "wer" => failure("quality.wer.ratio", "WER"),
        "cer" => failure("quality.cer.ratio", "CER"),
        "mer" => failure("quality.mer.ratio", "MER"),
        "HalluRate" | "hallucination_rate" | "error_rate" | "distractor_leakage" | "invalid_path_rate"
        | "bias_ratio" => failure("quality.error_rate.ratio", "Error Rate"),
        "anls" | "score" | "normalized_score" | "eq_bench_score" | "mrcr_score" | "partial_credit" | "contains_all"
        | "vqa_score" | "mix_metric" | "capability" => share("quality.score.ratio", "Score"),
        "net_match_score" | "judge_score" => Semantics {
            id: "quality.judge_score.unbounded",
            name: "Judge Score",
            shown: Shown::Number(2),
            better: Better::Higher,
        },
        "nll" | "brier" | "ece" | "rps" | "aurc" | "mae" => {
            Semantics { id: "quality.loss.unbounded", name: "Loss", shown: Shown::Number(4), better: Better::Lower }
        }
        "yes_ratio" | "maybe_ratio" | "inference_error_rate" | "response_present" => Semantics {
            id: "diagnostic.parse_status.ratio",
            name: "Parse Status",
            shown: Shown::Percent,
            better: Better::Neither,
        },
        "avg_reason_lens" | "no_answer_num" | "count_finish_reason_tool_call" | "count_successful_tool_call" => {
            Semantics { id: "diagnostic.count.items", name: "Count", shown: Shown::Number(0), better: Better::Neither }
        }
        name if name.contains("acc") || name.contains("level_") || name.ends_with("_rate") => {
            share("quality.accuracy.ratio", "Accuracy")
        }
        _ => Semantics {
            id: "diagnostic.unspecified",
            name: "Unspecified",
            shown: Shown::Number(4),
            better: Better::Neither,
        },
    }
}

impl Semantics {
    /// EvalScope's object.
    pub fn json(self) -> Value {
        let direction = match self.better {
            Better::Higher => "higher_is_better",
            Better::Lower => "lower_is_better",
            Better::Neither => "none",
        };
        let kind = if self.better == Better::Neither { "diagnostic" } else { "quality" };
        let (range, shown, multiplier, unit, precision) = match self.shown {
            Shown::Percent => (json!({"min": 0.0, "max": 1.0}), "percent", 100.0, json!("%"), 1),
            Shown::Number(precision) => (Value::Null, "number", 1.0, Value::Null, precision),
        };
        json!({
            "semantic_id": self.id, "metric_name": self.name, "display_name": null, "kind": kind, "direction": direction,
            "raw_unit": null, "value_range": range, "display_kind": shown, "display_multiplier": multiplier,
            "display_unit": unit, "display_precision": precision,
        })
    }

    /// A value as it is shown: percent with one decimal and no trailing zero, ties rounded up, as EvalScope shows it.
    pub fn show(self, value: f64) -> String {
        match self.shown {
            Shown::Percent => {
                let tenths = (value * 1000.0 + 0.5 + 1e-9).floor() / 10.0;
                if tenths.fract() == 0.0 { format!("{tenths:.0}%") } else { format!("{tenths:.1}%") }
            }
            Shown::Number(precision) => format!("{value:.*}", usize::from(precision)),
        }
    }

    /// An arrow for the better way; nothing where there is none.
    pub fn arrow(self) -> &'static str {
        match self.better {
            Better::Higher => " ↑",
            Better::Lower => " ↓",
            Better::Neither => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_shown_as_evalscope_shows_them() {
        let show = |value| of("accuracy", "mean").show(value);
        assert_eq!(
            [show(0.6), show(0.66666), show(0.12345), show(1.0), show(0.0005)],
            ["60%", "66.7%", "12.3%", "100%", "0.1%"]
        );
        assert_eq!(of("nll", "mean").show(0.5), "0.5000");
    }

    #[test]
    fn directions_follow_the_meaning() {
        assert_eq!(of("HalluRate", "mean").better, Better::Lower);
        assert_eq!(of("yes_ratio", "f1").better, Better::Neither);
        assert_eq!(of("accuracy", "pass_at_k").id, "quality.pass_at_k.ratio");
        assert_eq!(of("rouge[variant=l]", "mean").id, "quality.rouge.ratio");
        assert_eq!(of("made up", "mean").id, "diagnostic.unspecified");
    }
}

//! sacreBLEU's own figures of the same texts.

use serde_json::Value;

use super::*;
use crate::eval::agreement::{Agreement, cases};

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn same(ours: &BleuScore, expected: &Value) -> bool {
    let list = |field: &str| expected[field].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
    let near = |ours: &[f64], field: &str| ours.iter().zip(list(field)).all(|(a, b)| (a - b).abs() <= 1e-6);
    near(&ours.counts, "counts")
        && near(&ours.totals, "totals")
        && near(&ours.precisions, "precisions")
        && (ours.score - expected["score"].as_f64().unwrap()).abs() <= 1e-6
        && (ours.brevity_penalty - expected["bp"].as_f64().unwrap()).abs() <= 1e-6
        && Some(ours.hypothesis_length as u64) == expected["sys_len"].as_u64()
        && Some(ours.reference_length as u64) == expected["ref_len"].as_u64()
}

#[test]
fn golden() {
    let names = ["corpus_bleu", "corpus_chrf", "corpus_chrfpp", "corpus_ter", "sentence_bleu"];
    let mut agreements = names.map(|name| (name, Agreement::new("text_metrics", &format!("sacrebleu.{name}"))));
    for case in cases("text_metrics").iter().filter(|case| case["kind"] == "sacrebleu") {
        let id = case["id"].as_str().unwrap();
        let hypotheses = strings(&case["hypotheses"]);
        let references: Vec<Vec<String>> = case["references"].as_array().unwrap().iter().map(strings).collect();
        let rule = BleuRule {
            tokenize: serde_json::from_value(case["tokenize"].clone()).unwrap(),
            lowercase: case["lowercase"].as_bool().unwrap(),
            smooth: serde_json::from_value(case["smooth"].clone()).unwrap(),
        };
        for (name, agreement) in &mut agreements {
            let expected = &case["expected"][*name];
            if expected.is_null() {
                continue;
            }
            if name.ends_with("bleu") {
                let ours = match *name {
                    "corpus_bleu" => corpus_bleu(&hypotheses, &references, rule),
                    _ => sentence_bleu(&hypotheses[0], &references_of(&references, 0), rule),
                };
                agreement.judged(id, same(&ours, expected), || format!("{ours:?} {expected}"));
            } else {
                let ours = match *name {
                    "corpus_chrf" => corpus_chrf(&hypotheses, &references, ChrfRule::default()),
                    "corpus_chrfpp" => corpus_chrf(&hypotheses, &references, ChrfRule::plus_plus()),
                    _ => corpus_ter(&hypotheses, &references),
                };
                agreement.near(id, ours, expected.as_f64().unwrap(), 1e-6);
            }
        }
    }
    for (_, agreement) in agreements {
        agreement.check(1.0);
    }
}

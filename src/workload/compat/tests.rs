//! Our prompts held against those of the recipes run on numpy, CPython and the real tokenizer.

use serde_json::Value;

use super::super::testing::{TestResult, spec};
use super::*;
use crate::plan::Source as From;
use crate::plan::dataset::Set;
use crate::prompt::Content;
use crate::workload::arrivals::{Arrivals, Process};
use crate::workload::open;

/// What `tests/golden/make_compat.py` wrote.
const GOLDEN: &str = include_str!("../../../tests/golden/compat_random.jsonl");

fn random_as(tool: Tool, seed: u64) -> WorkloadSpec {
    let mut spec = spec(From::RandomAs { tool, input_len: 24, output_len: 16, range_ratio: 0.5, prefix: 0 });
    spec.seed = seed;
    spec.lengths = Lengths { min: 10, max: 40 };
    spec
}

fn of_case(case: &Value) -> TestResult<WorkloadSpec> {
    let number = |name: &str| u32::try_from(case[name].as_u64().unwrap_or(0));
    let tool = Tool::ALL.iter().find(|(name, _)| case["tool"] == *name).ok_or("no tool")?.1;
    let mut spec = random_as(tool, case["seed"].as_u64().ok_or("no seed")?);
    spec.source = From::RandomAs {
        tool,
        input_len: number("input_len")?,
        output_len: number("output_len")?,
        range_ratio: case["ratio"].as_f64().unwrap_or(0.0),
        prefix: number("prefix_len")?,
    };
    if tool == Tool::Evalscope {
        let (min, max) = serde_json::from_value(case["lengths"].clone())?;
        spec.lengths = Lengths { min, max };
        spec.max_tokens = serde_json::from_value(case["max_tokens"].clone())?;
        spec.offset = number("offset")?.into();
    }
    Ok(spec)
}

#[test]
fn prompts_and_lengths_are_those_of_the_tools() -> TestResult {
    let (mut cases, mut inexact) = (0, 0);
    for line in GOLDEN.lines() {
        let case: Value = serde_json::from_str(line)?;
        let spec = of_case(&case)?;
        let expected: Vec<(String, u32, u32)> = serde_json::from_value(case["prompts"].clone())?;
        let mut workload = open(&spec, 0)?;
        let asked = workload.conversations(0, expected.len() as u64)?;
        for (index, (conversation, (text, tokens, max_tokens))) in asked.iter().zip(&expected).enumerate() {
            let prompt = &conversation.turns[0];
            assert_eq!(
                prompt.content,
                Content::Text(text.clone()),
                "{} {}: prompt {index}",
                case["tool"],
                case["seed"]
            );
            assert_eq!((prompt.tokens, prompt.max_tokens), (Some(*tokens), Some(*max_tokens)), "prompt {index}");
        }
        assert_eq!(asked.len(), expected.len());
        inexact += workload.remarks().inexact;
        cases += 1;
    }
    assert_eq!(cases, 14);
    assert!(inexact > 0, "no case where the repair gives up");
    Ok(())
}

#[test]
fn vllm_draws_the_known_vectors() -> TestResult {
    let mut coder =
        spec(From::RandomAs { tool: Tool::Vllm, input_len: 10, output_len: 5, range_ratio: 0.5, prefix: 0 });
    coder.seed = 0;
    let compat = Compat::new(&coder, Tokenizer::built_in()?)?;
    let drawn = compat.draw(0, 4)?;
    assert_eq!((drawn.inputs, drawn.outputs), (vec![14, 12, 10, 7], vec![4, 2, 2, 2]));
    Ok(())
}

#[test]
fn each_point_is_a_run_of_its_own_whatever_the_threads() -> TestResult {
    for (_, tool) in Tool::ALL {
        let mut spec = random_as(tool, 3);
        let mut workload = open(&spec, 9)?;
        let first = workload.conversations(0, 9)?;
        assert_eq!(first, workload.conversations(0, 9)?);
        // EvalScope moves on in its dataset, the others begin again.
        assert_eq!(first == workload.conversations(9, 9)?, tool != Tool::Evalscope);
        spec.threads = 3;
        assert_eq!(first, open(&spec, 9)?.conversations(0, 9)?);
    }
    Ok(())
}

#[test]
fn arrivals_go_on_where_the_prompts_ended() -> TestResult {
    let process = || Process::Gamma { rate: 5.0, burstiness: 1.0 };
    for (_, tool) in Tool::ALL {
        let state = open(&random_as(tool, 42), 0)?.arrivals_state(0, 4)?.ok_or("no state")?;
        let fresh = Arrivals::new(process(), 4, Some(tool), 42);
        assert_eq!(fresh.clone().after(state) == fresh, tool == Tool::Vllm);
    }
    let mut sglang = random_as(Tool::Sglang, 42);
    sglang.source =
        From::RandomAs { tool: Tool::Sglang, input_len: 1024, output_len: 1024, range_ratio: 0.0, prefix: 0 };
    let state = open(&sglang, 0)?.arrivals_state(0, 1000)?.ok_or("no state")?;
    let due = Arrivals::new(process(), 1000, Some(Tool::Sglang), 42).after(state).iter().take(3).collect::<Vec<_>>();
    assert_eq!(due, [0, 130470878, 135666189]);
    assert!(open(&spec(From::Set(Set::Random)), 0)?.arrivals_state(0, 4)?.is_none());
    Ok(())
}

#[test]
fn what_a_tool_would_refuse_is_refused() -> TestResult {
    let refused = |change: &dyn Fn(&mut WorkloadSpec), tool| -> TestResult<String> {
        let mut spec = random_as(tool, 1);
        change(&mut spec);
        let failure = open(&spec, 0).err().ok_or("accepted")?;
        assert!(failure.hint.is_some() || failure.message.contains("exceeds"), "{failure}");
        Ok(failure.message)
    };
    let set = |input_len, prefix| {
        move |spec: &mut WorkloadSpec| {
            if let From::RandomAs { input_len: input, prefix: shared, .. } = &mut spec.source {
                (*input, *shared) = (input_len, prefix);
            }
        }
    };
    assert!(refused(&|spec| spec.seed = 1 << 32, Tool::Vllm)?.contains("seed 4294967296"));
    assert!(refused(&set(1, 0), Tool::Vllm)?.contains("--random-input-len 1"));
    assert!(refused(&set(9, 2), Tool::Sglang)?.contains("--prefix-length"));
    assert!(refused(&|spec| spec.chat = true, Tool::Evalscope)?.contains("chat template"));
    assert!(refused(&|spec| spec.lengths.min = 99, Tool::Evalscope)?.contains("--min-prompt-length 99"));
    Ok(())
}

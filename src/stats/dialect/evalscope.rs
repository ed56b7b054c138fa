//! EvalScope's own files, with its reading of the events.
//!
//! The first event with choices gives TTFT and each later one a gap, whatever they carry; the reply ends with its last
//! event that is not `[DONE]`, so a late usage stretches latency and TPOT. The files of a run without a chunk log are
//! made from first and last tokens instead; these here are what EvalScope would have written.

use serde_json::{Value, json};

use super::reply::gaps;
use super::{Cast, Context, File, Lines, Replies, Reply, View, spell};
use crate::error::Result;
use crate::mark::Mark;
use crate::record::Record;
use crate::stats::{Compat, CompatOptions};

/// The record with EvalScope's stamps in place of ours.
fn restamped(reply: &Reply) -> Record {
    let mut record = reply.record.clone();
    if !record.stream {
        return record;
    }
    let stamps: Vec<u64> = reply.stamps(Mark::CHOICES).collect();
    record.first_token_ns = stamps.first().copied();
    record.last_token_ns = stamps.last().copied();
    record.last_event_ns = Some(reply.last_json_ns());
    record.chunks = stamps.len() as u32;
    record.decode_chunks = stamps.len() as u32;
    record.gaps_ns = stamps.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    record
}

pub(super) fn view(reply: &Reply) -> Option<View> {
    if !reply.record.is_ok() {
        return None;
    }
    let stamps = reply.stamps(Mark::CHOICES);
    let latency = if reply.record.stream { reply.since_start(reply.last_json_ns()) } else { whole(reply) };
    let ttft = match (reply.record.stream, stamps.clone().next()) {
        (true, first) => first.map_or(0.0, |at| reply.since_start(at)),
        (false, _) => latency,
    };
    let output = reply.record.completion_tokens.unwrap_or(0);
    let tpot = (output > 1).then(|| (latency - ttft) / (output - 1) as f64);
    let itl = if reply.record.stream { gaps(stamps) } else { Vec::new() };
    Some(View { ttft: Some(ttft), latency, output: Some(output), tpot, itl })
}

fn whole(reply: &Reply) -> f64 {
    reply.since_start(reply.record.end_ns)
}

pub(super) fn cast(context: &Context, replies: &Replies) -> Result<Cast> {
    let mut compat = Compat::default();
    for reply in replies.iter() {
        compat.add(&restamped(reply));
    }
    let options = CompatOptions::of(&context.load);
    let summary = compat.summary(options);
    let mut lines = Lines::default();
    for (name, value) in &summary {
        lines.put("", name.as_str(), value.clone());
    }
    let file = |name: &str, value: &Value| -> Result<File> {
        Ok(File { name: name.to_owned(), contents: spell(value, Some(4))? })
    };
    Ok(Cast {
        title: "EvalScope Benchmark Summary",
        figures: lines.0,
        decimals: 4,
        files: vec![
            file("benchmark_summary.json", &Value::Object(summary))?,
            file("benchmark_percentile.json", &json!(compat.percentiles(options)))?,
        ],
        notes: Vec::new(),
    })
}

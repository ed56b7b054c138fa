//! What a finished request costs after its exchange: the channel to the collector, its row in the journal and its part
//! in the counts, beside the floor of only writing the same bytes.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::sync::mpsc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use evalscope::plan::Point;
use evalscope::record::{Outcome, Record, TokensFrom};
use evalscope::stats::Summary;
use evalscope::store::Journal;
use tempfile::TempDir;

/// Records at a time; each time has a file of its own, so that none grows without end.
const BATCH: u64 = 256;

/// A streamed reply of so many chunks, as the engine hands it over.
fn record(index: u64, chunks: u64) -> Record {
    let at = |ms: u64| Some(index * 1_000_003 + ms * 1_000_000 + 417);
    Record {
        released_ns: at(0),
        slot_ns: at(0),
        ready_ns: at(0),
        started_ns: at(0),
        sent_ns: at(0),
        first_byte_ns: at(90),
        first_seen_ns: at(90),
        lag_max_ns: Some(41_337),
        head_ns: at(90),
        first_event_ns: at(90),
        first_token_ns: at(90),
        first_text_ns: at(90),
        last_token_ns: at(90 + 50 * chunks),
        last_event_ns: at(91 + 50 * chunks),
        end_ns: at(91 + 50 * chunks).unwrap_or(0),
        outcome: Outcome::Ok,
        status: Some(200),
        prompt_tokens: Some(512),
        completion_tokens: Some(chunks),
        tokens_from: Some(TokensFrom::Usage),
        chunks: chunks as u32,
        decode_chunks: chunks as u32,
        connection_reused: true,
        stream: true,
        gaps_ns: (1..chunks).map(|gap| 50_000_000 + gap * 7919 % 300_000).collect(),
        ..Record::due(format!("18a6f1c0de-p64-{index}"), index, 0, index * 1_000_003)
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| fail(&error))
}

fn journal() -> (TempDir, Journal) {
    let folder = folder();
    let journal = Journal::create(folder.path(), 0, Point::closed(64, BATCH, 0)).unwrap_or_else(|error| fail(&error));
    (folder, journal)
}

/// A bench that cannot write has nothing to measure.
#[expect(clippy::panic, reason = "there is nobody to hand the failure to")]
fn fail<T>(error: &dyn std::error::Error) -> T {
    panic!("{error}")
}

fn records(criterion: &mut Criterion) {
    for chunks in [20, 400] {
        let all: Vec<Record> = (0..BATCH).map(|index| record(index, chunks)).collect();
        // The rows as the journal has them, its head left out.
        let (place, mut kept) = journal();
        let head = std::fs::read(place.path().join("requests.jsonl")).unwrap_or_else(|error| fail(&error)).len();
        for record in &all {
            kept.append(record).unwrap_or_else(|error| fail(&error));
        }
        kept.flush().unwrap_or_else(|error| fail(&error));
        let bytes = std::fs::read(place.path().join("requests.jsonl")).unwrap_or_else(|error| fail(&error));
        let rows: Vec<&[u8]> = bytes[head..].split_inclusive(|byte| *byte == b'\n').collect();

        let mut group = criterion.benchmark_group(format!("record of {chunks} chunks"));
        group.throughput(Throughput::Elements(BATCH));
        let id = BenchmarkId::from_parameter;
        group.bench_function(id("floor: its bytes written"), |bench| {
            let file = || {
                let folder = folder();
                let file = File::create(folder.path().join("rows")).unwrap_or_else(|error| fail(&error));
                (folder, BufWriter::with_capacity(1 << 16, file))
            };
            let write = |(folder, mut file): (TempDir, BufWriter<File>)| {
                let written = rows.iter().try_for_each(|row| file.write_all(row)).and_then(|()| file.flush());
                written.unwrap_or_else(|error| fail(&error));
                (folder, file)
            };
            bench.iter_batched(file, write, BatchSize::PerIteration);
        });
        group.bench_function(id("through the channel"), |bench| {
            let pass = |all: Vec<Record>| {
                let (sender, receiver) = mpsc::channel();
                for record in all {
                    let _ = sender.send(record);
                    let _ = black_box(receiver.try_recv());
                }
            };
            bench.iter_batched(|| all.clone(), pass, BatchSize::PerIteration);
        });
        group.bench_function(id("counted"), |bench| {
            bench.iter(|| {
                let mut summary = Summary::default();
                all.iter().for_each(|record| summary.add(record));
                summary
            });
        });
        group.bench_function(id("end to end"), |bench| {
            let keep = |((folder, mut journal), all): ((TempDir, Journal), Vec<Record>)| {
                let (sender, receiver) = mpsc::channel();
                let mut summary = Summary::default();
                for record in all {
                    let _ = sender.send(record);
                    let Ok(record) = receiver.try_recv() else { continue };
                    journal.append(&record).unwrap_or_else(|error| fail(&error));
                    summary.add(&record);
                }
                journal.flush().unwrap_or_else(|error| fail(&error));
                (folder, journal, summary)
            };
            bench.iter_batched(|| (journal(), all.clone()), keep, BatchSize::PerIteration);
        });
        group.finish();
    }
}

criterion_group!(benches, records);
criterion_main!(benches);

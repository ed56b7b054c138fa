//! What a chunk of a stream costs: framing and decoding, beside the floor of only counting its bytes.

use std::convert::Infallible;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use evalscope::target::Dialect;
use evalscope::wire::{Decoder, Events, Stamped};
use futures_util::stream;

const CHUNKS: u64 = 256;

/// A reply as vLLM streams it, one piece a chunk, as reads of a paced stream deliver it.
fn pieces() -> Vec<Stamped> {
    (0..CHUNKS)
        .map(|index| Stamped {
            at_ns: index,
            bytes: Bytes::from(format!(
                "data: {{\"id\":\"chatcmpl-6f1c\",\"object\":\"chat.completion.chunk\",\"created\":1795228587,\
                 \"model\":\"qwen2.5-7b-instruct\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" tok{index}\"}},\
                 \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
            )),
        })
        .collect()
}

fn framed(pieces: &[Stamped], mut each: impl FnMut(u64, &str)) {
    let mut events = Events::lenient(stream::iter(pieces.iter().cloned().map(Ok::<_, Infallible>)));
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok((at, event)))) = events.poll_next(&mut cx) {
        each(at, &event.data);
    }
}

fn chunks(criterion: &mut Criterion) {
    let pieces = pieces();
    let mut group = criterion.benchmark_group("chunk");
    group.throughput(Throughput::Elements(CHUNKS));
    group.bench_function(BenchmarkId::from_parameter("floor"), |bench| {
        bench.iter(|| {
            pieces.iter().map(|piece| black_box(&piece.bytes).iter().filter(|b| **b == b'\n').count()).sum::<usize>()
        });
    });
    group.bench_function(BenchmarkId::from_parameter("framed"), |bench| {
        bench.iter(|| {
            framed(&pieces, |at, data| {
                black_box((at, data.len()));
            })
        });
    });
    group.bench_function(BenchmarkId::from_parameter("framed and decoded"), |bench| {
        bench.iter(|| {
            let mut text = String::new();
            let mut decoder = Decoder::of(&Dialect::Chat);
            framed(&pieces, |_, data| {
                let _ = black_box(decoder.decode("", data, &mut text));
            });
            text
        });
    });
    group.finish();
}

criterion_group!(benches, chunks);
criterion_main!(benches);

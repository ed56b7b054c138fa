"""Writes vllm_bodies.jsonl: whole bodies as `vllm bench serve` posts them for its random dataset.

Run with numpy 2.4.6, CPython 3.11 and tokenizers 0.23.3 from this folder: python make_vllm_bodies.py > vllm_bodies.jsonl
Prompts and lengths are those of make_compat.py. A body is written anew from the description of what vLLM's client sends
(vllm/benchmarks/lib/endpoint_request_func.py, commit 02cfb53): to completions by `--backend openai` and `vllm`, ignore_eos
being forced for random prompts, sampling only as far as it was asked for. Instants are those of its arrivals, in seconds.
"""

import json

import numpy as np

from make_compat import vllm

MODEL = "test-model"


def bodies(seed, count, input_len, output_len, ratio, prefix_len, sampling):
    for text, _, length in vllm(seed, count, input_len, output_len, ratio, prefix_len):
        yield {
            "model": MODEL,
            "prompt": text,
            "repetition_penalty": 1.0,
            "max_tokens": length,
            "logprobs": None,
            "stream": True,
            "stream_options": {"include_usage": True},
            "ignore_eos": True,
            **sampling,
        }


def instants(seed, count, rate):
    if rate is None:
        return None
    np.random.seed(seed)
    sums = np.cumsum([np.random.gamma(shape=1.0, scale=1.0 / rate) for _ in range(count)])
    return [float(due) for due in sums * (count / rate) / sums[-1]]


for theirs, ours, seed, count, values, sampling, rate in [
    ("--num-prompts 3", "--number 3", 0, 3, (1024, 128, 0.0, 0), {}, None),
    (
        "--num-prompts 4 --seed 7 --random-input-len 31 --random-output-len 5 --random-range-ratio 0.3"
        " --random-prefix-len 12 --temperature 0 --top-p 0.9 --request-rate 50",
        "--number 4 --workload-seed 7 --random-input-len 31 --random-output-len 5 --random-range-ratio 0.3"
        " --prefix-length 12 --temperature 0 --top-p 0.9 --open-loop --rate 50",
        7, 4, (31, 5, 0.3, 12), {"temperature": 0.0, "top_p": 0.9}, 50.0,
    ),
]:
    made = list(bodies(seed, count, *values, sampling))
    due = instants(seed, count, rate)
    print(json.dumps({"vllm": theirs, "ours": ours, "bodies": made, "due_s": due}))

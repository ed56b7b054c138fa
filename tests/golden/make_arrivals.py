"""Writes arrivals.jsonl: due times as the recipes of the tools give them on real numpy.

Run with numpy 2.4.6: python make_arrivals.py > arrivals.jsonl
`before` are the bounds of the vectors of `count` integers that the tool draws from the same stream first. Due times
are whole nanoseconds; `fold` is `h = h * 31 + due` over all of them, modulo 2**64.
"""

import json

import numpy as np


def emit(tool, seed, count, delays, before=(), **numbers):
    due = [round(float(delay) * 1e9) for delay in delays]
    fold = 0
    for value in due:
        fold = (fold * 31 + value) & (1 << 64) - 1
    line = {"tool": tool, "seed": seed, "count": count, "before": list(before)}
    line |= {name: value if isinstance(value, str) else repr(float(value)) for name, value in numbers.items()}
    print(json.dumps(line | {"shown": due[:5], "fold": str(fold)}))


def gap(rate, burstiness):
    return 1 / rate if burstiness == float("inf") else np.random.gamma(shape=burstiness, scale=1 / (rate * burstiness))


def sums(gaps):
    total, found = 0.0, []
    for value in gaps:
        total += value
        found.append(total)
    return found


for seed, rate, burstiness, count in [
    (0, 10, 1.0, 5), (0, 10, 0.5, 5), (0, 10, 1.0, 5000), (7, 3.3, 0.2, 3000), (7, 250.0, 2.0, 3000),
    (42, 0.7, 10.0, 999), (42, 1e4, 1.0, 4000), (1, 12.5, float("inf"), 1000), (2**32 - 1, 33.3, 0.99, 2000),
]:
    np.random.seed(seed)
    delays = sums(gap(rate, burstiness) for _ in range(count))
    factor = count / rate / delays[-1]
    emit("vllm", seed, count, [delay * factor for delay in delays], rate=rate, burstiness=burstiness)

for ramp in ("linear", "exponential"):
    for seed, start, end, burstiness, count in [(0, 1, 20, 1.0, 2000), (3, 50, 2, 0.5, 500), (3, 7, 7, 3.0, 100), (3, 4, 9, 1.0, 1)]:
        np.random.seed(seed)
        gaps = []
        for index in range(count):
            progress = index / max(count - 1, 1)
            rate = start + (end - start) * progress if ramp == "linear" else start * (end / start) ** progress
            gaps.append(gap(rate, burstiness))
        emit("vllm", seed, count, sums(gaps), ramp=ramp, **{"from": start, "to": end}, burstiness=burstiness)

for seed, rate, count, before in [(42, 5.0, 1000, [1024, 1024, 4096]), (1, 99.9, 1, []), (1, 1e3, 3000, [1, 7, 4093])]:
    np.random.seed(seed)
    for bound in before:
        np.random.randint(0, bound, size=count)
    gaps = [np.random.exponential(1.0 / rate) for _ in range(count)]
    emit("sglang", seed, count, sums([0.0, *gaps[:-1]]), before, rate=rate, burstiness=1)

for seed, rate, count, before in [(42, 5.0, 1000, []), (5, 120.0, 3000, [100, 4093, 2**32 - 1]), (5, 10, 1, [])]:
    np.random.seed(seed)
    for bound in before:
        np.random.randint(0, bound, size=count, dtype=np.uint32)
    delays = np.cumsum(np.random.exponential(1.0 / rate, size=count))
    delays *= count / rate / delays[-1]
    emit("evalscope", seed, count, delays, before, rate=rate, burstiness=1)

"""Writes rng.jsonl: what numpy's and CPython's generators give, to hold src/workload/generators against.

Run with numpy 2.4.6 and CPython 3.11: python make_rng.py > rng.jsonl
A line is a generator, a seed, the draws asked of it and what came: the first few values as text, and of all of them
the fold `h = h * 31 + bits` modulo 2**64, where the bits of a double are those of its IEEE form.
"""

import json
import random
import struct

import numpy as np

SHOWN = 6
MASK = (1 << 64) - 1


def fold(values):
    h = 0
    for value in values:
        bits = struct.unpack("<Q", struct.pack("<d", value))[0] if isinstance(value, float) else value
        h = (h * 31 + bits) & MASK
    return h


def case(generator, seed, calls, draw):
    values = [value for call in calls for value in draw(*call)]
    values = [float(value) if isinstance(value, (float, np.floating)) else int(value) for value in values]
    line = {"generator": generator, "seed": seed, "calls": calls, "shown": [repr(value) for value in values[:SHOWN]], "fold": str(fold(values))}
    print(json.dumps(line))


INTEGERS = [["below", 1000, 301], ["below", 1, 5], ["below", 128256, 300], ["below", 6, 2000], ["below", 3_000_000_000, 500], ["below", 11, 7]]
SEEDS = [0, 1, 42, 12345, 2**32 - 1]



def pcg64(rng, kind, argument, count):
    if kind == "below":
        return rng.integers(0, argument, size=count)
    # As datasets.Dataset.shuffle has it.
    values = rng.permutation(argument)
    for _ in range(count - 1):
        rng.shuffle(values)
    return values


for seed in SEEDS + [2**32, 2**63 + 17]:
    rng = np.random.default_rng(seed)
    calls = [["shuffle", 10, 1], *INTEGERS, ["shuffle", 1, 1], ["shuffle", 5000, 3], ["shuffle", 2, 1]]
    case("pcg64", seed, calls, lambda *call: pcg64(rng, *call))

SHAPES = [["double", 0.0, 50], ["exponential", 0.0, 2000], *[["gamma", shape, 1500] for shape in (0.2, 0.5, 1.0, 1.7, 2.0, 10.0)], ["normal", 0.0, 501]]


def legacy(kind, argument, count):
    return {
        "below": lambda: np.random.randint(0, argument, size=count),
        "double": lambda: np.random.random_sample(count),
        "exponential": lambda: np.random.exponential(1.0, size=count),
        "gamma": lambda: [np.random.gamma(argument, 1.0) for _ in range(count)],
        "normal": lambda: np.random.standard_normal(count),
    }[kind]()


for seed in SEEDS:
    np.random.seed(seed)
    case("legacy", seed, SHAPES + INTEGERS + [["exponential", 0.0, 100]], legacy)
np.random.seed([17, 1 << 31])
case("legacy", 2**63 + 17, SHAPES + INTEGERS, legacy)


def python(kind, argument, count):
    if kind == "shuffle":
        values = list(range(argument))
        for _ in range(count):
            random.shuffle(values)
        return values
    return {
        "below": lambda: [random.randrange(argument) for _ in range(count)],
        "double": lambda: [random.random() for _ in range(count)],
        "choice": lambda: [random.choice(range(argument)) for _ in range(count)],
        "within": lambda: [random.randint(7, argument) for _ in range(count)],
    }[kind]()


for seed in SEEDS + [2**63 + 17]:
    random.seed(seed)
    calls = [["shuffle", 10, 1], ["shuffle", 1000, 3], ["double", 0, 100], ["below", 1, 3]]
    calls += [["below", 4096, 500], ["within", 7, 4], ["within", 2048, 900], ["choice", 37, 200]]
    case("python", seed, calls, python)

"""Writes python_random.jsonl: what CPython's random module draws, to hold src/random against.

Run with CPython 3.11: python make_python_random.py > python_random.jsonl
A line is a seed (an integer as hexadecimal digits, bytes as hexadecimal digits, or text) and the calls made of it one
after the other: a name, its arguments and what came. Doubles are written by repr, and of many only the last three.
"""

import json
import random

WEIGHTS = [0.5, 0.0, 3.25, 1.0, 0.125, 7.0]


def calls(seed):
    rng = random.Random(seed)

    def shuffle(length):
        values = list(range(length))
        rng.shuffle(values)
        return values

    functions = {
        "random": lambda count: [repr(rng.random()) for _ in range(count)][-3:],
        "uniform": lambda low, high: repr(rng.uniform(low, high)),
        "bits": lambda count: str(rng.getrandbits(count)),
        "below": lambda bound: str(rng.randrange(bound)),
        "range": lambda start, stop, step: rng.randrange(start, stop, step),
        "within": rng.randint,
        "choice": lambda length: rng.choice(range(length)),
        "choices": lambda length, count: rng.choices(range(length), k=count),
        "weighted": lambda count: rng.choices(range(len(WEIGHTS)), weights=WEIGHTS, k=count),
        "sample": lambda length, count: rng.sample(range(length), count),
        "shuffle": shuffle,
    }
    wanted = [("random", [3]), ("uniform", [6, 7]), ("shuffle", [4]), ("shuffle", [0]), ("shuffle", [1]), ("shuffle", [37])]
    wanted += [("bits", [count]) for count in (0, 1, 7, 31, 32, 33, 48, 63, 64)]
    wanted += [("below", [bound]) for bound in (1, 2, 3, 10, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53, 2**63, 2**64 - 1)]
    wanted += [("range", [5, 100, 7]), ("range", [10, -10, -3]), ("range", [-(2**62), 2**62, 1]), ("range", [0, 1, 5])]
    wanted += [("within", [3, 3]), ("within", [0, 2**32 - 1]), ("choice", [26]), ("choices", [26, 9]), ("weighted", [20])]
    wanted += [("sample", [length, count]) for length, count in
               [(0, 0), (1, 1), (5, 5), (21, 5), (22, 5), (22, 6), (85, 6), (86, 6), (277, 21), (277, 22), (1045, 86), (1046, 86), (300, 3), (5000, 30)]]
    wanted += [("random", [700]), ("shuffle", [200])]
    return [[name, arguments, functions[name](*arguments)] for name, arguments in wanted]


INTEGERS = [0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**40 + 3, 2**64 - 1, 2**64, 2**96 + 2**64, 2**512 - 1, 10**2000 + 7]
for number in INTEGERS:
    print(json.dumps({"integer": format(number, "x"), "calls": calls(number)}))
for data in [b"", b"\x00", b"abc", bytes(range(256))]:
    print(json.dumps({"bytes": data.hex(), "calls": calls(data)}))
for text in ["", "seed", "中文 – ü"]:
    print(json.dumps({"text": text, "calls": calls(text)}))

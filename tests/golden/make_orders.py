"""Writes orders.jsonl: permutations seeded by hashed text, to hold src/eval/orders.rs against.

Run with CPython 3.11: python make_orders.py > orders.jsonl
"""

import hashlib
import json
import random

WORDS = "red green blue grün 蓝色 été  seven\u00a0 ten\n x".split(" ")


def order(parts, length):
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    places = list(range(length))
    random.Random(int.from_bytes(digest[:8], "big")).shuffle(places)
    return places


maker = random.Random(7)


def text():
    return " ".join(maker.choices(WORDS, k=maker.randint(0, 6)))


for number in range(60):
    seed = maker.choice([0, 42, 7, -3, 2**40])
    texts = [text() for _ in range(maker.randint(1, 12))]
    print(json.dumps({"kind": "choices", "seed": seed, "texts": texts, "order": order([str(seed), texts[0], *sorted(texts[1:])], len(texts) - 1)}))
for number in range(20):
    question = text()
    print(json.dumps({"kind": "gpqa", "texts": [question], "order": order([question.strip()], 4)}))
for number in range(20):
    texts = [text(), text(), text()]
    print(json.dumps({"kind": "reward_bench", "texts": texts, "order": order(texts, 2)}))

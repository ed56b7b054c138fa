"""Writes mixtures.jsonl: rows drawn of a collection over the samples of cards, to hold src/eval/collection against.

Run with CPython 3.11: python make_mixtures.py > mixtures.jsonl

The first line is the collection, each further one a draw: rows as data set, subset, place in the subset, weight, path.
"""

import json
import random

# The subsets of each card's sample with their sizes, in order.
SIZES = {
    "arc": [("ARC-Easy", 4), ("ARC-Challenge", 2)],
    "ceval": [("computer_network", 4)],
    "gsm8k": [("main", 4)],
    "general_qa": [("default", 4)],
}
COLLECTION = {
    "name": "mixed",
    "weight": 7,
    "datasets": [
        {"name": "reasoning", "weight": 3, "datasets": [
            {"name": "arc", "weight": 2, "task_type": "choice", "tags": ["en", "science"], "args": {"few_shot_num": 1}},
            {"name": "deeper", "weight": 1.25, "datasets": [
                {"name": "ceval", "weight": 0.5, "task_type": "choice", "tags": ["zh"],
                 "args": {"subset_list": ["computer_network"]}},
                {"name": "arc", "task_type": "choice", "args": {"subset_list": ["ARC-Easy"]}},
            ]},
        ]},
        {"name": "gsm8k", "weight": 2, "task_type": "maths", "tags": ["en", "maths"], "hierarchy": []},
        {"name": "general_qa", "task_type": "writing"},
    ],
}


def flat(collection, base, path):
    path = path + [collection["name"]]
    total = sum(member.get("weight", 1.0) for member in collection["datasets"])
    for member in collection["datasets"]:
        weight = member.get("weight", 1.0) / total * base
        if "datasets" in member:
            yield from flat(member, weight, path)
        else:
            asked = member.get("args", {}).get("subset_list")
            sizes = [(name, size) for name, size in SIZES[member["name"]] if asked is None or name in asked]
            places = [(name, place) for name, size in sizes for place in range(size)]
            yield member["name"], weight, path, places


def draw(sampler, count, seed):
    parts = list(flat(COLLECTION, 1.0, []))
    there = sum(len(places) for *_, places in parts)
    left, rows = count, []
    source = random.Random(seed)
    for number, (name, weight, path, places) in enumerate(parts):
        share = {"weighted": int(weight * count), "uniform": count // len(parts),
                 "stratified": int(len(places) / there * count)}[sampler]
        share = left if number == len(parts) - 1 else share
        left -= share
        given = min(share, len(places))
        if given:
            rows += [[name, subset, place, weight / given, path] for subset, place in source.sample(places, given)]
    return rows


print(json.dumps(COLLECTION))
for sampler in ["weighted", "uniform", "stratified"]:
    for count in [1, 5, 12, 21, 50]:
        for seed in [42, 0, 12345678901]:
            print(json.dumps({"sampler": sampler, "count": count, "seed": seed, "rows": draw(sampler, count, seed)}))

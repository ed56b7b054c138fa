"""Writes oracle/short_answers.jsonl: what EvalScope 1.14.1 gives for short answers about tables, talks and pictures.

Run with CPython 3.11, numpy, scipy and nltk: python make_short_answers.py FOLDER > oracle/short_answers.jsonl
FOLDER holds the unpacked wheel (`pip download evalscope==1.14.1 --no-deps`). Only the files that score are loaded from it.
"""

import importlib.util
import json
import random
import re
import string
import sys
from pathlib import Path
from typing import List

ROOT = Path(sys.argv[1]) / "evalscope" / "benchmarks"
EACH = 60
draw = random.Random(7)


def load(path):
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), ROOT / f"{path}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tat_qa, tablebench, slake = load("tat_qa/utils"), load("tablebench/utils"), load("slake/utils")
biased, locomo, chartqa = load("vlms_are_biased/utils"), load("locomo/utils"), load("chartqa/utils")
# The file of VQAv2 loads everything; only what stands between its pattern and its adapter is needed.
source = (ROOT / "vqav2/vqav2_adapter.py").read_text(encoding="utf-8")
vqa = {"re": re, "string": string, "List": List}
exec(source[source.index("_ANSWER_PATTERN"):source.index("def _ensure")], vqa)

WORDS = (
    "the harbour in 2019 net sales a and million 12.5 12 (7) -3 45% $1,234.5 0.2342 23.42 percent thousand Lung no yes "
    "二 两个 没有 X-Ray x光 one None é it's 3.0 .5 7, 1e5 12.50 billion 100 10.6 106 33 30 30%"
).split()
count = 0


def phrase(most):
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(1, most)))


def write(kind, given, expected):
    global count
    row = {"id": f"short_answers/v{count:05}", "kind": kind, **given, "expected": expected}
    count += 1
    print(json.dumps(row, ensure_ascii=False))


for _ in range(4 * EACH):
    kind = draw.choice(["span", "multi-span", "arithmetic", "count"])
    scale = draw.choice(tat_qa.SCALES)
    answer = {
        "span": lambda: [phrase(3)],
        "multi-span": lambda: [phrase(3) for _ in range(draw.randint(1, 3))],
        "count": lambda: draw.randint(0, 12),
        "arithmetic": lambda: draw.choice([12.5, -7, 0.2342, 23.42, 1234.5, 100, 3]),
    }[kind]()
    spans = [str(span) for span in answer] if isinstance(answer, list) else [str(answer)]
    if draw.random() < 0.5:
        spans = [phrase(3) for _ in range(draw.randint(1, 3))]
    draw.shuffle(spans)
    said = draw.choice([scale, "", "million", "Percent.", "dozens"])
    reply = draw.choice(["", "Let me see.\n"]) + draw.choice(["Answer: ", "**Answer:** ", "Final answer: ", "answer : "])
    reply += draw.choice([" | ", "|"]).join(spans) + draw.choice(["", f"\nScale: {said}", f"\n**Scale**: {said}"])
    gold = {"answer": answer, "answer_type": kind, "scale": scale}
    exact, f1 = tat_qa.score_question(gold, *tat_qa.parse_response(reply))
    write("tat_qa", {"reply": reply, **gold}, [exact, f1])
for _ in range(EACH):
    left, right = phrase(4), phrase(4)
    if draw.random() < 0.3:
        right = left
    kind, subkind = draw.choice([("FactChecking", "x"), ("DataAnalysis", "TrendForecasting"), ("DataAnalysis", "ImpactAnalysis")])
    value = tablebench.score_answer(left, right, kind, subkind)
    write("tablebench", {"prediction": left, "reference": right, "qtype": kind, "qsubtype": subkind}, [value])
    same = float(slake.normalize_answer(left) == slake.normalize_answer(right))
    write("slake", {"prediction": left, "reference": right}, [same])
    bias = draw.choice(WORDS)
    found = biased.score_answer(left, right, bias)
    write("vlms_are_biased", {"prediction": left, "reference": right, "bias": bias}, [found["acc"], found["bias_ratio"]])
    one, other = draw.choice(WORDS), draw.choice(WORDS)
    write("chartqa", {"prediction": one, "reference": other}, [float(chartqa.relaxed_correctness(one, other))])
    category = draw.randint(1, 5)
    told = draw.choice([phrase(5).replace(" in", ", in"), left])
    write("locomo", {"prediction": told, "reference": left, "category": category}, [locomo.locomo_f1_score(told, left, category)])
    answers = [draw.choice([left, phrase(2), phrase(1)]) for _ in range(draw.randint(1, 10))]
    soft, exact = vqa["_vqa_soft_accuracy"](left, answers), vqa["_vqa_exact_match"](left, answers)
    write("vqav2", {"prediction": left, "answers": answers}, [soft, exact])

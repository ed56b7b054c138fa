"""Writes oracle/forms.jsonl: what EvalScope 1.14.1 makes of answers with a grammar of their own.

Run with CPython 3.11, sympy and numpy: python make_forms.py FOLDER > oracle/forms.jsonl
FOLDER holds the unpacked wheel (`pip download evalscope==1.14.1 --no-deps`). Only the files that read and score are
loaded from it, with a stand-in for its log.
"""

import importlib.util
import json
import logging
import random
import sys
import types
from pathlib import Path

ROOT = Path(sys.argv[1]) / "evalscope" / "benchmarks"

for name in ("evalscope", "evalscope.utils", "evalscope.utils.logger"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["evalscope.utils.logger"].get_logger = lambda: logging.getLogger("none")
logging.disable(logging.CRITICAL)


def load(path):
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), ROOT / f"{path}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def function(path, name, names):
    """A method of an adapter that only needs `names`, taken out of its file, because the file itself loads everything."""
    import ast

    tree = ast.parse((ROOT / f"{path}.py").read_text(encoding="utf-8"))
    found = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name)
    found.decorator_list = []
    for argument in found.args.args:
        argument.annotation = None
    found.returns = None
    exec(compile(ast.Module([found], []), path, "exec"), names)
    return names[name]


maker = random.Random(20261127)
rows = []


def case(kind, **fields):
    rows.append({"id": f"{kind}-{sum(row['kind'] == kind for row in rows):03}", "kind": kind, **fields})


# --- zebra_logic ---
zebra = load("zebralogicbench/utils")
extract_zebra = function("zebralogicbench/zebralogicbench_adapter", "extract_answer", {"json": json, "List": list, "TaskState": None})
NAMES = ["Eric", "Arnold", "Peter", "Alice", "Bob", "Carol"]
ATTRIBUTES = {
    "Name": NAMES,
    "Drink": ["tea", "water", "milk", "coffee", "juice", "root beer"],
    "Pet": ["cat", "dog", "bird", "fish", "horse", "hamster"],
    "Color": ["red", "green", "white", "blue", "yellow", "purple"],
    "Birthday": ["april", "jan", "sept", "feb", "may", "mar"],
    "Height": ["very short", "short", "average", "tall", "very tall", "super tall"],
}


def puzzle(houses, attributes):
    names = list(ATTRIBUTES)[:attributes]
    columns = [maker.sample(ATTRIBUTES[name][:houses], houses) for name in names]
    return {"header": ["House", *names], "rows": [[str(i + 1), *[column[i] for column in columns]] for i in range(houses)]}


def solved(solution, wrong=0.0):
    names = solution["header"][1:]
    table = {}
    for i, row in enumerate(solution["rows"]):
        table[f"House {i + 1}"] = {name: "wrong" if maker.random() < wrong else cell for name, cell in zip(names, row[1:])}
    return table


def zebra_case(solution, reply):
    extracted = extract_zebra(None, reply, None)
    try:
        expected = zebra.process_results(extracted or "{}", json.dumps(solution))
    except Exception:
        return
    case("zebra_logic", solution=solution, reply=reply, expected=expected)


for houses in range(2, 8):
    for attributes in range(2, 7):
        if houses > 6:
            continue
        solution = puzzle(houses, attributes)
        zebra_case(solution, json.dumps({"reasoning": "Because.", "solution": solved(solution, maker.choice([0, 0, 0.2]))}))
solution = puzzle(3, 3)
right = solved(solution)
text = json.dumps({"reasoning": "First.\nThen – so.", "solution": right}, indent=2, ensure_ascii=False)
for reply in [
    "", "no answer", "{}", "{not json}", text, f"Thinking {{a}} then\n```json\n{text}\n```\nDone.",
    f'{text}\n{{"note": 1}}', f'{{"note": 1}}\n{text}', text[:-3], text + "}", '{"solution": {}}', '{"solution": null}', '{"solution": []}',
    '{"reasoning": "r", "solution": ["House 1"]}', text.replace("\n", " \n "), text.upper(), '{"reasoning": "two\nlines", "solution": {"House 1": {}}}',
    json.dumps({"solution": right}), json.dumps({"reasoning": ["a", "b"], "solution": right}),
    json.dumps({"reasoning": "x", "solution": {house: {name: [cell, "?"] for name, cell in cells.items()} for house, cells in right.items()}}),
    json.dumps({"reasoning": "x", "solution": {house: {name: f"  {cell.upper()} " for name, cell in cells.items()} for house, cells in right.items()}}),
    json.dumps({"reasoning": "x", "solution": {house: {name: None for name in cells} for house, cells in right.items()}}),
    json.dumps({"reasoning": "x", "solution": {house: {name: [] for name in cells} for house, cells in right.items()}}),
    json.dumps({"reasoning": "brace } in text", "solution": right}), json.dumps({"reasoning": "braces {} in text", "solution": right}),
    "An open { brace first. " + text,
]:
    zebra_case(solution, reply)

# --- eq_bench ---
eq = load("eq_bench/answer_validation")
FEELINGS = ["Surprised", "Confused", "Angry", "Forgiving", "Relieved", "Offended", "Empathetic", "Guilty"]


def eq_case(reply, reference, given=None):
    answers, _ = eq.parse_answers(reply, REVISE=False)
    expected = None
    if answers and eq.validate_answer_format(answers, [reference.get(f"emotion{i}", "") for i in range(1, 5)])[0]:
        raw = eq.calculate_score_fullscale(reference, answers)
        expected = None if raw is None else raw / 10.0
    case("eq_bench", reply=reply, reference=reference if given is None else given, expected=expected)


for number in range(60):
    feelings = maker.sample(FEELINGS, 4)
    reference = {f"emotion{i + 1}": feeling for i, feeling in enumerate(feelings)}
    reference |= {f"emotion{i + 1}_score": maker.choice([maker.randint(0, 10), str(maker.randint(0, 10)), maker.randint(0, 20) / 2]) for i in range(4)}
    order = maker.sample(feelings, 4)
    reply = maker.choice(["", "Scores:\n", "Here is my answer.\n\n"]) + "\n".join(f"{maker.choice(['', '**', '- ', '# '])}{feeling if maker.random() < 0.8 else feeling.lower()}: {maker.randint(0, 10)}" for feeling in order)
    given = maker.choice([None, str(reference), json.dumps(reference), f'"{reference}"'])
    eq_case(reply, reference, given)
reference = {f"emotion{i + 1}": feeling for i, feeling in enumerate(FEELINGS[:4])} | {f"emotion{i + 1}_score": i for i in range(4)}
plain = "Surprised: 1\nConfused: 2\nAngry: 3\nForgiving: 4"
for reply in ["", plain, plain + "\nRelieved: 3", plain.replace("Angry", "Sad"), plain.replace(": ", ":"), plain.replace(": ", ":  "), plain.replace(": 3", ": 3.7"),
              plain.replace(": 3", ": -3"), plain.replace(": 3", ": ten"), plain + "\n\n" + plain.replace("4", "9"), plain.replace("Angry: 3\n", ""), plain.replace(": 4", ": 400"),
              "**Surprised:** 1\n**Confused:** 2\n**Angry:** 3\n**Forgiving:** 4", plain + "\nangry: 2", "surprised: 1, confused: 2, angry: 3, forgiving: 4"]:
    eq_case(reply, reference)

# --- process_bench ---
process = function("process_bench/process_bench_adapter", "_extract_answer_from_text", {"re": __import__("re")})
for reply in ["", "3", r"\boxed{3}", r"So \boxed{-1}.", r"\boxed{1} no, \boxed{2}", r"\boxed{ 4 }", r"\boxed{+2}", r"\boxed{two}", r"\boxed{}", r"\boxed{3", r"\boxed {3}",
              r"\boxed{\text{3}}", r"$\boxed{0}$", r"\boxed{1.0}", r"\boxed{paragraph_2}", "\\boxed{\n5\n}", r"\boxed{1}\boxed{}", r"\boxed{-12345678901}"]:
    found = process(reply)
    try:
        expected = int(found)
    except Exception:
        expected = None
    case("process_bench", reply=reply, expected=expected)

# --- arc_agi ---
arc = load("arc_agi_2/utils")
GRID = "[[1, 2], [3, 4]]"
for reply in ["", GRID, f" \n{GRID}\n", f"The grid is {GRID}.", f"```json\n{GRID}\n```", f"```\n{GRID}\n```", f"```{GRID}```", f"```json {GRID} ```", f"Input [[1]] gives\n```json\n{GRID}\n```",
              f"```json\n[[1]]\n```\nand\n```json\n{GRID}\n```", f"```python\nx = 1\n```\n```json\n{GRID}\n```", "[]", "[[]]", "[1, 2]", "[[1, 2], 3]", "[[1, x]]", f"[[1, x]] but {GRID}",
              "[[1, 2],\n [3, 4]]", "[[1,2],[3,4]] or [[5]]", "[ [ 1 ] , [ 2 ] ]", "[[1, 2], [3, 4]", "```json\n[[1, 2], [3, 4]\n```", f"Rows [1, 2] and [3, 4], so {GRID}", f'{{"output": {GRID}}}', "[[1.0, 2]]", "```json\nnot\n```"]:
    case("arc_agi", reply=reply, expected=arc.parse_grid_from_response(reply))

# --- finqa ---
finqa = load("finqa/utils")
TABLE = [["", "2008", "2007"], ["net sales", "$ 5,829", "$ 5,735"], ["margin", "12.5%", "11.0% (restated)"], ["units", "1200", "-1300.5"], ["note", "n/a", "3"], ["empty"]]


def finqa_case(reply, gold, answer, table=TABLE):
    extracted = finqa.parse_program(reply) or ""
    execution, program = finqa.score_program(extracted, gold, answer, table)
    case("finqa", reply=reply, gold=gold, answer=answer, table=table, expected={"extracted": extracted, "execution": execution, "program": program})


GOLD = "subtract(5829, 5735), divide(#0, 5735)"
for line in [GOLD, "subtract(5829,5735), divide(#0,5735)", "subtract( 5829 , 5735 ) ,  divide( #0 , 5735 )", f"**{GOLD}**", f"`{GOLD}`", f"{GOLD}.", f"{GOLD}, ", "divide(subtract(5829, 5735), 5735)", "subtract(5,829, 5,735), divide(#0, 5,735)",
             "divide(5829, 5735), subtract(#0, const_1)", "subtract(5829, 5735), multiply(#0, 100)", "subtract(5829, 5735)", "divide(5829, 5735), divide(5735, 5735), subtract(#0, #1)", "subtract(5735, 5829), divide(#0, 5735)",
             "subtract(5829, 5735), divide(#1, 5735)", "subtract(5829, 5735), divide(#0, 0)", "subtract(5829, 5735), divide(#0", "add(5829, 5735), subtract(#0, 5735), subtract(#1, 5735), divide(#2, 5735)", "minus(5829, 5735)", "", "none", "subtract(5829 5735)", "subtract[5829, 5735]",
             "divide(#0, 5735), subtract(5829, 5735)", "subtract(5829, 5735), divide(#0, 5735), add(#1, #1)", "subtract(5829, 5735), add(5829, 5735), divide(#0, 5735)"]:
    finqa_case(f"Reasoning.\nProgram: {line}", GOLD, 0.01639)
for reply in [f"program: {GOLD}", f"PROGRAM : {GOLD}", f"**Program:** {GOLD}", f"Program:\n{GOLD}", f"Program: add(1, 2)\nProgram: {GOLD}", f"The Program: {GOLD}", f"  ** Program ** : {GOLD}\nThat is it.", GOLD, f"Program: {GOLD}\n\nProgram:"]:
    finqa_case(reply, GOLD, 0.01639)
for gold, line in [("table_max(net sales, none)", "table_max(net sales, none)"), ("table_average(net sales, none)", "add(5829, 5735), divide(#0, const_2)"), ("table_sum(units, none), divide(#0, const_2)", "table_sum(units, none), divide(#0, const_2)"),
                   ("add(1, 2), table_sum(units, none), add(#0, #1)", "table_sum(units, none), add(1, 2), add(#0, #1)"), ("table_min(margin, none)", "table_min(margin, none)"), ("table_max(note, none)", "table_max(note, none)"), ("table_max(empty, none)", "table_sum(empty, none)"),
                   ("table_max(other, none)", "table_max(other, none)"), ("greater(3, 2)", "greater(3, 2)"), ("greater(3, 2)", "greater(2, 3)"), ("greater(3, 2)", "add(3, 2), greater(#0, 2)"), ("exp(2, 10)", "exp(2, 10)"), ("exp(2, const_m1)", "divide(const_1, 2)"), ("exp(-8, 0.5)", "exp(-8, 0.5)"),
                   ("multiply(50%, 200)", "multiply(50%, 200)"), ("divide(1, 3)", "divide(1, 3)"), ("add(1, 2), exp(#0, 2)", "add(2, 1), exp(#0, 2)"), ("divide(7, 9), exp(#0, 2)", "divide(7, 9), exp(#0, 2)"), ("exp(1e300, 2)", "exp(1e300, 2)"), ("multiply(1e300, 1e300)", "multiply(1e300, 1e300)"),
                   ("divide(0.000004, 1)", "divide(0.000004, 1)"), ("divide(1.000005, 1)", "divide(1.000005, 1)"), ("divide(2.675005, 1)", "divide(2.675005, 1)"), ("subtract(5, 5), divide(3, #0)", "subtract(5, 5), divide(3, #0)"), ("table_sum(net sales, none), add(#0, const_x)", "table_sum(net sales, none), add(#0, const_x)")]:
    invalid, answer = finqa.eval_program(finqa.program_tokenization(gold), TABLE)
    finqa_case(f"Program: {line}", gold, None if invalid or answer != answer or answer in ("n/a", float("inf")) else answer)
OPERATIONS = ["add", "subtract", "multiply", "divide"]


def program(steps, numbers):
    parts = []
    for step in range(steps):
        arguments = [maker.choice([*numbers, *[f"#{i}" for i in range(step)] * 2]) for _ in range(2)]
        parts.append(f"{maker.choice(OPERATIONS)}({arguments[0]}, {arguments[1]})")
    return ", ".join(parts)


def reordered(text):
    """The same formula with sums and products turned round."""
    steps = [step.rstrip(")") for step in text.split("), ")]
    turned = []
    for step in steps:
        name, arguments = step.split("(")
        one, other = arguments.split(", ")
        turned.append(f"{name}({other}, {one})" if name in ("add", "multiply") and maker.random() < 0.7 else f"{name}({one}, {other})")
    return ", ".join(turned)


for number in range(120):
    numbers = [str(maker.randint(1, 99)) for _ in range(3)]
    gold = program(maker.randint(1, 4), numbers)
    line = maker.choice([reordered(gold), reordered(gold), program(maker.randint(1, 4), numbers)])
    invalid, answer = finqa.eval_program(finqa.program_tokenization(gold), TABLE)
    finqa_case(f"Program: {line}", gold, None if invalid else answer)
for gold, line in [("add(1, 2), divide(#0, 3)", "divide(1, 3), divide(2, 3), add(#0, #1)"), ("subtract(1, 2), divide(#0, 2)", "divide(1, 2), divide(2, 2), subtract(#0, #1)"), ("add(1, 2), multiply(#0, 3)", "multiply(1, 3), multiply(2, 3), add(#0, #1)"),
                   ("multiply(1, 2), divide(#0, 3)", "divide(1, 3), multiply(#0, 2)"), ("divide(1, 2), divide(#0, 3)", "multiply(2, 3), divide(1, #0)"), ("subtract(1, 2), subtract(#0, 3)", "add(2, 3), subtract(1, #0)"), ("add(1, 2), add(#0, 3)", "add(2, 3), add(1, #0)")]:
    invalid, answer = finqa.eval_program(finqa.program_tokenization(gold), TABLE)
    finqa_case(f"Program: {line}", gold, answer)

# --- needle_haystack ---
import numpy
from itertools import product

needle = load("needle_haystack/utils")
needle_names = {"np": numpy, "logger": logging.getLogger("none")}
init_length = function("needle_haystack/needle_haystack_adapter", "_init_length", needle_names)
context_tokens = function("needle_haystack/needle_haystack_adapter", "_get_context_tokens", needle_names)
insert_needles = function("needle_haystack/needle_haystack_adapter", "_insert_needles", needle_names)


class Characters:
    def encode(self, text, add_special_tokens=True):
        return [ord(c) for c in text]

    def decode(self, tokens):
        return "".join(map(chr, tokens))


for lengths, depths in [((1000, 32000, 10), (0, 100, 10)), ((1000, 2000, 4), (0, 100, 5)), ((500, 500, 1), (50, 50, 1)), ((1, 2, 3), (0, 5, 3)), ((1000, 128000, 35), (0, 100, 35)), ((7, 20, 2), (10, 90, 7)), ((100, 100, 3), (0, 1, 2))]:
    names = ["context_lengths_min", "context_lengths_max", "context_lengths_num_intervals", "document_depth_percent_min", "document_depth_percent_max", "document_depth_percent_intervals"]
    options = dict(zip(names, [*lengths, *depths]))
    adapter = types.SimpleNamespace(**options)
    init_length(adapter)
    case("needle_grid", options=options, expected=[adapter.context_lengths.tolist(), adapter.document_depth_percents.tolist()])
CORPORA = ["One sentence here. Another one there. And a third that is longer than both. ", "没有句号的开头，然后有一句。再来一句。", "no stop at all in this corpus ", "."]
for corpus, count, length, depth in product(CORPORA, [1, 3], [200, 420], [0, 25, 50, 77, 99, 100]):
    needles = ["\nThe needle is blue.\n", " Second needle ", "第三根针。"][:count]
    longest = maker.choice([420, 500])
    adapter = types.SimpleNamespace(tokenizer=Characters(), needles=needles, context_lengths=[longest])
    text = insert_needles(adapter, context_tokens(adapter, corpus), depth, length)
    case("needle_text", corpus=corpus, needles=needles, longest=longest, length=length, depth=depth, expected=text)
for reply, needles in [("The needle is blue.", ["\nThe needle is blue.\n"]), ("needle is  BLUE", ["\nThe needle is blue.\n"]), ("It is: the needle is blue.", ["The needle is blue."]), ("", ["a"]), ("", [""]), ("針は青い。", ["針は青い。"]), ("针", ["针。"]),
                       ("one two", ["one", "two"]), ("a-b", ["ab"]), ("the other", ["other"]), ("theother", ["other"]), ("Ünder the Tree!", ["ünder tree"])]:
    norm_gold, norm_pred = needle.normalize_answer("\n".join(needles)), needle.normalize_answer(reply)
    case("needle_score", reply=reply, needles=needles, expected=int(norm_gold.strip() == norm_pred.strip()) if norm_pred else 0)

# --- refcoco ---
import re

bbox_score = function("refcoco/evaluation_lib", "bbox_rec_score_result", {})
extract_box = function("refcoco/refcoco_adapter", "extract_answer", {"re": re, "EvalMode": types.SimpleNamespace(BBOX_REC="bbox_rec"), "logger": logging.getLogger("none")})


def refcoco_case(reply, size, bbox):
    (w, h), (x, y, bw, bh) = size, bbox
    truth = [x / w, y / h, (x + bw) / w, (y + bh) / h]
    coords = extract_box(None, reply, types.SimpleNamespace(metadata={"eval_mode": "bbox_rec", "image_size": size}))
    values = bbox_score(coords, {"bbox": truth})
    names = ["IoU", "ACC@0.1", "ACC@0.3", "ACC@0.5", "ACC@0.7", "ACC@0.9", "Center_ACC"]
    case("refcoco", reply=reply, size=size, bbox=bbox, expected=[float(values[name]) for name in names])


for number in range(40):
    size, bbox = [640, 480], [maker.randint(0, 400), maker.randint(0, 300), maker.randint(20, 240), maker.randint(20, 180)]
    x1, y1, x2, y2 = [value + maker.randint(-40, 40) for value in (bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3])]
    parts = [round(value / side, 3) for value, side in zip((x1, y1, x2, y2), (640, 480, 640, 480))]
    refcoco_case(maker.choice([f"[{x1}, {y1}, {x2}, {y2}]", f"The box is {parts}.", f"Box: [ {x1},{y1} ,{x2}, {y2} ] and [0, 0, 1, 1]"]), size, bbox)
for reply in ["", "none", "[0.1, 0.2, 0.3]", "(0.1, 0.2, 0.3, 0.4)", "[0.1, 0.1, 0.9, 0.9]", "[.1, .2, .3, .4]", "[64, 48, 576, 432]", "[0, 0, 1, 1]", "[0, 0, 0, 0]", "[1e2, 1, 1, 1]", "[0.9, 0.9, 0.1, 0.1]", "[-5, -5, 700, 500]", "[0.5,\n0.5,\n0.6,\n0.6]"]:
    refcoco_case(reply, [640, 480], [64, 48, 512, 384])

# --- ref_adv ---
ref_adv = load("ref_adv_s/utils")


def ref_adv_case(reply, box_format="norm_1000_xyxy", size=(800, 600), solution=(80, 60, 400, 300)):
    boxes, _ = ref_adv.parse_bboxes(reply, size, box_format)
    truth = ref_adv.to_normalized_xyxy(solution, size, "abs_xyxy")
    iou = ref_adv.iou_xyxy(boxes[0], truth) if boxes else 0.0
    case("ref_adv", reply=reply, format=box_format, size=size, solution=solution, expected=[*[value for box in boxes for value in box], iou])


for reply in ["", "none", '{"bbox": [100, 100, 500, 500]}', '```json\n{"bbox_2d": [100, 100, 500, 500], "label": "cat"}\n```', '```json\n[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [100, 100, 500, 500]}]\n```', "[100, 100, 500, 500]", "It is at [100, 100, 500, 500]",
              "It is at [100, 100, 500, 500].", "[[100, 100, 500, 500], [100, 100, 500, 500], [1, 1, 2, 2]]", '{"label": [9, 9, 9, 9], "bbox": [100, 100, 500, 500]}', '{"objects": {"boxes": [[100, 110, 520, 500]]}}', '```json\n{"bbox": [1, 2, 3, 4]}\n```\n```json\n{"bbox": [100, 100, 500, 500]}\n```',
              '```json\n{"bbox": [1, 2, 3, 4]}\n```\n```json\n{broken\n```', '```\n[100, 100, 500, 500]\n```', '{"bbox": [500, 500, 100, 100]}', '{"bbox": [-20, 100, 1200, 500]}', '{"bbox": ["100", 100, 500, 500]}', '{"bbox": [100, 100, 500]}', '{"a": {"b": {"c": [[100, 100, 500, 500]]}}}', '{"bbox": []}', "[1, 2] and {\"bbox\": [100, 100, 500, 500]}",
              '{"bbox": [100, 100, 500, 500]} trailing', "[100.5, 99.25, 500, 500]\n", "{}", "[]"]:
    ref_adv_case(reply)
for box_format, reply in [("abs_xyxy", "[80, 60, 400, 300]"), ("abs_xyxy", "[90, 60, 420, 310]"), ("norm_1_xyxy", "[0.1, 0.1, 0.5, 0.5]"), ("norm_1_xyxy", "[0.1, 0.1, 0.5, 5]"), ("norm_1000_xyxy", "[120, 80, 480, 530]")]:
    ref_adv_case(reply, box_format)

# --- screenspot ---
screenspot = load("screenspot_pro/utils")
for reply in ["", "none", "Answer: [0.5, 0.25]", "answer: (500, 250)", "Final Answer：[1280, 360]", "Answer:\n\n[0.5, 0.25]", "Answer: [0.1, 0.1]\nAnswer: [0.5, 0.25]", "Answer: [0.1, 0.1], no, [0.5, 0.25]", "Answer: x=0.5, y=0.25", 'Answer: {"x": 500, "y": 250}', "Answer: 0.5 0.25", "Answer: 50%, 25%",
              "Answer: [50%, 25%]", "Answer: click it\nat [0.5, 0.25]", "[0.5, 0.25]", "(0.1, 0.1) then (0.5, 0.25)", "x=0.5, y=0.25", "0.5, 0.25", "<bbox>0.4, 0.2, 0.6, 0.3</bbox>", "<bbox>400 200 600 300</bbox> [1, 1]", "<bbox>1, 2</bbox> [0.5, 0.25]", "Answer: <BBOX id=1>0.4,0.2,0.6,0.3</BBOX>", "Answer: [1, 1]", "Answer: [1, 2]",
              "Answer: [0, 1000]", "Answer: [1001, 20]", "Answer: [-1, 0.5]", "Answer: [.5, .25]", "Answer: [0.5, 0.25, 0.6, 0.35]", "Answer: [0.5 0.25]", "Answer: X: 0.5 and Y: 0.25", "the answer is [0.5, 0.25]", "Answer: five", "Answer: step 3 of 4"]:
    point = screenspot.parse_point(reply)
    case("screenspot", reply=reply, size=[2560, 1440], expected=list(screenspot.to_normalized_point(point, [2560, 1440])) if point else [])

# --- sparc ---
sparc = load("sparc/utils")
SMALL = {"puzzle_array": [["+", "+", "E"], ["+", "A-R", "+"], ["S", "+", "+"]], "polyshapes": "{}", "solutions": [{"index": 0, "path": [{"x": x, "y": y} for x, y in [(0, 2), (0, 1), (0, 0), (1, 0), (2, 0)]]}, {"index": 1, "path": [{"x": x, "y": y} for x, y in [(0, 2), (1, 2), (2, 2), (2, 1), (2, 0)]]}]}
WIDE = {"puzzle_array": [["+", "+", "+", "+", "E"], ["+", "o-R", "+", "N", "+"], ["S", "+", "+", "+", "+"], ["+", "N", "+", "N", "+"], ["+", "+", "+", "+", "+"]], "polyshapes": "{}", "solutions": []}
for puzzle in (SMALL, WIDE):
    for reply in ["", "no path", "####\n(0,2), (0,1), (0,0), (1,0), (2,0)", "#### (0, 2) -> (1, 2) -> (2, 2) -> (2, 1) -> (2, 0)", "(0,2)(0,1)(0,0)(1,0)(2,0)", "Try (0,2), (2,0).\n#### (0,2), (0,1), (0,0), (1,0), (2,0)", "#### (0,2),(2,0)", "#### (0,2), (1,2), (1,1), (1,0), (2,0)",
                  "#### (0,2), (0,1), (0,0), (0,1), (0,2)", "#### (0,2), (0,1), (0,0), (1,0), (2,0), (9,9)", "#### (2,0)", "#### (0,2)", "#### none", "(0,2), (0,1) #### (0,0), (1,0), (2,0)", "#### [0,2], [0,1]", "#### (0,2), (0,1), (0,0), (1,0), (2,0), (3,0), (4,0)", "#### (0,2), (1,2), (2,2), (3,2), (4,2), (4,1), (4,0)",
                  "#### (0,2), (1,2), (2,2), (3,2), (3,1), (4,1), (4,0)", "#### (-1,2), (0,2)", "#### (0, 2),\n(0, 1),\n(0, 0), (1, 0), (2, 0)", "#### (0,99999999999999999999999), (0,2)", "####(0,2),(0,1)####"]:
        path = sparc.extract_solution_path(reply, puzzle)
        expected = [sparc.path_to_text(path), sparc.validate_solution(path, puzzle), sparc.analyze_path(path, puzzle)]
        if "99999" in reply:
            continue
        case("sparc", puzzle=puzzle, reply=reply, expected=expected)

# --- tir_bench ---
tir = load("tir_bench/utils")
sys.modules["evalscope.metrics"] = types.ModuleType("evalscope.metrics")
sys.modules["evalscope.metrics.utils"] = types.ModuleType("evalscope.metrics.utils")
functions = types.ModuleType("evalscope.metrics.utils.functions")
sys.modules["evalscope.metrics.utils.functions"] = functions


def levenshtein(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one):
        last, row[0] = row[0], i + 1
        for j, b in enumerate(other):
            last, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, last + (a != b))
    return row[-1]


functions.levenshtein_distance = levenshtein
tir.judge_int = tir.judge_float = lambda answer, truth: float(answer.replace("Extracted answer:", "").strip() == truth)


def tir_score(task, difficulty, truth, prompt, reply, extracted):
    """The dispatch of the adapter: its own file loads too much, so its branches are called here one by one."""
    if task == "ocr":
        return float(truth in reply)
    kind = tir.classify_string(truth)
    if task == "word_search" and kind != 2:
        one, other = tir.extract_two_numbers(truth), tir.extract_two_numbers(extracted)
        return float(one is not None and one == other)
    if task == "spot_difference" and kind != 2:
        return tir.list_iou(tir.extract_consecutive_integers(extracted), tir.extract_consecutive_integers(truth))
    if task == "jigsaw":
        try:
            return tir.compare(tir.extract_consecutive_n_squared(truth, difficulty), tir.extract_consecutive_n_squared(extracted, difficulty))
        except ValueError:
            return 0.0
    if kind == 1:
        return tir.judge_choice(extracted, truth, prompt)
    return tir.judge_int(extracted, truth) if kind in (2, 3) else 0.0


PROMPT = "Which animal?\nA. cat\nB. dog\nC. bird"
for task, difficulty, truth, reply in [
    *[("color", 2, "B", reply) for reply in ["B", "b", "Answer: B", "ANSWER - B", r"\boxed{B} not \boxed{C}", "The answer is B.", "(A) no, (B)", "B is correct", "A or B", "dog", "the dog", "bird", "no idea", "", "答案是B", "Extracted answer: B", "I think so", "AB", "Answer: Because A", "cat dog", "BB"]],
    *[("math", 2, "A", reply) for reply in ["no idea", "zebra", "A", "cat"]],
    *[("symbolic", 2, "AC", reply) for reply in ["AC", "CA", "A and C", "Answer: A", "(A) (C)"]], *[("math", 2, truth, reply) for truth, reply in [("12", "12"), ("12", "13"), ("1.5", "1.5"), ("x y", "x y"), ("12", " 12 "), ("-3", "-3")]],
    *[("ocr", 2, "Exit 5", reply) for reply in ["It says Exit 5 there", "exit 5", "", "Answer: Exit"]], *[("word_search", 3, "3, 7", reply) for reply in ["3,7", "(3, 7)", "row 3, 7 and 1, 2", "1, 2 or 3, 7", "3 7", "03, 7", ""]], ("word_search", 3, "5", "5"),
    *[("spot_difference", 2, "[1, 2, 5]", reply) for reply in ["1, 2, 5", "[1, 2]", "I see 3 differences: 1 and 2", "", "01 2 5", "1,2,5,9"]], ("spot_difference", 2, "[]", "none"), ("spot_difference", 2, "4", "4"),
    *[("jigsaw", 2, "[3, 1, 4, 2]", reply) for reply in ["[3, 1, 4, 2]", "3 1 2 4", "pieces 3，1，4，2", "1 2 3", "5 pieces: 3, 1, 4, 2", "3, 1, 4, 2, 5", "1 2 3 4 then 3 1 4 2", "", "3\n1\n4\n2"]], ("jigsaw", 3, "1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 9 8"),
]:
    extracted = reply if task == "ocr" else tir.extract_answer_with_classify(reply, truth)
    case("tir_bench", task=task, difficulty=difficulty, truth=truth, prompt=PROMPT, reply=reply, extracted=extracted, expected=float(tir_score(task, difficulty, truth, PROMPT, reply, extracted)))

# --- visfactor ---
visfactor = load("visfactor/utils")
for category, additional, truth, reply in [
    *[("CF1", "", "T", reply) for reply in ['{"answer": "T"}', '{"answer": true}', '{ "answer" : "Yes" }', "{'answer': 'T'}", '{"answer": "F"} then {"answer": "T"}', "T", '{"answer": T}', '{"answer": "maybe"}', '{"answer":\n"T"\n}', '{"answer": \'y\'}', '{"answer": ""}', '{"answer": "T", "x": 1}', ""]],
    *[("CS1", "", "apple, Apples", reply) for reply in ['{"answer": "apple"}', '{"answer": "APPLES "}', "apple", '{"answer": apple}', '{"answer": "pear"}']], *[("CF3", "", "(2, 3)", reply) for reply in ['{"answer": "(2, 3)"}', "row 2 column 3", '{"answer": [2, 3]}', "3", '{"answer": "2,3"} 9']],
    *[("I3", "", "7", reply) for reply in ['{"answer": 7}', "it is 7.", '{"answer": "07"}', "1 2 7", '{"answer": {"n": 7}}', ""]], *[("VZ3", "3", "C", reply) for reply in ['{"answer": "C"}', "So C", "the answer is C.", "c", '{"answer": "c"} C']], *[("VZ3", "", "F", reply) for reply in ['{"answer": "no"}', "F"]], ("XX", "", "", '{"answer": "T"}'),
]:
    case("visfactor", category=category, additional=additional, truth=truth, reply=reply, expected=list(visfactor.score_prediction(category, reply, truth, additional)))

# --- surds ---
surds = load("surds/utils")
DIRECTIONS = ["North", "South", "East", "West", "Northeast", "Southeast", "Southwest", "Northwest"]


def record(number, things):
    places = [[maker.randint(0, 1599), round(maker.uniform(0, 899), 1)] for _ in range(things)]
    return {
        "file_name": f"{number}.jpg", "descs": [maker.choice(["red Car", "bus", "man in a hat", "Truck 7"]) for _ in range(things)], "distances": [round(maker.uniform(2, 60), 2) for _ in range(things)], "depths": [round(maker.uniform(1, 50), 2) for _ in range(things)],
        "xy2Ds": places, "yaw_descs": [maker.choice(DIRECTIONS) for _ in range(things)], "bboxes2D": [[x - 20.5, y - 10, x + 20.5, y + 10] for x, y in places],
    }


for sizes in [[1, 2, 1, 3, 1, 1, 1, 1], [2, 2] + [1] * 30, [4] + [1] * 6 + [2] + [1] * 40, [0, 1]]:
    records = [record(number, things) for number, things in enumerate(sizes)]
    built = surds.build_official_vqa_records(records)
    case("surds_questions", records=records, expected={name: [[unit["pair_id"], unit["image_path"], unit["options"], unit["answers"], unit["bbox"] and [float(side) for side in unit["bbox"]]] for unit in units] for name, units in built.items()})
OPTIONS = ["The red car", "The bus", "Almost the same"]
for reply in ["", "the bus", "<answer>The bus</answer>", "<think>x</think><answer> the bus. </answer>", "<answer>bus</answer>", "<answer>The bus is closer</answer>", "<answer>A the bus</answer>", "<answer>THE  BUS!</answer>", "<answer>The red car</answer><answer>The bus</answer>", "<answer>The buses</answer>", "<answer>\nThe bus\n</answer>", "<answer></answer>", "<answer>The bus"]:
    answer = surds.extract_tagged_answer(reply)
    valid = any(surds.option_is_present(option, answer) for option in OPTIONS)
    case("surds_words", reply=reply, truth="The bus", options=OPTIONS, expected=[answer, float(bool(answer) and valid and surds.normalize_answer(answer) == surds.normalize_answer("The bus"))])
for answer in ["[800, 450]", "[0.5, 0.5]", "The car is at [ 790 , 440 ].", "[700, 400, 900, 500]", "[700, 400, 901, 501]", "[800 450]", "[800, 450,]", "[800]", "[-5, 450]", "[1600, 450]", "[1599, 450]", "[800, 0.5]", "[]", "[0800, 450]", "[8e2, 450]", "[800.5, 450.25]", "(800, 450)", "[1, 2, 3]", "[[800, 450]]", "[- 800, 450]", "[--800, 450]", "[800,, 450]", "[0, 0]", "[00, 450]", "[800., 450.]", "[.5, .5]", "[1-2, 450]"]:
    for bbox in ([700, 400, 900, 500], [0, 0, 1600, 900]):
        found = surds.parse_point(answer)
        case("surds_point", reply=f"<answer>{answer}</answer>", bbox=bbox, expected=0.0 if found is None else surds.compute_centerness(found, bbox))


# --- perspective_gap: the rules of its scorer (github.com/WhymustIhaveaname/PerspectiveGap), stated again, over words ---
def perspective_values(passed, right, extra, missing, leaked):
    needed, given = right + missing, right + extra
    return {"strict_pass": float(passed), "net_match_score": max(0.0, (right - extra - missing) / needed) if needed else 0.0, "required_coverage": right / needed if needed else 0.0, "boundary_precision": right / given if given else 0.0, "distractor_leakage": float(leaked)}


def assignment(reply, needs, distractor):
    bare = reply.strip()
    fenced = re.match(r"^```(?:json)?\s*\n(.*?)\n```\s*$", bare, re.DOTALL)
    try:
        strict = json.loads(fenced.group(1) if fenced else bare)
        strict = strict if isinstance(strict, dict) else None
    except ValueError:
        strict = None
    given = strict
    if given is None and "{" in reply and "}" in reply[reply.index("{"):]:
        try:
            given = json.loads(reply[reply.index("{"): reply.rindex("}") + 1])
        except ValueError:
            given = None
    if given is None:
        return perspective_values(False, 0, 0, sum(map(len, needs.values())), 0)
    sets = {role: {i for i in ids if isinstance(i, str)} for role, ids in given.items() if isinstance(ids, list)}
    passed = strict is not None and set(strict) == set(needs) and all(isinstance(ids, list) and all(isinstance(i, str) for i in ids) for ids in strict.values())
    passed = passed and all(sets.get(role, set()) == set(ids) for role, ids in needs.items())
    pairs = [(sets.get(role, set()), set(ids)) for role, ids in needs.items()]
    return perspective_values(passed, sum(len(a & b) for a, b in pairs), sum(len(a - b) for a, b in pairs), sum(len(b - a) for a, b in pairs), sum(distractor in a - b for a, b in pairs))


def words(text):
    return [word.lower() for word in re.findall(r"[^\W_]+", text) if re.search("[a-zA-Z0-9]", word)]


def runs(tokens):
    return {tuple(tokens[i:i + n]) for n in (1, 2, 3) for i in range(len(tokens) - n + 1)}


def writing(reply, fragments, needs, distractor):
    parts = re.split(r"^# (.+?)\s*$", reply, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2]))
    names = {word for role in needs for word in words(role)}
    grams = {fragment["id"]: runs(words(fragment["text"])) for fragment in fragments}
    own = {i: {run for run in runs_of if not any(run in other for j, other in grams.items() if j != i) and not set(run) <= names} for i, runs_of in grams.items()}
    right = extra = missing = leaked = 0
    for role, needed in needs.items():
        told = runs(words(sections.get(role, "")))
        shares = {i: round(len(o & told) / len(o), 3) if o else 0.0 for i, o in own.items()}
        detected = {i for i in needed if shares.get(i, 0.0) >= 0.7}
        wrong = {i for i, share in shares.items() if share >= 0.3} - set(needed)
        right, extra, missing, leaked = right + len(detected), extra + len(wrong), missing + len(set(needed) - detected), leaked + (distractor in wrong)
    return perspective_values(not extra and not missing, right, extra, missing, leaked)


NEEDS = {"planner": ["f1", "f2"], "code writer": ["f2", "f3"], "reviewer": ["f4"]}
FRAGMENTS = [{"id": f"f{i + 1}", "text": text} for i, text in enumerate(["The budget is 40 hours until the tenth of May.", "All code is written in Rust with no unsafe blocks.", "The parser must read nested tables up to depth nine.", "A review rejects any function above fifty lines.", "Be clear and direct, and use tags for structure.", "planner"])]
exact = json.dumps(NEEDS)
for reply in ["", "none", exact, f"```json\n{exact}\n```", f"```\n{exact}\n```\n", f"Here: {exact} done", f"Here:\n```json\n{exact}\n```", exact[:-1], "[1]", '{"planner": ["f1"]}', json.dumps({**NEEDS, "reviewer": ["f4", "f5"]}), json.dumps({**NEEDS, "extra": ["f1"]}), json.dumps({**NEEDS, "reviewer": "f4"}),
              json.dumps({**NEEDS, "reviewer": ["f4", 4]}), json.dumps({role: ["f5"] for role in NEEDS}), json.dumps({role: ["f1", "f2", "f3", "f4", "f5", "f1"] for role in NEEDS}), '{"planner": {"f1": 1}}', "{a} and {b}", json.dumps({role: list(reversed(ids)) for role, ids in NEEDS.items()}), "} {"]:
    case("perspective_gap", task="role_assignment", reply=reply, needs=NEEDS, distractor="f5", expected=assignment(reply, NEEDS, "f5"))
said = {fragment["id"]: fragment["text"] for fragment in FRAGMENTS}


def letter(assigned, cut=None):
    return "\n\n".join(f"# {role}\n\nYou are the {role}.\n" + "\n".join(f"- {' '.join(said[i].split()[:cut])}" for i in ids) for role, ids in assigned.items())


for reply in ["", "no heading", letter(NEEDS), letter(NEEDS).replace("# ", "## "), letter(NEEDS).upper(), letter({**NEEDS, "reviewer": ["f4", "f5"]}), letter({role: list(said) for role in NEEDS}), *[letter(NEEDS, cut) for cut in range(2, 11)], letter({**NEEDS, "planner": ["f1"]}), letter(NEEDS) + "\n# planner\nnothing", "# planner \n" + letter(NEEDS),
              letter(NEEDS).replace("\n\n", "\n"), letter({"planner": ["f1", "f2"]})]:
    case("perspective_gap", task="prompt_writing", reply=reply, needs=NEEDS, fragments=FRAGMENTS, distractor="f5", expected=writing(reply, FRAGMENTS, NEEDS, "f5"))

for row in rows:
    print(json.dumps(row, ensure_ascii=False, allow_nan=False))

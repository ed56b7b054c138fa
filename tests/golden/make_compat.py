"""Writes compat_random.jsonl: random prompts as the recipes of vLLM, SGLang and EvalScope give them.

Run with numpy 2.4.6, CPython 3.11 and tokenizers 0.23.3 from this folder: python make_compat.py > compat_random.jsonl
The tokenizer is the one that is built into the program. The recipes are written anew from the description of each
tool's draws; numpy, CPython and the tokenizer are the real ones.
"""

import json
import math
import pathlib
import random

import numpy as np
from tokenizers import Tokenizer

TOKENIZER = Tokenizer.from_file(str(pathlib.Path(__file__).parents[2] / "datasets" / "tokenizer" / "tokenizer.json"))
BASE = TOKENIZER.get_vocab_size(with_added_tokens=False)
FULL = TOKENIZER.get_vocab_size(with_added_tokens=True)
SPECIAL = {i for i, token in TOKENIZER.get_added_tokens_decoder().items() if token.special}
AROUND = TOKENIZER.num_special_tokens_to_add(False)


def decode(ids):
    return TOKENIZER.decode(ids, skip_special_tokens=False)


def repair(ids, wanted, fill):
    rounds = 0
    while True:
        text = decode(ids)
        ids = TOKENIZER.encode(text, add_special_tokens=False).ids
        if len(ids) == wanted or rounds == 10:
            return text, ids
        ids = ids[:wanted] if len(ids) > wanted else ids + fill(wanted - len(ids))
        rounds += 1


def run(allowed, first, length):
    return [allowed[(first + place) % len(allowed)] for place in range(length)]


def vllm(seed, count, input_len, output_len, ratio, prefix_len):
    rng = np.random.default_rng(seed)
    real = max(0, input_len - AROUND)
    inputs = rng.integers(math.floor(real * (1 - ratio)), math.ceil(real * (1 + ratio)) + 1, size=count)
    low, high = max(math.floor(output_len * (1 - ratio)), 1), max(math.ceil(output_len * (1 + ratio)), 1)
    outputs = rng.integers(low, high + 1, size=count)
    offsets = rng.integers(0, BASE, size=count)
    allowed = [i for i in range(BASE) if i not in SPECIAL]
    fill = lambda missing: rng.integers(0, BASE, size=missing).tolist()
    prefix = []
    if prefix_len > 0:
        prefix = [allowed[place] for place in rng.integers(0, len(allowed), size=prefix_len)]
        _, prefix = repair(prefix, prefix_len, fill)
    for i in range(count):
        ids = prefix + run(allowed, int(offsets[i]) + i, int(inputs[i]))
        text, ids = repair(ids, prefix_len + int(inputs[i]), fill)
        yield text, len(ids), int(outputs[i])


def sglang(seed, count, input_len, output_len, ratio):
    np.random.seed(seed)
    draw = lambda longest: np.random.randint(max(int(longest * ratio), 1), longest + 1, size=count)
    inputs = [max(1, int(length) - AROUND) for length in draw(input_len)]
    outputs = draw(output_len)
    offsets = np.random.randint(0, BASE, size=count)
    for i in range(count):
        ids = [int((offsets[i] + i + place) % BASE) for place in range(inputs[i])]
        yield decode(ids), inputs[i], int(outputs[i])


def evalscope(seed, count, lengths, max_tokens, prefix_len, offset):
    np.random.seed(seed)
    random.seed(seed)
    random.randint(*max_tokens)
    is_byte = lambda text: len(text) == 6 and text.startswith("<0x") and text.endswith(">")
    allowed = [i for i in range(FULL) if i not in SPECIAL and not is_byte(TOKENIZER.id_to_token(i))]
    pick = lambda size: [allowed[place] for place in np.random.randint(0, len(allowed), size=size)]
    prefix = pick(prefix_len) if prefix_len > 0 else []
    inputs = np.random.randint(lengths[0], lengths[1] + 1, size=count)
    offsets = (np.random.randint(0, len(allowed), size=count) + offset) % len(allowed)
    seeds = np.random.randint(0, np.iinfo(np.uint32).max, size=count, dtype=np.uint32)
    for i in range(count):
        np.random.seed(int(seeds[i]))
        ids = prefix + run(allowed, int(offsets[i]) + i, int(inputs[i]))
        text, ids = repair(ids, prefix_len + int(inputs[i]), pick)
        yield text, len(ids), random.randint(*max_tokens)


def emit(tool, recipe, seed, count, **values):
    prompts = [list(item) for item in recipe(seed, count, **values)]
    print(json.dumps({"tool": tool, "seed": seed, "count": count, **values, "prompts": prompts}))


def main():
    for seed, count, input_len, output_len, ratio, prefix_len in [
        (0, 6, 24, 16, 0.0, 0), (0, 8, 24, 16, 0.5, 0), (7, 8, 31, 5, 0.3, 12), (42, 5, 3, 1, 0.9, 4),
        (42, 3, 300, 128, 0.1, 0), (2**32 - 1, 6, 40, 9, 0.99, 33),
    ]:
        values = {"input_len": input_len, "output_len": output_len, "ratio": ratio, "prefix_len": prefix_len}
        emit("vllm", vllm, seed, count, **values)
    for seed, count, input_len, output_len, ratio in [
        (42, 8, 48, 32, 0.0), (1, 6, 20, 8, 1.0), (5, 6, 33, 9, 0.37), (0, 3, 300, 1, 0.5),
    ]:
        emit("sglang", sglang, seed, count, input_len=input_len, output_len=output_len, ratio=ratio)
    for seed, count, lengths, max_tokens, prefix_len, offset in [
        (42, 8, [10, 40], [16, 16], 0, 0), (1, 6, [20, 20], [1, 64], 7, 0), (9, 6, [0, 30], [5, 2048], 3, 1000003),
        (9, 3, [200, 300], [7, 9], 0, 17),
    ]:
        values = {"lengths": lengths, "max_tokens": max_tokens, "prefix_len": prefix_len, "offset": offset}
        emit("evalscope", evalscope, seed, count, **values)


if __name__ == "__main__":
    main()

"""EvalScope's own collections and this program's: the same draws, and the same levels from the same rows.

usage: PYTHON mixtures.py --evalscope PATH

PYTHON is one with EvalScope (pip install evalscope==1.14.1). A schema over files of one's own is dumped by EvalScope and read by
both. Compared are, for each sampler and several counts and seeds, the drawn rows without their words, for each program asks in its
own; then both evaluate the same rows, drawn by either, against a scripted server, and their `collection_detailed_report.json` must hold the same.
"""
import argparse, json, os, pathlib, random, subprocess, sys, tempfile, time

import evaluate

SAMPLERS = ["weighted", "uniform", "stratified"]


def files(folder):
    """Two sets of questions with options, in three subsets, and one of open ones, with different numbers of samples."""
    letters = random.Random(3)
    (folder / "mcq").mkdir(), (folder / "qa").mkdir()
    for subset, first, count in [("one", 0, 23), ("two", 100, 9), ("three", 200, 14)]:
        with open(folder / "mcq" / f"{subset}_val.jsonl", "w") as out:
            for number in range(first, first + count):
                out.write(json.dumps({"id": str(number), "question": f"[mcq] #{number}: which one?", "A": "one", "B": "two",
                                      "C": "three", "D": "four", "answer": letters.choice("ABCD")}) + "\n")
    words = "the quick brown fox jumps over a lazy dog near the old river bank".split()
    with open(folder / "qa" / "open.jsonl", "w") as out:
        for number in range(300, 317):
            text = " ".join(random.Random(number).sample(words, 6))
            out.write(json.dumps({"query": f"#{number}: say something", "response": text}) + "\n")


def schema(folder):
    from evalscope.collections import CollectionSchema, DatasetInfo
    mcq = lambda subsets: {"local_path": str(folder / "mcq"), "subset_list": subsets}
    return CollectionSchema(name="all", datasets=[
        CollectionSchema(name="letters", weight=3, datasets=[
            DatasetInfo(name="general_mcq", weight=2, task_type="choice", tags=["zh", "letters"], args=mcq(["one", "two"])),
            DatasetInfo(name="general_mcq", weight=1.5, task_type="choice", tags=["letters"], args=mcq(["three"])),
        ]),
        DatasetInfo(name="general_qa", weight=2.7, task_type="writing", tags=["en"],
                    args={"local_path": str(folder / "qa"), "subset_list": ["open"]}),
    ])


def plain(row):
    """What of a row does not hang on words."""
    prompt = row["prompt"]
    kept = {name: prompt.get(name) for name in ("target", "choices", "id", "group_id")}
    return {**{name: value for name, value in row.items() if name != "prompt"}, **kept}


def draws(program, folder, collection):
    from evalscope.collections import StratifiedSampler, UniformSampler, WeightedSampler
    theirs = dict(zip(SAMPLERS, [WeightedSampler, UniformSampler, StratifiedSampler]))
    compared = 0
    for sampler in SAMPLERS:
        for count in [1, 7, 20, 60, 200]:
            for seed in [0, 42, 2**40 + 1]:
                random.seed(seed)
                # Rows as a file keeps them: a weight is the number that JSON has.
                wanted = json.loads(json.dumps(theirs[sampler](collection).sample(count)))
                out = folder / f"{sampler}_{count}_{seed}.jsonl"
                subprocess.run([program, "collect", str(folder / "schema.json"), "--sampler", sampler, "--count", str(count),
                                "--seed", str(seed), "--output", str(out)], check=True, capture_output=True)
                found = [json.loads(line) for line in open(out)]
                assert [plain(row) for row in found] == [plain(row) for row in wanted], (sampler, count, seed)
                compared += len(found)
    print(f"{compared} rows of {len(SAMPLERS) * 15} draws are the same", flush=True)


def shapes(program, folder):
    """Rows of every card's sample are read by EvalScope's own classes."""
    from evalscope.api.dataset import Sample
    from evalscope.collections import DatasetEntry
    cards = json.loads(subprocess.run([program, "benchmarks", "--json"], check=True, capture_output=True, text=True).stdout)
    # One of them is a mixture itself, the other is made with a tokenizer of the user's.
    names = [card["name"] for card in cards if card["name"] not in ("data_collection", "needle_haystack")]
    (folder / "all.json").write_text(json.dumps({"name": "all", "datasets": [{"name": name} for name in names]}))
    subprocess.run([program, "collect", str(folder / "all.json"), "--dataset-hub", "sample", "--sampler", "uniform", "--count",
                    str(1000 * len(names)), "--output", str(folder / "all.jsonl")], check=True, capture_output=True)
    rows, refused = 0, {}
    for line in open(folder / "all.jsonl"):
        row = json.loads(line)
        rows += 1
        try:
            DatasetEntry.model_validate(row)
            Sample.model_validate(row["prompt"])
        except Exception as error:
            refused[row["dataset_name"]] = str(error)
    for name, error in refused.items():
        print(f"  {name}: {error}")
    assert not refused, f"rows of {len(refused)} benchmarks are refused"
    print(f"{rows} rows of {len(names)} benchmarks are read", flush=True)


def levels(ours, theirs, url, folder, rows):
    folder.mkdir()
    (folder / "mix").mkdir()
    (folder / "mix" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = {"data_collection": {"local_path": str(folder / "mix")}}
    found = {}
    for name, program in [("ours", ours), ("theirs", theirs)]:
        evaluate.run(program, url, args, ["data_collection"], folder / name, False, 8)
        found[name] = json.load(open(next((folder / name).glob("reports/*/collection_detailed_report.json"))))
    assert found["ours"] == found["theirs"], json.dumps(found, indent=1)
    print("the levels are the same:", json.dumps(found["ours"]["category_level"]), flush=True)

    def subsets(name):
        report = json.load(open(next((folder / name).glob("reports/*/data_collection.json"))))
        return {(json.dumps(metric["identity"], sort_keys=True), *category["name"], subset["name"]): (subset["score"], subset["num"])
                for metric in report["metrics"] for category in metric["categories"] for subset in category["subsets"]}
    assert subsets("ours") == subsets("theirs"), (subsets("ours"), subsets("theirs"))
    print(f"{len(subsets('ours'))} subsets of the reports are the same", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evalscope", required=True)
    options = parser.parse_args()
    theirs = pathlib.Path(sys.executable).parent / "evalscope"
    port = 18439
    child = os.fork()
    if child == 0:
        evaluate.serve(port)
    try:
        time.sleep(0.5)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            files(folder)
            collection = schema(folder)
            collection.dump_json(str(folder / "schema.json"))
            shapes(options.evalscope, folder)
            draws(options.evalscope, folder, collection)
            url = f"http://127.0.0.1:{port}/v1"
            rows = [json.loads(line) for line in open(folder / "weighted_60_42.jsonl")]
            levels(options.evalscope, str(theirs), url, folder / "rows-of-ours", rows)
            from evalscope.collections import StratifiedSampler
            random.seed(5)
            levels(options.evalscope, str(theirs), url, folder / "rows-of-theirs", StratifiedSampler(collection).sample(50))
    finally:
        os.kill(child, 9)
    print("all well")


if __name__ == "__main__":
    sys.exit(main())

"""EvalScope's own `eval` and this program's, on the same files and the same scripted server.

usage: python evaluate.py --evalscope PATH --other-evalscope PATH [--samples N] [--pin]

--other-evalscope is EvalScope's command (pip install evalscope==1.14.1). The server answers at once, by a hash of the
question: the same question gets the same answer from both. Compared are the scores, the names of the files and the keys of
their rows, and samples a second; with --pin both clients run on processor 0 and the server on the others.
"""
import argparse, hashlib, http.server, json, os, pathlib, random, socketserver, subprocess, sys, tempfile, threading, time


def answer(messages):
    """An answer that hangs on the question's number alone, which both ask in their own words."""
    text = "".join(message["content"] if isinstance(message["content"], str) else "" for message in messages)
    number = text.split("#")[1].split(":")[0] if "#" in text else text
    digest = int(hashlib.sha256(number.encode()).hexdigest(), 16)
    if "[mcq]" in text:
        return "答案：" + "ABCD"[digest % 4]
    words = "the quick brown fox jumps over a lazy dog near the old river bank".split()
    return " ".join(random.Random(digest).sample(words, 6))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        reply = {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"],
                 "choices": [{"index": 0, "message": {"role": "assistant", "content": answer(body["messages"])},
                              "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


def serve(port):
    Server(("127.0.0.1", port), Handler).serve_forever()


def files(folder, samples):
    mcq, qa = folder / "mcq", folder / "qa"
    mcq.mkdir(), qa.mkdir()
    letters = random.Random(7)
    with open(mcq / "own_val.jsonl", "w") as out:
        for number in range(samples):
            out.write(json.dumps({"id": str(number), "question": f"[mcq] #{number}: which one?", "A": "one", "B": "two",
                                  "C": "three", "D": "four", "answer": letters.choice("ABCD")}) + "\n")
    words = "the quick brown fox jumps over a lazy dog near the old river bank".split()
    with open(qa / "own.jsonl", "w") as out:
        for number in range(samples):
            text = " ".join(random.Random(number).sample(words, 6))
            out.write(json.dumps({"query": f"#{number}: say something", "response": text}) + "\n")
    return {"general_mcq": {"local_path": str(mcq), "subset_list": ["own"]},
            "general_qa": {"local_path": str(qa), "subset_list": ["own"]}}


def run(program, url, args, names, out, pin, batch):
    command = [program, "eval", "--model", "m", "--api-url", url, "--api-key", "none", "--datasets", *names,
               "--dataset-args", json.dumps({name: args[name] for name in names}), "--eval-batch-size", str(batch),
               "--work-dir", str(out), "--no-timestamp"]
    command = (["taskset", "-c", "0"] if pin else []) + command
    begun = time.time()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return time.time() - begun


def scores(out, name):
    report = json.load(open(next(out.glob(f"reports/*/{name}.json"))))
    def key(metric):
        identity = metric["identity"]
        return (identity["name"], identity["aggregation"], json.dumps(identity["dimensions"], sort_keys=True))
    return {key(metric): metric["score"] for metric in report["metrics"]}


def keys(value, path=""):
    """The keys of an object and of the objects in it."""
    if isinstance(value, dict):
        found = set()
        for name, inner in value.items():
            found |= {f"{path}.{name}"} | keys(inner, f"{path}.{name}")
        return found
    if isinstance(value, list) and value:
        return keys(value[0], f"{path}[]")
    return set()


def shape(out, pattern):
    path = next(out.glob(pattern))
    text = open(path).readline() if path.suffix == ".jsonl" else open(path).read()
    return keys(json.loads(text))




def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evalscope", required=True)
    parser.add_argument("--other-evalscope", required=True)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--fast-url", help="a server without latency for the rate, such as one that is no Python")
    parser.add_argument("--rate-samples", type=int, default=20000)
    parser.add_argument("--pin", action="store_true")
    options = parser.parse_args()
    port = 18437
    child = os.fork()
    if child == 0:
        if options.pin and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, set(range(1, os.cpu_count())) or {0})
        serve(port)
    try:
        time.sleep(0.5)
        url = f"http://127.0.0.1:{port}/v1"
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            args = files(folder, options.samples)
            names = ["general_mcq", "general_qa"]
            ours, theirs = folder / "ours", folder / "theirs"
            run(options.evalscope, url, args, names, ours, options.pin, 8)
            run(options.other_evalscope, url, args, names, theirs, options.pin, 8)
            bad = 0
            for name in names:
                own, other = scores(ours, name), scores(theirs, name)
                # Without NLTK's data, which pip does not bring, EvalScope's BLEU is 0 whatever the texts.
                left = [key for key, value in other.items() if key[0] == "bleu" and value == 0.0 and name == "general_qa"]
                other = {key: value for key, value in other.items() if key not in left}
                differ = {key: (own.get(key), value) for key, value in other.items() if own.get(key) is None or abs(own[key] - value) > 1e-4}
                print(f"{name}: {len(other)} metrics of EvalScope's, {len(other) - len(differ)} equal, ours has {len(own)}; {len(left)} that EvalScope cannot work out left out")
                for key, pair in differ.items():
                    bad += 1
                    print(f"  {key}: ours {pair[0]}, EvalScope's {pair[1]}")
            for pattern in ["reports/*/general_mcq.json", "predictions/*/general_mcq_own.jsonl", "reviews/*/general_mcq_own.jsonl",
                            "predictions/*/general_qa_own.jsonl", "reviews/*/general_qa_own.jsonl"]:
                own, other = shape(ours, pattern), shape(theirs, pattern)
                free = ("metadata", ".value", "usage.")
                missing = {key for key in other - own if not any(part in key for part in free)}
                print(f"{pattern}: {len(other)} keys, missing here: {sorted(missing) or 'none'}")
                bad += len(missing)
            rates = {}
            for label, program, count, target in [("EvalScope", options.other_evalscope, min(1000, options.rate_samples), options.fast_url or url),
                                                  ("ours", options.evalscope, options.rate_samples, options.fast_url or url)]:
                space = folder / f"rate-{label}"
                space.mkdir()
                own = files(space, count)
                tiny = folder / f"tiny-{label}"
                tiny.mkdir()
                begin = files(tiny, 1)
                start = run(program, target, begin, ["general_mcq"], space / "start", options.pin, 8)
                whole = run(program, target, own, ["general_mcq"], space / "whole", options.pin, 8)
                rates[label] = (count - 1) / max(whole - start, 1e-3)
                print(f"{label}: {count} samples in {whole:.2f} s, {start:.2f} s of it for one: {rates[label]:.0f} samples/s")
            print(f"ratio of rates: {rates['ours'] / rates['EvalScope']:.1f}")
            print("all well" if bad == 0 else f"{bad} differences")
            sys.exit(bad != 0)
    finally:
        os.kill(child, 9)


if __name__ == "__main__":
    main()

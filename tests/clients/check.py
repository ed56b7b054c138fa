"""Clients that know nothing of this program, unchanged, against its server.

usage: python check.py --evalscope PATH [--other-evalscope PATH]

Needs openai from PyPI; with --other-evalscope also EvalScope (pip install "evalscope[perf]"), whose command is named by that
flag. Starts `evalscope serve` with a model that writes and one that embeds, both drawn, and says what each client got.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time, urllib.request

import openai


class Server:
    def __init__(self, evalscope, model, port):
        self.command = [evalscope, "serve", "--model", model, "--port", str(port)]
        self.url = f"http://127.0.0.1:{port}/v1"
        self.health = f"http://127.0.0.1:{port}/health"

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen(self.health, timeout=1)
                return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{self.command} does not answer")

    def __exit__(self, *_):
        self.process.send_signal(2)
        assert self.process.wait(30) == 0


def say(what, got):
    print(f"{what}: {got}", flush=True)


def chats(url, model):
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
    assert [card.id for card in client.models.list()] == [model]
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    asked = dict(model=model, messages=messages, max_tokens=24, seed=5, extra_body={"ignore_eos": True})
    whole = client.chat.completions.create(**asked, n=2, logprobs=True, top_logprobs=3)
    assert len(whole.choices) == 2 and whole.usage.completion_tokens == 48
    assert len(whole.choices[0].logprobs.content[0].top_logprobs) == 3
    text, usage, events = "", None, 0
    for event in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        usage = event.usage or usage
        for choice in event.choices:
            text += choice.delta.content or ""
            events += choice.finish_reason is None
    assert text == whole.choices[0].message.content and usage.completion_tokens == 24 and events == 24
    say("openai, chat and stream", f"{usage.completion_tokens} tokens, the same text by both")
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"], "additionalProperties": False}
    format_ = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    held = client.chat.completions.create(model=model, messages=messages, max_tokens=200, response_format=format_)
    assert held.choices[0].finish_reason == "stop"
    assert isinstance(json.loads(held.choices[0].message.content)["yes"], bool)
    say("openai, JSON schema", held.choices[0].message.content.strip()[:60])
    plain = client.completions.create(model=model, prompt=["a", "b"], max_tokens=4, extra_body={"ignore_eos": True})
    assert len(plain.choices) == 2 and plain.usage.completion_tokens == 8
    try:
        client.chat.completions.create(model="other", messages=messages)
    except openai.NotFoundError as error:
        say("openai, an unknown model", error.body["message"])
    else:
        raise AssertionError("an unknown model was served")


def embeddings(url, model):
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
    made = client.embeddings.create(model=model, input=["one text", "another, longer one"])
    assert len(made.data) == 2 and len(made.data[0].embedding) == len(made.data[1].embedding)
    length = sum(x * x for x in made.data[0].embedding) ** 0.5
    say("openai, embeddings", f"{len(made.data[0].embedding)} numbers of length {length:.4f}, {made.usage.prompt_tokens} tokens")


def other_perf(command, url, model, folder):
    ran = subprocess.run([command, "perf", "--url", f"{url}/chat/completions", "--api", "openai", "--model", model, "--dataset", "openqa",
                          "--dataset-path", str(folder / "questions.jsonl"), "--parallel", "2", "8", "--number", "8", "32",
                          "--max-tokens", "32", "--min-tokens", "32", "--stream", "--outputs-dir", str(folder / "perf")],
                         capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(ran.stdout[-3000:] + ran.stderr[-3000:])
    for file in sorted((folder / "perf").rglob("benchmark_summary.json")):
        summary = json.loads(file.read_text())
        told = {key: value for key, value in summary.items() if any(word in key for word in ("Success", "Succeed", "Failed", "TTFT", "Output Throughput", "Output token"))}
        say(f"EvalScope perf, {file.parent.name}", told)
        assert not any(value for key, value in summary.items() if "Failed" in key)


def other_eval(command, url, model, folder):
    (folder / "mcq").mkdir()
    rows = "".join(f"Which is {i}?,{i},{i + 1},{i + 2},{i + 3},A\n" for i in range(6))
    (folder / "mcq" / "sums_val.csv").write_text("question,A,B,C,D,answer\n" + rows)
    arguments = {"general_mcq": {"local_path": str(folder / "mcq"), "subset_list": ["sums"]}}
    ran = subprocess.run([command, "eval", "--model", model, "--api-url", url, "--api-key", "none", "--eval-type", "openai_api",
                          "--datasets", "general_mcq", "--dataset-args", json.dumps(arguments), "--generation-config",
                          json.dumps({"max_tokens": 32, "temperature": 0.0}), "--work-dir", str(folder / "eval")],
                         capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(ran.stdout[-3000:] + ran.stderr[-3000:])
    reports = [json.loads(file.read_text()) for file in (folder / "eval").rglob("reports/**/*.json")]
    say("EvalScope eval", [(report.get("dataset_name"), report.get("score"), report["metrics"][0]["num"]) for report in reports])
    assert reports and reports[0]["metrics"][0]["num"] == 6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--evalscope", required=True)
    parser.add_argument("--other-evalscope")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    questions = [f"What comes after {i}, and why is that so?" for i in range(40)]
    (folder / "questions.jsonl").write_text("".join(json.dumps({"question": text}) + "\n" for text in questions))
    with Server(options.evalscope, "random:tiny", 8621) as server:
        chats(server.url, "random:tiny")
        if options.other_evalscope:
            other_perf(options.other_evalscope, server.url, "random:tiny", folder)
            other_eval(options.other_evalscope, server.url, "random:tiny", folder)
    with Server(options.evalscope, "random:minilm", 8622) as server:
        embeddings(server.url, "random:minilm")
    print("all well")


if __name__ == "__main__":
    sys.exit(main())

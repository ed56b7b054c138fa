"""The embedded model beside llama.cpp's server and transformers: decode and prefill in tokens a second, as ratios of one run.

usage: python benches/local_model.py --evalscope PATH --llama-server PATH [--kinds q8_0,bf16] [--streams 1,8,32] [--threads N]
                                     [--rounds N] [--no-transformers]

Needs gguf and numpy from PyPI, torch and transformers for the third column, and a llama-server (build it with GGML_NATIVE=ON,
for instance out of the sources of llama-cpp-python). Weights of qwen2.5-0.5b's shape are drawn, written as GGUF once, and
served by both from the same file, so both multiply the same numbers. Each figure is seen from outside: so many requests are
sent at once, each of the same length with a prompt of its own, and the tokens of all of them are divided by the time until
the last is answered. Servers run one after the other in each round; a figure is the best of the rounds, for what disturbs a
machine only ever makes it slower.

decode:  prompts of 16 tokens, replies of 64
prefill: prompts of 512 tokens, replies of 1
"""
import argparse, concurrent.futures, http.client, json, os, random, subprocess, sys, tempfile, time, urllib.request

SHAPE = dict(hidden=896, layers=24, heads=14, kv_heads=2, head=64, inner=4864, vocabulary=151936)
WORK = {"decode": (16, 64), "prefill": (512, 1)}


def write(path, kind):
    import gguf, numpy
    s = argparse.Namespace(**SHAPE)
    types = {"q8_0": (gguf.GGMLQuantizationType.Q8_0, 7), "bf16": (gguf.GGMLQuantizationType.BF16, 32)}
    type_, file_type = types[kind]
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(32768)
    writer.add_embedding_length(s.hidden)
    writer.add_block_count(s.layers)
    writer.add_feed_forward_length(s.inner)
    writer.add_head_count(s.heads)
    writer.add_head_count_kv(s.kv_heads)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(file_type)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    # Of words that nobody asks for; a tokenizer has at least one merge, and that has parts.
    writer.add_token_list(["t", "0"] + [f"t{i}" for i in range(s.vocabulary - 2)])
    writer.add_token_types([1] * s.vocabulary)
    writer.add_token_merges(["t 0"])
    writer.add_eos_token_id(s.vocabulary - 1)
    writer.add_bos_token_id(s.vocabulary - 2)
    rng = numpy.random.default_rng(1)

    def matrix(name, outer, inner):
        numbers = rng.standard_normal((outer, inner), dtype=numpy.float32) * 0.02
        writer.add_tensor(name, gguf.quants.quantize(numbers, type_), raw_dtype=type_)

    def vector(name, count, value):
        writer.add_tensor(name, numpy.full(count, value, numpy.float32))

    matrix("token_embd.weight", s.vocabulary, s.hidden)
    vector("output_norm.weight", s.hidden, 1.0)
    asking, asked = s.heads * s.head, s.kv_heads * s.head
    for layer in range(s.layers):
        at = f"blk.{layer}."
        for name, outer, inner in [("attn_q", asking, s.hidden), ("attn_k", asked, s.hidden), ("attn_v", asked, s.hidden),
                                   ("attn_output", s.hidden, asking), ("ffn_gate", s.inner, s.hidden),
                                   ("ffn_up", s.inner, s.hidden), ("ffn_down", s.hidden, s.inner)]:
            matrix(f"{at}{name}.weight", outer, inner)
        for name, count in [("attn_q", asking), ("attn_k", asked), ("attn_v", asked)]:
            vector(f"{at}{name}.bias", count, 0.0)
        vector(at + "attn_norm.weight", s.hidden, 1.0)
        vector(at + "ffn_norm.weight", s.hidden, 1.0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def prompts(streams, length, salt):
    """Prompts that share no beginning with any other of this run, so that no cache helps."""
    return [[random.Random(f"{salt}-{i}").randrange(1000, 150000) for _ in range(length)] for i in range(streams)]


def ask(port, model, prompt, reply):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
    body = {"model": model, "prompt": prompt, "max_tokens": reply, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
    connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    told = answer["usage"]["completion_tokens"]
    assert told == reply, f"{told} tokens instead of {reply}"


def measure(port, model, streams, work, salt):
    length, reply = WORK[work]
    asked = prompts(streams, length, salt)
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        begun = time.monotonic()
        for future in [pool.submit(ask, port, model, prompt, reply) for prompt in asked]:
            future.result()
        wall = time.monotonic() - begun
    return streams * (reply if work == "decode" else length) / wall


def serve(command, port, log):
    server = subprocess.Popen(command, stdout=log, stderr=log)
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            if server.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {server.returncode}; see {log.name}")
            time.sleep(0.1)
    raise SystemExit(f"{command[0]} does not answer")


def of_server(command, port, model, streams, log, salt):
    server = serve(command, port, log)
    try:
        measure(port, model, 1, "decode", "warm")
        return {(work, n): measure(port, model, n, work, f"{salt}-{work}-{n}") for work in WORK for n in streams}
    finally:
        server.terminate()
        server.wait()


def of_transformers(streams, threads, kind):
    import torch, transformers
    torch.set_num_threads(threads)
    s = argparse.Namespace(**SHAPE)
    config = transformers.Qwen2Config(vocab_size=s.vocabulary, hidden_size=s.hidden, intermediate_size=s.inner,
                                      num_hidden_layers=s.layers, num_attention_heads=s.heads, num_key_value_heads=s.kv_heads,
                                      tie_word_embeddings=True)
    torch.manual_seed(1)
    # It has no Q8_0; what it would be run in on a processor is taken beside it.
    type_ = {"bf16": torch.bfloat16, "q8_0": torch.float32}[kind]
    model = transformers.AutoModelForCausalLM.from_config(config).to(type_).eval()
    model.generation_config.eos_token_id = None
    figures = {}
    with torch.no_grad():
        model.generate(torch.tensor(prompts(1, 16, "warm")), max_new_tokens=4, do_sample=False)
        for work, (length, reply) in WORK.items():
            for n in streams:
                asked = torch.tensor(prompts(n, length, f"{work}-{n}"))
                begun = time.monotonic()
                model.generate(asked, attention_mask=torch.ones_like(asked), max_new_tokens=reply, min_new_tokens=reply, do_sample=False)
                figures[work, n] = n * (reply if work == "decode" else length) / (time.monotonic() - begun)
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--evalscope", required=True)
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--kinds", default="q8_0,bf16")
    parser.add_argument("--streams", default="1,8,32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "evalscope-bench"))
    parser.add_argument("--no-transformers", action="store_true")
    options = parser.parse_args()
    streams = [int(n) for n in options.streams.split(",")]
    os.makedirs(options.folder, exist_ok=True)
    print("| weights | work | streams | evalscope, tokens/s | llama.cpp | ratio | transformers | ratio |\n|---|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        file = os.path.join(options.folder, f"qwen2.5-0.5b-{kind}.gguf")
        if not os.path.exists(file):
            write(file + ".part", kind)
            os.rename(file + ".part", file)
        threads = str(options.threads)
        most = str(max(streams))
        ours = [options.evalscope, "serve", "--model", file, "--served-model-name", "m", "--port", "8611", "--threads", threads]
        theirs = [options.llama_server, "-m", file, "--port", "8612", "-t", threads, "-tb", threads, "-np", most, "-cb",
                  "-c", str(max(streams) * 640), "--no-webui"]
        best = [{}, {}]
        with open(os.path.join(options.folder, "servers.log"), "w") as log:
            for round_ in range(options.rounds):
                for which, (command, port) in enumerate([(ours, 8611), (theirs, 8612)]):
                    for key, value in of_server(command, port, "m", streams, log, f"{round_}-{which}").items():
                        best[which][key] = max(value, best[which].get(key, 0.0))
        other = {} if options.no_transformers else of_transformers(streams, options.threads, kind)
        for (work, n), value in best[0].items():
            llama, torch_ = best[1][work, n], other.get((work, n))
            last = f"{torch_:.1f} | {value / torch_:.2f}" if torch_ else " | "
            print(f"| {kind} | {work} | {n} | {value:.1f} | {llama:.1f} | {value / llama:.2f} | {last} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())

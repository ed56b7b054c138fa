"""Makes small checkpoints with random weights of each family of decoders, and what transformers computes with them.

usage: python make_decoders.py          (needs torch, transformers, safetensors and gguf from PyPI; writes beside itself)

For each case a folder or a GGUF file, and a line in decoders.jsonl: the tokens of a prompt, the logits after each of them, and
the tokens that greedy decoding goes on with. Folders hold 32-bit weights (one is cut into shards, one holds bfloat16) and are
computed by transformers as they are. GGUF files hold random blocks of each type; the reference is computed with the numbers
that gguf-py reads out of them. Seeds are chosen so that each greedy token is ahead of the next by a margin that rounding
cannot bridge.
"""
import json, pathlib, shutil, struct

import gguf, numpy, torch, transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
LETTERS = [chr(c) for c in range(33, 127)][:89] + ["th", "\u0120", "\u010a"]
TOKENS = LETTERS + ["<|pad|>", "<|user|>", "<|model|>", "<|end|>"]
END = len(TOKENS) - 1
TEMPLATE = ("{% for m in messages %}<|{{ 'model' if m.role == 'assistant' else 'user' }}|>{{ m.content }}<|end|>{% endfor %}"
            "{% if add_generation_prompt %}<|model|>{% endif %}")
PROMPT = [(i * 37 + 5) % 90 for i in range(40)]
LONGER = [(i * 29 + 3) % 90 for i in range(80)]
GREEDY = 12
SMALL = dict(vocab_size=len(TOKENS), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, bos_token_id=None, eos_token_id=END, pad_token_id=None)
LONG = dict(rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.5, short_factor=[1.0, 1.5],
            long_factor=[2.0, 3.0], original_max_position_embeddings=64)
FAMILIES = {
    "llama": (transformers.LlamaConfig, dict(rope_parameters=dict(rope_type="llama3", rope_theta=500.0, factor=8.0,
              low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64), attention_bias=True, mlp_bias=True)),
    "mistral": (transformers.MistralConfig, dict(head_dim=16, sliding_window=9)),
    "qwen2": (transformers.Qwen2Config, dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="yarn",
              rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64))),
    "qwen3": (transformers.Qwen3Config, dict(head_dim=16)),
    "phi3": (transformers.Phi3Config, dict(rope_parameters=LONG, original_max_position_embeddings=64)),
}


def fill(model, seed):
    """Weights that keep the variance of what goes through them, so that logits lie some units apart."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if weight.dim() == 1:
            weight.data = 0.2 * noise if name.endswith("bias") else 1 + 0.2 * noise
        else:
            weight.data = noise * (1.5 / weight.shape[1] ** 0.5)


def reference(model, prompt=PROMPT):
    """Logits of the prompt, greedy tokens, and the least lead of a greedy token over the next."""
    model.eval()
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0].float()
        tokens, lead = list(prompt), 1e9
        for _ in range(GREEDY):
            last = model(torch.tensor([tokens])).logits[0, -1].float()
            top = last.topk(2).values
            lead = min(lead, float(top[0] - top[1]))
            tokens.append(int(last.argmax()))
    return logits, tokens[len(prompt):], lead


def chosen(make, least):
    """The first seed whose greedy tokens are all ahead by more than `least`."""
    for seed in range(1000):
        model = make(seed)
        logits, greedy, lead = reference(model)
        if lead > least and END not in greedy:
            return model, logits, greedy
    raise SystemExit("no seed has such a lead")


def tokenizer_json():
    added = [dict(id=i, content=TOKENS[i], special=True, single_word=False, lstrip=False, rstrip=False, normalized=False)
             for i in range(len(LETTERS), len(TOKENS))]
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=True)
    model = dict(type="BPE", vocab={t: i for i, t in enumerate(TOKENS)}, merges=["t h"])
    return dict(version="1.0", added_tokens=added, pre_tokenizer=level, decoder=level, model=model)


def line(out, name, logits, greedy, prompt=PROMPT, context=None):
    rounded = [[round(float(x), 4) for x in row] for row in logits]
    case = dict(name=name, context=context, prompt=prompt, greedy=greedy, logits=rounded)
    out.write(json.dumps(case, separators=(",", ":")) + "\n")


def folders(out):
    for name, (config_class, extra) in FAMILIES.items():
        config = config_class(**{**SMALL, **extra})

        def make(seed):
            model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
            fill(model, seed)
            return model

        model, logits, greedy = chosen(make, 0.02)
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        model.save_pretrained(folder, max_shard_size="20KB" if name == "qwen3" else "5GB")
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json()))
        (folder / "tokenizer_config.json").write_text(json.dumps(dict(chat_template=TEMPLATE, eos_token="<|end|>")))
        (folder / "generation_config.json").write_text(json.dumps(dict(eos_token_id=[END], temperature=0.7, top_k=20)))
        # transformers stretches Phi-3's rotations by the length that a sequence has; a server has to know beforehand.
        line(out, name, logits, greedy, context=64 if name == "phi3" else None)
        if name == "phi3":
            logits, greedy, _ = reference(model, LONGER)
            line(out, name, logits, greedy, LONGER)


Q = gguf.GGMLQuantizationType
KINDS = {"f16": Q.F16, "q8_0": Q.Q8_0, "q4_k": Q.Q4_K, "q5_k": Q.Q5_K, "q6_k": Q.Q6_K, "q5_0": Q.Q5_0}


def random_blocks(rng, rows, inner, kind):
    """Random numbers of a type, of about the deviation that `fill` gives, as the bytes of the file."""
    if kind == Q.F16:
        return (rng.standard_normal((rows, inner)) * 1.5 / inner ** 0.5).astype(numpy.float16)
    size, bytes_ = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows, inner // size, bytes_), dtype=numpy.uint8)
    half = lambda value: numpy.frombuffer(struct.pack("<e", value), dtype=numpy.uint8)
    unit = 2.2 / inner ** 0.5
    if kind == Q.Q8_0:
        blocks[..., 0:2] = half(unit / 127)
    elif kind == Q.Q5_0:
        blocks[..., 0:2] = half(unit / 16)
    elif kind == Q.Q6_K:
        blocks[..., 192:208] = rng.integers(20, 40, blocks[..., 192:208].shape, dtype=numpy.uint8)
        blocks[..., 208:210] = half(unit / 32 / 32)
    else:  # Q4_K and Q5_K: scales and minima of 6 bits; a minimum of about half the range centres the numbers.
        most = 15 if kind == Q.Q4_K else 31
        blocks[..., 0:2] = half(unit / most / 20)
        blocks[..., 2:4] = half(unit / 2 / 20)
        blocks[..., 4:16] = rng.integers(15, 30, blocks[..., 4:16].shape, dtype=numpy.uint8)
    return blocks.reshape(rows, -1)


def files(out):
    for name, kind in KINDS.items():
        # Rows are made of whole blocks, and those of K-quants hold 256 numbers.
        hidden, heads, kv, head, inner = (256, 4, 1, 64, 256) if name.endswith("_k") else (64, 4, 2, 16, 96)
        family = "llama" if name == "f16" else "qwen3" if name == "q6_k" else "qwen2"
        config_class = {"llama": transformers.LlamaConfig, "qwen2": transformers.Qwen2Config, "qwen3": transformers.Qwen3Config}[family]
        config = config_class(**{**SMALL, **dict(hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=kv, head_dim=head,
                              intermediate_size=inner, num_hidden_layers=1, tie_word_embeddings=family == "qwen3")})
        config.head_dim = head
        names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
                 "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
        norms = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q_norm": "self_attn.q_norm",
                 "attn_k_norm": "self_attn.k_norm"}
        stored = {}

        def make(seed):
            rng = numpy.random.default_rng(seed)
            model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
            fill(model, seed)
            weights = dict(model.named_parameters())
            stored.clear()

            def put(ours, theirs, kind):
                weight = weights[theirs]
                data = random_blocks(rng, *weight.shape, kind)
                numbers = gguf.quants.dequantize(data, kind) if kind != Q.F16 else data.astype(numpy.float32)
                stored[ours] = (data, kind)
                if family == "llama" and ours in ("blk.0.attn_q.weight", "blk.0.attn_k.weight"):
                    # Neighbours are rotated together there: rows are interleaved by halves in the file.
                    count = weight.shape[0] // head
                    numbers = numbers.reshape(count, head // 2, 2, -1).swapaxes(1, 2).reshape(weight.shape)
                weight.data = torch.tensor(numpy.ascontiguousarray(numbers))

            put("token_embd.weight", "model.embed_tokens.weight", Q.F16 if kind == Q.F16 else Q.Q8_0)
            if family != "qwen3":
                put("output.weight", "lm_head.weight", kind)
            for ours, theirs in names.items():
                put(f"blk.0.{ours}.weight", f"model.layers.0.{theirs}.weight", kind)
                if f"model.layers.0.{theirs}.bias" in weights:
                    stored[f"blk.0.{ours}.bias"] = (weights[f"model.layers.0.{theirs}.bias"].detach().numpy(), None)
            for ours, theirs in norms.items():
                if f"model.layers.0.{theirs}.weight" in weights:
                    stored[f"blk.0.{ours}.weight"] = (weights[f"model.layers.0.{theirs}.weight"].detach().numpy(), None)
            stored["output_norm.weight"] = (weights["model.norm.weight"].detach().numpy(), None)
            return model

        model, logits, greedy = chosen(make, 0.02 if name == "f16" else 0.15)
        writer = gguf.GGUFWriter(HERE / f"{name}.gguf", family)
        writer.add_context_length(256)
        writer.add_block_count(1)
        writer.add_embedding_length(hidden)
        writer.add_feed_forward_length(inner)
        writer.add_head_count(heads)
        writer.add_head_count_kv(kv)
        writer.add_key_length(head)
        writer.add_value_length(head)
        writer.add_rope_dimension_count(head)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(10000.0)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(TOKENS)
        writer.add_token_types([1] * len(LETTERS) + [3] * (len(TOKENS) - len(LETTERS)))
        writer.add_token_merges(["t h"])
        writer.add_eos_token_id(END)
        writer.add_chat_template(TEMPLATE)
        for tensor, (data, kind_) in stored.items():
            writer.add_tensor(tensor, data, raw_dtype=kind_ if kind_ not in (None, Q.F16) else None)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        line(out, f"{name}.gguf", logits, greedy)


if __name__ == "__main__":
    with open(HERE / "decoders.jsonl", "w") as out:
        folders(out)
        files(out)

"""Writes the small encoders of this folder and encoders.json: what sentence-transformers computes with them.

Run with torch 2.15, transformers 5.24, sentence-transformers 6.2 and tokenizers 0.23.3: python make_encoders.py
With the folder of all-MiniLM-L6-v2 as an argument it writes minilm.json too, the vectors of the real model; the weights
are not kept here.

Weights are random with a spread above that of fresh models, so that attention picks tokens, norms matter and vectors
differ. Positions are 128 in all of them, so that a long text is a short one.
"""

import json
import pathlib
import shutil
import sys

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

HERE = pathlib.Path(__file__).parent
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]

TEXTS = [
    "a",
    "The cat sat on the mat.",
    "How many people live in Berlin?",
    "Größe, naïve café, ŁÓDŹ: ein Wörterbuch",
    "今日は天気がいいですね",
    "emoji 🎉🎉 and \t tabs\n and  blanks ",
    "Berlin has a population of 3.5 million registered inhabitants in an area of 891.82 square kilometers.",
    "the the the the the the the the the the the the the the the the the the the the the the the the",
]
PAIRS = [
    ("How many people live in Berlin?", TEXTS[6]),
    ("How many people live in Berlin?", "New York City is famous for its museums."),
    ("cat", "The cat sat on the mat."),
    ("Größe", "ein Wörterbuch 🎉"),
    ("", "nothing is asked"),
    # Longer than the positions: the longer one is cut, and both where both are long.
    ("short", " ".join(["population"] * 140)),
    (" ".join(["a long question"] * 140), "short"),
    (" ".join(["a long question"] * 90), " ".join(["a long answer"] * 30)),
]
CORPUS = TEXTS + [text for pair in PAIRS for text in pair]
SENTENCES = TEXTS[:2] + [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey.",
    "Größe, naïve café, ŁÓDŹ: ein Wörterbuch",
    "今日は天気がいいですね",
    "emoji 🎉🎉 and \t tabs\n and  blanks ",
    " ".join(f"Sentence {number} of a text that is long but fits." for number in range(20)),
]


def word_piece(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=180, special_tokens=special))
    ends = [(name, tokenizer.token_to_id(name)) for name in ["[CLS]", "[SEP]"]]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    # As the tokenizer.json of MiniLM has it; whoever reads the file has to undo it.
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    names = dict(unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]")
    return tokenizer, names | dict(model_input_names=["input_ids", "token_type_ids", "attention_mask"])


def byte_pairs():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer, roberta_names()


def unigrams():
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer, roberta_names()


def roberta_names():
    names = dict(unk_token="<unk>", cls_token="<s>", sep_token="</s>", pad_token="<pad>", mask_token="<mask>")
    return names | dict(bos_token="<s>", eos_token="</s>", model_input_names=["input_ids", "attention_mask"])


def make(name, kind, config, tokens, modules=None, half=False):
    """A model as a folder, read again as sentence-transformers reads it."""
    tokenizer, names = tokens
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(len(name))
    config.vocab_size = tokenizer.get_vocab_size()
    model = kind(config)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            spread = 0.3 if weight.dim() > 1 else 0.2
            weight.add_(torch.randn_like(weight) * spread)
    if half:
        model = model.half()
    model.save_pretrained(folder)
    # Saved once more as it was made: transformers would switch padding and truncation off.
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **names).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    for extra in folder.glob("special_tokens_map.json"):
        extra.unlink()
    for path, content in (modules or {}).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(json.dumps(content) + "\n")
    return folder


def modules(pooling, normalize, **transformer):
    kind = "sentence_transformers.models."
    chain = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * normalize
    return {
        "modules.json": [
            dict(idx=i, name=str(i), path=path, type=kind + name) for i, (path, name) in enumerate(chain)
        ],
        "1_Pooling/config.json": dict(word_embedding_dimension=32, **pooling),
        "sentence_bert_config.json": transformer,
    }


def rounded(vectors):
    return [[float(f"{x:.7g}") for x in vector] for vector in vectors.tolist()]


def vectors(folder, mode=None, texts=TEXTS):
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    if mode:
        model = SentenceTransformer(modules=[model[0], Pooling(32, mode)], device="cpu")
    longest = max(len(ids) for ids in model[0].tokenizer(texts, truncation=False)["input_ids"])
    assert longest <= model.max_seq_length, f"{folder}: {longest} tokens are cut"
    # One text at a time: nothing is padded.
    return rounded(model.encode(texts, batch_size=1, convert_to_tensor=True))


def scores(folder):
    model = CrossEncoder(str(folder), device="cpu", max_length=128, model_kwargs={"dtype": torch.float32})
    return rounded(model.predict(PAIRS, batch_size=1, convert_to_tensor=True)[:, None])


def main():
    legacy = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
    bert = make(
        "bert",
        BertModel,
        BertConfig(max_position_embeddings=128, **SIZES),
        word_piece(False),
        modules(legacy, True, max_seq_length=120, do_lower_case=True),
    )
    roberta = make(
        "roberta",
        RobertaModel,
        RobertaConfig(max_position_embeddings=130, type_vocab_size=1, hidden_act="gelu_new", **SIZES),
        byte_pairs(),
        modules({"pooling_mode": "cls"}, False),
        half=True,
    )
    xlm = make(
        "xlm-roberta",
        XLMRobertaModel,
        XLMRobertaConfig(max_position_embeddings=130, type_vocab_size=1, pad_token_id=1, hidden_act="relu", **SIZES),
        unigrams(),
        half=True,
    )
    sizes = dict(dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=128)
    distil = make("distilbert", DistilBertModel, DistilBertConfig(**sizes), word_piece(True), half=True)
    ranker = make(
        "bert-reranker",
        BertForSequenceClassification,
        BertConfig(max_position_embeddings=128, num_labels=1, **SIZES),
        word_piece(True),
        half=True,
    )
    other = make(
        "roberta-reranker",
        RobertaForSequenceClassification,
        RobertaConfig(max_position_embeddings=130, type_vocab_size=1, num_labels=1, **SIZES),
        byte_pairs(),
        half=True,
    )
    golden = {
        "texts": TEXTS,
        "pairs": PAIRS,
        "vectors": {folder.name: vectors(folder) for folder in [bert, roberta, xlm, distil]},
        "pooled": {mode: vectors(xlm, mode) for mode in MODES},
        "scores": {folder.name: [row[0] for row in scores(folder)] for folder in [ranker, other]},
    }
    (HERE / "encoders.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
    if len(sys.argv) > 1:
        found = {"texts": SENTENCES, "vectors": vectors(pathlib.Path(sys.argv[1]), texts=SENTENCES)}
        (HERE / "minilm.json").write_text(json.dumps(found, ensure_ascii=False) + "\n")


main()

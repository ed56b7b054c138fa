"""Trains tokenizer.json, a byte-level BPE tokenizer of 4096 entries.

    python3 datasets/tokenizer/train.py

The corpus is our own: the questions of datasets/openqa and the text that this script composes from its word lists,
sentence frames and code frames. Nothing else is read, and every draw is seeded, so the file that is written depends
on this script, the questions and the version of the `tokenizers` package alone.
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
QUESTIONS = HERE.parent / "openqa" / "open_qa.jsonl"
ENTRIES = 4096
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# Contractions, words with at most one leading sign, single digits, runs of signs, line ends, runs of blanks.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

NOUNS = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea body information back
parent face others level office door health person art war history party result change morning reason research girl
guy moment air teacher force education foot boy age policy process music market sense nation plan college interest
death experience effect use class control field development role effort rate heart drug show leader light voice wife
police mind price report decision son view relationship town road arm difference value building action season society
tax director position player record paper space ground form event official matter center couple site project activity
star table need court oil situation cost industry figure street image phone data picture practice piece land product
doctor wall patient worker news test movie north love support technology step baby computer type attention film tree
source hair window culture chance energy period course summer plant opportunity term letter condition choice rule
south husband floor campaign material population call economy hospital church risk fire future bank defense security
sister weather garden kitchen bridge river mountain island forest harbour village winter bread cheese coffee sugar
salt pepper butter flour plate spoon bottle glass paint colour shadow mirror clock engine wheel ship train ticket
station platform journey passenger captain sailor farmer baker painter writer reader singer dancer judge witness
server client request response token prompt answer latency throughput queue cache buffer memory thread process kernel
socket packet header message stream chunk model layer weight gradient batch sequence vocabulary benchmark measurement
sample percentile average median histogram error timeout failure retry deadline budget schedule worker engine record
file folder path line column field string integer vector matrix function method module library compiler version
temperature pressure volume distance speed mass charge current voltage frequency wave particle atom molecule cell
bacteria virus protein gene species animal bird fish insect flower leaf root seed fruit stone metal iron copper gold
silver planet moon sun comet orbit telescope theory experiment hypothesis evidence proof theorem equation variable
constant sum product ratio fraction percent probability distribution language sentence paragraph chapter translation
grammar verb noun meaning example explanation argument conclusion summary comparison description instruction""".split()

VERBS = """be have do say get make go know take see come think look want give use find tell ask work seem feel try leave
call keep let begin help talk turn start show hear play run move like live believe hold bring happen write provide sit
stand lose pay meet include continue set learn change lead understand watch follow stop create speak read allow add
spend grow open walk win offer remember love consider appear buy wait serve die send expect build stay fall cut reach
kill remain suggest raise pass sell require report decide pull explain describe compare measure compute estimate
summarise translate return receive encode decode parse store load connect close retry finish cancel draw count sort
search filter merge split map reduce print test check verify prove assume conclude prefer avoid improve repair cook
bake boil freeze melt float sink fly swim climb sleep wake dream laugh cry sing dance paint travel arrive depart carry
share borrow lend save waste protect attack defend choose refuse accept agree disagree promise forget teach study""".split()

ADJECTIVES = """good new first last long great little own other old right big high different small large next early
young important few public bad same able whole free true hard certain clear recent full special easy strong simple
common poor natural similar hot dead central happy serious ready left physical general environmental financial blue
democratic dark various entire close legal religious cold final main green nice huge popular traditional cultural
quick slow heavy gentle quiet loud bright narrow wide deep shallow honest polite careful useful useless broken empty
expensive cheap fresh sweet bitter sour warm cool wet dry clean dirty modern ancient local foreign exact random
shared private secret open hidden constant variable linear parallel sequential stable unstable correct wrong possible
impossible likely unlikely necessary sufficient finite infinite positive negative rational complex""".split()

SMALL = """the of and to in a is that for it as was with be by on not he I this are or his from at which but have an had
they you were their one all we can her has there been if more when will would who so no out up into them than only some
could its about then over such our may these after most also two any through where how each much before while between
because without within against during under around among though until since once both either neither rather quite very
too enough just still already yet again always never often sometimes usually perhaps therefore however instead finally
please what why whether whose whom me my your us him she should must might shall does did doing being having made using
given taken seen known called three four five six seven eight nine ten hundred thousand million""".split()

FRAMES = [
    "The {a} {n} of the {n} was {a}, and the {n} could {v} it before the {n} began to {v}.",
    "Why does the {n} {v} the {n}, and what would {v} if the {n} were {a}?",
    "If you {v} the {n}, please {v} the {n} and {v} a {a} {n} for each {n}.",
    "She said that {n} and {n} are {a}; he didn't {v} her, but they'll {v} the {n} again.",
    "Explain the difference between {n} and {n} in {d} sentences, with an example of each.",
    "There are {d} {n}s in the {a} {n}, {d} of which {v} {n} to the {n}.",
    "How many {n}s can {v} a {n} within {d} minutes? We've {v}ed {d}.{d} percent so far.",
    "It's not {a} to {v} {n}: I'm {a}, you're {a}, and that's why we'd rather {v}.",
    "However, the {n} {v}s when a {a} {n} has been {v}ing the {n} for {d} years.",
    "{s} {s} {n} {s} {s} {a} {n} {s} {v} {s} {s} {n} {s} {s}.",
    "{s} {a} {n}, {s} {n} {s} {v} {s} {n} {s} {a} {n} {s} {s} {v} {s}!",
    "Write a {a} letter to the {n} in which the {n} is {v}ed, {v}ed and {v}ed without {n}.",
    "On {d} {m} {y} the {n} (see section {d}.{d}) {v}ed {d},{d}{d}{d} {n}s; \"{a} {n}\", they said.",
    "First, {v} the {n}. Second, {v} it with {a} {n}. Third, {v} until the {n} is {a}.",
    "{N}, {n} and {n}: what do they have in common, and which of them would you {v}?",
]
MONTHS = "January February March April May June July August September October November December".split()

HAN = [
    "请用简单的语言解释一下什么是{x}，并且举一个生活中的例子。", "为什么{x}和{x}之间会有这么大的区别？",
    "如果你是一位老师，你会怎样向学生介绍{x}？", "今天我们一起来学习{x}，希望大家都能够理解它的意思。",
    "他说{x}对于我们的工作来说非常重要，但是很多人还没有注意到。", "在中国，{x}已经有几千年的历史了。",
    "请比较{x}与{x}的优点和缺点，最后给出你的结论。", "我想知道{x}是什么时候开始的，现在怎么样了。",
    "首先，我们需要了解{x}；其次，应该考虑{x}；最后，可以讨论{x}。", "这个问题的答案不是{x}，而是{x}。",
]
HAN_NOUNS = """时间 问题 学生 老师 学校 世界 国家 生活 工作 天气 历史 文化 语言 音乐 电影 电脑 手机 网络 数据 模型 程序 系统 方法 技术 科学 数学
物理 化学 经济 社会 城市 农村 家庭 朋友 孩子 父母 医生 医院 健康 身体 水果 茶叶 咖啡 早饭 春天 夏天 秋天 冬天 太阳 月亮 地球 海洋 山川 河流 森林 动物
植物 火车 飞机 汽车 自行车 道路 桥梁 房子 窗户 桌子 书本 文章 句子 字母 故事 诗歌 人工智能 机器学习 神经网络 语言模型 测试 结果 速度 长度 平均数 中位数""".split()

OTHER = """
Der Zug kommt heute später an, weil die Strecke zwischen den beiden Städten gesperrt ist. Können Sie mir bitte sagen, ob ich noch einen Anschluss bekomme?
Das Wasser kocht bei hundert Grad, auf einem hohen Berg aber schon früher. Warum ist das so, und was bedeutet es für die Küche?
Le marché est ouvert tous les matins sauf le lundi ; on y trouve du fromage, des légumes, du pain et parfois des fleurs.
Pouvez-vous m'expliquer pourquoi les jours sont plus courts en hiver et comment les oiseaux trouvent leur chemin ?
La biblioteca cierra a las ocho, pero los niños pueden quedarse en el jardín hasta que lleguen sus padres. ¿Qué libro te gusta más?
O barco saiu do porto antes do amanhecer e não voltou até à noite. Ninguém sabia para onde ele tinha ido.
La nonna prepara la pasta ogni domenica con la farina, le uova e un po' di sale; poi tutta la famiglia si siede a tavola.
Поезд пришёл вовремя, но на платформе никого не было. Он подождал несколько минут и пошёл домой пешком через старый парк.
電車は時間どおりに来ましたが、ホームには誰もいませんでした。少し待ってから、公園を通って歩いて帰りました。
오늘은 날씨가 좋아서 친구와 함께 산에 올라갔습니다. 내일은 비가 온다고 합니다.
""".strip().splitlines()

CODE = [
    "def {f}({w}, {w}=None):\n    \"\"\"Return the {n} of the {n}.\"\"\"\n    if {w} is None:\n        return {d}\n    for i in range(len({w})):\n        {w}.append({w}[i] + {d})\n    return {w}\n\n",
    "fn {f}({w}: &str, {w}: usize) -> Result<Vec<u64>, Error> {{\n    let mut {w} = Vec::new();\n    for {w} in {w}.iter() {{\n        if {w} == {d} {{\n            {w}.push({w} * {d});\n        }}\n    }}\n    Ok({w})\n}}\n\n",
    "int {f}(const char *{w}, int {w}) {{\n\tif ({w} < {d}) {{\n\t\tprintf(\"%d\\n\", {w});\n\t\treturn -1;\n\t}}\n\treturn {w} + {d};\n}}\n\n",
    "const {w} = await fetch(`/{w}/${{{w}}}`);\nif (!{w}.ok) {{\n  throw new Error(\"{n}\");\n}}\nexport function {f}() {{ return {w}.map((x) => x + {d}); }}\n\n",
    "{{\"id\": {d}, \"model\": \"{w}\", \"messages\": [{{\"role\": \"user\", \"content\": \"{n}\"}}], \"max_tokens\": {d}{d}{d}, \"stream\": true}}\n",
    "SELECT {w}, COUNT(*) FROM {w} WHERE {w} > {d} AND {w} IS NOT NULL GROUP BY {w} ORDER BY {w} DESC LIMIT {d};\n",
    "<div class=\"{w}\">\n  <p>{n} <b>{n}</b></p>\n  <a href=\"https://example.com/{w}/{d}\">{n}</a>\n</div>\n",
    "# {N}\n\n- **{n}**: {a} {n}\n- `{w}`: {d}\n\n| {n} | {n} |\n|---|---|\n| {d} | {d}.{d} |\n\n",
    "use std::collections::HashMap;\n\npub struct {N} {{\n    {w}: HashMap<String, u64>,\n    {w}: Option<f64>,\n}}\n\nimpl {N} {{\n    pub fn {f}(&self) -> bool {{\n        self.{w}.is_empty()\n    }}\n}}\n\n",
    "class {N}({N}):\n    def __init__(self, {w}: int = {d}) -> None:\n        self.{w} = {w}\n\nif __name__ == \"__main__\":\n    print({N}({d}).{w})\n\n",
]


def fill(frame: str, draw: random.Random) -> str:
    """Replaces each mark of a frame by a word drawn for it alone."""
    makers = {
        "{a}": lambda: draw.choice(ADJECTIVES),
        "{n}": lambda: draw.choice(NOUNS),
        "{v}": lambda: draw.choice(VERBS),
        "{s}": lambda: draw.choice(SMALL),
        "{N}": lambda: draw.choice(NOUNS).capitalize(),
        "{w}": lambda: draw.choice(NOUNS),
        "{f}": lambda: f"{draw.choice(VERBS)}_{draw.choice(NOUNS)}",
        "{d}": lambda: str(draw.randrange(10 ** draw.randint(1, 3))),
        "{m}": lambda: draw.choice(MONTHS),
        "{y}": lambda: str(draw.randint(1500, 2099)),
        "{x}": lambda: draw.choice(HAN_NOUNS),
    }
    parts, rest = [], frame.replace("{{", "\x01").replace("}}", "\x02")
    while True:
        at = min((i for i in (rest.find(mark) for mark in makers) if i >= 0), default=-1)
        if at < 0:
            parts.append(rest)
            return "".join(parts).replace("\x01", "{").replace("\x02", "}")
        parts += [rest[:at], makers[rest[at : at + 3]]()]
        rest = rest[at + 3 :]


def corpus() -> list[str]:
    """All text the tokenizer is trained on, in a fixed order."""
    draw = random.Random(20240229)
    with QUESTIONS.open(encoding="utf-8") as lines:
        questions = [json.loads(line)["question"] for line in lines]
    # The questions are real prose, so they weigh more than what the frames compose.
    texts = questions * 12
    texts += [" ".join(fill(draw.choice(FRAMES), draw) for _ in range(8)) for _ in range(2500)]
    texts += ["".join(fill(draw.choice(CODE), draw) for _ in range(4)) for _ in range(700)]
    texts += ["".join(fill(draw.choice(HAN), draw) for _ in range(4)) for _ in range(900)]
    texts += OTHER * 6
    texts += [word.capitalize() + "." for word in NOUNS + VERBS + ADJECTIVES + SMALL] * 2
    return texts


def main() -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=ENTRIES - len(SPECIAL),
        # Han text has no blanks, so whole clauses would become entries without a bound.
        max_token_length=16,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = corpus()
    tokenizer.train_from_iterator(texts, trainer=trainer, length=len(texts))
    # Special tokens come after the learned ones, as they do in current model families.
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    assert tokenizer.get_vocab_size() == ENTRIES, tokenizer.get_vocab_size()
    tokenizer.save(str(HERE / "tokenizer.json"), pretty=True)


if __name__ == "__main__":
    main()

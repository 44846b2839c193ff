"""Evaluation against lm-eval's own Hugging Face back end: the same model, rows, prompts and requests; rows a second.

    --quick    one round of few rows, nothing kept

Both sides stand behind lm-eval's interface and get the same strings: tokenising is measured too. Three kinds of rows: five
demonstrations and four letters to choose from, as MMLU asks; a question and four answers of several words, as ARC is asked; three
demonstrations and a question with ten options that is answered in writing, eight tokens long. Words are invented; rows are as long as
those benchmarks' are. Two shapes of random Llamas in float32: 6 layers of width 256 with 50,257 tokens, and that of SmolLM2-135M.

The other side runs at its best batch size of 1, 8 and 32 (`auto` grows a batch until memory runs out, which a CPU does not tell), all else
as it is by itself: its cache of logits for answers of one token is on. It is given some of the rows, every n-th, as it takes long; a
longer run is no quicker for it, but it is for us, who read demonstrations once. Before anything is measured, log-likelihoods have to
agree within 0.001 and completions to the letter. Medians of 3 alternating rounds; a ratio above 1 is better for us. Each side has a
process of its own, and never works while the other does: didact tells its process to keep freed memory, which would help the other too.
"""

import argparse
import json
import logging
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import LlamaConfig, LlamaForCausalLM

from didact.data.tokens import Tokeniser
from didact.evals.harness_model import HarnessModel
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.precision import machine
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS

RESULTS = Path(__file__).parent / "results"
SHAPES: dict[str, dict[str, Any]] = {
    "256x6": {
        "hidden_size": 256,
        "intermediate_size": 1024,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "vocab_size": 50_257,
        "tie_word_embeddings": False,
    },
    "135M": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49_152,
        "tie_word_embeddings": True,
    },
}
GOAL = {"mmlu 256x6": 30.0, "mmlu 135M": 10.0, "options": 5.0, "generation": 3.0}
BATCH_SIZES = (1, 8, 32)
ROUNDS = 3
NEW_TOKENS = 8
_chance = random.Random(0)
WORDS = ["".join(_chance.choices("etaoinshrdlucmfwyp", k=_chance.randint(2, 8))) for _ in range(30_000)]
WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))
Requests = list[list[Instance]]
"""For each row, what is asked about it."""


@dataclass(frozen=True)
class Case:
    """One kind of rows."""

    rows: Callable[[int], Requests]
    asks: str
    """The verb of lm-eval's interface."""
    num_rows: dict[str, int]
    """Shape to the rows that we are given."""
    every: dict[str, int]
    """Shape to n: the other side is given every n-th row."""


def words(chance: random.Random, few: int, many: int) -> str:
    """Returns invented words, some of them as frequent as those of a language."""
    return " ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=chance.randint(few, many)))


def mmlu_rows(number: int) -> Requests:
    """Rows of one subject: header, five demonstrations, a question; the four letters are asked about."""
    chance = random.Random(1)

    def question() -> str:
        options = "".join(f"{letter}. {words(chance, 2, 8)}\n" for letter in "ABCD")
        return f"{words(chance, 12, 40).capitalize()}?\n{options}Answer:"

    shown = "".join(f"{question()} {chance.choice('ABCD')}\n\n" for _ in range(5))
    head = f"The following are multiple choice questions (with answers) about {words(chance, 2, 2)}.\n\n{shown}"
    prompts = [head + question() for _ in range(number)]
    return [[request("loglikelihood", prompt, f" {letter}") for letter in "ABCD"] for prompt in prompts]


def option_rows(number: int) -> Requests:
    """Rows without demonstrations, each with four answers of several words."""
    chance = random.Random(2)
    return [
        [
            request("loglikelihood", prompt, f" {answer}")
            for prompt in [f"Question: {words(chance, 12, 30).capitalize()}?\nAnswer:"]
            for answer in (words(chance, 3, 9) for _ in range(4))
        ]
        for _ in range(number)
    ]


def generation_rows(number: int) -> Requests:
    """Rows with three demonstrations and ten options, answered in writing."""
    chance = random.Random(3)

    def question() -> str:
        options = "\n".join(f"({letter}) {words(chance, 2, 4)}" for letter in "ABCDEFGHIJ")
        return f"Q: {words(chance, 10, 30).capitalize()}?\nOptions:\n{options}\nA:"

    shown = "".join(f"{question()} ({chance.choice('ABCDEFGHIJ')})\n\n" for _ in range(3))
    settings = {"until": ["\n\n", "Q:"], "max_gen_toks": NEW_TOKENS, "do_sample": False}
    return [[request("generate_until", shown + question(), settings)] for _ in range(number)]


CASES = {
    "mmlu": Case(mmlu_rows, "loglikelihood", {"256x6": 240, "135M": 120}, {"256x6": 10, "135M": 10}),
    "options": Case(option_rows, "loglikelihood", {"256x6": 320, "135M": 120}, {"256x6": 8, "135M": 6}),
    "generation": Case(generation_rows, "generate_until", {"256x6": 160, "135M": 64}, {"256x6": 4, "135M": 4}),
}


def request(kind: Any, *arguments: Any) -> Instance:
    """Returns one request as lm-eval writes it."""
    return Instance(kind, {}, arguments, 0)


def same_model(shape: str) -> tuple[LlamaForCausalLM, Tokeniser]:
    """Returns a random model, the same whenever it is made, with its tokeniser."""
    chance = random.Random(4)
    tokenizer = train_tokenizer([words(chance, 200, 200) for _ in range(2000)], 16_000)
    make_ready(tokenizer, FORMATS["plain"])
    tokeniser = Tokeniser(tokenizer, FORMATS["plain"])
    torch.manual_seed(0)
    config = LlamaConfig(
        **SHAPES[shape], max_position_embeddings=2048, bos_token_id=tokeniser.bos_id, eos_token_id=tokeniser.eos_id, dtype="float32"
    )
    network = LlamaForCausalLM(config)
    with torch.no_grad():  # logits as far apart as those of a trained model: two that are nearly equal would be a matter of rounding
        network.model.norm.weight.mul_(6.0)
    return network, tokeniser


class Peer:
    """lm-eval with that model, in a process of its own."""

    def __init__(self, shape: str) -> None:
        self._process = ProcessPoolExecutor(1, get_context("spawn"), _load, (shape,))

    def asked(self, size: int, case: Case, rows: Requests) -> tuple[list[Any], float]:
        """Returns what it answers to some rows at a batch size, and in how many seconds."""
        return self._process.submit(_asked, size, case, rows).result()

    def close(self) -> None:
        """Ends the process."""
        self._process.shutdown()


_loaded: list[Any] = []
"""In the process of a peer: its model and tokenizer."""


def _load(shape: str) -> None:
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    network, tokeniser = same_model(shape)
    _loaded[:] = network, tokeniser.tokenizer


def _asked(size: int, case: Case, rows: Requests) -> tuple[list[Any], float]:
    network, tokenizer = _loaded
    model = HFLM(pretrained=network, tokenizer=tokenizer, batch_size=size, device="cpu")
    began = time.perf_counter()
    return asked(model, case, rows), time.perf_counter() - began


def asked(model: Any, case: Case, rows: Requests) -> list[Any]:
    """Returns what a model answers to some rows."""
    found: list[Any] = getattr(model, case.asks)([one for row in rows for one in row], disable_tqdm=True)
    return found


def seconds(work: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def check(name: str, theirs: Sequence[Any], ours: Sequence[Any]) -> float:
    """Returns the largest difference of log-likelihoods, once both sides have answered the same."""
    if theirs and isinstance(theirs[0], str):
        if list(theirs) != list(ours):
            differ = sum(a != b for a, b in zip(theirs, ours, strict=True))
            raise SystemExit(f"{name}: {differ} of {len(ours)} completions differ: there is nothing to compare")
        return 0.0
    far = max(abs(a - b) for (a, _), (b, _) in zip(theirs, ours, strict=True))
    if far > 1e-3:
        raise SystemExit(f"{name}: log-likelihoods differ by {far:.4f}: there is nothing to compare")
    return far


def compared(name: str, case: Case, shape: str, ours: LocalModel, peer: Peer, quick: bool) -> dict[str, Any]:
    """Returns both sides' rows a second on one kind of rows, with their ratio."""
    every = case.every[shape]
    rows = case.rows(case.num_rows[shape] // (4 if quick else 1))
    some = rows[:: every * (2 if quick else 1)]
    # A fresh model each time: nothing that it has learnt of the rows may help it.
    answers = asked(HarnessModel(ours), case, rows)
    width = len(rows[0])
    of_some = [answer for place in range(0, len(rows), every * (2 if quick else 1)) for answer in answers[place * width :][:width]]
    far = check(f"{name} {shape}", peer.asked(8, case, some)[0], of_some)
    few = some[: max(2, len(some) // 3)]
    tried = {size: peer.asked(size, case, few)[1] / len(few) for size in BATCH_SIZES}
    best = min(tried, key=tried.__getitem__)
    times = []
    for _ in range(1 if quick else ROUNDS):
        slow = peer.asked(best, case, some)[1] / len(some)
        times.append((slow, seconds(lambda: asked(HarnessModel(ours), case, rows)) / len(rows)))
    tokens = [len(ours.tokeniser.tokenizer(row[0].args[0])["input_ids"]) for row in rows]
    return {
        "ratio": round(statistics.median(slow / quick_one for slow, quick_one in times), 1),
        "lm-eval rows/s": round(1 / statistics.median(slow for slow, _ in times), 2),
        "didact rows/s": round(1 / statistics.median(own for _, own in times), 2),
        "lm-eval rows": len(some),
        "didact rows": len(rows),
        "tokens of a prompt": round(statistics.mean(tokens)),
        "lm-eval batch size": best,
        "lm-eval rows/s by batch size": {size: round(1 / taken, 2) for size, taken in tried.items()},
        "largest difference": far,
    }


def main() -> None:
    """Measures, keeps the result of a whole run and prints one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    given = parser.parse_args()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    rates = {}
    for shape in given.shapes.split(","):
        ours, peer = LocalModel(Loaded(*same_model(shape)), torch.device("cpu"), "fp32"), Peer(shape)
        for name, case in CASES.items():
            found = rates[f"{name} {shape}"] = compared(name, case, shape, ours, peer, given.quick)
            said = ", ".join(f"{key} {value}" for key, value in found.items() if key != "lm-eval rows/s by batch size")
            print(f"{name} {shape}: {said}", flush=True)
        peer.close()
    ratios = {name: found["ratio"] for name, found in rates.items()}
    result = {
        "name": "eval",
        "machine": machine(),
        "ratios": ratios,
        "goal": {name: GOAL.get(name, GOAL.get(name.split()[0])) for name in ratios},
    }
    if not given.quick and given.shapes == ",".join(SHAPES):
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "eval.json").write_text(json.dumps({**result, "rates": rates}, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()

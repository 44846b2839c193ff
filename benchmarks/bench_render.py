"""Wording and tokenising against `datasets.map` with `apply_chat_template`, as TRL prepares a data set: the same rows, the same tokens out.

One process and one thread on each side, the same tokenizer, nothing cached. Two kinds of rows, instructions with short answers and
conversations of twelve long turns; on the other side each once as the ids alone (one call a row) and once with what is needed to
train on answers only: prompt and completion as two calls (what TRL does with such rows), or the assistant's mask. Ours always says
which tokens are the answer's. Seconds of a core, medians of 5 alternating runs; a ratio larger than 1 is better for us.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import datasets

from didact.base.recipe import ModelSection, NewModel
from didact.base.types import Conversation, Example, Message
from didact.data.draws import Draw
from didact.data.made import Made, make
from didact.data.tokens import RESPONSE, Tokeniser
from didact.models.load import load_tokeniser
from didact.models.precision import machine
from didact.prompts.render import render
from didact.prompts.template import TemplateSet
from didact.tasks.task import Task

GOAL = 5.0
RESULTS = Path(__file__).parent / "results"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}{{ '' if loop.last else '\n' }}"
    "{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAMES = ("instruction", "input", "output")


def sentences(chance: random.Random, num_words: int) -> str:
    """Returns plain sentences of invented words, some of which are as frequent as words of a language, and most of them rare."""
    words = chance.choices(WORDS, cum_weights=WEIGHTS, k=num_words)
    return " ".join(word.capitalize() if number % 11 == 0 else word + "." * (number % 11 == 10) for number, word in enumerate(words))


_chance = random.Random(0)
WORDS = ["".join(_chance.choices("etaoinshrdlucmfwyp", k=_chance.randint(2, 8))) for _ in range(30_000)]
WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))


def alpaca_rows(number: int) -> list[dict[str, str]]:
    """Returns rows of the length of Alpaca's: a sentence that asks, sometimes an input, an answer of two or three."""
    chance = random.Random(1)
    return [
        {
            "instruction": sentences(chance, chance.randint(6, 16)),
            "input": sentences(chance, chance.randint(5, 20)) if chance.random() < 0.4 else "",
            "output": sentences(chance, chance.randint(5, 70)),
        }
        for _ in range(number)
    ]


def chat_rows(number: int) -> list[dict[str, list[dict[str, str]]]]:
    """Returns conversations of twelve turns and about a thousand words."""
    chance = random.Random(2)
    roles = ("user", "assistant")
    return [
        {"messages": [{"role": roles[turn % 2], "content": sentences(chance, chance.randint(40, 130))} for turn in range(12)]}
        for _ in range(number)
    ]


def as_trl(rows: list[dict[str, Any]], row_to_columns: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[], Any]:
    """Returns a run of `datasets.map` over rows that are a data set already."""
    given = datasets.Dataset.from_list(rows)
    return lambda: given.map(row_to_columns, remove_columns=given.column_names, keep_in_memory=True)


def _messages(row: dict[str, Any]) -> list[dict[str, str]]:
    if "messages" in row:
        return row["messages"]
    asked = f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]


def ids_alone(tokenizer: Any, row: dict[str, Any]) -> dict[str, Any]:
    """TRL, rows of messages: one call."""
    return {"input_ids": tokenizer.apply_chat_template(_messages(row), tokenize=True, return_dict=True)["input_ids"]}


def prompt_and_completion(tokenizer: Any, row: dict[str, Any]) -> dict[str, Any]:
    """TRL, rows of prompt and completion: a call for the prompt, one for all, and the mask from their difference."""
    messages = _messages(row)
    prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=True, add_generation_prompt=True, return_dict=True)["input_ids"]
    both = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
    if both[: len(prompt)] != prompt:
        raise SystemExit("the prompt is not the beginning of the row")
    return {"input_ids": both, "mask": [0] * len(prompt) + [1] * (len(both) - len(prompt))}


def with_mask(tokenizer: Any, row: dict[str, Any]) -> dict[str, Any]:
    """TRL, `assistant_only_loss`: the template's generation blocks say what is trained on."""
    found = tokenizer.apply_chat_template(_messages(row), tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    return {"input_ids": found["input_ids"], "mask": found["assistant_masks"]}


def as_didact(rows: list[dict[str, Any]], kind: str, tokeniser: Tokeniser, audited: bool = False) -> Callable[[], Made]:
    """Returns a run of our own path over examples as the reader gives them."""
    examples = [
        Example(str(number), messages=tuple(Message(**message) for message in row["messages"]))
        if "messages" in row
        else Example(str(number), {"instruction": row["instruction"], "input": row["input"]}, (row["output"],))
        for number, row in enumerate(rows)
    ]
    task = Task("bench", examples, kind)
    template = None if kind == "messages" else TemplateSet.load((), {kind}).select("alpaca/bare", task)[0]

    def word(draw: Draw) -> Conversation:
        example = examples[draw.index]
        return render(task, example, template, epoch=draw.epoch, count_tokens=tokeniser.count, max_length=100_000)

    draws = [Draw("bench", number, 0) for number in range(len(rows))]

    def run() -> Made:
        for words in tokeniser._words:  # each run meets every word for the first time
            words.forget()
        parts = [make(draws[start : start + 1000], word, tokeniser, 100_000, 100_000, audited) for start in range(0, len(draws), 1000)]
        return Made([example for part in parts for example in part.examples], parts[0].report)

    return run


def check(case: str, theirs: Any, ours: Made) -> int:
    """Returns the number of tokens, once both sides have given the same ones and trained answers are the same."""
    for row, example in zip(theirs, ours.examples, strict=True):
        if row["input_ids"] != example.input_ids.tolist():
            raise SystemExit(f"{case}: the tokens differ: there is nothing to compare")
        # A prompt's newline behind the answer is trained by one, and not by the other: it is no part of the answer.
        if "mask" in row and any(role == RESPONSE and not mask for role, mask in zip(example.roles.tolist(), row["mask"], strict=True)):
            raise SystemExit(f"{case}: the answers differ: there is nothing to compare")
    return sum(len(example) for example in ours.examples)


def seconds(work: Callable[[], object]) -> float:
    """Returns how long a call keeps a core busy."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main(size: float = 1.0) -> None:
    """Measures, keeps the result of a whole run and prints one JSON line; a smaller size only looks whether all is well."""
    datasets.disable_caching()
    datasets.disable_progress_bars()
    short, long = alpaca_rows(int(20_000 * size)), chat_rows(int(2000 * size))
    # About 1.3 tokens a word, as the tokenizers of large models need for English.
    section = ModelSection(base="new", new=NewModel(vocabulary=16_000))
    tokeniser, _ = load_tokeniser(section, "chatml", lambda: [sentences(random.Random(number), 200) for number in range(3000)])
    tokenizer = tokeniser.tokenizer
    tokenizer.chat_template, tokenizer.model_max_length = CHATML, 10**9
    cases = {
        "alpaca": (short, "alpaca", ids_alone),
        "alpaca, answers known": (short, "alpaca", prompt_and_completion),
        "chat": (long, "messages", ids_alone),
        "chat, answers known": (long, "messages", with_mask),
    }
    ratios, rates = {}, {}
    for case, (rows, kind, theirs_of) in cases.items():
        theirs, ours = as_trl(rows, partial(theirs_of, tokenizer)), as_didact(rows, kind, tokeniser)
        num_tokens = check(case, theirs(), ours())
        both = [(seconds(theirs), seconds(ours)) for _ in range(5)]
        ratios[case] = round(statistics.median(a / b for a, b in both), 2)
        audited = statistics.median(seconds(as_didact(rows, kind, tokeniser, audited=True)) for _ in range(3))
        for name, taken in (
            ("datasets.map", statistics.median(a for a, _ in both)),
            ("didact", statistics.median(b for _, b in both)),
            ("didact, audited", audited),
        ):
            rates[f"{case}: {name}"] = {"examples_per_s": round(len(rows) / taken), "tokens_per_s": round(num_tokens / taken)}
    result = {"name": "render", "machine": machine(), "ratios": ratios, "goal": dict.fromkeys(ratios, GOAL)}
    for name, rate in rates.items():
        print(f"{name:40} {rate['examples_per_s']:>8,} examples/s {rate['tokens_per_s']:>10,} tokens/s")
    if size == 1.0:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "render.json").write_text(json.dumps({**result, "rates": rates}, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))

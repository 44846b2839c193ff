"""Instruction tuning as one bare file: rows, prompts, a mask, padding, a weighted loss, AdamW, a schedule, clipping. For reading.

    python examples/flat_loop.py ROWS.json MODEL_FOLDER OUT_FOLDER

ROWS.json is Alpaca's: a list of {"instruction", "input", "output"} (or one such object a line, in .jsonl). MODEL_FOLDER is a base model and
its tokenizer as transformers saves them. Nothing of didact is used here: `didact train` does the same, faster and with more checks, and
tests/test_flat_loop.py shows that both give the same losses, step by step.
"""

import argparse
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

BEGIN = "Below is an instruction that describes a task"
WITH_INPUT = (
    BEGIN + ", paired with an input that provides further context. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
WITHOUT_INPUT = BEGIN + ". Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result, beside the rows and the model."""

    prompt_weight: float = 0.0  # λp: 0 trains on the responses alone
    response_weight: float = 1.0  # λr
    learning_rate: float = 2e-5
    warmup: float = 0.03  # share of the steps
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    batch_rows: int = 128
    micro_rows: int = 8  # rows that go through the model at once: changes memory, never the result
    epochs: int = 3
    max_length: int = 512
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One example as the model sees it: token ids, and how much each of them weighs as a target."""

    ids: list[int]
    weights: list[float]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reading: a list of objects, or one object a line."""
    text = path.read_text(encoding="utf-8")
    found: list[dict[str, str]] = [json.loads(line) for line in text.splitlines() if line] if path.suffix == ".jsonl" else json.loads(text)
    return found


def encode(row: dict[str, str], tokenizer: Any, settings: Settings) -> Row:
    """Template and mask: the prompt's tokens weigh λp, those of the response and the token that ends it λr.

    Prompt and response are tokenised apart, so that training sees exactly the prompt tokens that a question has later. (For tokenizers
    of bytes, such as GPT-2's or Llama 3's; sentencepiece would put a space before the response.)
    """
    template = WITH_INPUT if row.get("input") else WITHOUT_INPUT
    prompt = tokenizer(template.format(**row), add_special_tokens=False).input_ids
    response = [*tokenizer(row["output"], add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    weights = [settings.prompt_weight] * len(prompt) + [settings.response_weight] * len(response)
    weights[0] = 0.0  # nothing stands before the first token, so nothing can predict it
    return Row(prompt + response, weights)


def pad(rows: Sequence[Row], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Padding: ids (B, T) and weights (B, T). It stands on the right, where a decoder never looks, and weighs nothing."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [pad_id] * (longest - len(row.ids)) for row in rows])
    weights = torch.tensor([row.weights + [0.0] * (longest - len(row.weights)) for row in rows])
    return ids, weights


def weighted_nll(model: Any, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The loss before it is divided: Σ w · (−log p). Position t predicts the token at t + 1, so labels are the ids one place further."""
    logits = model(input_ids=ids).logits[:, :-1]
    labels, weights = ids[:, 1:], weights[:, 1:]
    nll = F.cross_entropy(logits.float().transpose(1, 2), labels, reduction="none")
    return (nll * weights).sum()


def rate_at(step: int, num_steps: int, settings: Settings) -> float:
    """The schedule: a linear rise, then half a cosine down to 0."""
    warm = round(settings.warmup * num_steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(num_steps - warm, 1)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2


def train(model: Any, steps: Sequence[Sequence[Row]], pad_id: int, settings: Settings) -> Iterator[float]:
    """The loop: yields the loss of every step, in nats per token of non-zero weight."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},  # norms and biases do not decay
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon)
    model.train()
    for number, rows in enumerate(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(number, len(steps), settings)
        # Of the whole step, not of a part of it: otherwise a token in a short micro-batch would weigh more than one in a long one.
        count = sum(weight != 0 for row in rows for weight in row.weights)
        total = 0.0
        for start in range(0, len(rows), settings.micro_rows):
            loss = weighted_nll(model, *pad(rows[start : start + settings.micro_rows], pad_id))
            (loss / count).backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimiser.step()
        optimiser.zero_grad()
        yield total / count


def shuffled(rows: Sequence[Row], settings: Settings) -> list[list[Row]]:
    """Every epoch's rows in an order of their own, cut into steps."""
    order: list[Row] = []
    for epoch in range(settings.epochs):
        order += random.Random(f"{settings.seed} {epoch}").sample(list(rows), len(rows))
    return [order[start : start + settings.batch_rows] for start in range(0, len(order), settings.batch_rows)]


def main() -> None:
    """Reads, trains and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("rows", "model", "out"):
        parser.add_argument(name, type=Path)
    for name, value in vars(Settings()).items():
        if not isinstance(value, tuple):
            parser.add_argument(f"--{name}", type=type(value), default=value)
    given = vars(parser.parse_args())
    where = {name: given.pop(name) for name in ("rows", "model", "out")}
    settings = Settings(**given)
    tokenizer, model = AutoTokenizer.from_pretrained(where["model"]), AutoModelForCausalLM.from_pretrained(where["model"])
    rows = [encode(row, tokenizer, settings) for row in read_rows(where["rows"])]
    fitting = [row for row in rows if len(row.ids) <= settings.max_length]
    print(f"{len(rows)} rows, {len(rows) - len(fitting)} of them left out: longer than {settings.max_length} tokens")
    steps = shuffled(fitting, settings)
    for number, loss in enumerate(train(model, steps, tokenizer.eos_token_id, settings), start=1):
        print(f"step {number} of {len(steps)}: loss {loss:.4f}")
    model.save_pretrained(where["out"])
    tokenizer.save_pretrained(where["out"])


if __name__ == "__main__":
    main()

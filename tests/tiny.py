"""Tiny random models, token rows and recipes: everything that a test of training needs, in milliseconds and offline."""

import json
import os
import random
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

from didact.base.recipe import Objective
from didact.base.types import Origin
from didact.data.batches import Row, collate
from didact.data.stream import Window
from didact.data.tokens import TokenisedExample, Tokeniser
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS

torch.set_num_threads(1)  # threads that wait for one another on a busy machine cost a hundred times what these models do
VOCABULARY = 320
TEXTS = ["the cat sleeps in the red house", "a dog runs to the green garden", "say it twice: one two three", "the bird sings at night"]
MODELS = {
    "llama": LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=VOCABULARY
    ),
    "gpt2": GPT2Config(
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=256,
        vocab_size=VOCABULARY,
        bos_token_id=0,
        eos_token_id=0,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    ),
}


def random_model(config: Any, seed: int = 0, scale: float = 5.0) -> Any:
    """A random model in float32 with weights larger than usual, so that its logits are far from even."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(deepcopy(config), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.mul_(scale)
    return model.train()


def tokeniser(chat_format: str = "chatml", texts: list[str] | None = None) -> Tokeniser:
    """A byte-level tokeniser trained on a few words."""
    tokenizer = train_tokenizer(texts or TEXTS, 300)
    make_ready(tokenizer, FORMATS[chat_format])
    return Tokeniser(tokenizer, FORMATS[chat_format])


def example(ids: list[int], roles: list[int]) -> TokenisedExample:
    """A tokenised example written out."""
    return TokenisedExample(np.array(ids, np.int32), np.array(roles, np.uint8), Origin("task", "0"))


def random_rows(count: int, seed: int = 0, documents: int = 1) -> list[Row]:
    """Rows of one or several examples of 4 to 20 random tokens: some prompt, then some response."""
    draw = random.Random(seed)

    def one() -> TokenisedExample:
        prompt, response = draw.randint(2, 10), draw.randint(2, 10)
        ids = [draw.randrange(3, 290) for _ in range(prompt + response)]
        return example(ids, [1] * prompt + [2] * response)

    return [tuple(one() for _ in range(documents)) for _ in range(count)]


def literal_sum(model: Any, rows: list[Row], objective: Objective) -> tuple[float, int]:
    """(Σ −w·log p, number of tokens of non-zero weight), one document and one token after the other, in float64."""
    total, count = 0.0, 0
    with torch.no_grad():
        for document in (document for row in rows for document in row):
            logits = model(input_ids=torch.tensor(document.input_ids[None], dtype=torch.int64)).logits[0].double().numpy()
            for place in range(1, len(document)):
                role = int(document.roles[place])
                weight = objective.response_weight if role == 2 else objective.prompt_weight if role else 0.0
                assert not isinstance(weight, str)
                scores = logits[place - 1] - logits[place - 1].max()
                total -= weight * (scores[document.input_ids[place]] - np.log(np.exp(scores).sum()))
                count += weight != 0
    return float(total), count


def batch_of(rows: list[Row], objective: Objective) -> Any:
    """The rows collated, padding token 0."""
    return collate(rows, objective, 0)


@dataclass
class Steps:
    """A training stream whose optimiser steps are written out: windows of steps of rows."""

    windows: list[list[list[Row]]]
    asked: list[int] = field(default_factory=list)
    max_length: int = 1024

    def window(self, number: int) -> Window | None:
        """The window, or None behind the last."""
        self.asked.append(number)
        if number >= len(self.windows):
            return None
        return Window(number, tuple(tuple(step) for step in self.windows[number]))


def write_recipe(folder: Path, **train: Any) -> Path:
    """A recipe and its rows: a new model of width 32 and depth 2, 40 short rows, packed; keywords go into its `train`."""
    draw = random.Random(0)
    words = ["cat", "dog", "bird", "house", "garden", "red", "green", "old", "new", "runs", "sleeps", "sings"]
    rows = []
    for _ in range(40):
        said = draw.choices(words, k=draw.randint(2, 12))
        rows.append({"instruction": "Say the last word of the input.", "input": " ".join(said), "output": said[-1]})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    recipe = {
        "name": "tiny",
        "model": {"base": "new", "new": {"width": 32, "depth": 2, "heads": 2, "vocabulary": 400}},
        "tasks": {"sources": [{"name": "words", "reader": "alpaca", "path": "rows.json"}]},
        "prompts": {"templates": ["alpaca/standard"]},
        "sequence": {"max_length": 128, "pack": True},
        "objective": {"prompt_weight": 0.2},
        "evaluate": {"max_new_tokens": 8},
        "train": {
            "learning_rate": 0.01,
            "batch_tokens": 400,
            "micro_batch_tokens": 256,
            "precision": "fp32",
            "log_every": 1,
            "epochs": 10,
            **train,
        },
    }
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    return path


def didact(*arguments: object, folder: Path, threads: int = 1) -> "subprocess.Popen[str]":
    """Starts `didact ARGUMENTS` in a folder, with its runs in `folder/runs`, no network and few threads."""
    environment = {**os.environ, "DIDACT_RUNS": str(folder / "runs"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "didact", *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> str:
    """Waits for a process that has to end well; returns its stderr."""
    _, told = process.communicate(timeout=240)
    assert process.returncode == 0, told
    return told

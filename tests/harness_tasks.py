"""Tasks of lm-eval over rows of ours, tiny models to ask, and what that library's own back end makes of them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import random_model, tokeniser
from transformers import LlamaConfig

from didact.data.tokens import Tokeniser
from didact.evals import harness
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.tokenizer import make_ready
from didact.prompts.chat_format import FORMATS

FIXTURES = Path(__file__).parent / "fixtures" / "lm_eval"
CPU = torch.device("cpu")
RANKED = ("arc", "boolq", "copa", "piqa", "mmlu")
FILES = {
    "arc": "ai2_arc_ARC-Easy_validation.jsonl",
    "boolq": "boolq_validation.jsonl",
    "copa": "super_glue_copa_validation.jsonl",
    "piqa": "piqa_plain_text_validation.jsonl",
}
LLAMA = LlamaConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)


def local(chat_format: str = "chatml", seed: int = 0, tokens: Tokeniser | None = None, **changes: Any) -> LocalModel:
    """A tiny random model, by itself with a byte-level tokeniser of 320 tokens."""
    tokens = tokens or tokeniser(chat_format)
    size = {"vocab_size": len(tokens.tokenizer) + 8, "max_position_embeddings": 4096}
    ends = {"bos_token_id": tokens.bos_id, "eos_token_id": tokens.eos_id}
    config = LlamaConfig(**{**LLAMA.to_dict(), **size, **ends, **changes})
    return LocalModel(Loaded(random_model(config, seed, scale=2.0), tokens), CPU, "fp32")


def ready(tokenizer: Any, chat_format: str = "plain") -> Tokeniser:
    """A tokenizer that others made, with a chat format."""
    make_ready(tokenizer, FORMATS[chat_format])
    return Tokeniser(tokenizer, FORMATS[chat_format])


def own_rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((FIXTURES / "rows.json").read_text())[name]
    return rows


def shared_rows(name: str, shared: Path, count: int = 6) -> list[dict[str, Any]]:
    if name == "mmlu":
        return mmlu(shared, "test", count)
    lines = (shared / "hf_eval_sets" / "jsonl" / FILES[name]).read_text().splitlines()
    return [json.loads(line) for line in lines[:count]]


def mmlu(shared: Path, split: str, count: int) -> list[dict[str, Any]]:
    with (shared / "mmlu" / "data" / split / f"abstract_algebra_{split}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[:count]
    return [{"question": row[0], "choices": row[1:5], "answer": "ABCD".index(row[5])} for row in rows]


def task_file(folder: Path, name: str, rows: list[dict[str, Any]], shown: list[dict[str, Any]] | None = None) -> str:
    """A task of lm-eval in YAML that reads these rows; returns its file."""
    places = {"ROWS": folder / f"{name}.jsonl", "SHOWN": folder / f"{name}_dev.jsonl"}
    for place, some in zip(places.values(), (rows, shown or rows * 3), strict=True):
        place.write_text("".join(json.dumps(row) + "\n" for row in some))
    text = (FIXTURES / f"{name}.yaml").read_text()
    for word, place in {**places, "CACHE": folder / "cache"}.items():
        text = text.replace(word, str(place))
    file = folder / f"mine_{name}.yaml"
    file.write_text(text)
    return str(file)


def theirs(model: LocalModel, file: str, batch_size: int = 2) -> Any:
    """What lm-eval's own back end makes of the same model and task."""
    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(pretrained=model.network, tokenizer=model.tokeniser.tokenizer, batch_size=batch_size, device="cpu")
    loaded = TaskManager(include_path=str(Path(file).parent), include_defaults=False).load([file])
    for task in loaded["tasks"].values():
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=1234)
    return evaluator.evaluate(lm=lm, task_dict=loaded, bootstrap_iters=0, log_samples=True)


def agree(model: LocalModel, file: str) -> harness.Asked:
    """Looks whether every log-likelihood and every score is that of lm-eval's back end."""
    found, ours = theirs(model, file), harness.ask(model, file)
    (rows,) = found["samples"].values()
    assert len(rows) == len(ours.samples) > 0
    for row, sample in zip(rows, ours.samples, strict=True):
        assert [arguments[0] for arguments in row["arguments"]] == list(sample.prompts)
        for (expected, greedy), (value, most) in zip([resp[0] for resp in row["resps"]], sample.answers, strict=True):
            assert value == pytest.approx(expected, abs=1e-3)
            assert most == greedy
        assert set(row["metrics"]) == set(sample.metrics) > set()
        for metric in row["metrics"]:
            assert sample.metrics[metric] == pytest.approx(row[metric], abs=1e-3)
    ((name, scores),) = found["results"].items()
    for metric in (f"{metric},none" for metric in found["samples"][name][0]["metrics"]):
        assert ours.own[name][metric] == pytest.approx(scores[metric], rel=1e-4)
    return ours

"""Every objective trains the architecture that it is for: the loss falls, a killed run resumes to the same bytes, and answers come out."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from tiny import didact, finished

from didact.base.errors import ModelError
from didact.base.recipe_file import load_recipe
from didact.jobs import check, evaluate, load_tuned, local_model, train
from didact.run import create_run
from didact.train import checkpoint

WHO, DOES, WHERE = ("cat", "dog", "bird", "horse"), ("sleeps", "runs", "sings", "eats"), ("house", "garden", "river", "wood")
KINDS = {
    "causal": "llama",
    "prefix": "gpt2",
    "span_corruption": "t5",
    "ul2": "t5",
    "bart": "bart",
    "masked": "bert",
    "seq2seq": "t5",
}
CLASSES = {
    "llama": "LlamaForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "t5": "T5ForConditionalGeneration",
    "bart": "BartForConditionalGeneration",
    "bert": "BertForPreTraining",
}


PRETRAIN = Path(__file__).parents[2] / "recipes" / "pretrain"


def write_texts(folder):
    """Sixty short stories of a world in which everything is known: 4 x 4 x 4 sentences, and the same again in other words."""
    draw, stories = random.Random(0), []
    for _ in range(60):
        told = []
        for _ in range(draw.randint(3, 6)):
            who, does, where = draw.choice(WHO), draw.choice(DOES), draw.choice(WHERE)
            told.append(draw.choice([f"The {who} {does} in the {where}.", f"In the {where} the {who} {does}.", f"A {who} {does} there."]))
        stories.append(" ".join(told))
    (folder / "stories.txt").write_text("\n\n".join(stories), encoding="utf-8")
    return {"name": "stories", "reader": "text", "path": "stories.txt", "passage_chars": 200}


def write_rows(folder, count=120):
    """Words to be repeated."""
    draw, rows = random.Random(0), []
    for _ in range(count):
        word = draw.choice((*WHO, *DOES, *WHERE))
        rows.append({"instruction": f"Say {word}.", "input": "", "output": word})
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    return {"name": "words", "reader": "alpaca", "path": "rows.json"}


def recipe_for(folder, kind, source=None, **train):
    """A tiny recipe with this objective, loaded from its file."""
    source = source or (write_rows if kind == "seq2seq" else write_texts)(folder)
    recipe = {
        "name": "tiny",
        "model": {"base": "new", "new": {"architecture": KINDS[kind], "width": 32, "depth": 1, "heads": 2, "vocabulary": 400}},
        "tasks": {"sources": [source], "hold_out": {"examples": 40 if kind == "seq2seq" else 0}, "leaks": {"action": "report"}},
        "prompts": {"templates": ["alpaca/standard"], "chat_format": "plain"} if kind == "seq2seq" else {},
        "sequence": {"max_length": 96},
        "objective": {"kind": kind},
        "evaluate": {"max_new_tokens": 8, "on": ["held_in"], "metrics": ["exact_match"]},
        "train": {
            "learning_rate": 0.01,
            "batch_tokens": 1200,
            "precision": "fp32",
            "log_every": 1,
            "max_steps": 12,
            "epochs": 1000,
            **train,
        },
    }
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return load_recipe(path)


def trained(folder, recipe, monkeypatch, run=None, resume=False):
    """(run, its summary, losses)"""
    monkeypatch.setenv("DIDACT_RUNS", str(folder / "runs"))
    run = run or create_run(recipe)
    told = train(recipe, run, resume=resume)
    return run, told, [json.loads(line)["loss"] for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_and_the_checkpoint_is_of_the_architecture(tmp_path, monkeypatch, kind):
    run, told, losses = trained(tmp_path, recipe_for(tmp_path, kind), monkeypatch)
    assert len(losses) == told["num_steps"] == 12
    assert told["head"] == "positions of weight 0 skipped"
    assert losses[0] > 4.5  # about even guesses among some 400 tokens: ln 400 = 6
    assert sum(losses[-3:]) / 3 < 0.65 * losses[0]
    loaded = load_tuned(run)
    assert type(loaded.model).__name__ == CLASSES[KINDS[kind]]
    config = json.loads((run.folder / "checkpoints" / "step_00000012" / "config.json").read_text())
    assert config.get("prefix_lm", False) == (kind == "prefix")


@pytest.mark.parametrize("kind", ["prefix", "span_corruption", "bart", "masked"])
def test_micro_batches_do_not_change_what_is_learnt(tmp_path, monkeypatch, kind):
    # Rows of up to 96 tokens on either side: from one row at a time to all of a step at once.
    made = []
    for tokens in (192, 100_000):
        folder = tmp_path / str(tokens)
        folder.mkdir()
        made.append(trained(folder, recipe_for(folder, kind, max_steps=4, micro_batch_tokens=tokens, epsilon=1e-4), monkeypatch)[2])
    assert made[0] == pytest.approx(made[1], rel=1e-4)


@pytest.mark.parametrize("kind", ["prefix", "ul2", "bart", "masked", "seq2seq"])
def test_a_run_that_was_stopped_resumes_to_the_same_bytes(tmp_path, monkeypatch, kind):
    settings = {"max_steps": 5, "checkpoint_every": 2}
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole, _, losses = trained(tmp_path / "whole", recipe_for(tmp_path / "whole", kind, **settings), monkeypatch)
    recipe, inner = recipe_for(tmp_path / "stopped", kind, **settings), checkpoint.write

    def stop(*arguments):
        inner(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "stopped" / "runs"))
    run = create_run(recipe)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "write", stop)
        train(recipe, run)
    assert checkpoint.newest(run.checkpoints).name == "step_00000002"
    _, _, again = trained(tmp_path / "stopped", recipe, monkeypatch, run, resume=True)
    assert again == losses and len(losses) == 5
    name = "checkpoints/step_00000005/model.safetensors"
    assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes()


@pytest.mark.parametrize("kind", ["masked", pytest.param("span_corruption", marks=pytest.mark.slow)])
def test_two_processes_give_the_losses_of_one(tmp_path, monkeypatch, kind):
    # With the usual epsilon, AdamW blows rounding up to a whole step wherever a gradient is as small as rounding.
    recipe = recipe_for(tmp_path, kind, max_steps=3, epsilon=1e-4)
    _, _, alone = trained(tmp_path, recipe, monkeypatch)
    finished(didact("train", "tiny.yaml", "--processes", 2, "--json", folder=tmp_path))
    lines = (tmp_path / "runs" / "tiny-002" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines] == pytest.approx(alone, rel=1e-5)


def test_an_encoder_decoder_that_learnt_to_repeat_answers_right(tmp_path, monkeypatch):
    # Twelve words, each asked for in many rows; forty rows are kept for the exam.
    recipe = recipe_for(tmp_path, "seq2seq", max_steps=150, log_every=15, batch_tokens=800, schedule={"warmup": 0.1})
    run, _, losses = trained(tmp_path, recipe, monkeypatch)
    assert losses[-1] < 0.1 < 3 < losses[0]
    scores = evaluate(run)["levels"]["held_in"]["overall"]["exact_match"]
    assert scores["tuned"]["value"] > 95
    assert scores["base"]["value"] < 5


def test_an_encoder_cannot_be_asked_and_says_so(tmp_path, monkeypatch):
    run, *_ = trained(tmp_path, recipe_for(tmp_path, "masked", max_steps=1), monkeypatch)
    with pytest.raises(ModelError, match="is an encoder"):
        local_model(load_tuned(run), run.recipe()).generate([np.array([5, 6])], max_new_tokens=2)


def test_an_objective_for_another_base_is_refused_before_anything_is_trained(tmp_path, monkeypatch):
    # What a run has made is a base like any other.
    run, *_ = trained(tmp_path, recipe_for(tmp_path, "span_corruption", max_steps=1), monkeypatch)
    base = str(checkpoint.newest(run.checkpoints))
    refused = load_recipe(tmp_path / "tiny.yaml", [f"model.base={base}", "objective.kind=causal"])
    with pytest.raises(ModelError, match=r"is causal, and the model '.*' is an encoder-decoder(.|\n)*next: objective\.kind=seq2seq"):
        check(refused)


LOST = {"causal": 1.8, "prefix": 1.8, "span_corruption": 1.8, "ul2": 1.2, "bart": 0.8, "masked": 0.8}
"""Nats that two hundred steps take off the loss at least; each objective counts in predictions of its own kind."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOST)
def test_the_shipped_recipe_of_each_objective_learns_from_real_stories(tmp_path, monkeypatch, shared, kind):
    stories = shared / "text" / "stories_superni_task105" / "stories.txt"
    changes = ["train.max_steps=200", "train.precision=fp32", "train.log_every=1"]
    recipe = load_recipe(PRETRAIN / f"{kind}.yaml", [*changes, f"tasks.sources=[{{name: stories, reader: text, path: {stories}}}]"])
    _, told, losses = trained(tmp_path, recipe, monkeypatch)
    assert told["num_steps"] == len(losses) == 200
    assert losses[0] - sum(losses[-10:]) / 10 > LOST[kind]

"""check, train, eval, report and chat on tiny recipes, in this process: what a run's folder holds, for every way through the path."""

import json
from pathlib import Path

import pytest
from verbs import didact

from didact.base.files import read_jsonl
from didact.base.recipe_file import load_recipe
from didact.jobs import check, evaluate, train
from didact.run import Run, create_run

TINY = """
model: {base: new, new: {width: 32, depth: 1, heads: 2, vocabulary: 400}}
sequence: {max_length: 96}
train: {precision: fp32, batch_tokens: 256, max_steps: 4, log_every: 1, learning_rate: 1e-2}
evaluate: {examples_per_task: 3, max_new_tokens: 6, resamples: 50}
"""
COLOURS = ("red", "blue", "green", "white", "black")
PATH = {"recipe.yaml", "environment.json", "mixture.txt", "leaks.json", "reading.json", "audit.json", "samples", "metrics.jsonl"}
PATH |= {"checkpoints", "base", "summary.json", "scores", "report.html"}


def rows(folder: Path, name: str, table: list[dict]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in table))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with two data files in the Alpaca layout and a parent recipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    for name, verb in (("say", "Say"), ("shout", "Shout")):
        words = [f"{colour} {number} {name}" for number in range(6) for colour in COLOURS]
        made = [(text.upper() if name == "shout" else text) for text in words]
        rows(tmp_path, f"{name}.jsonl", [{"instruction": f"{verb} it.", "input": w, "output": m} for w, m in zip(words, made, strict=True)])
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


def recipe(place: Path, text: str) -> str:
    (place / "a.yaml").write_text(f"extends: tiny.yaml\nname: a\n{text}\n")
    return "a.yaml"


TWO = """
tasks:
  sources: [{name: say, reader: alpaca, path: say.jsonl}, {name: shout, reader: alpaca, path: shout.jsonl, category: Shouting}]
  hold_out: {category: [Shouting], examples: 5}
prompts: {templates: [alpaca/standard]}
"""


def run_of(command: str) -> Run:
    """The run that a command makes in a place where there is none yet."""
    seen = didact(command)
    assert seen.code == 0, seen.err
    return Run(Path("runs/a-001").absolute())


def test_the_whole_path_leaves_a_folder_that_explains_itself(place):
    file = recipe(place, TWO)
    assert "all is well: 4 steps" in didact(f"check {file}").out
    assert not (place / "runs").exists()
    run = run_of(f"train {file}")
    assert didact("eval last --on unseen,held_in").code == 0
    assert didact("report last").code == 0
    assert len(json.loads(didact("chat last 'Say it.' --json").out)["turns"]) == 1
    assert {path.name for path in run.folder.iterdir()} == PATH

    steps = read_jsonl(run.folder / "metrics.jsonl")
    assert [row["step"] for row in steps] == [1, 2, 3, 4]
    assert steps[-1]["loss"] < steps[0]["loss"]
    counts = {"num_read": 30, "num_kept": 30, "dropped": {}, "absent": {}, "refused": []}
    assert json.loads((run.folder / "reading.json").read_text()) == [{"source": "say", **counts}, {"source": "shout", **counts}]
    samples = read_jsonl(run.folder / "samples" / "trained.jsonl")
    assert len(samples) == 20
    assert {row["origin"]["task"] for row in samples} == {"say"}
    # 3 unseen rows of one task and 3 of the 5 held-in rows of the other, for base and tuned alike.
    for name in ("base", "tuned"):
        found = read_jsonl(run.folder / "scores" / f"predictions_{name}.jsonl")
        assert [(row["level"], row["task"]) for row in found] == [("unseen", "shout")] * 3 + [("held_in", "say")] * 3
        assert all(set(row["scores"]) == {"rouge_l", "exact_match"} for row in found)
    trained = {row["origin"]["example"] for row in samples}
    assert not trained & {row["example"] for row in found if row["level"] == "held_in"}
    assert json.loads((run.folder / "environment.json").read_text())["seed"] == 0
    assert json.loads((run.folder / "summary.json").read_text())["precision"] == "fp32"


def test_training_the_recipe_that_a_run_keeps_repeats_the_run(place):
    first = run_of(f"train {recipe(place, TWO)}")
    assert didact("train runs/a-001/recipe.yaml").code == 0
    second = Run(place / "runs" / "a-002")
    assert (second.folder / "recipe.yaml").read_text() == (first.folder / "recipe.yaml").read_text()
    losses = [[row["loss"] for row in read_jsonl(run.folder / "metrics.jsonl")] for run in (first, second)]
    assert losses[0] == losses[1]


def test_a_base_in_a_folder_is_tuned_and_judged(place):
    run_of(f"train {recipe(place, TWO)}")
    file = recipe(place, TWO.replace("prompts:", "model: {base: runs/a-001/base}\nprompts:"))
    checked = check(load_recipe(file))
    assert checked.num_steps == 4
    run = create_run(load_recipe(file))
    train(run.recipe(), run)
    assert not run.base.exists()
    result = evaluate(run, on=("unseen",))
    assert result["levels"]["unseen"]["overall"]["rouge_l"]["num_examples"] == 3
    # The same weights, data and seed as the first run's, so the same losses.
    losses = [[row["loss"] for row in read_jsonl(place / "runs" / name / "metrics.jsonl")] for name in ("a-001", "a-002")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("extra", ["sequence.pack=true", "objective.prompt_weight=0.2", "prompts.chat_format=plain"])
def test_other_settings_lead_through_the_same_path(place, extra):
    settled = load_recipe(recipe(place, TWO), [extra])
    audit = check(settled).audit
    assert audit["problems"] == []
    assert (audit["supervised_share"] > 0.9) == ("prompt_weight" in extra)
    run = create_run(settled)
    summary = train(settled, run)
    assert (summary["num_steps"], summary["precision"], summary["normaliser"]) == (4, "fp32", "nonzero_tokens")
    steps = read_jsonl(run.folder / "metrics.jsonl")
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert list(evaluate(run)["levels"]) == ["unseen"]


def test_plain_text_in_a_mixture_carries_weight_on_all_its_tokens(place):
    (place / "story.txt").write_text("\n\n".join(f"Once there was a {colour} house on hill {n}." for n in range(9) for colour in COLOURS))
    text = """
tasks:
  sources: [{name: say, reader: alpaca, path: say.jsonl}, {name: story, reader: text, path: story.txt, passage_chars: 60}]
  hold_out: {examples: 4}
mixture: {parts: [{tasks: say, rate: 1}, {tasks: story, rate: 1}], epoch_size: 40}
prompts: {templates: [alpaca/standard]}
evaluate: {on: [held_in]}
"""
    settled = load_recipe(recipe(place, text))
    by_task = check(settled).audit["by_task"]
    assert by_task["say"]["examples"] == by_task["story"]["examples"] == 20
    # The first token of a row is nobody's target; every other one of plain text has a weight.
    story = by_task["story"]
    assert story["supervised_share"] == pytest.approx(1 - story["examples"] / story["tokens"])
    assert by_task["say"]["supervised_share"] < 0.5
    run = create_run(settled)
    train(settled, run)
    # Plain text asks nothing: only the other task is judged.
    assert evaluate(run)["levels"]["held_in"]["overall"]["rouge_l"]["num_examples"] == 3


def test_conversations_in_two_layouts_are_trained_on_every_answer(place):
    turns = [
        {"from": "human", "value": "hi"},
        {"from": "gpt", "value": "hello"},
        {"from": "human", "value": "who?"},
        {"from": "gpt", "value": "me"},
    ]
    rows(place, "share.jsonl", [{"conversations": turns[: 4 if n % 2 else 2]} for n in range(12)])
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    rows(place, "messages.jsonl", [{"messages": said} for _ in range(12)])
    text = """
tasks:
  sources: [{name: share, reader: sharegpt, path: share.jsonl}, {name: said, reader: messages, path: messages.jsonl}]
  hold_out: {examples: 2}
evaluate: {on: [held_in]}
"""
    file = recipe(place, text)
    assert check(load_recipe(file)).audit["terminator_trained"] == 1.0
    drawn = [json.loads(didact(f"tokens {file} --index {index} --json").out) for index in range(20)]
    for found in drawn:
        trained = "".join(token["text"] for token in found["tokens"] if token["weight"])
        # Every answer and the token that ends it, and nothing else.
        assert trained in ("hello<|im_end|>", "hello<|im_end|>me<|im_end|>", "two<|im_end|>")
    assert {found["task"] for found in drawn} == {"share", "said"}
    run = run_of(f"train {file}")
    assert evaluate(run)["levels"]["held_in"]["overall"]["rouge_l"]["num_examples"] == 4


def test_unseen_rows_that_stand_in_the_training_data_stop_it_before_it_begins(place):
    (place / "shout.jsonl").write_text((place / "say.jsonl").read_text())
    seen = didact(f"train {recipe(place, TWO)}")
    assert (seen.code, list((place / "runs").iterdir())) == (1, [])
    # 30 rows, of which 5 are held in: the other 25 are the unseen task's rows again.
    assert "error: 25 of 25 seen examples overlap" in seen.err
    assert "  next: tasks.leaks.action=drop" in seen.err
    dropped = didact("train a.yaml tasks.leaks.action=drop")
    assert (dropped.code, "dropping them leaves nothing to train on" in dropped.err) == (1, True)
    assert didact("train a.yaml tasks.leaks.action=report").code == 0


def test_a_recipe_without_unseen_tasks_trains_and_says_that_nothing_will_be_judged(place):
    text = "tasks: {sources: [{name: say, reader: alpaca, path: say.jsonl}]}\nprompts: {templates: [alpaca/standard]}"
    seen = didact(f"train {recipe(place, text)}")
    assert seen.code == 0
    assert "note: didact eval will find nothing to ask at level unseen; hold some out: tasks.hold_out.category=[...]" in seen.err
    judged = didact("eval last")
    assert (judged.code, "next: train again, and hold some out: tasks.hold_out.category=[...]" in judged.err) == (1, True)

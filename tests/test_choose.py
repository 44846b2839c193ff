"""`objective.prompt_weight: auto` chooses on validation tasks, trains with what it chose, and never touches the tasks it is judged on."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import MODELS, literal_sum, random_model, random_rows, tokeniser
from verbs import didact, shrink

from didact.assemble import Assembly
from didact.base.errors import DataError, RecipeError
from didact.base.files import read_jsonl
from didact.base.recipe import Objective
from didact.base.recipe_file import load_recipe
from didact.choose import SCORES, Replicate, choose_first, chosen_objective, response_nats
from didact.jobs import train
from didact.models.load import Loaded
from didact.run import create_run
from didact.tasks.task import TaskSet

ROOT = Path(__file__).parents[1]
AUTO = ["objective.prompt_weight=auto", "objective.auto.ratios=[0, 1]", "objective.auto.seeds=2", "objective.auto.steps=2"]
KEPT = "tasks.hold_out.validation.num_tasks=2"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The demo's recipe made tiny: three unseen tasks, and two for validation."""
    folder = tmp_path_factory.mktemp("auto")
    shutil.copytree(ROOT / "recipes" / "demo", folder / "demo")
    shutil.copy(ROOT / "recipes" / "demo.yaml", folder)
    shrink(folder / "demo.yaml", max_steps=3)
    return folder / "demo.yaml"


@pytest.fixture
def recipe(path, tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    return load_recipe(path, [*AUTO, KEPT])


class Untouchable(Sequence):
    """Examples that nobody may look at."""

    def __getitem__(self, index):
        raise AssertionError("an example of a judged task was touched")

    def __len__(self):
        raise AssertionError("a judged task was counted")


def guarded(recipe):
    """The assembly as training has it, behind the check for leaks; from here on, judged tasks cannot be touched."""
    assembly = Assembly(recipe)
    assert assembly.forecast.num_steps == 3
    split = assembly.split
    unseen, held_in = (TaskSet(task.replace(Untouchable()) for task in tasks) for tasks in (split.unseen, split.held_in))
    assert len(unseen) == 3
    assembly.__dict__["split"] = replace(split, unseen=unseen, held_in=held_in)
    judged = {task.name: task for task in unseen}
    assembly.__dict__["tasks"] = TaskSet(judged.get(task.name, task) for task in assembly.tasks)
    return assembly


def test_choosing_never_touches_the_tasks_that_a_model_is_judged_by(recipe):
    assembly = guarded(recipe)
    with pytest.raises(AssertionError, match="touched"):
        assembly.judged("unseen")[0].examples[0]
    run = create_run(recipe)
    objective = chosen_objective(recipe, assembly, 3, run)
    assert objective.prompt_weight in (0, 1)
    kept = json.loads((run.folder / SCORES).read_text())
    assert sorted(kept["tasks"]) == sorted(task.name for task in assembly.split.validation)
    assert not {task.name for task in assembly.split.unseen} & set(kept["tasks"])
    assert [(trial["seed"], trial["ratio"]) for trial in kept["trials"]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len({trial["nats"] for trial in kept["trials"]}) == 4  # weights and seeds differ, and so does what comes of them
    assert not (run.folder / "choosing").exists()


def test_without_validation_tasks_there_is_nothing_to_choose_by(path, tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    recipe = load_recipe(path, AUTO)
    with pytest.raises(DataError, match=r"tasks\.hold_out\.validation") as caught:
        chosen_objective(recipe, Assembly(recipe), 3, create_run(recipe))
    assert "tasks.hold_out.validation.num_categories=2" in caught.value.remedy
    seen = didact(f"check {path} {' '.join(repr(one) for one in AUTO)}")
    assert seen.code == 1
    assert "tokenised" not in seen.err  # told before anything costs


def test_train_prints_the_table_and_trains_with_what_was_chosen(path, tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    seen = didact(f"train {path} {' '.join(repr(one) for one in AUTO)} {KEPT}")
    assert seen.code == 0, seen.err
    kept = json.loads((tmp_path / "demo-001" / SCORES).read_text())
    told = seen.err.splitlines()
    assert f"objective.prompt_weight={kept['prompt_weight']:g}: {kept['reason']}" in told
    assert next(line for line in told if line.startswith("noise")).split()[1] == f"{kept['noise_nats']:.4f}"

    # The same training with that number written out gives the same losses.
    fixed = load_recipe(path, [f"objective.prompt_weight={kept['prompt_weight']:g}", KEPT])
    run = create_run(fixed)
    train(fixed, run)
    losses = [[line["loss"] for line in read_jsonl(tmp_path / name / "metrics.jsonl")] for name in ("demo-001", run.name)]
    assert losses[0] == losses[1]


def test_what_was_chosen_stays_for_a_resumed_run_and_for_several_processes(recipe, monkeypatch):
    run = create_run(recipe)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="one process") as caught:
        chosen_objective(recipe, Assembly(recipe), 3, run)
    assert "--processes" in caught.value.remedy
    monkeypatch.delenv("WORLD_SIZE")
    choose_first(recipe, run)
    kept = json.loads((run.folder / SCORES).read_text())
    monkeypatch.setenv("WORLD_SIZE", "2")
    told = []
    again = chosen_objective(recipe, Assembly(recipe), 3, run, told.append)
    assert again.prompt_weight == kept["prompt_weight"]
    assert told == [f"objective.prompt_weight: λp / λr = {kept['ratio']:g}, as chosen before"]


def test_check_and_tokens_show_the_smallest_ratio(path):
    written = " ".join(repr(one) for one in [*AUTO, KEPT, "objective.auto.ratios=[0.5, 0.25]"])
    assert didact(f"check {path} {written}").code == 0
    seen = didact(f"tokens {path} {written} --json")
    assert seen.code == 0, seen.err
    assert {row["weight"] for row in json.loads(seen.out)["tokens"]} == {0, 0.25, 1}


def test_a_replicate_is_the_streams_rows_in_an_order_of_its_own(recipe):
    stream = Assembly(recipe).stream

    def origins(replicate):
        return [[(one.origin.task, one.origin.example) for row in step for one in row] for step in replicate.window(0).steps]

    one, again, other = (origins(Replicate(stream, 3, 512, 0, number)) for number in (0, 0, 1))
    assert one == again
    assert one != other
    assert len(one) == len(other) == 3
    known = {(row[0].origin.task, row[0].origin.example) for step in stream.window(0).steps for row in step}
    assert {row for step in one for row in step} <= known
    few = Replicate(stream, 10**6, 512, 0, 0)  # more steps than there are: all the rows, once
    total = sum(len(step) for number in range(len(stream.spans())) for step in stream.window(number).steps)
    assert sum(len(step) for step in origins(few)) == total
    assert few.window(1) is None


def test_nats_are_the_literal_ones_of_the_responses_whatever_the_rows_weigh():
    model, rows = random_model(MODELS["llama"]), {"a": random_rows(3), "b": random_rows(5, seed=1)}
    nats = response_nats(Loaded(model, tokeniser()), rows, "fp32", 60)
    for task, given in rows.items():
        total, count = literal_sum(model, given, Objective())
        assert nats[task] == pytest.approx(total / count, rel=1e-5)
    assert torch.is_grad_enabled()
    assert np.isfinite(list(nats.values())).all()

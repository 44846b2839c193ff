"""The forecast of a recipe: the plan that check and train tell, the refusal on a small machine, the time after the third step."""

import json

import pytest
from tiny import write_recipe

from didact.base.errors import ModelError
from didact.base.recipe_file import load_recipe
from didact.jobs import check, train
from didact.run import create_run
from didact.train import forecast
from didact.train.forecast import Pace
from didact.train.loop import Step


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    path, told = write_recipe(tmp_path_factory.mktemp("forecast"), max_steps=5), []
    return path, check(load_recipe(path), told.append, tokens_per_second=100, price_per_hour=3.6), told


def test_check_tells_memory_compute_and_time(checked) -> None:
    _, found, told = checked
    said = {line.partition(":")[0]: line for line in told}
    assert {"memory", "compute", "time"} <= said.keys()
    # Five steps of 400 tokens at 100 a second: 20 s, at 3.6 an hour.
    assert found.plan["num_tokens"] == 2000
    assert said["time"] == "time: about 20 s at 100 tokens/s, 0.02 at 3.6 an hour"


def test_the_plans_numbers_hang_together(checked) -> None:
    _, found, _ = checked
    plan = found.plan
    assert plan["num_steps"] == found.num_steps == 5
    assert plan["memory"]["weights"] == 4 * plan["num_parameters"]
    assert plan["flops"] == pytest.approx(plan["flops_per_token"]["total"] * 2000)
    assert plan["pretraining_share"] is None
    # 5 steps are a part of the ten epochs; one epoch is a tenth of all tokens.
    assert plan["tokens_per_epoch"] == pytest.approx(found.audit["num_tokens"] / 10, abs=1)


def test_a_plan_that_does_not_fit_is_refused_before_anything_is_loaded(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    path, found, _ = checked
    monkeypatch.setattr(forecast, "available_memory", lambda _: found.plan["memory"]["needed"] - 1)
    with pytest.raises(ModelError, match="training would take about") as refused:
        check(load_recipe(path))
    assert refused.value.remedy == "train.micro_batch_tokens=128"
    check(load_recipe(path, [refused.value.remedy]))  # what it says to type does fit


def test_a_run_writes_its_plan_and_the_flops_of_its_steps(checked, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, found, _ = checked
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    recipe, told = load_recipe(path), []
    run = create_run(recipe)
    summary = train(recipe, run, say=told.append)
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    each = found.plan["flops_per_token"]["total"]
    assert [line["flops"] for line in lines] == pytest.approx([each * line["num_tokens"] for line in lines])
    assert all(0 < line["mfu"] < 1 for line in lines)
    assert summary["flops"] == lines[-1]["flops"]
    kept = json.loads((run.folder / "environment.json").read_text())
    assert kept["plan"]["num_parameters"] == kept["num_parameters"]
    assert sum(line.startswith("time: about") for line in told) == 1


def test_the_time_to_go_is_told_once_after_the_third_step(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = checked
    plan = _plan(path)
    heard, told = [], []
    each = plan.flops_per_token.total
    # The first step takes ten seconds and does not count; then one a second, of 100 tokens each.
    pace = Pace(plan, 400 * each, told.append, heard.append, price_per_hour=36)
    for number in range(1, 6):
        pace(Step(number, 103, 1.0, 0.1, 1.0, 100 * number, 0.0, 9.0 + number))
    assert told == ["time: about 2 min to go at 100 tokens/s, 25 % of the machine's FLOPs, 1.00 to pay"]
    assert [step.step for step in heard] == [1, 2, 3, 4, 5]


def _plan(path):
    from didact.assemble import Assembly

    assembly = Assembly(load_recipe(path))
    return forecast.foresee(assembly.recipe, assembly.tokeniser.tokenizer, assembly.forecast)

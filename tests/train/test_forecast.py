"""The forecast of a recipe: the plan that check and train tell, the refusal on a small machine, the time after the third step."""

import json

import pytest
import torch
from safetensors.torch import load_file
from tiny import write_recipe
from transformers import LlamaConfig

from didact.base.errors import ModelError, RecipeError
from didact.base.recipe_file import load_recipe
from didact.jobs import check, train
from didact.run import create_run
from didact.train import forecast, probe
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
    never = "train.activation_checkpointing=never"
    with pytest.raises(ModelError, match="training would take about") as refused:
        check(load_recipe(path, [never]))
    assert refused.value.remedy == "train.micro_batch_tokens=128"
    check(load_recipe(path, [never, refused.value.remedy]))  # what it says to type does fit


def test_layers_are_computed_again_only_where_the_plan_does_not_fit_otherwise(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    path, found, told = checked
    assert not found.plan["activation_checkpointing"]
    assert check(load_recipe(path, ["train.activation_checkpointing=always"])).plan["activation_checkpointing"]
    monkeypatch.setattr(forecast, "available_memory", lambda _: found.plan["memory"]["needed"] - 1)
    again = check(load_recipe(path), told.append)
    assert again.plan["activation_checkpointing"]
    assert again.plan["memory"]["needed"] < found.plan["memory"]["needed"]
    assert any(line.endswith("the inside of the layers is computed again") for line in told)


def test_a_run_does_what_its_plan_says(checked, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = checked
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    losses = []
    for setting in ("never", "always"):
        recipe = load_recipe(path, [f"train.activation_checkpointing={setting}", f"name={setting}"])
        losses.append(train(recipe, create_run(recipe))["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_weights_in_bf16_are_trained_saved_and_continued(checked, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, found, _ = checked
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    recipe = load_recipe(path, ["train.precision=bf16_weights", "train.max_steps=3"])
    run = create_run(recipe)
    summary = train(recipe, run)
    assert summary["precision"] == "bf16"
    saved = load_file(next(run.checkpoints.glob("step_*/model.safetensors")))
    assert {tensor.dtype for tensor in saved.values()} == {torch.bfloat16}
    planned = json.loads((run.folder / "environment.json").read_text())["plan"]["memory"]
    assert 2 * planned["weights"] == found.plan["memory"]["weights"]


def test_a_loaded_model_is_not_counted_twice(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    path, found, _ = checked
    memory = found.plan["memory"]
    monkeypatch.setattr(forecast, "available_memory", lambda _: memory["needed"] - memory["weights"])
    recipe, looked = _looked(path)
    steps = looked.stream.window(0).steps
    given = recipe, looked.tokeniser.tokenizer, forecast.trained_on(recipe, looked.forecast), steps
    assert forecast.foresee(*given, held=memory["weights"]).memory.needed == memory["needed"]
    assert forecast.foresee(*given).wanted.checkpointing  # a byte more would not fit as it is


def test_check_plans_for_other_machines_and_refuses_nothing_then(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = checked
    monkeypatch.setattr(forecast, "available_memory", lambda _: 1000)
    told = []
    found = check(load_recipe(path), told.append, machines=["1x24GB", "cpu", "8x80GB"])
    assert [(each["machine"], each["fits"]) for each in found.machines] == [("1x24GB", True), ("cpu", False), ("8x80GB", True)]
    assert [line.partition(" ")[0] for line in told if line.startswith(("1x24GB", "cpu (", "8x80GB"))] == ["1x24GB", "cpu", "8x80GB"]


def test_a_plan_needs_no_weights(checked, tmp_path) -> None:
    path, _, _ = checked
    tokenizer = _looked(path)[1].tokeniser.tokenizer
    tokenizer.save_pretrained(tmp_path)
    shape = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8}
    LlamaConfig(**shape, vocab_size=128_256, head_dim=64, tie_word_embeddings=True).save_pretrained(tmp_path)
    found = check(load_recipe(path, [f"model.base={tmp_path}"]), machines=["8x80GB"])
    assert found.plan["num_parameters"] == 1_235_814_400
    assert found.machines[0]["fits"]


@pytest.mark.parametrize(("enough", "num_steps"), [(0.0, 4), (float("inf"), 7)])  # the least; all that the first window has
def test_a_probe_tells_the_speed_and_leaves_nothing(enough, num_steps, checked, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = checked
    told: list[str] = []
    monkeypatch.setattr(probe, "_ENOUGH_S", enough)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path))
    found = check(load_recipe(path), told.append, probes=True, price_per_hour=1.0)
    assert found.tokens_per_second > 0
    assert f"probe: {num_steps} steps, {found.tokens_per_second:,.0f} tokens/s" in told
    assert told[-1].startswith("time: about ")
    assert not list(tmp_path.iterdir())


def test_eight_bits_need_a_gpu(checked) -> None:
    path, _, _ = checked
    with pytest.raises(RecipeError, match="needs a GPU") as refused:
        check(load_recipe(path, ["train.optimizer=adamw_8bit"]))
    assert refused.value.remedy == "train.optimizer=adafactor"
    check(load_recipe(path, ["train.optimizer=adamw_8bit"]), machines=["1x24GB"])  # a plan for another machine may have it


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


def _looked(path):
    from didact.assemble import Assembly

    assembly = Assembly(load_recipe(path))
    return assembly.recipe, assembly


def _plan(path):
    recipe, assembly = _looked(path)
    return forecast.foresee(recipe, assembly.tokeniser.tokenizer, forecast.trained_on(recipe, assembly.forecast))

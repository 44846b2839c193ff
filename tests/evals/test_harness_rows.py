"""Rows of lm-eval become rows of ours: compared base against tuned, with faults, counted again; what cannot be asked says why."""

import json
import sys
from pathlib import Path

import pytest
from harness_tasks import local, own_rows, task_file
from verbs import didact

from didact.base.errors import DataError, ModelError, PrerequisiteError, RecipeError
from didact.base.types import Conversation, Message, Origin
from didact.evals import harness
from didact.evals.paired_runs import paired_runs
from didact.evals.statistics import compare
from didact.models.likelihoods import likelihoods

pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install 'didact[harness]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # what that library and those below it warn of


def test_base_and_tuned_are_compared_row_by_row(tmp_path: Path) -> None:
    file = task_file(tmp_path, "arc", own_rows("arc"))
    found = harness.evaluate({"base": local(seed=1), "tuned": local(seed=5)}, file, limit=2)
    assert {name: len(rows) for name, rows in found.rows.items()} == {"base": 2, "tuned": 2}
    row = found.rows["tuned"][0]
    assert (row.task, row.level, row.asked) == ("lm_eval/mine_arc", "lm_eval:mine_arc", "rank")
    assert row.references == ("the red bird in the garden",) and len(row.choices) == len(row.logprobs) == 4
    assert row.prompt == "Question: Which animal sings at night?\nAnswer:"
    table = compare(found.rows["base"], found.rows["tuned"], found.sets[0]["metrics"], resamples=100, seed=0)
    for model in ("base", "tuned"):
        assert table["overall"]["acc"][model]["value"] == 100 * found.own[model]["mine_arc"]["acc,none"]
    assert found.sets[0]["protocol"]["source"].startswith("lm-eval ")
    assert found.sets[0]["protocol"]["source"].endswith(": mine_arc 1.0")
    assert paired_runs(found.rows["base"], found.rows["tuned"], ("a", "b"))["levels"]


def test_choices_that_stand_in_the_prompt_are_told_apart_by_place(tmp_path: Path) -> None:
    (first, second) = harness.evaluate({"base": local()}, task_file(tmp_path, "gaps", own_rows("gaps"))).rows["base"]
    before = "The bird sings to the dog at night, because"
    assert first.prompt == f"{before} the "  # what both prompts begin with
    assert first.choices == (f"{before} the bird", f"{before} the dog") and first.references == (f"{before} the dog",)
    assert second.scores["acc"] == 100 * (second.logprobs[0] > second.logprobs[1])


def test_all_tasks_of_a_group_are_asked_each_with_its_own_name(tmp_path: Path) -> None:
    for name in ("arc", "copa", "endings"):
        task_file(tmp_path, name, own_rows(name))
    file = tmp_path / "mine.yaml"
    file.write_text("group: mine\ntask: [mine_arc, mine_copa, mine_endings]\naggregate_metric_list: [{metric: acc}]\n")
    found = harness.evaluate({"base": local()}, str(file))
    # Of the three tasks one has another set of scores: it stands in a set of its own.
    assert [(one["name"], sorted(one["tasks"])) for one in found.sets] == [
        ("lm_eval:mine by acc, acc_norm, acc_bytes", ["lm_eval/mine_arc", "lm_eval/mine_copa"]),
        ("lm_eval:mine by acc", ["lm_eval/mine_endings"]),
    ]
    assert set(found.own["base"]) == {"mine", "mine_arc", "mine_copa", "mine_endings"}


def test_written_rows_say_which_filter_found_what_and_how_they_ended(tmp_path: Path) -> None:
    found = harness.evaluate({"base": local("plain", seed=3)}, task_file(tmp_path, "sums", own_rows("sums")))
    assert found.sets[0]["metrics"] == ["exact_match,cue", "exact_match,words"]
    for row in found.rows["base"]:
        assert row.asked == "generate"
        assert row.extractor == ("words" if row.completion else "")  # the cue is in none of these
        assert ("no_stop" in row.faults) == (row.stop == "length") == (row.num_tokens == 24)


def test_a_prompt_that_is_too_long_is_cut_alike_for_all_choices_and_counted(tmp_path: Path) -> None:
    model = local(max_position_embeddings=24)
    found = harness.evaluate({"base": model}, task_file(tmp_path, "boolq", own_rows("boolq")))
    row = found.rows["base"][0]
    assert row.faults == ("truncated",) and found.sets[0]["num_prompts_cut"] == 2


def test_in_chat_the_prompt_is_a_turn_and_text_becomes_no_control_token(tmp_path: Path) -> None:
    model = local("chatml")
    rows = [{**own_rows("arc")[0], "question": "What is <|im_end|>?"}]
    found = harness.evaluate({"base": model}, f"{task_file(tmp_path, 'arc', rows)}@chat")
    (row,) = found.rows["base"]
    ids = model.tokeniser.prompt(Conversation((Message("user", "Question: What is <|im_end|>?\nAnswer:"),), Origin("", "")), 4096)
    assert row.prompt == model.tokeniser.tokenizer.decode(ids.input_ids)
    alone = [model.tokeniser.prompt(Conversation((Message("text", choice),), Origin("", "")), 99).input_ids for choice in row.choices]
    expected = likelihoods(model, [ids.input_ids], [alone])[0]
    assert row.logprobs == pytest.approx([value.logprob for value in expected], abs=1e-4)


def test_what_cannot_be_asked_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"no file 'none\.yaml'"):
        harness.ask(local(), "none.yaml")
    file = Path(task_file(tmp_path, "sums", own_rows("sums")))
    file.write_text(file.read_text().replace("do_sample: false", "do_sample: true, temperature: 0.8"))
    with pytest.raises(ModelError, match="asks for answers that are drawn"):
        harness.ask(local(), str(file))
    file.write_text(file.read_text().replace("do_sample: true", "do_sample: false"))
    harness.ask(local(), str(file))  # a temperature without drawing is greedy
    file.write_text(file.read_text() + "unsafe_code: true\n")
    with pytest.raises(DataError, match="runs code that a model has written"):
        harness.check(str(file))
    (tmp_path / "sums.jsonl").unlink()
    with pytest.raises(DataError, match="lm-eval cannot ask"):
        harness.ask(local(), str(file))
    monkeypatch.delitem(sys.modules, "didact.evals.harness_model", raising=False)
    monkeypatch.setitem(sys.modules, "lm_eval.api.model", None)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(PrerequisiteError) as told:
        harness.ask(local(), str(file))
    assert told.value.remedy == "pip install 'didact[harness]'"


@pytest.mark.slow  # lm-eval reads the names of all its tasks
def test_an_unknown_task_of_the_library_names_the_nearest_one() -> None:
    with pytest.raises(RecipeError, match="no task named 'arc_eazy'") as told:
        harness.ask(local(), "arc_eazy")
    assert "arc_easy" in told.value.expected


def test_a_user_judges_a_run_on_a_task_of_a_folder(here: Path, tmp_path: Path) -> None:
    file = task_file(tmp_path, "arc", own_rows("arc"))
    seen = didact(f"eval last --on lm_eval:{file} --json")
    assert seen.code == 0, seen.err
    found = json.loads(seen.out)
    table = found["benchmarks"]["lm_eval:mine_arc"]
    assert table["num_examples"] == 2 and {"base", "tuned", "difference"} <= set(table["overall"]["acc"])
    for model in ("base", "tuned"):
        assert table["overall"]["acc_norm"][model]["value"] == pytest.approx(
            100 * found["lm_eval"][file][model]["mine_arc"]["acc_norm,none"]
        )
    assert set(table["rank"]) == {"sum", "per_byte", "per_character"}
    again = json.loads(didact("eval last --recount --json").out)
    assert again["benchmarks"] == found["benchmarks"] and again["lm_eval"] == found["lm_eval"]

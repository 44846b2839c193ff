"""Real files of the other benchmarks, read whole: every row is kept, or counted with a reason."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from didact.base.recipe import Source
from didact.tasks.benchmarks.bbh import task_of
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task


def read(shared: Path, name: str, path: str, **options: Any) -> tuple[dict[str, Task], int, Counter[str]]:
    """Task by name, the number of examples of all, and what was dropped."""
    tasks = {task.name: task for task in load_tasks([Source(name=name, reader="benchmark", path=str(shared / path), **options)])}
    size = sum(len(task.examples) for task in tasks.values())
    report = next(iter(tasks.values())).report
    assert report is not None and report.num_kept == size
    for task in tasks.values():
        fields = BENCHMARKS[task.kind].fields
        assert all(tuple(example.fields) == fields and example.targets for example in task.examples)
        assert len({example.id for example in task.examples}) == len(task.examples)
    return tasks, size, report.dropped


@pytest.mark.parametrize(
    ("name", "path", "split", "size", "dropped"),
    [
        ("gsm8k", "gsm8k", "train", 7473, {}),
        ("gsm8k", "gsm8k", "test", 1319, {}),
        ("truthfulqa", "truthfulqa", None, 817, {}),
        ("ifeval", "ifeval", None, 541, {}),
        ("arc/easy", "hf_eval_sets", "validation", 570, {}),
        ("arc/challenge", "hf_eval_sets/jsonl", "validation", 299, {}),
        ("openbookqa", "hf_eval_sets/jsonl", "validation", 500, {}),
        ("openbookqa", "hf_eval_sets/arrow_save_to_disk", "validation", 500, {}),
        ("piqa", "hf_eval_sets", "validation", 1838, {}),
        ("winogrande", "hf_eval_sets", "validation", 1267, {}),
        ("nq_open", "hf_eval_sets", "validation", 3610, {}),
        # 4,672 and 4,693 rows: those with one meaning are one example with several references.
        ("e2e_nlg", "e2e_nlg", "validation", 547, {}),
        ("e2e_nlg", "e2e_nlg", "test", 630, {}),
        ("ag_news", "olora_cl_benchmark", "train", 300, {}),
        ("ag_news", "olora_cl_benchmark", "test", 150, {}),
        ("imdb", "olora_cl_benchmark", "train", 300, {}),
        # Rows of T0 with the wording taken off again.
        ("xsum", "self_instruct", "train", 60, {}),
        ("cnn_dailymail", "self_instruct", "train", 60, {}),
        ("common_gen", "self_instruct", "train", 200, {}),
        ("paws", "self_instruct", "train", 200, {}),
        # XQuAD's English file has the layout of SQuAD's.
        ("squad", "xquad/xquad.en.json", "validation", 1190, {}),
    ],
)
def test_whole_files_are_read(shared: Path, name: str, path: str, split: str | None, size: int, dropped: dict[str, int]) -> None:
    tasks, kept, lost = read(shared, "mine", path, split=split, settings={"of": name})
    assert (list(tasks), kept, lost) == (["mine"], size, dropped)


@pytest.mark.parametrize(("split", "size"), [("dev", 285), ("validation", 1531), ("test", 5700)])
def test_all_subjects_of_mmlu_are_read(shared: Path, split: str, size: int) -> None:
    tasks, kept, lost = read(shared, "mmlu", "mmlu", split=split)
    assert (len(tasks), kept, lost) == (57, size, {})
    sizes = {len(task.examples) for task in tasks.values()}
    # Five demonstrations a subject, and the first hundred test questions of each are here.
    assert sizes == {"dev": {5}, "test": {100}}.get(split, sizes)
    assert tasks["mmlu/anatomy"].examples[0].fields["subject"] == "anatomy"
    # 54 prompts of five worked questions, two of four, and one of four of which one has five options: 270 + 8 + 3.
    assert Counter(len(task.positive) for task in tasks.values()) == {5: 54, 4: 2, 3: 1}
    assert all(example.rationale and example.targets[0] in example.choices for task in tasks.values() for example in task.positive)


def test_all_files_of_bbh_are_read_with_their_published_demonstrations(shared: Path) -> None:
    tasks, kept, lost = read(shared, "bbh", "bbh")
    assert (len(tasks), kept, lost) == (27, 6511, {})
    small = {"bbh/causal_judgement": 187, "bbh/penguins_in_a_table": 146, "bbh/snarks": 178}
    assert {name: len(task.examples) for name, task in tasks.items() if len(task.examples) != 250} == small
    assert 24 * 250 + sum(small.values()) == 6511
    assert all(len(task.positive) == 3 and all(example.rationale for example in task.positive) for task in tasks.values())
    # Three answers were cut apart by a comma in their options, and one row of snarks lists one option only.
    with_options = [task for task in tasks.values() if "\nOptions:\n" in task.examples[0].fields["input"]]
    without = Counter(task.name for task in with_options for example in task.examples if not example.choices)
    assert without == {"bbh/movie_recommendation": 1, "bbh/ruin_names": 2, "bbh/snarks": 1}


def test_guessing_among_the_choices_of_bbh_is_right_for_27_percent(shared: Path) -> None:
    # The mean over 23 tasks, free-form ones counting as 0: 27.3, as counted apart from the published files.
    tasks = read(shared, "bbh", "bbh")[0]
    by_task: dict[str, list[float]] = {}
    for name, task in tasks.items():
        chance = [1 / len(example.choices) if example.choices else 0.0 for example in task.examples]
        by_task.setdefault(task_of(name.removeprefix("bbh/")), []).append(100 * sum(chance) / len(chance))
    assert len(by_task) == 23
    assert sum(sum(files) / len(files) for files in by_task.values()) / 23 == pytest.approx(27.3, abs=0.1)


def test_all_languages_of_mgsm_are_read_and_have_the_same_answers(shared: Path) -> None:
    tasks, kept, lost = read(shared, "mgsm", "mgsm")
    assert (len(tasks), kept, lost) == (11, 11 * 250, {})
    assert {task.languages for task in tasks.values()} == {(code,) for code in "bn de en es fr ja ru sw te th zh".split()}
    answers = {name: [example.targets[0] for example in task.examples] for name, task in tasks.items()}
    assert all(found == answers["mgsm/en"] for found in answers.values())
    assert "70000" in answers["mgsm/en"] and not any("," in answer for answer in answers["mgsm/en"])


def test_seven_of_the_nine_chain_of_thought_sets_are_here(shared: Path) -> None:
    tasks, kept, lost = read(shared, "flan_cot", "flan_cot")
    sizes = {name.removeprefix("flan_cot/"): len(task.examples) for name, task in tasks.items()}
    assert sizes == {"aqua": 2728, "creak": 6915, "ecqa": 7112, "gsm8k": 7473, "qasc": 1084, "sensemaking": 6070, "strategyqa": 2061}
    assert (kept, lost) == (33443, {})
    assert all(example.rationale and "\\n" not in example.fields["question"] for task in tasks.values() for example in task.examples)
    answers = {name: {len(example.choices) for example in task.examples} for name, task in tasks.items()}
    expected = {"aqua": {5}, "creak": {2}, "ecqa": {5}, "gsm8k": {0}, "qasc": {8}, "sensemaking": {2}, "strategyqa": {2}}
    assert answers == {f"flan_cot/{name}": sizes for name, sizes in expected.items()}


def test_gsm8k_has_the_answers_that_the_flan_collection_has(shared: Path) -> None:
    own = read(shared, "gsm8k", "gsm8k", split="train")[0]["gsm8k"]
    flan = read(shared, "flan_cot", "flan_cot", settings={"only": "gsm8k"})[0]["flan_cot/gsm8k"]
    assert [example.targets for example in own.examples] == [example.targets for example in flan.examples]
    assert not any("<<" in example.rationale or "####" in example.rationale for example in own.examples)


def test_xquad_asks_the_same_questions_in_every_language(shared: Path) -> None:
    tasks, kept, lost = read(shared, "xquad", "xquad")
    present = len(list((shared / "xquad").glob("xquad.*.json")))
    assert (len(tasks), kept, lost) == (present, 1190 * present, {})
    ids = {name: [example.id for example in task.examples] for name, task in tasks.items()}
    assert all(found == ids["xquad/en"] for found in ids.values())
    assert all(example.targets[0] in example.fields["context"] for task in tasks.values() for example in task.examples)


def test_one_folder_of_parallel_text_is_two_tasks(shared: Path) -> None:
    tasks, kept, lost = read(shared, "wmt", "wmt_ende_10k")
    # 10,000 lines, of which one has no English; the other twelve directions are not here.
    assert (list(tasks), kept, lost) == (["wmt/de-en", "wmt/en-de"], 2 * 9999, {"empty en": 2})
    assert not any("&apos;" in example.fields["source"] for example in tasks["wmt/en-de"].examples)


def test_families_have_as_many_members_as_are_published() -> None:
    counts = {"mmlu": 57, "bbh": 27, "mgsm": 11, "flan_cot": 9, "xquad": 12, "tydiqa": 9, "wmt": 14, "arc": 2}
    assert {family: len(matching(family)) for family in counts} == counts

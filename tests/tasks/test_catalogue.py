"""Every data set of the catalogue says what a person needs, and its reader reads rows in exactly its shape."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from catalogue_shapes import NAMES, written
from verbs import didact

from didact.base.errors import DataError, RecipeError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.catalogue import find, read_catalogue, rows, source_of
from didact.tasks.guess import guess
from didact.tasks.readers import READERS, load_tasks

READABLE = sorted(row.name for row in rows() if row.reader)
UNFETCHED = sorted(row.name for row in rows() if row.open != "open" or not row.loads)
SURVEY = """unifiedqa unifiedskg natural_instructions_v1 superni p3 xp3 flan2021 coig instructgpt dolly lima chatgpt oasst1 oig
unnatural_instructions instructwild_en evol_instruct alpaca logicot gpt4_llm vicuna baize ultrachat guanaco orca sharegpt wildchat
wizardcoder magicoder_oss wavecoder phi_1 phi_1_5 nectar self_instruct back_translation spin""".split()
IN_USE = "tulu_3 openhermes smoltalk ultrafeedback aya no_robots capybara open_orca metamathqa numinamath_cot magpie_pro oasst2".split()


def answer(example: Example) -> str:
    return example.messages[-1].content if example.messages else "\n".join(example.targets)


def test_every_row_of_the_surveys_table_is_there_and_what_is_in_use_today() -> None:
    names = [row.name for row in rows()]
    assert (len(SURVEY), [name for name in (*SURVEY, *IN_USE) if name not in names]) == (36, [])
    assert len(set(names)) == len(names) >= 50


def test_no_data_set_is_without_rows_in_its_shape() -> None:
    assert set(READABLE) == NAMES


@pytest.mark.parametrize("name", READABLE)
def test_the_reader_reads_two_rows_in_exactly_this_shape(name: str, tmp_path: Path) -> None:
    tasks = load_tasks([Source(name="mine", catalogue=name, path=str(written(name, tmp_path)))])
    examples = [example for task in tasks for example in task.examples]
    assert len(examples) == (4 if name == "unnatural_instructions" else 2)
    for number, example in enumerate(examples):
        n = number // (len(examples) // 2) + 1  # Examples of row 1 stand before those of row 2.
        asked = example.text()
        assert (f"Q{n}" in asked, f"A{n}" in asked) == (True, False)
        assert (f"A{n}" in answer(example), f"Q{n}" in answer(example)) == (True, False)
        assert example.messages == () or example.messages[-1].train
    assert all(report.dropped.total() == 0 for report in tasks.reports)
    assert {task.licence for task in tasks} - {""} == {find(name).licence}


GUESSED_OTHERWISE = {"coig_translated", "magicoder_oss", "ultrafeedback_binarized"}
"""Rows that have another shape as well, which is as good a reading of a file without a name."""
NOT_GUESSED = {"coig", "flan_rationales", "spin", "unifiedskg"}


@pytest.mark.parametrize("name", sorted(set(READABLE) - GUESSED_OTHERWISE))
def test_a_file_in_this_shape_is_guessed_as_the_catalogue_reads_it(name: str, tmp_path: Path) -> None:
    if name in NOT_GUESSED:
        with pytest.raises(DataError, match=r"no reader is made for|cannot be used"):
            guess(written(name, tmp_path))
        return
    shape, row = guess(written(name, tmp_path))[0], find(name)
    assert (shape.reader, dict(shape.columns), dict(shape.settings)) == (row.reader, row.columns, row.settings)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_every_row_says_what_a_person_needs(row: Any) -> None:
    assert row.licence and row.shape and row.languages and row.made
    assert (row.reader in READERS) == (row.open != "closed")
    assert row.how_to_get or (row.open == "open" and row.loads)
    assert row.note == row.note.strip() and "\n" not in row.note
    assert "http://" not in row.where + row.how_to_get + row.note


def test_what_the_survey_tells_wrongly_is_put_right() -> None:
    assert find("self_instruct").made == "GPT-3 (davinci)" and "InstructGPT" in find("self_instruct").note
    assert "Mishra" in find("natural_instructions_v1").note
    assert (find("evol_instruct").num_examples, "seeds" in find("evol_instruct").note) == (70_000, True)
    assert (find("back_translation").num_examples, find("back_translation").open) == (41_821, "closed")
    assert (find("phi_1").open, find("orca").open, find("open_orca").open) == ("closed", "closed", "open")
    assert "Xu et al." in find("baize").note and "two releases" in find("flan2021").note


@pytest.mark.parametrize("name", UNFETCHED)
def test_what_cannot_be_fetched_says_what_it_is_and_what_to_do_before_anything_is_read(name: str, tmp_path: Path) -> None:
    row, missing = find(name), Source(name="first", reader="alpaca", path=str(tmp_path / "absent.json"))
    with pytest.raises(DataError) as error:  # Not that the first source's file is missing.
        load_tasks([missing, Source(name="mine", catalogue=name)])
    state = {"open": "has to be fetched by hand", "gated": "is gated", "closed": "is closed"}[row.open]
    assert error.value.what.startswith(f"data set '{name}' {state}")
    assert row.title in error.value.what and row.licence in error.value.what
    assert error.value.remedy == row.how_to_get


def test_a_closed_one_stays_closed_with_a_path_and_a_gated_one_may_be_named_by_who_may_read_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'vicuna' is closed"):
        load_tasks([Source(name="mine", catalogue="vicuna", path=str(tmp_path))])
    assert source_of(find("lima"), Source(name="mine", catalogue="lima", path="GAIR/lima")).path == "GAIR/lima"


def test_the_hub_is_asked_for_what_the_row_says_and_a_source_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(path: str, name: str | None, split: str) -> list[dict[str, str]]:
        asked.append((path, name, split))
        return [{"problem": "1+1?", "generated_solution": "2"}]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    (task,) = load_tasks([Source(name="mine", catalogue="openmathinstruct_2")])
    assert asked == []  # Only when examples are asked for.
    assert [(example.fields, example.targets) for example in task.examples] == [({"prompt": "1+1?"}, ("2",))]
    assert (task.name, task.datasets, task.languages, task.licence) == ("mine", ("openmathinstruct_2",), ("en",), "CC BY 4.0")
    (task,) = load_tasks([Source(name="mine", catalogue="openmathinstruct_2", split="train_5M", subset="x", dataset="d", language="fr")])
    assert (len(task.examples), task.datasets, task.languages) == (1, ("d",), ("fr",))
    assert asked == [("nvidia/OpenMathInstruct-2", None, "train_1M"), ("nvidia/OpenMathInstruct-2", "x", "train_5M")]


def test_settings_of_the_source_are_laid_over_those_of_the_row(tmp_path: Path) -> None:
    path = str(written("unnatural_instructions", tmp_path))
    (task,) = load_tasks([Source(name="mine", catalogue="unnatural_instructions", path=path, settings={"reformulations": 0})])
    assert len(task.examples) == 2
    nectar = source_of(find("nectar"), Source(name="mine", catalogue="nectar", settings={"rank": "place"}))
    assert nectar.settings == {"answer": "answer", "rank": "place", "human": "\n\nHuman:", "assistant": "\n\nAssistant:"}


def test_a_name_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match="no data set named 'alpacca'") as error:
        find("alpacca")
    assert error.value.expected == "did you mean 'alpaca'?"
    with pytest.raises(RecipeError) as error:
        find("oasst")
    assert error.value.expected == "one of: oasst1, oasst1_trees, oasst2"


def test_a_source_names_a_reader_or_the_catalogue() -> None:
    for keys in ({}, {"reader": "alpaca", "catalogue": "alpaca"}):
        with pytest.raises(ValueError, match="names its reader: or its catalogue: entry"):
            Source(name="mine", **keys)


GOOD = "{name: a, title: A, num_examples: 1, languages: [en], made: human, open: open, licence: MIT, where: o/a, shape: x, reader: alpaca}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (GOOD.replace("licence: MIT, ", ""), "'datasets.0.licence' is missing"),
        (GOOD.replace("title", "tittle"), "did you mean 'title'?"),
        (GOOD.replace("open: open", "open: perhaps"), "datasets.0.open: should be 'open', 'gated' or 'closed'"),
        (GOOD.replace("open: open", "open: closed"), "a closed one has none"),
        (GOOD.replace("open: open", "open: gated"), "how_to_get says what a person has to do"),
        (GOOD.replace("where: o/a", "where: https://example.org"), "how_to_get says what a person has to do"),
        (GOOD.replace("shape: x", "shape: x, paper: '2308'"), "paper is an arXiv number"),
        (f"{GOOD}\n  - {GOOD}", "two data sets are named 'a'"),
    ],
)
def test_a_wrong_catalogue_is_told_by_line_and_key(wrong: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(f"datasets:\n  - {GOOD}\n")
    assert [row.title for row in read_catalogue(path)] == ["A"]
    path.write_text(f"datasets:\n  - {wrong}\n")
    with pytest.raises(RecipeError) as error:
        read_catalogue(path)
    assert said in error.value.what and f"{path}:" in error.value.what and "in the catalogue" in error.value.what


def test_ls_datasets_lists_them_all() -> None:
    listed = json.loads(didact("ls datasets --json").out)["datasets"]
    assert len(listed) == len(rows())
    assert sum(bool(row["licence"] and row["reader"]) for row in listed) >= 45
    (alpaca,) = (row for row in listed if row["dataset"] == "alpaca")
    assert (alpaca["examples"], alpaca["licence"], alpaca["open"], alpaca["where"]) == (52_002, "CC BY-NC 4.0", "open", "tatsu-lab/alpaca")
    table = didact("ls datasets").out.splitlines()
    assert table[0].split() == ["dataset", "examples", "languages", "made", "open", "licence", "reader"]
    assert len(table) == 1 + len(rows())


def test_check_says_where_in_the_recipe_a_closed_data_set_stands(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("tasks:\n  sources:\n    - name: mine\n      catalogue: vicuna\n")
    seen = didact(f"check {recipe}")
    assert (seen.code, seen.out) == (1, "")
    assert "data set 'vicuna' is closed: Vicuna's conversations" in seen.err
    assert f"{recipe}:4, tasks.sources[0].catalogue" in seen.err
    assert "next: catalogue: sharegpt_vicuna" in seen.err

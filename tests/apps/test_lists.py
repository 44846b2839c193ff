"""`didact ls`: all of a list, those that a word stands for, one alone in full; and what stands below it."""

import json

import pytest
from verbs import didact

from didact.apps.lists import SHOWN, chosen
from didact.apps.views import table
from didact.tasks.catalogue import rows as catalogue_rows


def listed(line: str, key: str) -> list[str]:
    seen = didact(f"ls {line} --json")
    assert seen.code == 0, seen.err
    return [row[key] for row in json.loads(seen.out)[line.split()[0]]]


def test_a_collection_stands_for_its_tasks_and_nothing_else() -> None:
    names = listed("tasks superglue", "task")
    assert len(names) == 10
    assert {name.partition("/")[0] for name in names} == {"superglue"}
    assert listed("tasks superglue/*o*", "task") == [name for name in names if "o" in name.partition("/")[2]]


def test_a_name_in_no_list_of_names_is_looked_for_in_what_the_table_shows() -> None:
    names = listed("tasks entailment", "task")
    assert {"superglue/cb", "snli", "atlas/entailment"} <= set(names)
    assert "superglue/copa" not in names


def test_the_wordings_of_one_task_are_found_by_the_task_and_by_their_set() -> None:
    names = listed("templates superglue/cb", "template")
    assert len(names) >= 10
    assert names == listed("templates superglue_cb", "template")
    assert all(name.startswith("superglue_cb/") for name in names)


def test_the_wordings_of_a_family_are_found_by_each_of_its_tasks() -> None:
    assert listed("templates mmlu/anatomy", "template") == listed("templates mmlu", "template")


def test_one_template_alone_is_shown_with_its_words_and_with_a_command_that_runs() -> None:
    seen = didact("ls templates superglue_cb/chatty")
    assert "{{ premise }}" in seen.out
    assert "neutral: Maybe" in seen.out
    command = seen.err.strip().partition("didact ")[2]
    assert command == "show superglue/cb --template superglue_cb/chatty"
    shown = didact(command)
    assert (shown.code, "template superglue_cb/chatty" in shown.out) == (0, True)


def test_a_data_set_is_shown_whole_with_the_line_for_a_recipe() -> None:
    seen = didact("ls datasets alpaca")
    lines = dict(line.split(maxsplit=1) for line in seen.out.splitlines() if not line.startswith("in a recipe"))
    assert (lines["dataset"], lines["examples"], lines["where"]) == ("alpaca", "52,002", "tatsu-lab/alpaca")
    assert "in a recipe  tasks: {sources: [{name: alpaca, catalogue: alpaca}]}" in seen.out
    assert "others of this name: alpaca_cleaned, codealpaca" in seen.err


@pytest.mark.parametrize("state", ["gated", "closed"])
def test_what_nothing_fetches_by_itself_says_how_to_get_it(state: str) -> None:
    row = next(row for row in catalogue_rows() if row.open == state)
    seen = didact(f"ls datasets {row.name}")
    assert row.how_to_get in seen.out
    assert ("in a recipe" in seen.out) == (state == "gated")
    assert f"catalogue: {row.name}, path: " in seen.out or state == "closed"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tasks superglue/cd", "did you mean 'superglue/cb'?"),
        ("templates supergluw/cb", "did you mean 'superglue/cb'?"),
        ("datasets alpcaa", "did you mean 'alpaca'?"),
        ("metrics rogue_l", "did you mean 'rouge_l'?"),
        ("tasks a b", "one recipe and one name"),
        ("tasks nope.yaml", "no such file: nope.yaml"),
    ],
)
def test_a_word_that_stands_for_nothing_is_refused_with_the_nearest_name(line: str, said: str) -> None:
    seen = didact(f"ls {line}")
    assert (seen.code, seen.out) == (1, "")
    assert said in seen.err
    assert "next: didact ls " in seen.err


def test_a_recipe_and_a_name_go_together(here: object) -> None:
    assert listed("tasks recipes/demo.yaml demo/task002_demo_say_twice", "task") == ["demo/task002_demo_say_twice"]
    assert len(listed("tasks recipes/demo.yaml 'demo/*_extract_*'".replace("'", ""), "task")) == 4


def test_a_long_list_says_how_to_get_a_shorter_one_that_exists() -> None:
    said = didact("ls templates").err
    assert said.splitlines()[0].endswith("templates; fewer: didact ls templates superglue/cb")


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("kind", ["datasets", "formats", "metrics", "readers", "tasks"])
def test_a_table_fits_the_terminal_and_names_stay_whole(kind: str, width: int) -> None:
    rows = json.loads(didact(f"ls {kind} --json").out)[kind]
    lines = table(rows, SHOWN.get(kind) or list(rows[0]), width).splitlines()
    assert max(len(line) for line in lines) <= width
    assert [line.split()[0] for line in lines[1:]] == [next(iter(row.values())) for row in rows]
    # Numbers are shown whole or not at all: 52,002 cut to 52,0 would be another number.
    if kind == "datasets":
        alpaca = next(line for line in lines if line.split()[0] == "alpaca")
        assert "52,002" in alpaca


def test_an_exact_name_wins_over_names_that_hold_it() -> None:
    rows = [{"dataset": "alpaca"}, {"dataset": "alpaca_cleaned"}]
    assert chosen("datasets", rows, "alpaca") == rows[:1]
    assert chosen("datasets", rows, "alp") == rows

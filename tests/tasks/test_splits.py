"""Splits: what is unseen, what is left out and why, what is held in."""

import json
from pathlib import Path
from random import Random

import pytest

from didact.base.errors import DataError, RecipeError
from didact.base.recipe import HoldOut
from didact.base.types import Example
from didact.tasks.splits import Split, describe, hold_out
from didact.tasks.task import LazyExamples, Task, TaskSet


def examples(number: int) -> list[Example]:
    return [Example(str(i), {"input": f"input {i}"}, (str(i),)) for i in range(number)]


# Five tasks: two made from SNLI (one of them entailment), one of no known source, one excluded by its source, plain text.
TOY = (
    Task("ni/nli", examples(4), categories=("Textual Entailment",), datasets=("snli",), split="test"),
    Task("ni/write", examples(9), categories=("Sentence Composition",), datasets=("imppres", " SNLI "), split="train"),
    Task("ni/add", examples(10), categories=("Arithmetic",), split="train"),
    Task("ni/old", examples(3), categories=("Arithmetic",), datasets=("abacus",), split="excluded"),
    Task("books", examples(6), kind="text", datasets=("books",)),
)


def names(tasks: TaskSet) -> list[str]:
    return [task.name for task in tasks]


def ids(task: Task) -> list[str]:
    return [example.id for example in task.examples]


def parts(split: Split) -> tuple[list[str], list[str], dict[str, str]]:
    return names(split.seen), names(split.unseen), dict(split.left_out)


def test_a_task_that_shares_a_source_with_an_unseen_task_is_left_out() -> None:
    split = hold_out(TaskSet(TOY), HoldOut(category=("Textual Entailment",)))
    reason = "shares the dataset 'SNLI' with the unseen task 'ni/nli'"
    assert parts(split) == (["books", "ni/add", "ni/old"], ["ni/nli"], {"ni/write": reason})
    kept = hold_out(TaskSet(TOY), HoldOut(category=("Textual Entailment",), share_sources=True))
    assert parts(kept) == (["books", "ni/add", "ni/old", "ni/write"], ["ni/nli"], {})


def test_the_official_split_files_decide() -> None:
    split = hold_out(TaskSet(TOY), HoldOut(official=True))
    assert (names(split.seen), names(split.unseen)) == (["books", "ni/add"], ["ni/nli"])
    assert list(split.left_out) == ["ni/old", "ni/write"]
    assert split.left_out["ni/old"] == "excluded by the split files of its source"
    # A pattern that names an excluded task holds it out: asked for by name wins.
    assert names(hold_out(TaskSet(TOY), HoldOut(official=True, task=("ni/old",))).unseen) == ["ni/nli", "ni/old"]


def test_the_official_split_needs_split_files() -> None:
    with pytest.raises(RecipeError, match="no source comes with split files"):
        hold_out(TaskSet([Task("a", ())]), HoldOut(official=True))


@pytest.mark.parametrize(
    ("rule", "unseen"),
    [
        (HoldOut(), []),
        (HoldOut(category=("textual*",)), ["ni/nli"]),
        (HoldOut(category=("TEXTUAL ENTAILMENT",)), ["ni/nli"]),
        (HoldOut(dataset=("Snli",)), ["ni/nli", "ni/write"]),
        (HoldOut(task=("ni/*",)), ["ni/add", "ni/nli", "ni/old", "ni/write"]),
        (HoldOut(category=("uncategorised",)), ["books"]),
        (HoldOut(category=("Arithmetic",), dataset=("snli",)), ["ni/add", "ni/nli", "ni/old", "ni/write"]),
    ],
)
def test_patterns_name_categories_datasets_and_tasks(rule: HoldOut, unseen: list[str]) -> None:
    assert names(hold_out(TaskSet(TOY), rule).unseen) == unseen


def test_a_name_with_brackets_names_itself() -> None:
    tasks = TaskSet([Task("qa [short]", ()), Task("other", ())])
    assert names(hold_out(tasks, HoldOut(task=("qa [short]",))).unseen) == ["qa [short]"]


def test_patterns_that_match_nothing_are_refused_all_at_once() -> None:
    rule = HoldOut(category=("Textual Entailmnt", "Arith*"), dataset=("snlii",), task=("NI/nli",))
    with pytest.raises(RecipeError) as caught:
        hold_out(TaskSet(TOY), rule)
    assert caught.value.what == (
        "3 patterns match no task\n"
        "  category 'Textual Entailmnt': did you mean 'Textual Entailment'?\n"
        "  dataset 'snlii': did you mean 'snli'?\n"
        "  task 'NI/nli': did you mean 'ni/nli'?"
    )
    with pytest.raises(RecipeError, match="dataset 'x': no task has a dataset"):
        hold_out(TaskSet([Task("a", ())]), HoldOut(dataset=("x",)))


def test_holding_out_everything_is_refused() -> None:
    with pytest.raises(DataError, match="5 in all, 5 unseen, 0 left out"):
        hold_out(TaskSet(TOY), HoldOut(task=("*",)))
    two = TaskSet([Task("a", (), datasets=("d",)), Task("b", (), datasets=("D",))])
    with pytest.raises(DataError, match="2 in all, 1 unseen, 1 left out"):
        hold_out(two, HoldOut(task=("a",)))


def test_the_order_of_tasks_changes_nothing() -> None:
    rule = HoldOut(dataset=("snli", "abacus"), examples=2)
    first = hold_out(TaskSet(TOY), rule, seed=3)
    for seed in range(5):
        tasks = list(TOY)
        Random(seed).shuffle(tasks)
        again = hold_out(TaskSet(tasks), rule, seed=3)
        assert parts(again) == parts(first)
        assert [ids(task) for task in again.held_in] == [ids(task) for task in first.held_in]


def test_held_in_examples_are_moved_and_keep_their_order() -> None:
    split = hold_out(TaskSet(TOY), HoldOut(category=("Textual Entailment",), examples=4), seed=1)
    # Plain text is never held in; 4 of 10 of ni/add; at most half of the 3 of ni/old: 1.
    assert names(split.held_in) == ["ni/add", "ni/old"]
    assert [len(task.examples) for task in split.held_in] == [4, 1]
    assert [len(task.examples) for task in split.seen] == [6, 6, 2]
    for task in split.held_in:
        whole = [example.id for example in next(toy for toy in TOY if toy.name == task.name).examples]
        held, rest = ids(task), ids(split.seen.named(task.name))
        assert sorted(held + rest, key=int) == whole
        assert held == sorted(held, key=int)
        assert rest == sorted(rest, key=int)


def test_the_seed_decides_what_is_held_in() -> None:
    tasks = TaskSet([Task("a", examples(100)), Task("b", examples(100))])

    def held(seed: int) -> list[list[str]]:
        return [ids(task) for task in hold_out(tasks, HoldOut(examples=20), seed=seed).held_in]

    assert held(0) == held(0)
    assert held(0) != held(1)
    assert held(0)[0] != held(0)[1]  # drawn for each task by its name


def test_splitting_reads_no_examples() -> None:
    read = []

    def load() -> list[Example]:
        read.append("a")
        return examples(10)

    tasks = TaskSet([Task("a", LazyExamples(load)), Task("b", LazyExamples(load))])
    split = hold_out(tasks, HoldOut(task=("b",), examples=3))
    assert describe(split) == ["seen: 1 task", "unseen: 1 task (uncategorised 1)", "left out: 0 tasks", "held in: examples of 1 task"]
    assert read == []
    assert (len(split.held_in[0].examples), len(split.seen[0].examples)) == (3, 7)
    assert read == ["a"]  # once for both


def test_the_description_counts_categories_and_gives_the_first_reasons() -> None:
    tasks = [Task(f"t{i}", (), categories=("QA",), datasets=("d",)) for i in range(4)]
    split = hold_out(TaskSet([*tasks, *TOY]), HoldOut(task=("t0",), category=("Textual*",)))
    assert describe(split, num_reasons=2) == [
        "seen: 3 tasks",
        "unseen: 2 tasks (QA 1, Textual Entailment 1)",
        "left out: 4 tasks",
        "  ni/write: shares the dataset 'SNLI' with the unseen task 'ni/nli'",
        "  t1: shares the dataset 'd' with the unseen task 't0'",
        "  ... and 2 more",
    ]


@pytest.fixture(scope="module")
def superni(shared: Path) -> tuple[TaskSet, dict[str, str]]:
    """The real task headers, and what the official split files call each task."""
    folder = shared / "superni"
    official: dict[str, str] = {}
    for split in ("train", "test", "excluded"):
        for name in (folder / "splits" / "default" / f"{split}_tasks.txt").read_text(encoding="utf-8").split():
            official[name] = split
    tasks = []
    for file in sorted((folder / "tasks").glob("*.json")):
        header = json.loads(file.read_text(encoding="utf-8"))
        tasks.append(
            Task(file.stem, (), categories=tuple(header["Categories"]), datasets=tuple(header["Source"]), split=official[file.stem])
        )
    return TaskSet(tasks), official


CATEGORIES = (
    "Textual Entailment",
    "Cause Effect Classification",
    "Coreference Resolution",
    "Dialogue Act Recognition",
    "Answerability Classification",
    "Word Analogy",
    "Overlap Extraction",
    "Keyword Tagging",
    "Question Rewriting",
    "Title Generation",
    "Data to Text",
    "Grammar Error Correction",
)


def test_the_twelve_official_categories_give_the_official_split(superni: tuple[TaskSet, dict[str, str]], shared: Path) -> None:
    tasks, official = superni
    split = hold_out(tasks, HoldOut(category=CATEGORIES))
    assert set(names(split.unseen)) == {name for name, kind in official.items() if kind == "test"}
    # Nothing is left out that the official files train on.
    assert {official[name] for name in split.left_out} == {"excluded"}
    assert (len(split.unseen), len(split.left_out), len(split.seen)) == (23, 9, 209)
    # The official files exclude 27 more: these share a source with one of the 96 test tasks that are not in this folder. Task
    # names carry their source, four of them under another name than the header says.
    alias = {"multinli": "mnli", "scitailv1.1": "scitail1.1", "reddit_tifu_dataset": "reddit_tifu", "wikitext": "wikitext-103"}
    absent = set((shared / "superni/splits/default/test_tasks_official.txt").read_text(encoding="utf-8").split()) - set(names(tasks))
    assert len(absent) == 96
    more = [task for task in split.seen if official[task.name] == "excluded"]
    assert len(more) == 27
    for task in more:
        assert any(f"_{alias.get(source, source)}_" in name for source in task.datasets for name in absent), task.name


def test_the_official_rule_is_the_official_split(superni: tuple[TaskSet, dict[str, str]]) -> None:
    tasks, official = superni
    split = hold_out(tasks, HoldOut(official=True))
    for kind, part in (("train", set(names(split.seen))), ("test", set(names(split.unseen))), ("excluded", set(split.left_out))):
        assert part == {name for name in official if official[name] == kind}


def test_no_source_is_on_both_sides(superni: tuple[TaskSet, dict[str, str]]) -> None:
    def sources(part: TaskSet) -> set[str]:
        return {dataset.strip().casefold() for task in part for dataset in task.datasets}

    tasks, _ = superni
    split = hold_out(tasks, HoldOut(category=CATEGORIES))
    assert sources(split.seen) & sources(split.unseen) == set()
    shared_on = hold_out(tasks, HoldOut(category=CATEGORIES, share_sources=True))
    assert sources(shared_on.seen) & sources(shared_on.unseen) == {"ohsumed", "qasc", "rocstories", "tellmewhy", "winograd_wsc", "zest"}

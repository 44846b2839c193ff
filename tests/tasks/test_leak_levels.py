"""What the leak check compares beside inputs, and what it leaves aside: demonstrations, held-in rows, answers, templates, size."""

import json
from collections.abc import Sequence
from random import Random

import pytest

from didact.base.errors import LeakError
from didact.base.files import to_json
from didact.base.recipe import HoldOut, Leaks
from didact.base.types import Example
from didact.tasks import wording
from didact.tasks.leak_report import DEMONSTRATIONS, HELD_IN, SHOWN, LeakReport
from didact.tasks.leaks import find_leaks, settle
from didact.tasks.splits import hold_out
from didact.tasks.task import Task, TaskSet

FOX = "The quick brown fox jumps over the lazy dog"
OWL = "an owl that sleeps by day and hunts by night"


def task(name: str, texts: Sequence[str], kind: str = "rows", **more: tuple[Example, ...]) -> Task:
    return Task(name, [Example(f"{i:03}", {"input": text}, where=f"{name}.json, row {i}") for i, text in enumerate(texts)], kind, **more)


def shot(name: str, text: str) -> Example:
    return Example(name, {"input": text}, where=f"shots, {name}")


# ----------------------------------------------------------------------------------------------- demonstrations and held-in rows


def test_demonstrations_of_seen_tasks_are_compared_and_dropped() -> None:
    seen = TaskSet([task("a", ["no leak at all"], positive=(shot("p1", FOX), shot("p2", "fine")), negative=(shot("n1", OWL),))])
    unseen = TaskSet([task("u", [f"so {FOX}", f"so {OWL}", "else"])])
    cleaned, report = settle(seen, unseen, Leaks(ngram=9, action="drop"))
    assert report.leaking_demonstrations == {("a", "p1"), ("a", "n1")}
    part = report.further[DEMONSTRATIONS]
    assert (part.num_compared, part.num_seen, part.num_met, part.by_pair) == (3, 2, 2, {("a", "u"): 2})
    # Examples are counted for themselves: none of these leaks.
    assert (report.num_seen, report.num_seen_leaking, report.num_unseen_leaking, report.leaks) == (1, 0, 0, ())
    (left,) = cleaned
    assert ([one.id for one in left.positive], left.negative, len(left.examples)) == (["p2"], (), 1)
    assert not settle(cleaned, unseen, Leaks(ngram=9))[1].found


def test_a_demonstration_that_leaks_stops_training() -> None:
    seen = TaskSet([task("a", ["no leak at all"], positive=(shot("p1", FOX),))])
    with pytest.raises(LeakError) as caught:
        settle(seen, TaskSet([task("u", [f"so {FOX}"])]), Leaks(ngram=9))
    assert "1 demonstrations of seen tasks overlap with 1 unseen examples" in str(caught.value)
    assert "p1 (shots, p1) -> 000 (u.json, row 0): 'the quick brown fox jumps over the lazy dog'" in str(caught.value)


def test_demonstrations_of_unseen_tasks_are_said_and_stop_nothing() -> None:
    seen, unseen = TaskSet([task("a", [FOX, f"{FOX} too"])]), TaskSet([task("u", ["else"], positive=(shot("p", FOX),))])
    cleaned, report = settle(seen, unseen, Leaks(ngram=9))
    assert cleaned is seen
    part = report.further[SHOWN]
    assert (part.num_compared, part.num_seen, part.num_met) == (1, 2, 1)
    assert (report.num_unseen, report.num_seen_leaking) == (1, 0)
    assert "  of 1 demonstrations of unseen tasks, 1 overlap with 2 seen examples (said, and not left out)" in report.lines()


def test_two_tasks_may_have_the_same_demonstration() -> None:
    seen, unseen = TaskSet([task("a", ["x"], positive=(shot("p", FOX),))]), TaskSet([task("u", ["y"], positive=(shot("p", FOX),))])
    report = find_leaks(seen, unseen, ngram=5)
    assert ([part.num_seen for part in report.further.values()], report.found) == ([0, 0], False)


def test_held_in_rows_are_a_level_of_their_own() -> None:
    rows = [f"{FOX} {i}" for i in range(3)] + [f"quite {letter} other words here" for letter in "abc"]
    split = hold_out(TaskSet([task("a", rows), task("u", ["nothing in common"])]), HoldOut(task=("u",), examples=3))
    cleaned, report = settle(split.seen, split.unseen, Leaks(ngram=9), split.held_in)
    assert cleaned is split.seen
    part = report.further[HELD_IN]
    held = [one.fields["input"] for one in split.held_in[0].examples]
    num_foxes = sum(text.startswith(FOX) for text in held)
    # Rows with the fox overlap with one another; the others share at most four words: "other words here" and a letter.
    assert 0 < num_foxes < 3
    assert (part.num_compared, part.num_met, part.num_seen, part.by_pair) == (3, num_foxes, 3 - num_foxes, {("a", "a"): 3 - num_foxes})
    assert (report.num_unseen, report.found, report.leaking) == (1, False, frozenset())


def test_without_held_in_rows_and_demonstrations_nothing_is_said_of_them() -> None:
    assert find_leaks(TaskSet([task("a", [FOX])]), TaskSet([task("u", [FOX])])).further == {}


def test_the_report_names_rows_by_rule_and_pair_and_is_plain_json() -> None:
    seen = TaskSet([task("a", [FOX, f"{FOX} {OWL}", OWL], positive=(shot("p", FOX),))])
    report = find_leaks(seen, TaskSet([task("u", [FOX]), task("v", [f"{OWL} too"])]), ngram=9, rules=["exact", "ngram", "near"])
    plain = json.loads(to_json(report.to_dict()))
    assert report.by_kind == {"exact input": (1, 1), "9-gram": (3, 2), "near-duplicate": (2, 2)}
    assert plain["by_kind_and_pair"] == [
        {"kind": "exact input", "seen": "a", "unseen": "u", "num_seen": 1},
        {"kind": "9-gram", "seen": "a", "unseen": "u", "num_seen": 2},
        {"kind": "9-gram", "seen": "a", "unseen": "v", "num_seen": 2},
        {"kind": "near-duplicate", "seen": "a", "unseen": "u", "num_seen": 1},
        {"kind": "near-duplicate", "seen": "a", "unseen": "v", "num_seen": 1},
    ]
    assert (plain["leaking"], plain["leaking_unseen"]) == ({"a": ["000", "001", "002"]}, {"u": ["000"], "v": ["000"]})
    assert (plain["leaking_demonstrations"], plain["further"]["demonstrations"]["num_seen"]) == ({"a": ["p"]}, 1)
    first = plain["leaks"][0]
    assert (first["kind"], first["similarity"], first["seen_where"], first["unseen_where"]) == (
        "exact input",
        1,
        "a.json, row 0",
        "u.json, row 0",
    )
    assert "  for example 000 (a.json, row 0) -> 000 (u.json, row 0): 'The quick brown fox jumps over the lazy dog'" in report.lines()


# --------------------------------------------------------------------------------------------------------- answers, turned around


def test_answers_are_compared_where_that_is_asked_for() -> None:
    def answering(name: str, given: str, target: str) -> TaskSet:
        return TaskSet([Task(name, [Example("0", {"input": given}, (target,))])])

    seen, unseen = answering("ask", "a passage", FOX), answering("u", f"{FOX} again", "yes")
    assert [find_leaks(seen, unseen, ngram=9, answers=answers).num_seen_leaking for answers in (False, True)] == [0, 1]
    # The input is the other side's answer: the same whole text.
    turned = find_leaks(answering("ask", FOX, "x"), answering("u", "y", FOX), answers=True)
    assert turned.by_kind == {"exact input": (1, 1), "13-gram": (0, 0)}


def test_no_run_of_words_goes_from_the_input_into_the_answer() -> None:
    seen = TaskSet([Task("a", [Example("0", {"input": "the quick brown fox"}, ("jumps over the lazy dog",))])])
    assert find_leaks(seen, TaskSet([task("u", [FOX])]), ngram=6, answers=True).num_seen_leaking == 0
    assert find_leaks(seen, TaskSet([task("u", [FOX])]), ngram=5, answers=True).num_seen_leaking == 1


# ------------------------------------------------------------------------------------------------------------ templates, options

OPTIONS = "options: - it is not possible to tell - yes - no"  # 9 words, so two runs of 8


def rendered(name: str, num_with: int, num_rows: int = 20, kind: str = "prompt_completion") -> Task:
    tag = name[-1]
    rows = [f"{tag}{i}: {OPTIONS} {tag}{i}" if i < num_with else f"{tag}{i} has no such block" for i in range(num_rows)]
    return task(name, rows, kind)


@pytest.mark.parametrize(
    ("nums_with", "kind", "collection", "num_leaking"),
    [
        ((5, 5, 5), "prompt_completion", "flan", 0),  # in 5 of 20 rows of 3 tasks of the collection: an options block
        ((5, 5, 4), "prompt_completion", "flan", 5),  # in 4 of 20: too few rows to be one
        ((5, 5, 5), "rows", "flan", 5),  # inputs without wording: what many of them share is not a template's
        ((5, 5, 5), "prompt_completion", "other", 5),  # the third task is of another collection
    ],
)
def test_what_many_tasks_of_a_rendered_collection_share_is_wording(
    nums_with: tuple[int, int, int], kind: str, collection: str, num_leaking: int
) -> None:
    names = ("flan/a", "flan/u", f"{collection}/v")
    seen, *unseen = (rendered(name, num, kind=kind) for name, num in zip(names, nums_with, strict=True))
    report = find_leaks(TaskSet([seen]), TaskSet(unseen), ngram=8)
    assert (report.num_seen_leaking, report.num_shared) == (num_leaking, 0 if num_leaking else 9 - 8 + 1)
    assert ("shared by 3 rendered tasks of a collection" in " ".join(report.lines())) == (not num_leaking)


def test_what_stands_in_one_row_in_a_hundred_is_not_a_template() -> None:
    # A passage asked about in 5 of 101 rows: less than 5 percent.
    seen, *unseen = (rendered(name, 5, 101) for name in ("flan/a", "flan/u", "flan/v"))
    assert find_leaks(TaskSet([seen]), TaskSet(unseen), ngram=8).num_seen_leaking == 5


def test_the_text_between_the_wording_still_leaks() -> None:
    tasks = [rendered(name, 5) for name in ("flan/a", "flan/u", "flan/v")]
    tasks[0] = task("flan/a", [*(one.fields["input"] for one in tasks[0].examples), f"{FOX} {OPTIONS}"], "prompt_completion")
    unseen = [task("flan/w", [f"{OPTIONS} {FOX}"], "prompt_completion"), *tasks[1:]]
    report = find_leaks(TaskSet(tasks[:1]), TaskSet(unseen), ngram=8)
    assert (report.leaking, report.by_pair) == ({("flan/a", "020")}, {("flan/a", "flan/w"): 1})


# ------------------------------------------------------------------------------------------------------------------------- size


def test_blocks_of_any_size_give_the_same_report(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(0)
    sides = [task(name, [" ".join(random.choices("abcdef", k=random.randrange(4, 14))) for _ in range(50)]) for name in "au"]

    def report() -> LeakReport:
        shuffled = [one.replace(random.sample(list(one.examples), 50)) for one in sides]
        return find_leaks(TaskSet(shuffled[:1]), TaskSet(shuffled[1:]), rules=["exact", "5-gram", "3-gram-70", "near"], similarity=0.3)

    whole = report()
    assert all(seen for seen, _ in list(whole.by_kind.values())[1:])
    for num_rows, num_chars in ((7, 10**6), (50, 90), (1, 1)):
        monkeypatch.setattr(wording, "MAX_ROWS", num_rows)
        monkeypatch.setattr(wording, "MAX_CHARS", num_chars)
        assert report() == whole


def test_wording_of_a_large_task_is_told_from_rows_drawn_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = task("a", [f"{i} say in one word what this is about {i}" for i in range(90)])
    unseen = TaskSet([task("u", ["please say in one word what this is about now"])])
    monkeypatch.setattr(wording, "MAX_ROWS", 20)
    report = find_leaks(TaskSet([rows]), unseen, ngram=8)
    # "say in one word what this is about" is 8 words; "say" to "about" stand in all rows, drawn or not.
    assert (report.num_seen, report.num_seen_leaking, report.num_ignored) == (90, 0, 1)


def test_texts_that_cannot_be_written_as_utf8_are_compared_too() -> None:
    texts = ["\ud800 is half a sign and stands alone here", "nul \x00 and bell \x07 are signs"]
    report = find_leaks(TaskSet([task("a", texts)]), TaskSet([task("u", texts)]), rules=["exact", "ngram", "8-gram-50", "near"])
    assert report.by_kind["exact input"] == (2, 2)


def test_tasks_without_examples_are_no_trouble() -> None:
    empty = [task(name, [], "prompt_completion") for name in ("flan/a", "flan/b", "flan/c")]
    report = find_leaks(TaskSet(empty), TaskSet([task("u", [])]), rules=["exact", "ngram", "8-gram-50", "near"])
    assert report.lines() == ["leaks: no unseen examples to compare with"]

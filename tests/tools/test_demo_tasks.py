"""The demo's tasks keep the rules of Super-NaturalInstructions, and every answer follows from its input."""

import importlib.util
import json
import math
from collections import Counter
from pathlib import Path

import pytest

from didact.base.recipe import Source
from didact.tasks.readers import load_tasks

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "recipes" / "demo" / "tasks"
FILES = sorted(FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def tasks():
    return {path.stem.partition("_demo_")[2]: json.loads(path.read_text(encoding="utf-8")) for path in FILES}


def rows(task):
    return [(row["input"], row["output"][0]) for row in task["Instances"]]


def test_the_files_are_what_the_script_makes():
    spec = importlib.util.spec_from_file_location("make_demo_tasks", ROOT / "tools" / "make_demo_tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert {path.name: path.read_text(encoding="utf-8") for path in FILES} == module.task_files()


def test_there_are_about_twenty_small_tasks_in_at_least_seven_categories(tasks):
    assert 16 <= len(tasks) <= 24
    assert len({task["Categories"][0] for task in tasks.values()}) >= 7
    assert sum(path.stat().st_size for path in FILES) < 700_000
    assert all(80 <= len(task["Instances"]) <= 150 for task in tasks.values())


def test_every_task_is_its_own_source_so_that_any_can_be_held_out(tasks):
    assert max(Counter(task["Source"][0] for task in tasks.values()).values()) == 1


def test_every_task_has_two_right_examples_and_a_wrong_one(tasks):
    for task in tasks.values():
        assert len(task["Positive Examples"]) == 2
        assert len(task["Negative Examples"]) == 1
        assert all(example["explanation"] for example in task["Positive Examples"] + task["Negative Examples"])


def test_no_input_stands_twice_in_all_tasks_and_their_examples(tasks):
    inputs = [
        row["input"].casefold() for t in tasks.values() for key in ("Positive Examples", "Negative Examples", "Instances") for row in t[key]
    ]
    assert [text for text, count in Counter(inputs).items() if count > 1] == []


def test_few_classes_are_balanced(tasks):
    checked = 0
    for task in tasks.values():
        labels = Counter(answer for _, answer in rows(task))
        if len(labels) < 15:
            shares = [count / labels.total() for count in labels.values()]
            assert -sum(share * math.log(share) for share in shares) / math.log(len(labels)) > 0.8
            checked += 1
    assert checked >= 3


def test_the_reader_takes_every_row(tasks):
    loaded = load_tasks([Source(name="demo", reader="superni", path=str(FOLDER))])
    assert len(loaded) == len(tasks)
    assert sum(len(task.examples) for task in loaded) == sum(len(task["Instances"]) for task in tasks.values())
    assert loaded.reports[0].dropped.total() == 0
    assert all(len(task.positive) == 2 and len(task.negative) == 1 for task in loaded)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("copy_sentence", lambda text: text),
        ("say_twice", lambda text: f"{text} {text}"),
        ("first_word", lambda text: text.split()[0]),
        ("second_word", lambda text: text.split()[1]),
        ("last_word", lambda text: text.split()[-1]),
        ("reverse_words", lambda text: " ".join(reversed(text.split()))),
        ("swap_words", lambda text: " ".join(reversed(text.split()))),
        ("upper_words", str.upper),
        ("lower_words", str.lower),
        ("sort_numbers", lambda text: " ".join(sorted(text.split()))),
        ("count_words", lambda text: ["one", "two", "three", "four", "five", "six"][len(text.split()) - 1]),
        ("complete", lambda text: text.split(f"{text.split()[-2]} likes ")[1].split(".")[0]),
        ("where_is", lambda text: text.split(f"{text.rstrip('?').split()[-1]} ")[1].split(".")[0].split()[-1]),
        ("who_is_there", lambda text: next(s.split()[0] for s in text.split(".") if s.split()[-1] == text.rstrip("?").split()[-1])),
        ("has_animal", lambda text: "no" if any(word in text for word in (" ate ", " cooked ", " put ", " went ")) else "yes"),
    ],
)
def test_every_answer_follows_from_its_input(tasks, name, answer):
    if name == "has_animal":  # "went" is in sentences of both sorts: with animals it is "with a".
        instances = [(text, output) for text, output in rows(tasks[name]) if " went " not in text]
        assert len(instances) > 60
    else:
        instances = rows(tasks[name])
    assert [(text, output) for text, output in instances if answer(text) != output] == []


def test_an_extracted_word_stands_in_its_sentence_and_is_of_its_kind(tasks):
    kinds = {}
    for text, kind in rows(tasks["kind_of_words"]):
        kinds.update(dict.fromkeys(text.split(), kind))
    for kind in ("animal", "colour", "place"):
        for text, output in rows(tasks[f"extract_{kind}"]) + rows(tasks[f"find_{kind}"]):
            assert [word for word in text.rstrip(".").replace(",", "").split() if kinds.get(word) == kind] == [output]

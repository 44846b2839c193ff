"""Files whose suffix does not say enough: how their rows are found, and what becomes of a row that is broken."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.benchmarks.file_shapes import (
    labels_beside,
    one_input_many_answers,
    parallel_text,
    squad_json,
    worded_rows,
)
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task


def rows(found: Iterable[tuple[str, Any]] | None) -> dict[str, Any]:
    """Label to row; a refused row is its reason."""
    assert found is not None
    return {label: row.what if isinstance(row, DataError) else row for label, row in found}


def tasks(name: str, path: Path, **options: Any) -> dict[str, Task]:
    return {task.name: task for task in load_tasks([Source(name=name, reader="benchmark", path=str(path), **options)])}


def test_a_table_without_a_header_has_its_columns_by_place_and_refuses_a_short_line(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    file = tmp_path / "test" / "anatomy_test.csv"
    file.write_text('"What, then?",1,2,3,4,B\nWhat?,1,2\n', encoding="utf-8")
    task = tasks("mmlu", tmp_path)["mmlu/anatomy"]
    assert [(example.id, example.fields["question"], example.targets) for example in task.examples] == [("row 1", "What, then?", ("2",))]
    assert task.report is not None and task.report.dropped["too few columns"] == 1


def test_cells_of_a_table_may_be_as_long_as_they_like(tmp_path: Path) -> None:
    # Python's own limit for a cell is 131,072 characters.
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "anatomy_test.csv").write_text(f'"{"long " * 40_000}",1,2,3,4,B\n', encoding="utf-8")
    assert len(tasks("mmlu", tmp_path)["mmlu/anatomy"].examples[0].fields["question"]) == 40_000 * 5 - 1
    (tmp_path / "testset.csv").write_text(f"mr,ref\nname[A],{'long ' * 40_000}\n", encoding="utf-8")
    assert len(tasks("e2e_nlg", tmp_path, split="test")["e2e_nlg"].examples[0].targets[0]) == 40_000 * 5 - 1


def test_the_questions_of_a_squad_file_are_found_where_they_stand(tmp_path: Path) -> None:
    asked = [{"id": f"q{n}", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]} for n in (1, 2)]
    value = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "Ann won.", "qas": asked}]}]}
    file = tmp_path / "train-v1.1.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    found = rows(squad_json(file))
    assert list(found) == ["article 1, paragraph 1, question 1", "article 1, paragraph 1, question 2"]
    assert found["article 1, paragraph 1, question 2"] == {**asked[1], "context": "Ann won."}
    assert [example.id for example in tasks("squad", tmp_path)["squad"].examples] == ["q1", "q2"]
    file.write_text('{"data": [{"title": "t"}]}', encoding="utf-8")
    with pytest.raises(DataError, match="no list 'paragraphs' where a SQuAD file has one"):
        rows(squad_json(file))


def test_labels_from_the_file_beside_go_to_their_lines_and_a_row_without_one_is_refused(tmp_path: Path) -> None:
    made = [{"goal": f"goal {n}", "sol1": "a", "sol2": "b"} for n in range(3)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    assert labels_beside(tmp_path / "train.jsonl") is None  # Nothing beside it: the file is opened as usual.
    (tmp_path / "train-labels.lst").write_text("1\n0\n", encoding="utf-8")
    assert [row["label"] for row in rows(labels_beside(tmp_path / "train.jsonl")).values()] == ["1", "0", None]
    task = tasks("piqa", tmp_path)["piqa"]
    assert [example.targets for example in task.examples] == [("b",), ("a",)]
    assert task.report is not None and task.report.dropped == {"no label, as in test rows": 1}
    # A line that cannot be used, in either file, moves no other row's label.
    lines = [json.dumps(made[0]), "[1]", json.dumps(made[2])]
    (tmp_path / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "train-labels.lst").write_text("\n1\n1\n", encoding="utf-8")
    task = tasks("piqa", tmp_path)["piqa"]
    assert [(example.fields["goal"], example.targets) for example in task.examples] == [("goal 2", ("b",))]
    assert task.report is not None and task.report.dropped == {"no label, as in test rows": 1, "not an object": 1}


def test_rows_with_one_meaning_become_one_example_with_every_reference(tmp_path: Path) -> None:
    file = tmp_path / "devset.csv"
    file.write_text('mr,ref\n"name[A], food[B]",One.\n"name[A], food[B]",Two.\nname[C],Three.\nname[D]\n', encoding="utf-8")
    found = rows(one_input_many_answers(file))
    assert found["rows 1 to 2"] == {"input": "name[A], food[B]", "answers": ["One.", "Two."]}
    assert found["row 3"] == {"input": "name[C]", "answers": ["Three."]}
    task = tasks("e2e_nlg", tmp_path, split="validation")["e2e_nlg"]
    assert [example.targets for example in task.examples] == [("One.", "Two."), ("Three.",)]
    assert task.report is not None and task.report.dropped == {"too few columns": 1}


@pytest.mark.parametrize(
    ("here", "there"), [("train.de", "train.en"), ("tgt-train.de.txt", "src-train.en.txt"), ("train.de-en.de", "train.de-en.en")]
)
def test_lines_of_two_files_are_translations_of_one_another(tmp_path: Path, here: str, there: str) -> None:
    # A separator within a line ends no line: only a line feed does.
    (tmp_path / here).write_text("Peters Hund .\nZwei\u2028Wege\n\nEnde\n", encoding="utf-8")
    (tmp_path / there).write_text("Peter &apos;s dog .\nTwo\u2028ways\nNothing\n", encoding="utf-8")
    found = rows(parallel_text("de", "en")(tmp_path / here))
    assert found["line 1"] == {"translation": {"de": "Peters Hund .", "en": "Peter 's dog ."}}
    assert found["line 4"] == "a line without its translation"
    both = tasks("wmt", tmp_path)
    assert list(both) == ["wmt/de-en", "wmt/en-de"]
    assert [example.targets[0] for example in both["wmt/en-de"].examples] == ["Peters Hund .", "Zwei\u2028Wege"]
    assert [example.targets[0] for example in both["wmt/de-en"].examples] == ["Peter 's dog .", "Two\u2028ways"]
    (tmp_path / there).unlink()
    with pytest.raises(DataError) as caught:
        len(tasks("wmt", tmp_path)["wmt/en-de"].examples)
    assert caught.value.what == f"{here} has no translation beside it" and caught.value.expected == f"the file {there}"


def test_the_wording_of_t0_rows_is_taken_off_again(tmp_path: Path) -> None:
    file = tmp_path / "quiz_asked.jsonl"
    given = [("Q: Who?\nSay: now\nA:", "Ann<|endoftext|>"), ("Who?", "Ann")]
    file.write_text("".join(json.dumps({"prompt": prompt, "completion": said}) + "\n" for prompt, said in given), encoding="utf-8")
    read = worded_rows(r"Q: (?P<question>.*)\nA:", "answer", "quiz_")
    assert rows(read(file)) == {"line 1": {"question": "Who?\nSay: now", "answer": "Ann"}, "line 2": "a prompt in another wording"}
    assert read(tmp_path / "train.jsonl") is None


def test_reviews_stand_in_a_folder_that_is_their_label(tmp_path: Path) -> None:
    for folder, name, text in (("neg", "0_2", "A bore."), ("pos", "1_9", "A joy.<br />See it."), ("unsup", "2_0", "Unlabelled.")):
        (tmp_path / "train" / folder).mkdir(parents=True)
        (tmp_path / "train" / folder / f"{name}.txt").write_text(text, encoding="utf-8")
    task = tasks("imdb", tmp_path)["imdb"]
    assert [(example.fields["text"], example.targets) for example in task.examples] == [
        ("A bore.", ("negative",)),
        ("A joy.\nSee it.", ("positive",)),
    ]


def test_splits_of_mmlu_are_three_different_folders(tmp_path: Path) -> None:
    for split, answer in (("dev", "A"), ("val", "B"), ("test", "C")):
        (tmp_path / "data" / split).mkdir(parents=True)
        (tmp_path / "data" / split / f"anatomy_{split}.csv").write_text(f"What?,one,two,three,four,{answer}\n", encoding="utf-8")
    right = {split: tasks("mmlu", tmp_path, split=split)["mmlu/anatomy"].examples[0].targets for split in ("dev", "validation", "test")}
    assert right == {"dev": ("one",), "validation": ("two",), "test": ("three",)}
    # There is no split train, so the test questions are what is read when no split is named.
    assert tasks("mmlu", tmp_path)["mmlu/anatomy"].examples[0].targets == ("three",)


def test_the_original_folders_of_arc_write_their_splits_with_a_capital(tmp_path: Path) -> None:
    folder = tmp_path / "ARC-V1-Feb2018-2" / "ARC-Easy"
    folder.mkdir(parents=True)
    for split, key in (("Train", "A"), ("Dev", "B"), ("Test", "A")):
        asked = {"stem": "Which is solid?", "choices": [{"text": "ice", "label": "A"}, {"text": "fog", "label": "B"}]}
        row = {"id": split, "question": asked, "answerKey": key}
        (folder / f"ARC-Easy-{split}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = {split: tasks("arc", tmp_path, split=split)["arc/easy"].examples[0] for split in ("train", "validation", "test")}
    assert {split: (example.id, *example.targets) for split, example in found.items()} == {
        "train": ("Train", "ice"),
        "validation": ("Dev", "fog"),
        "test": ("Test", "ice"),
    }


def test_published_demonstrations_beside_the_rows_take_the_place_of_our_samples(tmp_path: Path) -> None:
    (tmp_path / "bbh").mkdir()
    row = {"input": "not True is", "target": "False"}
    (tmp_path / "bbh" / "boolean_expressions.json").write_text(json.dumps({"canary": "x", "examples": [row]}), encoding="utf-8")
    ours = tasks("bbh", tmp_path)["bbh/boolean_expressions"].positive
    assert ours[0].fields["input"] == "not ( False ) and True is"
    (tmp_path / "cot-prompts").mkdir()
    shown = "canary\n-----\nEvaluate.\n\nQ: True and True is\nA: Let's think step by step.\nBoth are True. So the answer is True."
    (tmp_path / "cot-prompts" / "boolean_expressions.txt").write_text(shown, encoding="utf-8")
    expected = Example("sample-1", {"input": "True and True is"}, ("True",), ("True", "False"), "Both are True.")
    for place in (tmp_path, tmp_path / "bbh"):
        assert tasks("bbh", place)["bbh/boolean_expressions"].positive == (expected,)
    prompts = tmp_path / "cot-prompts" / "boolean_expressions.txt"
    for broken in (shown.replace("is True.", "is unknown.").encode(), b"\xff"):
        prompts.write_bytes(broken)
        with pytest.raises(DataError) as caught:
            tasks("bbh", tmp_path)
        assert caught.value.where == str(prompts) and caught.value.remedy

"""Every reader ends in examples; every row is kept or refused with a reason; broken files say what to do."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError, RecipeError
from didact.base.recipe import Source
from didact.base.types import Message
from didact.tasks.readers import READERS, load_tasks
from didact.tasks.task import Task

BROKEN = Path(__file__).parents[1] / "fixtures" / "broken_data"


def task_of(reader: str, path: Path | str, **options: Any) -> Task:
    (task,) = load_tasks([Source(name="mine", reader=reader, path=str(path), **options)])
    return task


def written(folder: Path, rows: Iterable[Mapping[str, Any]], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def refusals(task: Task) -> list[tuple[str, str]]:
    assert task.report is not None
    return [(refusal.row, refusal.reason) for refusal in task.report.refusals]


# What every reader does alike


def test_a_task_carries_what_its_source_says_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, [{"prompt": "1+1=", "completion": " 2"}])
    task = task_of("prompt_completion", path, definition="Add.", category="Arithmetic", dataset="sums", language="de", metric="exact_match")
    assert (task.name, task.kind, task.definition, task.category) == ("mine", "prompt_completion", "Add.", "Arithmetic")
    assert (task.datasets, task.languages, task.metric) == (("sums",), ("de",), "exact_match")
    plain = task_of("prompt_completion", path)
    assert (plain.category, plain.datasets, plain.languages, plain.metric) == ("uncategorised", ("mine",), ("en",), "rouge_l")


def test_an_id_is_the_rows_own_or_its_line_and_never_stands_twice(tmp_path: Path) -> None:
    ids = [7, "a", None, "a", True, " ", "7", 1.5]
    rows = [{"prompt": "p", "completion": "c", "id": own} for own in ids]
    task = task_of("prompt_completion", written(tmp_path, rows))
    assert [example.id for example in task.examples] == ["7", "a", "line 3", "line 5", "line 6", "line 8"]
    assert refusals(task) == [("line 4", "repeated id"), ("line 7", "repeated id")]
    assert task.examples[2].where == f"{tmp_path / 'rows.jsonl'}, line 3"


def test_a_refused_row_does_not_use_its_id_up(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completion": " ", "id": 1}, {"prompt": "p", "completion": "c", "id": 1}]
    assert [example.id for example in task_of("prompt_completion", written(tmp_path, rows)).examples] == ["1"]


def test_files_of_a_folder_may_number_their_rows_alike_and_new_files_rename_nothing(tmp_path: Path) -> None:
    written(tmp_path, [{"prompt": "p", "completion": "c", "id": 1}, {"prompt": "p", "completion": "c"}], "b.jsonl")
    before = [example.id for example in task_of("prompt_completion", tmp_path).examples]
    written(tmp_path, [{"prompt": "p", "completion": "c", "id": 1}], "a/x.jsonl")
    after = [example.id for example in task_of("prompt_completion", tmp_path).examples]
    assert before == ["b.jsonl/1", "b.jsonl/line 2"]
    assert after == ["a/x.jsonl/1", *before]


def test_the_limit_counts_kept_rows_and_what_comes_after_is_not_read(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completion": text} for text in ("a", "", "b", "", "c")]
    task = task_of("prompt_completion", written(tmp_path, rows), limit=2)
    assert [example.targets for example in task.examples] == [("a",), ("b",)]
    assert task.report is not None
    assert task.report.line() == "mine: 3 rows read = 2 kept + 1 dropped (empty completion 1)"


def test_rows_are_read_when_first_asked_for_and_counted_once(tmp_path: Path) -> None:
    task = task_of("prompt_completion", written(tmp_path, [{"prompt": "p", "completion": "c"}]))
    assert task.report is not None
    assert task.report.num_read == 0
    assert [len(task.examples), len(list(task.examples)), task.report.num_read] == [1, 1, 1]


def test_no_usable_row_is_an_error_with_counts_places_and_remedy(tmp_path: Path) -> None:
    task = task_of("alpaca", written(tmp_path, [{"instruction": "i", "output": ""}, {"output": "o"}, {"instruction": "i"}]))
    for _ in range(2):  # Asking again does not count again.
        with pytest.raises(DataError) as error:
            len(task.examples)
        assert error.value.what == "no usable row in mine: 3 rows read = 0 kept + 3 dropped (empty output 2, missing instruction 1)"
    assert f"{tmp_path / 'rows.jsonl'}, line 2: missing instruction" in error.value.where
    assert "instruction and output" in error.value.expected
    assert "didact ls readers" in error.value.remedy


def test_an_empty_file_has_no_usable_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no usable row"):
        len(task_of("messages", written(tmp_path, [])).examples)


def test_a_wrong_path_is_told_before_any_example_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_tasks([Source(name="mine", reader="alpaca", path=str(tmp_path / "absent.json"))])


def test_an_unknown_reader_is_told_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError) as error:
        load_tasks([Source(name="mine", reader="alpacca", path="x.json")])
    assert error.value.expected == "did you mean 'alpaca'?"


def test_the_readers_are_these() -> None:
    known = "alpaca atlas atlas_text benchmark best_answer composing gpt3_tuning instances messages oasst prompt_completion rewriting"
    assert sorted(READERS) == [*known.split(), "rows", "sharegpt", "superni", "tagged", "text", "turns", "unifiedqa"]
    assert all(callable(READERS[name]) for name in READERS)


# alpaca


def test_alpaca_rows_become_fields_and_a_target(tmp_path: Path) -> None:
    rows = [{"instruction": "Add.", "input": "1 2", "output": " 3"}, {"instruction": "Hi.", "output": "Hello."}]
    first, second = task_of("alpaca", written(tmp_path, rows)).examples
    assert (first.fields, first.targets, first.messages) == ({"instruction": "Add.", "input": "1 2"}, (" 3",), ())
    assert second.fields == {"instruction": "Hi.", "input": ""}


def test_alpaca_rows_with_history_or_system_become_conversations(tmp_path: Path) -> None:
    row = {"instruction": "And this?", "input": "3+3", "output": "6", "system": "Be brief.", "history": [["1+1?", "2"]]}
    (example,) = task_of("alpaca", written(tmp_path, [row])).examples
    assert [(message.role, message.content) for message in example.messages] == [
        ("system", "Be brief."),
        ("user", "1+1?"),
        ("assistant", "2"),
        ("user", "And this?\n3+3"),
        ("assistant", "6"),
    ]
    assert (example.fields, example.targets) == ({}, ())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"instruction": " ", "output": "o"}, "missing instruction"),
        ({"instruction": "i", "output": None}, "empty output"),
        ({"instruction": "i", "output": 3}, "output is not text"),
        ({"instruction": "i", "output": "o", "history": "q"}, "history is not a list of pairs"),
        ({"instruction": "i", "output": "o", "history": [["q"]]}, "history is not a list of pairs"),
        ({"instruction": "i", "output": "o", "history": [["q", 1]]}, "history is not text"),
        ({"instruction": "i", "output": "o", "history": [["q", ""]]}, "empty turn"),
    ],
)
def test_alpaca_refuses(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    task = task_of("alpaca", written(tmp_path, [row, {"instruction": "i", "output": "o"}]))
    assert len(task.examples) == 1
    assert refusals(task) == [("line 1", reason)]


# prompt_completion


def test_a_completion_is_kept_byte_for_byte(tmp_path: Path) -> None:
    rows = [{"prompt": "1+1=\n", "completion": "  2\n\n"}, {"prompt": "1+2=", "response": "3"}]
    first, second = task_of("prompt_completion", written(tmp_path, rows)).examples
    assert (first.fields, first.targets) == ({"prompt": "1+1=\n"}, ("  2\n\n",))
    assert second.targets == ("3",)


def test_of_a_conversational_prompt_only_the_completion_is_trained_on(tmp_path: Path) -> None:
    prompt = [{"role": "user", "content": "1?"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "3?"}]
    row = {"prompt": prompt, "completion": [{"role": "assistant", "content": "4"}]}
    (example,) = task_of("prompt_completion", written(tmp_path, [row])).examples
    assert [(message.role, message.train) for message in example.messages] == [
        ("user", True),
        ("assistant", False),
        ("user", True),
        ("assistant", True),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"completion": "c"}, "missing prompt"),
        ({"prompt": "p"}, "missing completion"),
        ({"prompt": " ", "completion": "c"}, "empty prompt"),
        ({"prompt": "p", "completion": " \n"}, "empty completion"),
        ({"prompt": "p", "completion": [{"role": "assistant", "content": "c"}]}, "prompt and completion are neither two texts"),
    ],
)
def test_prompt_completion_refuses(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    task = task_of("prompt_completion", written(tmp_path, [row, {"prompt": "p", "completion": "c"}]))
    assert len(task.examples) == 1
    ((line, why),) = refusals(task)
    assert (line, why[: len(reason)]) == ("line 1", reason)


# rows


def test_every_column_beside_the_target_is_a_field_as_text(tmp_path: Path) -> None:
    row = {"text": "good", "stars": 4, "score": 0.5, "seen": True, "note": None, "tags": ["a", "é"], "label": "yes"}
    (example,) = task_of("rows", written(tmp_path, [row]), target="label").examples
    assert example.fields == {"text": "good", "stars": "4", "score": "0.5", "seen": "true", "note": "", "tags": '["a", "é"]'}
    assert (example.targets, example.choices) == (("yes",), ())


def test_a_list_in_the_target_is_several_references_and_choices_are_choices(tmp_path: Path) -> None:
    rows = [{"q": "2?", "choices": ["two", "three"], "a": ["two", 2]}, {"q": "3?", "choices": "none", "a": 3}]
    first, second = task_of("rows", written(tmp_path, rows), target="a").examples
    assert (first.fields, first.targets, first.choices) == ({"q": "2?"}, ("two", "2"), ("two", "three"))
    assert (second.fields, second.targets, second.choices) == ({"q": "3?", "choices": "none"}, ("3",), ())


def test_without_a_target_setting_the_columns_are_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not say which column holds the answer") as error:
        len(task_of("rows", written(tmp_path, [{"q": 1, "a": 2}])).examples)
    assert error.value.expected == "the columns are: q, a"
    assert error.value.remedy == "add to source 'mine': target: COLUMN"


def test_rows_refuses_an_absent_or_empty_target_and_rows_without_an_input(tmp_path: Path) -> None:
    rows = [{"q": "1", "a": "1"}, {"q": "2"}, {"q": "3", "a": []}, {"q": "4", "a": None}, {"a": "5"}, {"q": "6", "a": ["x", ""]}]
    task = task_of("rows", written(tmp_path, rows), target="a")
    assert len(task.examples) == 1
    assert [reason for _, reason in refusals(task)] == [
        "no column 'a'",
        "empty target",
        "missing target",
        "no column beside the target",
        "empty target",
    ]


# text


def test_text_files_of_a_folder_and_rows_with_a_text_become_passages(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("\ufeffOne.\n\nTwo.\n", encoding="utf-8")
    written(tmp_path, [{"text": "Three."}, {"text": " "}, {"title": "no text here"}, {"text": 4}, {"text": "Five.", "id": "v"}], "c.jsonl")
    task = task_of("text", tmp_path, passage_chars=6)
    assert [(example.id, example.messages) for example in task.examples] == [
        ("b.txt/text/1", (Message("text", "One."),)),
        ("b.txt/text/2", (Message("text", "Two.\n"),)),
        ("c.jsonl/line 1/1", (Message("text", "Three."),)),
        ("c.jsonl/v/1", (Message("text", "Five."),)),
    ]
    assert refusals(task) == [("line 2", "empty text"), ("line 3", "no text"), ("line 4", "text is not text")]
    assert task.examples[1].where.endswith("b.txt, text, passage 2")


def test_a_document_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "b.txt").write_text("tea", encoding="utf-8")
    task = task_of("text", tmp_path)
    assert [len(task.examples), refusals(task)] == [1, [("text", "not UTF-8")]]


def test_other_readers_leave_text_files_alone(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("About.", encoding="utf-8")
    written(tmp_path, [{"prompt": "p", "completion": "c"}])
    task = task_of("prompt_completion", tmp_path)
    assert [len(task.examples), refusals(task)] == [1, []]


# Ten broken files


def broken_table() -> list[tuple[str, str, list[str]]]:
    """Returns file, reader and what its message has to contain, from the table in the README beside the files."""
    lines = (BROKEN / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [(file, reader, re.findall(r"`([^`]+)`", needles)) for file, reader, _, needles in cells[2:]]


def test_every_broken_file_is_in_the_table() -> None:
    assert sorted(file for file, _, _ in broken_table()) == sorted(path.name for path in BROKEN.iterdir() if path.name != "README.md")
    assert len(broken_table()) == 10


@pytest.mark.parametrize(("file", "reader", "needles"), broken_table(), ids=[row[0] for row in broken_table()])
def test_a_broken_file_is_told_by_file_row_and_reason(file: str, reader: str, needles: list[str]) -> None:
    source = Source(name="mine", reader=reader, path=str(BROKEN / file), target="label" if reader == "rows" else None)
    try:
        tasks = load_tasks([source])
        num_kept = sum(len(task.examples) for task in tasks)
    except DataError as error:
        told = str(error)
    else:
        (report,) = tasks.reports
        assert num_kept == report.num_kept > 0
        told = "\n".join(f"{refusal.file} {refusal.row} {refusal.reason}" for refusal in report.refusals)
    assert [needle for needle in needles if needle not in told] == []


# Real files


@pytest.mark.parametrize(
    ("reader", "path", "num_rows", "num_kept"),
    [
        ("alpaca", "alpaca/alpaca_data_random_9k.json", 9229, 9225),  # Rows 1462, 3588, 6235 and 8991 have an empty output.
        ("alpaca", "llama_factory/alpaca_zh_demo.json", 1000, 1000),
        ("alpaca", "llama_factory/alpaca_en_demo.json", 999, 999),
        ("alpaca", "codealpaca/code_alpaca_2k.json", 2017, 2015),
        ("sharegpt", "fastchat/data/dummy_conversation.json", 500, 500),
        ("sharegpt", "llama_factory/glaive_toolcall_en_demo.json", 300, 300),
        ("messages", "llama_factory/reason_tool_use_demo_50.jsonl", 50, 50),
        ("text", "llama_factory/c4_demo.jsonl", 552, 552),  # 300 documents, 95 of them longer than 2,000 characters.
    ],
)
def test_of_a_real_file_kept_and_dropped_make_up_the_rows(shared: Path, reader: str, path: str, num_rows: int, num_kept: int) -> None:
    task = task_of(reader, shared / path)
    assert len(task.examples) == num_kept
    assert task.report is not None
    assert (task.report.num_kept, task.report.num_kept + task.report.dropped.total()) == (num_kept, num_rows)
    assert len({example.id for example in task.examples}) == num_kept


def test_real_documents_come_back_whole_from_their_passages(shared: Path) -> None:
    path = shared / "llama_factory" / "c4_demo.jsonl"
    documents = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    kept = "".join(example.messages[0].content for example in task_of("text", path).examples)
    assert len(documents) == 300
    assert "".join(kept.split()) == "".join("".join(documents).split())


def test_real_tool_calls_and_reasoning_are_read(shared: Path) -> None:
    glaive = task_of("sharegpt", shared / "llama_factory" / "glaive_toolcall_en_demo.json").examples
    calls = [message for example in glaive for message in example.messages if message.tool_calls]
    assert len(calls) == 211  # As many `function_call` turns as a text search finds in the file.
    assert calls[0].tool_calls[0]["function"]["name"] == "search_recipes"
    thinking = task_of("messages", shared / "llama_factory" / "reason_tool_use_demo_50.jsonl").examples
    spoken = [message for example in thinking for message in example.messages if message.role == "assistant"]
    assert len(spoken) == 59 + 41 + 9 + 3  # With a text; with one, two and three tool calls.
    assert all(re.match(r"<think>\n.*\n</think>\n\n", message.content, re.DOTALL) for message in spoken)
    assert sum(len(message.tool_calls) for message in spoken) == 41 + 2 * 9 + 3 * 3

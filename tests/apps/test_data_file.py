"""`didact check FILE` tells every broken data file by file, row and reason, and what to type; a good one gets its line for a recipe."""

import json
import re
from pathlib import Path

import pytest
from verbs import didact

from didact.base.errors import DataError
from didact.base.strict_yaml import parse_yaml
from didact.tasks.guess import guess, told

FOLDER = Path(__file__).parents[1] / "fixtures" / "broken_data"
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in (FOLDER / "README.md").read_text().splitlines()
    if re.match(r"\| \S+\.\w+ \|", line)
]
CASES = [(name, reader, re.findall(r"`([^`]+)`", said)) for name, reader, _, said in ROWS]


def write(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("name", "reader", "said"), CASES, ids=[name for name, *_ in CASES])
def test_a_broken_file_is_told_with_its_reader_given(name, reader, said, monkeypatch):
    monkeypatch.chdir(FOLDER)
    seen = didact(f"check {name} --reader {reader}{' --target label' if reader == 'rows' else ''}")
    shown = seen.out + seen.err
    assert seen.code == 1
    assert [part for part in said if part not in shown] == []
    assert "next: " in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(("name", "reader", "said"), CASES, ids=[name for name, *_ in CASES])
def test_a_broken_file_is_told_with_its_reader_guessed(name, reader, said, monkeypatch):
    monkeypatch.chdir(FOLDER)
    seen = didact(f"check {name}")
    shown = seen.out + seen.err
    assert seen.code == 1
    assert name in shown
    assert re.search(r"next: .", shown)
    if reader == "rows":
        assert "didact check rows_no_target_column.csv --reader rows --target lable" in shown
    else:
        assert [part for part in said if part not in shown] == []


def test_the_account_as_json_names_every_refused_row(monkeypatch):
    monkeypatch.chdir(FOLDER)
    account = json.loads(didact("check alpaca_empty_output.json --json").out)
    assert (account["reader"], account["num_kept"], account["num_dropped"]) == ("alpaca", 1, 2)
    assert account["refused"] == [{"file": "alpaca_empty_output.json", "row": f"row {n}", "reason": "empty output"} for n in (2, 3)]


def test_a_good_file_gets_its_line_for_a_recipe_and_that_line_reads_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    write(tmp_path / "my rows.jsonl", *({"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(30)))
    seen = didact("check 'my rows.jsonl' --reader rows --target answer")
    assert (seen.code, "30 rows read = 30 kept + 0 dropped" in seen.out) == (0, True)
    line = seen.out.split("next: put this into a recipe:\n")[1]
    assert parse_yaml(line, "x").data["tasks"]["sources"] == [
        {"name": "my rows", "reader": "rows", "path": "my rows.jsonl", "target": "answer"}
    ]
    Path("a.yaml").write_text(line.strip() + "\nmodel: {base: new}\nprompts: {templates: all}\n")
    assert "my rows" in didact("ls tasks a.yaml").out


def test_more_refused_rows_than_fit_are_counted(tmp_path):
    path = write(tmp_path / "a.jsonl", {"instruction": "i", "output": "o"}, *({"instruction": "i", "output": ""} for _ in range(25)))
    assert "  ... and 5 more: --json" in didact(f"check {path}").out


@pytest.mark.parametrize(
    ("row", "reader"),
    [
        ({"messages": []}, "messages"),
        ({"conversations": [], "id": 1}, "sharegpt"),
        ({"instruction": "a", "output": "b", "text": "c"}, "alpaca"),
        ({"prompt": "a", "completion": "b"}, "prompt_completion"),
        ({"text": "a", "url": "b"}, "text"),
        ({"turns": ["a", "b"]}, "turns"),
        ({"message_id": "1", "parent_id": None, "role": "prompter", "text": "a"}, "oasst"),
        ({"prompt": {"message_id": "1", "text": "a", "replies": []}, "tree_state": "ready"}, "oasst"),
        ({"instruction": "a", "instances": [{"input": "b", "output": "c"}]}, "instances"),
    ],
)
def test_the_reader_follows_from_the_columns(tmp_path, row, reader):
    assert [shape.keys() for shape in guess(write(tmp_path / "a.jsonl", row))] == [{"reader": reader}]


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ({"prompt": "a", "response": "b", "category": "c"}, {"reader": "prompt_completion"}),
        ({"inputs": "a", "targets": "b"}, {"reader": "prompt_completion", "columns": {"prompt": "inputs", "completion": "targets"}}),
        ({"problem": "a", "solution": "b"}, {"reader": "prompt_completion", "columns": {"prompt": "problem", "completion": "solution"}}),
        ({"instruction": "a", "response": "b"}, {"reader": "alpaca", "columns": {"output": "response"}}),
        (
            {"system_prompt": "s", "question": "a", "response": "b"},
            {"reader": "alpaca", "columns": {"system": "system_prompt", "instruction": "question", "output": "response"}},
        ),
        ({"data": ["a", "b"], "id": 1}, {"reader": "turns", "columns": {"turns": "data"}}),
        ({"conversation": [{"input": "a", "output": "b"}]}, {"reader": "turns", "columns": {"turns": "conversation"}}),
        (
            {"conversation": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            {"reader": "messages", "columns": {"messages": "conversation"}},
        ),
        (
            {"text": "Be kind.\n### Human: a\n### Assistant: b", "label": 1},
            {"reader": "tagged", "settings": {"human": "### Human:", "assistant": "### Assistant:"}},
        ),
        (
            {"prompt": "a", "answers": [{"text": "b", "rank": 1}]},
            {"reader": "best_answer", "settings": {"answer": "text", "rank": "rank"}},
        ),
    ],
)
def test_columns_and_settings_follow_too_and_read_the_row(tmp_path, row, keys):
    path = write(tmp_path / "a.jsonl", row)
    assert [shape.keys() for shape in guess(path)] == [keys]
    seen = didact(f"check {path}")
    assert "1 rows read = 1 kept + 0 dropped" in seen.out
    (source,) = parse_yaml(seen.out.split("next: put this into a recipe:\n")[1], "x").data["tasks"]["sources"]
    assert source == {"name": "a", "path": str(path), **keys}


def test_where_two_readers_fit_both_are_told_and_either_can_be_had(tmp_path):
    path = write(tmp_path / "a.jsonl", {"problem": "1 + 1?", "solution": "2", "messages": [{"role": "user", "content": "1 + 1?"}]})
    first, second = guess(path)
    assert (first.reader, second.reader) == ("messages", "prompt_completion")
    assert "prompt_completion with problem as prompt, solution as completion fits too: --reader prompt_completion" in told([first, second])
    refused = didact(f"check {path}")
    assert (refused.code, "fits too: --reader prompt_completion" in refused.err) == (1, True)  # The only conversation has no answer.
    chosen = didact(f"check {path} --reader prompt_completion")
    assert (chosen.code, "columns: problem as prompt, solution as completion (guessed)" in chosen.err) == (0, True)
    assert "columns: {prompt: problem, completion: solution}" in chosen.out


def test_an_instruction_s_input_and_output_are_no_pair(tmp_path):
    path = write(tmp_path / "a.jsonl", {"instruction": "Add.", "input": "1 1", "output": "2"})
    assert [shape.reader for shape in guess(path)] == ["alpaca"]


def test_a_mark_inside_a_text_makes_it_no_conversation(tmp_path):
    path = write(tmp_path / "a.jsonl", {"text": "He wrote Human: and then Assistant: on the board."})
    assert [shape.reader for shape in guess(path)] == ["text"]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "great film", "label": "1"},
        {"question": "a", "choices": ["b", "c"], "answer": "b"},
        {"question": "a", "answer": {"value": "b"}},
        {"prompt": "only"},
        {"q": "a"},
    ],
)
def test_columns_of_no_reader_are_named_with_what_to_type(tmp_path, row):
    path = write(tmp_path / "a.jsonl", row)
    with pytest.raises(DataError) as caught:
        guess(path)
    assert caught.value.what == f"no reader is made for the columns {', '.join(row)}"
    assert caught.value.remedy == f"didact check {path} --reader rows --target {list(row)[-1]}"


def test_plain_text_and_tasks_are_guessed_from_files_and_folders(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "a.txt").write_text("Once.")
    assert guess(tmp_path / "books")[0].reader == guess(tmp_path / "books" / "a.txt")[0].reader == "text"
    assert guess(Path(__file__).parents[2] / "recipes" / "demo")[0].reader == "superni"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("check nope.jsonl", ["no such file or folder: nope.jsonl", "did you mean 'nose.jsonl'?", "next: look what is there"]),
        ("check empty.jsonl", ["there is no row", "empty.jsonl", "next: "]),
        ("check torn.jsonl", ["no row of 1 can be read", "torn.jsonl, line 1: not JSON", "next: "]),
        ("check nose.jsonl --reader alpca", ["no reader named 'alpca'", "did you mean 'alpaca'?", "next: didact ls readers"]),
        ("check picture.png", ["unknown suffix '.png'", "next: "]),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_told(tmp_path, monkeypatch, command, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "nose.jsonl", {"instruction": "i", "output": "o"})
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "picture.png").touch()
    (tmp_path / "torn.jsonl").write_text('{"instruction": ')
    seen = didact(command)
    assert (seen.code, seen.out) == (1, "")
    assert [part for part in said if part not in seen.err] == []

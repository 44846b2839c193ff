"""`didact check FILE` tells every broken data file by file, row and reason, and what to type; a good one gets its line for a recipe."""

import json
import re
from pathlib import Path

import pytest
from verbs import didact

from didact.base.errors import DataError
from didact.base.strict_yaml import parse_yaml
from didact.tasks.guess import guess_reader

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
        ({"prompt": "a", "response": "b", "category": "c"}, "prompt_completion"),
        ({"text": "a", "url": "b"}, "text"),
    ],
)
def test_the_reader_follows_from_the_columns(tmp_path, row, reader):
    assert guess_reader(write(tmp_path / "a.jsonl", row)) == reader


@pytest.mark.parametrize(
    "row", [{"text": "great film", "label": "1"}, {"instruction": "a", "response": "b"}, {"prompt": "only"}, {"q": "a"}]
)
def test_columns_of_no_reader_are_named_with_what_to_type(tmp_path, row):
    path = write(tmp_path / "a.jsonl", row)
    with pytest.raises(DataError) as caught:
        guess_reader(path)
    assert caught.value.what == f"no reader is made for the columns {', '.join(row)}"
    assert caught.value.remedy == f"didact check {path} --reader rows --target {list(row)[-1]}"


def test_plain_text_and_tasks_are_guessed_from_files_and_folders(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "a.txt").write_text("Once.")
    assert guess_reader(tmp_path / "books") == guess_reader(tmp_path / "books" / "a.txt") == "text"
    assert guess_reader(Path(__file__).parents[2] / "recipes" / "demo") == "superni"


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

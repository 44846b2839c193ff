"""`didact filter FILE`: in = kept + dropped, every row as it was, and slips are told with what to type."""

import json
import shutil

import pytest
from conftest import ROOT
from verbs import didact

from didact.apps.filter_file import filters_of


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def written(tmp_path, monkeypatch):
    shutil.copy(ROOT / "recipes" / "demo" / "written.jsonl", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "written.jsonl"


def test_the_example_file_shows_every_usual_rule_once(written):
    seen = didact("filter written.jsonl --json")
    told = json.loads(seen.out)
    assert (told["num_in"], told["num_kept"], told["num_dropped"]) == (18, 6, 12)
    assert sum(told["dropped"].values()) == 12
    assert {reason.split(":")[0] for reason in told["dropped"]} == set(told["filters"])
    assert (told["out"], told["dropped_out"]) == ("written.kept.jsonl", "written.dropped.jsonl")
    kept, dropped = lines(written.with_name("written.kept.jsonl")), lines(written.with_name("written.dropped.jsonl"))
    as_read = [{key: value for key, value in row.items() if key != "dropped"} for row in (*kept, *dropped)]
    assert sorted(map(json.dumps, as_read)) == sorted(map(json.dumps, lines(written)))
    assert [row["dropped"]["rouge_l"] for row in dropped if "rouge_l" in row["dropped"]] == [0.875]  # 7 of 8 and 8 words.


def test_people_get_the_account_and_what_to_type_next(written):
    seen = didact("filter written.jsonl --rules length --out good.jsonl")
    assert seen.out == "18 rows = 17 kept + 1 dropped\n          1  length: instruction of fewer than 4 words\n"
    assert "next: didact check good.jsonl" in seen.err
    assert len(lines(written.with_name("good.dropped.jsonl"))) == 1


def test_what_is_kept_can_be_trained_on(written):
    didact("filter written.jsonl")
    assert didact("check written.kept.jsonl").code == 0


def test_messages_keep_what_a_synthesis_wrote_beside_them(tmp_path):
    file = tmp_path / "messages.jsonl"
    talk = {"id": "r1", "messages": [{"role": "user", "content": "Find it:\n\nThe dog ran."}, {"role": "assistant", "content": "dog"}]}
    about = {"about": {"instruction": "Find it.", "input": "The dog ran.", "output": "dog"}, "scores": {"judge": 5}}
    file.write_text("\n".join(json.dumps(row) for row in ({**talk, **about}, {**talk, "id": "r2"})))
    assert json.loads(didact(f"filter {file} --rules length --json").out)["dropped"] == {"length: instruction of fewer than 4 words": 1}
    assert lines(tmp_path / "messages.kept.jsonl") == [{**talk, "id": "r2"}]
    assert lines(tmp_path / "messages.dropped.jsonl")[0]["scores"] == {"judge": 5}


def test_rows_that_cannot_be_read_are_counted_and_kept_beside(tmp_path):
    file = tmp_path / "some.jsonl"
    good = {"instruction": "Name a big river.", "output": "Indus"}
    file.write_text(
        f'{json.dumps(good)}\nnot json\n{{"instruction": "Sing a song."}}\n{{"title": "x"}}\n{{"prompt": 3, "completion": "y"}}\n'
    )
    told = json.loads(didact(f"filter {file} --json").out)
    assert (told["num_in"], told["num_kept"], told["num_dropped"]) == (5, 1, 4)
    reasons = set(told["dropped"])
    assert {"unreadable: no output", "unreadable: no messages", "unreadable: instruction is not text"} < reasons
    assert sum("not JSON" in reason for reason in reasons) == 1
    assert [row["dropped"]["where"].split(", ")[1] for row in lines(tmp_path / "some.dropped.jsonl")] == [
        "line 3",
        "line 4",
        "line 5",
        "line 2",
    ]


def test_seeds_refuse_what_is_like_them(written):
    seeds = written.with_name("seeds.jsonl")
    seeds.write_text(json.dumps({"id": "s", "instruction": "Write the hour in words.", "input": "09:00", "output": "nine"}))
    told = json.loads(didact("filter written.jsonl --rules rouge --seeds seeds.jsonl --json").out)
    assert told["dropped"]["rouge: like a seed task"] == 1  # 4 of 5 and 5 words.


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("filter written.jsonl --rules rogue", ["no filter named 'rogue'", "did you mean 'rouge'?", "didact filter --help"]),
        ("filter written.jsonl --rules 'rouge(treshold=0.5)'", ["treshold", "threshold"]),
        ("filter written.jsonl --out written.jsonl", ["is what is read", "--out OTHER.jsonl"]),
        ("filter writen.jsonl", ["no such file", "written.jsonl"]),
        ("filter titles.jsonl", ["no row can be read", "no messages", "didact check titles.jsonl"]),
    ],
)
def test_a_slip_is_told_with_what_to_type(written, command, said):
    written.with_name("titles.jsonl").write_text('{"title": "x"}\n')
    before = written.read_text()
    seen = didact(command)
    assert seen.code == 1
    assert [part for part in said if part not in seen.err] == []
    assert written.read_text() == before


def test_settings_may_be_lists():
    found = filters_of("language(scripts=[Latin, Greek], least_share=0.9), near")
    assert found == [("language", {"scripts": ["Latin", "Greek"], "least_share": 0.9}), "near"]
    assert filters_of("length()") == ["length"]

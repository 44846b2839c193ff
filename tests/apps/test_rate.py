"""didact rate, as a user sees it."""

import json
import shutil
from pathlib import Path

import pytest
from verbs import didact

DEMO = Path(__file__).parents[2] / "recipes" / "demo" / "answers"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    shutil.copytree(DEMO, tmp_path / "answers")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILES = "answers/copies.jsonl answers/thinks.jsonl"


def answer(command):
    seen = didact(f"rate {command} --json")
    assert seen.code == 0, seen.err
    return json.loads(seen.out)


def test_from_sheets_over_ratings_to_the_report(desk):
    made = answer(f"{FILES} --out sheets")
    assert (made["num_rows"], made["models"]) == (12, ["copies", "thinks"])
    seen = didact("rate sheets")
    assert (seen.code, "nobody has rated this sheet yet" in seen.err, "next: open sheets/sheet.html" in seen.err) == (1, True, True)
    key = json.loads(Path("sheets/key.json").read_text())
    for rater in ("ann", "bob"):
        levels = {row: "A" if about["model"] == "thinks" else "D" for row, about in key["rows"].items()}
        Path(f"sheets/ratings/{rater}.json").write_text(json.dumps({"sheet": key["sheet"], "rater": rater, "ratings": levels}))
    found = answer("sheets")
    assert found["models"]["thinks"]["acceptable"]["value"] == 100
    assert found["pairs"][0]["win_rate"]["value"] == 0
    text = didact("rate sheets").out
    assert "2 raters agree: Krippendorff's alpha (ordinal) 1.00" in text
    assert [line.split()[0] for line in text.splitlines()[:3]] == ["model", "copies", "thinks"]


def test_by_rule_says_that_it_is_a_stand_in_and_adds_to_a_sheet_where_there_is_one(desk):
    found = answer(f"{FILES} --by rule")
    assert found["raters"] == ["rule"]
    assert found["models"]["copies"]["acceptable"]["value"] < found["models"]["thinks"]["acceptable"]["value"]
    assert not Path("sheets").exists()
    assert "no measure of quality" in didact(f"rate {FILES} --by rule --out sheets").err
    assert answer("sheets")["models"] == found["models"]


def test_a_judge_compares_or_rates_and_is_not_asked_again(desk):
    found = answer(f"{FILES} --judge longer --out judged")
    assert (found["judge"], found["pairs"][0]["consistent"]) == ("rule:longer", 100.0)
    before = Path("judged/judgements.jsonl").read_text()
    assert answer(f"{FILES} --judge longer --out judged") == found == json.loads(Path("judged/report.json").read_text())
    assert Path("judged/judgements.jsonl").read_text() == before
    text = didact(f"rate {FILES} --judge first --out judged").out
    assert text.splitlines()[0].split("  ")[0] == "model"
    assert "0.00" in text  # not one pair is judged alike in both orders
    tens = answer(f"{FILES} --judge first --ten --out judged")
    assert {name: one["rating"]["value"] for name, one in tens["models"].items()} == {"copies": 5.0, "thinks": 5.0}
    assert "5.00 [5.00, 5.00]" in didact(f"rate {FILES} --judge first --ten --out judged").out


def test_a_judge_is_held_against_the_people_who_rated_the_same_sheet(desk):
    answer(f"{FILES} --out sheets")
    key = json.loads(Path("sheets/key.json").read_text())
    rows = [json.loads(line) for line in Path("sheets/sheet.jsonl").read_text().splitlines()]
    longest = {row["row"][:3]: max(len(one["answer"]) for one in rows if one["row"][:3] == row["row"][:3]) for row in rows}
    levels = {row["row"]: "A" if len(row["answer"]) == longest[row["row"][:3]] else "C" for row in rows}
    Path("sheets/ratings/ann.json").write_text(json.dumps({"sheet": key["sheet"], "rater": "ann", "ratings": levels}))
    found = answer("sheets --judge longer")["judge"]["with_raters"]
    # Ann likes what is longer, as this judge does.
    assert (found["num_pairs"], found["agreement"]["pairs"][0]["exact"]["value"], found["without_ties"]["value"]) == (6, 100, 100)
    assert "the same winner where both name one" in didact("rate sheets --judge first").out
    assert answer("sheets --judge first")["judge"]["with_raters"]["without_ties"]["num_pairs"] == 0


def test_stored_preferences_give_their_win_rate(desk):
    row = {"generator_1": "a", "generator_2": "b", "output_1": "x", "output_2": "yy"}
    Path("annotations.json").write_text(json.dumps([{**row, "preference": value} for value in (2, 2, 1, 0)]))
    pair = answer("annotations.json")["pairs"][0]
    assert (pair["model"], pair["win_rate"]["value"]) == ("b", 62.5)
    assert "62.5 [" in didact("rate annotations.json").out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (FILES, "blind sheets: --out FOLDER"),
        (f"{FILES} --by people", "only rule is known"),
        (f"{FILES} --by rule --judge first", "one of them"),
        (f"{FILES} --ten", "--ten is for a judge"),
        (f"{FILES} --judge http://127.0.0.1:1/v1", "needs --model"),
        ("answers --judge first --ten", "is a folder of sheets"),
    ],
)
def test_wrong_usage_of_rate_ends_with_2(desk, command, said):
    seen = didact(f"rate {command}")
    assert (seen.code, seen.out) == (2, "")
    assert said in " ".join(seen.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("none.jsonl --by rule", "no such file: none.jsonl"),
        ("answers/copies.jsonl --judge first", "one model's answers alone"),
        ("answers/copies.jsonl answers/copies.jsonl --by rule", "two files hold answers of 'copies'"),
        ("answers", "no key.json in answers"),
        (f"{FILES} --judge nobody", "no run"),
    ],
)
def test_what_cannot_be_rated_ends_with_1_and_says_why(desk, command, said):
    seen = didact(f"rate {command}")
    assert (seen.code, seen.out, said in seen.err, "Traceback" in seen.err) == (1, "", True, False), seen.err


def test_a_run_judges_its_own_answers(here):
    shutil.copytree(DEMO, here / "answers", dirs_exist_ok=True)
    seen = didact(f"rate {FILES} --judge demo-001 --out judged_by_run --json")
    assert seen.code == 0, seen.err
    orders = json.loads(seen.out)["pairs"][0]["orders"]
    assert sum(orders.values()) == 6
    assert orders["unanswered"] + orders["unparsed"] == 6  # a tiny model gives no verdict, and holds few tokens

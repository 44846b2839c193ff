"""Blind sheets and what raters say: nothing gives a name away, nothing is lost, and the arithmetic is a hand's."""

import csv
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from didact.base.errors import DataError
from didact.evals.levels import LEVELS
from didact.evals.ratings import all_ratings, read_ratings, report
from didact.evals.rule_rater import rate_by_rule, rule_ratings
from didact.evals.sheets import blind_sheet, read_key, read_rows, write_sheet
from didact.evals.user_instructions import Answers, Item, read_answers

NASTY = '</pre><script>alert("1")</script> & =SUM(A1)'


def answers(model, *texts):
    items = {str(number): Item(str(number), (f"question {number} {NASTY}",), ("a b c d",)) for number in range(len(texts))}
    return Answers(model, items, {str(number): (text,) for number, text in enumerate(texts)})


MANY = [answers("secret-one", "a b c d", "=1+1", NASTY), answers("secret-two", "b", "", "c")]


@pytest.fixture
def folder(tmp_path):
    write_sheet(blind_sheet(MANY, seed=0), tmp_path / "sheets")
    return tmp_path / "sheets"


def levels_of(key, model, *levels):
    rows = [row for row, about in key["rows"].items() if about["model"] == model]
    return dict(zip(sorted(rows, key=lambda row: key["rows"][row]["item"]), levels, strict=True))


def by_hand(key, one, two):
    return {**levels_of(key, "secret-one", *one), **levels_of(key, "secret-two", *two)}


def hand_in(folder, rater, levels, **more):
    told = {"sheet": read_key(folder)["sheet"], "rater": rater, "ratings": levels, "notes": {}, **more}
    path = folder / "ratings" / f"{rater}.json"
    path.write_text(json.dumps(told))
    return path


def test_what_raters_see_names_no_model_and_the_key_names_all(folder):
    for name in ("sheet.jsonl", "sheet.csv", "sheet.html"):
        assert "secret" not in (folder / name).read_text()
    key = read_key(folder)
    assert Counter(about["model"] for about in key["rows"].values()) == {"secret-one": 3, "secret-two": 3}
    shown = {row["row"]: row["answer"] for row in read_rows(folder)}
    texts = {(one.model, item): text for one in MANY for item, (text,) in one.texts.items()}
    assert {row: texts[about["model"], about["item"]] for row, about in key["rows"].items()} == shown


def test_the_order_is_drawn_for_each_question_and_every_answer_stands_first_about_as_often():
    many = [answers("a", *["x"] * 300), answers("b", *["y"] * 300)]
    sheet = blind_sheet(many, seed=0)
    first = Counter(sheet.key["rows"][f"{number:03d}a"]["model"] for number in range(1, 301))
    assert 120 < first["a"] < 180  # 150 by chance, standard deviation 8.7
    assert blind_sheet(many, seed=0) == sheet
    assert blind_sheet(many, seed=1).rows != sheet.rows


def test_an_order_does_not_depend_on_the_other_questions():
    few = blind_sheet([answers("a", "x", "x"), answers("b", "y", "y")], seed=0)
    more = blind_sheet([answers("a", "x", "x", "x"), answers("b", "y", "y", "y")], seed=0)
    assert [row["answer"] for row in few.rows] == [row["answer"] for row in more.rows][:4]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.attributes = Counter(), "", []

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def test_the_page_escapes_everything_and_loads_nothing(folder):
    text = (folder / "sheet.html").read_text()
    page = Tags()
    page.feed(text)
    assert (page.tags["script"], page.tags["section"], page.tags["fieldset"]) == (1, 3, 6)
    assert page.text.count(NASTY) == 3 + 1  # three questions, one answer
    assert sum(name == "type" and value == "radio" for name, value in page.attributes) == 6 * len(LEVELS)
    assert not [value for name, value in page.attributes if name in ("src", "href", "action")]
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert "default-src 'none'" in text


def test_no_cell_of_the_csv_is_a_formula_and_it_is_read_back_as_it_was_filled(folder):
    with (folder / "sheet.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["answer"] for row in rows if "1+1" in row["answer"]] == ["'=1+1"]
    for separator in (",", ";"):
        with (folder / "ratings" / "ann.csv").open("w", newline="", encoding="utf-8-sig") as handle:
            writer = csv.DictWriter(handle, rows[0], delimiter=separator)
            writer.writeheader()
            writer.writerows({**row, "rating": " b"} for row in rows)
        assert all_ratings(folder) == {"ann": dict.fromkeys((row["row"] for row in rows), "B")}


def test_the_page_the_csv_and_json_lines_say_the_same(folder):
    key = read_key(folder)
    levels = by_hand(key, "ABC", "DDA")
    first = read_ratings(hand_in(folder, "ann", levels), key)
    lines = folder / "ann.jsonl"
    lines.write_text("".join(json.dumps({**row, "rating": levels[row["row"]]}) + "\n" for row in read_rows(folder)))
    assert first == read_ratings(lines, key) == ("ann", {row: levels[row] for row in key["rows"]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda levels: levels | {"999z": "A"}, "1 unknown rows: 999z"),
        (lambda levels: levels | {"001a": ""}, "1 rows without a rating: 001a"),
        (lambda levels: {row: level for row, level in levels.items() if row[:3] != "002"}, "2 rows without a rating: 002a, 002b"),
        (lambda levels: levels | {"003b": "E"}, "1 rows with an unknown level: 003b"),
    ],
)
def test_unknown_missing_and_strange_ratings_are_refused_by_row(folder, change, said):
    key = read_key(folder)
    with pytest.raises(DataError, match=said):
        read_ratings(hand_in(folder, "ann", change(by_hand(key, "ABC", "DDA"))), key)


def test_a_row_that_is_rated_twice_is_refused_even_where_json_would_hide_it(folder):
    key = read_key(folder)
    path = hand_in(folder, "ann", by_hand(key, "ABC", "DDA"))
    path.write_text(path.read_text().replace('"001a":', '"001a": "B", "001a":'))
    with pytest.raises(DataError, match="1 rows rated twice: 001a"):
        read_ratings(path, key)


def test_another_sheets_ratings_two_files_of_one_rater_and_none_at_all_are_refused(folder):
    with pytest.raises(DataError, match="nobody has rated"):
        all_ratings(folder)
    levels = by_hand(read_key(folder), "ABC", "DDA")
    with pytest.raises(DataError, match="the ratings are of sheet 1"):
        read_ratings(hand_in(folder, "ann", levels, sheet="1"), read_key(folder))
    hand_in(folder, "ann", levels)
    (folder / "ratings" / "again.json").write_text((folder / "ratings" / "ann.json").read_text())
    with pytest.raises(DataError, match="two files are by 'ann'"):
        all_ratings(folder)
    with pytest.raises(DataError, match=r"no key\.json"):
        read_key(folder / "ratings")


def test_another_sheet_does_not_overwrite_this_one(folder):
    with pytest.raises(DataError, match="holds another sheet"):
        write_sheet(blind_sheet(MANY, seed=1), folder)
    write_sheet(blind_sheet(MANY, seed=0), folder)


def test_shares_wins_and_agreement_are_those_of_a_hand(folder):
    key = read_key(folder)
    hand_in(folder, "ann", by_hand(key, "ABC", "DDA"))
    hand_in(folder, "bob", by_hand(key, "AAC", "DCA"))
    found = report(key, all_ratings(folder), resamples=100)
    one = found["models"]["secret-one"]
    # Ann: A B C, Bob: A A C; A or B in four of six ratings.
    assert one["counts"] == {"A": 3, "B": 1, "C": 2, "D": 0}
    assert round(one["acceptable"]["value"], 3) == round(one["shares"]["A"] + one["shares"]["B"], 3) == 66.667
    assert one["acceptable"]["low"] < 66.6 < one["acceptable"]["high"]
    # Items 0 and 1 are won, item 2 (C against A) is lost, by both raters.
    pair = found["pairs"][0]
    assert (pair["model"], pair["against"], round(pair["win_rate"]["value"], 3)) == ("secret-one", "secret-two", 66.667)
    assert "strengths" not in found
    # They agree in four of six rows.
    assert round(found["agreement"]["pairs"][0]["exact"]["value"], 3) == 66.667


def test_raters_who_differ_share_a_win(folder):
    key = read_key(folder)
    ratings = {"ann": by_hand(key, "AAA", "BBB"), "bob": by_hand(key, "BBB", "BBB")}
    assert report(key, ratings, resamples=50)["pairs"][0]["win_rate"]["value"] == 75  # a win and a tie


@pytest.mark.parametrize(
    ("question", "answer", "reference", "level", "why"),
    [
        ("q", "red fox", "red fox", "A", "near"),
        ("q", "  \n", "red fox", "D", "empty"),
        ("Write about the red fox hall", "about the red fox hall", "A fox lives here", "D", "repeats the question"),
        ("Copy: the red fox hall", "the red fox hall", "the red fox hall", "A", "near"),
        ("q", "I'm sorry, but as an AI I cannot.", "red", "D", "refuses"),
        ("q", "anything", "", "B", "nothing to compare with"),
        ("q", "one two", "three four", "D", "far"),
        # Four of ten words, all in order: F = 2 * 1 * 0.4 / 1.4 = 57: B.
        ("q", "a b c d", "a b c d e f g h i j", "B", "near"),
        # One of one word in five: F = 2 * 1 * 0.2 / 1.2 = 33: C, and a fifth of its words: one lower.
        ("q", "a", "a b c d e", "D", "too short"),
    ],
)
def test_the_rule_gives_the_level_that_it_says(question, answer, reference, level, why):
    found = rate_by_rule(question, answer, reference)
    assert (found.level, found.why) == (level, why)


def test_the_stored_predictions_of_eight_models_are_rated_and_ordered_as_people_did(shared):
    paths = sorted((shared / "self_instruct" / "human_eval" / "predictions").glob("*.jsonl"))
    sheet = blind_sheet([read_answers(path) for path in paths], seed=0)
    assert len(sheet.rows) == 8 * 252
    # The first 60 questions: the whole takes several times as long and says the same.
    rows = [row for row in sheet.rows if int(row["row"][:3]) <= 60]
    key = {**sheet.key, "rows": {row["row"]: sheet.key["rows"][row["row"]] for row in rows}}
    found = report(key, {"rule": {row: rule.level for row, rule in rule_ratings(rows).items()}}, resamples=50)
    good = {name: one["acceptable"]["value"] for name, one in found["models"].items()}
    # In the paper's ratings by people the base is last by far, those tuned on public tasks come next, InstructGPT is first.
    assert min(good, key=good.get) == "davinci"
    assert good["davinci"] < 5 < good["davinci-t0-ft"] < good["davinci-self-instruct"] < good["text-davinci-003"]
    assert len(found["pairs"]) == 28
    assert "note" in found["agreement"]

"""Files of answers have the field's own forms, and are read back as what was asked and answered."""

import json

import pytest

from didact.base.errors import DataError
from didact.evals.answer_files import Written, counts, write_answers
from didact.evals.copies import copies
from didact.evals.question_sets import SETS, Known, check_sets, first, question_set
from didact.evals.user_instructions import answered_by_all, read_answers
from didact.tasks.downloads import cache_folder


def whole(items):
    """An answer to each turn of each question."""
    return [tuple(Written(f" {item.id} {turn}\n", "stop", 3) for turn in range(len(item.turns))) for item in items]


@pytest.mark.parametrize("name", SETS)
def test_answers_to_every_set_are_read_back_as_they_were_given(shared, tmp_path, name):
    asked = question_set(name, copies(shared))
    files = [write_answers(tmp_path, model, f"m {model}", asked, whole(asked.items), 7.5) for model in ("base", "tuned")]
    base, tuned = (read_answers(path) for path in files)
    assert (base.model, tuned.model) == ("m base", "m tuned")
    assert [item.id for item in answered_by_all([tuned, base])] == [item.id for item in asked.items]
    assert base.texts == {item.id: tuple(f"{item.id} {turn}" for turn in range(len(item.turns))) for item in asked.items}
    read = list(base.items.values())
    assert [item.turns for item in read] == [
        tuple(turn if len(item.turns) > 1 else turn.strip() for turn in item.turns) for item in asked.items
    ]
    assert [item.references for item in read] == [item.references if any(item.references) else () for item in asked.items]
    assert [item.category for item in read] == [item.category or ("" if name != "koala" else "koala") for item in asked.items]


def test_rows_have_the_keys_of_alpaca_eval_and_of_fastchat(shared, tmp_path):
    published = json.loads((shared / "alpaca_eval" / "results" / "gpt4" / "model_outputs.json").read_text())
    asked = question_set("alpaca_eval", copies(shared))
    ours = json.loads(write_answers(tmp_path, "m", "m", asked, whole(asked.items), 7.5).read_text())
    assert (
        {frozenset(row) for row in ours}
        == {frozenset(("dataset", "instruction", "output", "generator"))}
        <= {frozenset(row) for row in published}
    )
    assert [(row["dataset"], row["instruction"].strip()) for row in ours] == [
        (row["dataset"], row["instruction"].strip()) for row in published
    ]
    asked = question_set("mt_bench", copies(shared))
    path = write_answers(tmp_path, "m", "m", asked, whole(asked.items), 7.5)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    reference = json.loads((shared / "fastchat/llm_judge/data/mt_bench/reference_answer/gpt-4.jsonl").read_text().splitlines()[0])
    assert path.name == "m.jsonl"
    assert set(reference) <= set(rows[0])
    assert set(reference["choices"][0]) == set(rows[0]["choices"][0])
    assert [row["question_id"] for row in rows] == list(range(81, 161))
    assert {len(row["choices"][0]["turns"]) for row in rows} == {2}


def test_what_was_asked_is_answered_empty_or_cut():
    said = [
        (Written("Yes.", "stop", 2), Written("", "stop", 0)),
        (Written("No, because", "length", 3, num_cut=5),),
        (Written(" \n", "length", 3),),
        (Written("So", "string", 1),),
    ]
    found = counts(said)
    assert found["num_asked"] == 5 == found["num_answered"] + found["num_empty"] + found["num_cut"]
    assert [found[key] for key in ("num_answered", "num_empty", "num_cut", "num_shortened")] == [2, 2, 1, 1]
    assert found["mean_characters"] == (4 + 11 + 2) / 3
    assert counts([])["mean_characters"] is None


ROWS = {"turns": ["a?", "b?"], "category": "writing"}


def put(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("name", "layout"), [(name, layout) for name, known in SETS.items() for layout in known.layouts])
def test_a_copy_is_found_in_any_layout_and_any_depth(tmp_path, name, layout):
    row = {"prompt": "Say hi."}
    path = tmp_path / "deep" / "er" / layout
    put(path, row)
    put(tmp_path / f"other_{layout.replace('/', '_')}", {"prompt": "No."})  # ends alike, and is another file
    found = question_set(name, copies(tmp_path))
    assert (found.name, found.where, [item.turns for item in found.items]) == (name, str(path), [("Say hi.",)])


def test_a_set_without_a_copy_is_fetched_once_or_told(tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("didact.tasks.downloads.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(
        DataError, match="mt_bench is not to be had: no folder of copies was given, and it cannot be fetched: no network"
    ) as told:
        question_set("mt_bench", None, fetches=True)
    assert "--data FOLDER, or DIDACT_DATA: a folder with mt_bench/question.jsonl" in str(told.value)
    with pytest.raises(DataError, match=f"no copy in {tmp_path}, and nothing is fetched"):
        question_set("mt_bench", copies(tmp_path))
    known = SETS["mt_bench"]
    put(cache_folder(known.address) / known.files[0], {"question_id": 81, **ROWS})
    put(cache_folder(known.address) / known.files[1], {"question_id": 81, "choices": [{"turns": ["A", "B"]}]})
    found = question_set("mt_bench", None, fetches=True)  # as it lies in the cache from then on
    assert (found.items[0].turns, found.items[0].references, found.numbers) == (("a?", "b?"), ("A", "B"), {found.items[0].id: 81})
    assert isinstance(known, Known)


def test_a_file_of_ones_own_is_a_set_and_is_answered_by_number_where_it_has_turns(tmp_path):
    path = put(tmp_path / "mine.jsonl", ROWS, {"prompt": "c?"})
    check_sets([str(path), "vicuna"])
    asked = question_set(str(path), None)
    assert (asked.name, asked.numbers, [len(item.turns) for item in asked.items]) == ("mine", {}, [2, 1])
    rows = [json.loads(line) for line in write_answers(tmp_path, "m", "m", asked, whole(asked.items), 7.5).read_text().splitlines()]
    assert [(row["question_id"], row["turns"]) for row in rows] == [(1, ["a?", "b?"]), (2, ["c?"])]
    assert write_answers(tmp_path, "m", "m", first(asked, 0), [], 7.5).suffix == ".json"
    assert len(first(asked, 1).items) == 1 and first(asked, None) is asked
    with pytest.raises(DataError, match="no question set named 'minne'"):
        check_sets(["vicuna", "minne"])
    with pytest.raises(DataError, match="a file without questions"):
        question_set(str(put(tmp_path / "none.jsonl")), None)

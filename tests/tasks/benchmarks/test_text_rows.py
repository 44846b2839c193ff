"""Rows of texts: questions on a passage, pairs of sentences, topics, summaries, translations, prompts with rules."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.registry import BENCHMARKS


def one(name: str, row: Mapping[str, Any]) -> Example:
    parsed = BENCHMARKS[name].parse(row)
    assert isinstance(parsed, Example)
    assert tuple(parsed.fields) == BENCHMARKS[name].fields
    return parsed


PASSAGE = {"context": "Ann won in 1990.", "question": "Who won?"}


@pytest.mark.parametrize("name", ["squad", "xquad/en", "tydiqa/en"])
def test_all_answers_to_a_passage_are_targets_from_the_hub_and_from_the_original_file(name: str) -> None:
    hub = one(
        name, {**PASSAGE, "id": "english-7-0", "title": "Ann", "answers": {"text": ["Ann", "Ann", "Ann won"], "answer_start": [0, 0, 0]}}
    )
    original = one(name, {**PASSAGE, "id": "english-7-0", "answers": [{"text": text, "answer_start": 0} for text in ("Ann", "Ann won")]})
    assert hub == original == Example("english-7-0", PASSAGE, ("Ann", "Ann won"))


def test_the_table_of_tydiqa_gives_each_language_its_own_rows() -> None:
    row = {**PASSAGE, "id": "finnish-12-1", "answers": {"text": ["Ann"], "answer_start": [0]}}
    assert one("tydiqa/fi", row).targets == ("Ann",)
    assert [BENCHMARKS[f"tydiqa/{code}"].parse(row) for code in ("en", "sw")] == [(), ()]


def test_trivia_aliases_are_accepted_and_never_trained_on() -> None:
    hub = {"question": "Who?", "question_id": "tc_2", "answer": {"value": "Sinclair Lewis", "aliases": ["Lewis", "Sinclair Lewis"]}}
    original = {"Question": "Who?", "QuestionId": "tc_2", "Answer": {"Value": "Sinclair Lewis", "Aliases": ["Lewis", "Sinclair Lewis"]}}
    assert (
        one("trivia_qa", hub)
        == one("trivia_qa", original)
        == Example("tc_2", {"question": "Who?"}, ("Sinclair Lewis",), accepted=("Lewis",))
    )
    assert one("nq_open", {"question": "when", "answer": ["1972", "December 1972"]}).targets == ("1972", "December 1972")


def test_nli_labels_are_names_ids_and_letters() -> None:
    expected = Example("p7", {"premise": "It rains.", "hypothesis": "It is wet."}, ("neutral",), ("entailment", "neutral", "contradiction"))
    assert one("snli", {"sentence1": "It rains.", "sentence2": "It is wet.", "gold_label": "neutral", "pairID": "p7"}) == expected
    assert one("snli", {"premise": "It rains.", "hypothesis": "It is wet.", "label": 1, "id": "p7"}) == expected
    assert one("anli", {"context": "It rains.", "hypothesis": "It is wet.", "label": "n", "uid": "p7", "reason": ""}) == expected
    explained = one("anli", {"premise": "It rains.", "hypothesis": "It is dry.", "label": 2, "uid": "q", "reason": "Rain is wet."})
    assert (explained.targets, explained.rationale) == (("contradiction",), "Rain is wet.")


def test_paws_ag_news_and_imdb_are_read_in_every_layout() -> None:
    assert one("paws", {"id": 3, "sentence1": "a b", "sentence2": "b a", "label": "1"}).targets == ("paraphrase",)
    hub = one("ag_news", {"text": "Cup final A late goal.", "label": 1})
    table = one("ag_news", {"class": "2", "title": "Cup final", "description": "A late goal."})
    folded = one("ag_news", {"sentence": "Title: Cup final\nText: A late goal.\n", "label": "Sports"})
    assert (
        hub == table == folded == Example("", {"text": "Cup final A late goal."}, ("Sports",), ("World", "Sports", "Business", "Sci/Tech"))
    )
    assert one("ag_news", {"sentence": "A chip.", "label": "Science or Technology"}).targets == ("Sci/Tech",)
    review = one("imdb", {"text": "A joy.<br /><br />See it!", "label": 1})
    assert review == Example("", {"text": "A joy.\n\nSee it!"}, ("positive",), ("negative", "positive"))
    assert one("imdb", {"sentence": "A bore.", "label": "Bad"}).targets == one("imdb", {"text": "A bore.", "label": "neg"}).targets


def test_common_gen_and_e2e_take_all_references_at_once_or_one_by_one() -> None:
    hub = one("common_gen", {"concept_set_idx": 0, "concepts": ["dog", "run"], "target": "A dog runs."})
    assert hub == Example("", {"concepts": "dog, run"}, ("A dog runs.",))
    original = {"concept_set": "dog#run", "scene": ["A dog runs.", "Dogs run.", "A dog runs."], "reason": ["Dogs can run."]}
    assert one("common_gen", original) == Example("", {"concepts": "dog, run"}, ("A dog runs.", "Dogs run."), rationale="Dogs can run.")
    meaning = "name[Zizzi], food[Fish]"
    grouped = one("e2e_nlg", {"input": meaning, "answers": ["Zizzi has fish.", "Fish at Zizzi."]})
    gem = one("e2e_nlg", {"meaning_representation": meaning, "target": "x", "references": ["Zizzi has fish.", "Fish at Zizzi."]})
    assert grouped == gem == Example("", {"meaning": meaning}, ("Zizzi has fish.", "Fish at Zizzi."))
    assert one("e2e_nlg", {"meaning_representation": meaning, "human_reference": "Zizzi has fish."}).targets == ("Zizzi has fish.",)
    assert one("e2e_nlg", {"meaning_representation": meaning, "target": "Zizzi.", "references": []}).targets == ("Zizzi.",)


def test_a_pair_of_wmt_is_read_in_both_directions() -> None:
    row = {"translation": {"de": "Ein Hund.", "en": "A dog."}}
    there, back = one("wmt/en-de", row), one("wmt/de-en", row)
    assert there == Example("", {"source": "A dog.", "source_language": "English", "target_language": "German"}, ("Ein Hund.",))
    assert back == Example("", {"source": "Ein Hund.", "source_language": "German", "target_language": "English"}, ("A dog.",))


def test_the_rules_of_ifeval_are_kept_with_their_arguments_alone() -> None:
    names = ["punctuation:no_comma", "length_constraints:number_words"]
    file = {"key": 1000, "prompt": "Write.", "instruction_id_list": names, "kwargs": [{}, {"relation": "at least", "num_words": 300}]}
    nulls = {"relation": None, "num_words": None, "num_highlights": None}
    hub = {**file, "kwargs": [nulls, {**nulls, "relation": "at least", "num_words": 300}]}
    example = one("ifeval", file)
    assert example == one("ifeval", hub) and example.id == "1000"
    assert [json.loads(target) for target in example.targets] == [
        {"instruction": "punctuation:no_comma"},
        {"instruction": "length_constraints:number_words", "relation": "at least", "num_words": 300},
    ]


@pytest.mark.parametrize(
    ("name", "row", "why"),
    [
        ("squad", {**PASSAGE, "answers": {"text": [], "answer_start": []}}, "no label, as in test rows"),
        ("squad", {**PASSAGE, "answers": [{"text": "Ann"}], "is_impossible": True}, "the text does not answer the question"),
        ("squad", {**PASSAGE, "answers": [{"text": " "}]}, "one of the answers is empty or not text"),
        ("xquad/en", {"context": "c", "answers": [{"text": "a"}]}, "no question"),
        ("trivia_qa", {"question": "?", "answer": {"value": "<unk>", "aliases": []}}, "no label, as in test rows"),
        ("nq_open", {"question": "?", "answer": []}, "no label, as in test rows"),
        ("snli", {"premise": "a", "hypothesis": "b", "label": -1}, "no label, as in test rows"),
        ("snli", {"sentence1": "a", "sentence2": "b", "gold_label": "-"}, "no label, as in test rows"),
        ("ag_news", {"class": "5", "title": "a", "description": "b"}, "unknown label"),
        ("imdb", {"text": "unlabelled", "label": -1}, "no label, as in test rows"),
        ("xsum", {"document": "a", "summary": " "}, "empty summary"),
        ("cnn_dailymail", {"article": "a"}, "no highlights"),
        ("common_gen", {"concepts": ["dog"], "target": "A dog."}, "fewer than two concepts"),
        ("common_gen", {"concepts": ["dog", "run"], "target": ""}, "empty target"),
        ("e2e_nlg", {"input": "name[Zizzi]", "answers": [" "]}, "one of the answers is empty or not text"),
        ("wmt/en-de", {"translation": {"en": "A dog.", "de": ""}}, "empty de"),
        ("wmt/en-fr", {"text": "A dog."}, "no translation"),
        ("ifeval", {"key": 1, "prompt": "Write.", "instruction_id_list": [], "kwargs": []}, "no instruction ids"),
        (
            "ifeval",
            {"key": 1, "prompt": "Write.", "instruction_id_list": ["a:b"], "kwargs": []},
            "instruction ids and arguments do not match",
        ),
    ],
)
def test_a_row_that_cannot_be_read_says_why(name: str, row: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as caught:
        BENCHMARKS[name].parse(row)
    assert caught.value.what == why

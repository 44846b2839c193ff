"""SuperGLUE: rows of the hub and of the original files become the same examples; the special cases, each with its arithmetic."""

from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import group_of
from didact.tasks.benchmarks.reading import joined_highlights, record_for_training, without_tags
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.benchmarks.wsc import marked, span_place

LABELS = {
    "boolq": ("False", "True"),
    # Not MNLI's order.
    "cb": ("entailment", "contradiction", "neutral"),
    "multirc": ("False", "True"),
    "rte": ("entailment", "not_entailment"),
    "wic": ("False", "True"),
    "axb": ("entailment", "not_entailment"),
    "axg": ("entailment", "not_entailment"),
}


def parsed_all(name: str, row: dict[str, Any]) -> tuple[Example, ...]:
    found = BENCHMARKS[f"superglue/{name}"].parse(row)
    return found if isinstance(found, tuple) else (found,)


def parsed(name: str, row: dict[str, Any]) -> Example:
    (example,) = parsed_all(name, row)
    return example


def why_not(name: str, row: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        BENCHMARKS[f"superglue/{name}"].parse(row)
    return caught.value.what


def hub_row(name: str, **more: Any) -> dict[str, Any]:
    return {**{field: f"The {field}." for field in BENCHMARKS[f"superglue/{name}"].fields}, "idx": 3, **more}


@pytest.mark.parametrize("name", LABELS)
def test_label_ids_of_the_hub_stand_for_these_names_in_this_order(name: str) -> None:
    examples = [parsed(name, hub_row(name, label=number)) for number in range(len(LABELS[name]))]
    assert tuple(example.targets[0] for example in examples) == LABELS[name] == BENCHMARKS[f"superglue/{name}"].choices
    assert why_not(name, hub_row(name, label=-1)) == "no label, as in test rows"


@pytest.mark.parametrize(
    ("name", "row", "target"),
    [
        ("boolq", {"question": "is it", "passage": "It is.", "idx": 0, "label": True}, "True"),
        ("boolq", {"question": "is it", "title": "It", "answer": False, "passage": "It is not."}, "False"),
        ("cb", {"premise": "p", "hypothesis": "h", "label": "neutral", "idx": 0}, "neutral"),
        ("rte", {"premise": "p", "hypothesis": "h", "label": "not_entailment", "idx": 0}, "not_entailment"),
        ("wic", {"word": "run", "sentence1": "a", "sentence2": "b", "idx": 0, "label": False, "start1": 0, "version": 1.1}, "False"),
        ("axb", {"sentence1": "a", "sentence2": "b", "label": "entailment", "logic": "Negation", "idx": 0}, "entailment"),
    ],
)
def test_labels_of_the_original_files_are_words_or_truth_values(name: str, row: dict[str, Any], target: str) -> None:
    assert parsed(name, row).targets == (target,)


def test_the_diagnostic_sets_have_two_labels_for_a_three_way_answer() -> None:
    for word in ("neutral", "contradiction"):
        assert parsed("axb", hub_row("axb", label=word)).targets == ("not_entailment",)


# COPA


def test_copa_answers_with_the_choice_itself() -> None:
    row = {"premise": "It rained.", "choice1": "The road is wet.", "choice2": "The road is dry.", "question": "effect", "idx": 4}
    first, second = parsed("copa", {**row, "label": 0}), parsed("copa", {**row, "label": 1})
    assert (first.targets, second.targets) == (("The road is wet.",), ("The road is dry.",))
    assert first.choices == ("The road is wet.", "The road is dry.") and first.fields["question"] == "effect"
    assert why_not("copa", {**row, "label": 0, "question": "why"}) == "the question is neither cause nor effect"
    assert why_not("copa", {**row, "label": -1}) == "no label, as in test rows"


def test_folded_rows_of_copa_name_the_choices_a_and_b() -> None:
    sentence = 'Which sentence is the effect of "It rained."? Choose one between A and B.\nA: The road is dry.\nB: The road is wet.'
    example = parsed("copa", {"sentence": sentence, "label": "B"})
    assert (example.targets, example.fields["question"], example.fields["premise"]) == (("The road is wet.",), "effect", "It rained.")


# MultiRC


def test_tags_of_multirc_become_spaces() -> None:
    assert without_tags("<b>Sent 1: </b>Ann came.<br><b>Sent 2: </b>She sat.<br/>") == "Sent 1: Ann came. Sent 2: She sat."
    assert without_tags("2 < 3 and b > a") == "2 < 3 and b > a"


def test_an_answers_group_is_its_question() -> None:
    rows = [
        {
            "paragraph": "P",
            "question": "Q?",
            "answer": f"a{answer}",
            "idx": {"paragraph": 1, "question": question, "answer": answer},
            "label": 1,
        }
        for question, answer in ((3, 10), (3, 11), (4, 12))
    ]
    examples = [parsed("multirc", row) for row in rows]
    assert [example.id for example in examples] == ["1/3/10", "1/3/11", "1/4/12"]
    assert [group_of(example.id) for example in examples] == ["1/3", "1/3", "1/4"]


def test_an_original_row_of_multirc_holds_all_its_questions_and_becomes_the_same_examples() -> None:
    answers = [[{"text": "x", "idx": 10, "label": 0}, {"text": "y", "idx": 11, "label": 1}], [{"text": "z", "idx": 12, "label": 1}]]
    questions = [{"question": f"Q{number}?", "answers": given, "idx": number + 3} for number, given in enumerate(answers)]
    original = {"idx": 1, "version": 1.1, "passage": {"text": "<b>Sent 1: </b>P.<br>", "questions": questions}}
    hub = [
        {
            "paragraph": "<b>Sent 1: </b>P.<br>",
            "question": q["question"],
            "answer": a["text"],
            "label": a["label"],
            "idx": {"paragraph": 1, "question": q["idx"], "answer": a["idx"]},
        }
        for q in questions
        for a in q["answers"]
    ]
    assert parsed_all("multirc", original) == tuple(parsed("multirc", row) for row in hub)
    assert [example.targets[0] for example in parsed_all("multirc", original)] == ["False", "True", "True"]


def test_rows_of_multirc_without_numbers_are_grouped_by_what_they_say() -> None:
    said = [("P", "Q?", "a"), ("P", "Q?", "b"), ("P", "R?", "a"), ("O", "Q?", "a")]
    examples = [parsed("multirc", dict(zip(("paragraph", "question", "answer"), row, strict=True)) | {"label": 0}) for row in said]
    groups = [group_of(example.id) for example in examples]
    assert groups[0] == groups[1] and len(set(groups)) == 3
    # The reader puts the row's place after the `/`, so that ids differ.
    assert all(example.id.endswith("/") for example in examples)


# ReCoRD

RECORD = {
    "passage": "Ann Lee won in Oslo.\n@highlight\nAnn beat Bo\n@highlight\nBo came second",
    "query": "@placeholder was first.",
    "entities": ["Ann Lee", "Oslo", "Ann", "Bo", "Ann"],
    "answers": ["Ann Lee", "Ann", "Ann Lee"],
    "idx": {"passage": 2, "query": 5},
}


def test_highlights_become_sentences() -> None:
    # After a full stop the mark is only a space; after a word it is a full stop and a space.
    assert joined_highlights(RECORD["passage"]) == "Ann Lee won in Oslo. Ann beat Bo. Bo came second"
    for end in "?!\"'":
        assert joined_highlights(f"Done{end}\n@highlight\nNext") == f"Done{end} Next"


def test_a_query_is_judged_once_and_trained_once_for_every_answer() -> None:
    judged = parsed("record", RECORD)
    assert (judged.id, judged.targets) == ("2/5", ("Ann Lee", "Ann"))
    assert judged.choices == ("Ann Lee", "Oslo", "Ann", "Bo") and judged.fields["entities"] == "Ann Lee, Oslo, Ann, Bo"
    trained = record_for_training(RECORD)
    assert [(example.id, example.targets) for example in trained] == [("2/5/0", ("Ann Lee",)), ("2/5/1", ("Ann",))]
    assert {example.choices for example in trained} == {judged.choices}
    assert BENCHMARKS["superglue/record"].parse_train is record_for_training


def test_an_original_row_of_record_points_at_its_entities() -> None:
    text = "Ann Lee won in Oslo."
    # The last character of a span belongs to it: 0..6 is "Ann Lee", 15..18 "Oslo".
    passage = {"text": text, "entities": [{"start": 15, "end": 18}, {"start": 0, "end": 6}]}
    asked = [{"query": "@placeholder won.", "idx": 5, "answers": [{"start": 0, "end": 6, "text": "Ann Lee"}]}]
    row = {"source": "news", "passage": passage, "qas": asked, "idx": 2}
    example = parsed("record", row)
    assert (example.id, example.targets, example.choices) == ("2/5", ("Ann Lee",), ("Oslo", "Ann Lee"))
    moved = {"text": f"  {text}", "entities": [{"start": span["start"] + 2, "end": span["end"] + 2} for span in passage["entities"]]}
    assert parsed("record", {**row, "passage": moved}).choices == ("Oslo", "Ann Lee")
    assert why_not("record", {**row, "passage": {**passage, "entities": [{"start": 15, "end": 20}]}}) == "an entity outside the passage"
    # An answer that no entity spells is kept as the answer; the entities are then no options.
    other = [{**asked[0], "answers": [{"text": "Lee"}]}]
    assert [(e.targets, e.choices, e.fields["entities"]) for e in parsed_all("record", {**row, "qas": other})] == [
        (("Lee",), (), "Oslo, Ann Lee")
    ]


def test_what_cannot_be_asked_of_record_is_refused() -> None:
    assert why_not("record", {**RECORD, "answers": []}) == "no answer, as in test rows"
    assert why_not("record", {**RECORD, "query": "Who was first?"}) == "no @placeholder in the query"
    assert why_not("record", {**RECORD, "entities": []}) == "no entities"


# WSC


def test_the_marks_of_one_span_do_not_move_the_other() -> None:
    text = "Mark told Pete many lies about himself , which Pete included in his book . He should have been more truthful ."
    # Words: 0 Mark, 2 Pete, 9 Pete, 15 He.
    assert marked(text, "Mark", 0, "He", 15).startswith("*Mark* told Pete") and "#He# should" in marked(text, "Mark", 0, "He", 15)
    assert "which *Pete* included" in marked(text, "Pete", 9, "He", 15)
    assert "told *Pete* many" in marked(text, "Pete", 2, "He", 15)
    # The pronoun may come first.
    assert marked("When he left , Bob sang .", "Bob", 4, "he", 1) == "When #he# left , *Bob* sang ."


def test_a_span_of_several_words_and_of_other_case_is_found() -> None:
    assert marked("The city councilmen refused them .", "the city councilmen", 0, "them", 4) == "*The city councilmen* refused #them# ."
    # White space in the text may be wider than in the span: the mark still stands behind its last word.
    assert marked("The  old\tman sat , for he was tired .", "The old man", 0, "he", 6) == "*The  old\tman* sat , for #he# was tired ."
    # Not within a word: "it" is not in "fit".
    assert marked("It did not fit and it fell .", "It", 0, "it", 5) == "*It* did not fit and #it# fell ."


GOOD_FOR_HIM = (
    'The boy continued to whip the pony , and eventually the pony threw him over. John laughed out quite loud. "Good for him," he said. '
)
MAGIC_PEBBLE = (
    "When they had eventually calmed down a bit , and had gotten home, Mr. Farley put the magic pebble in an iron safe . "
    "Some day they might want to use it , but really for now, what more could they wish for?"
)


def test_the_two_rows_whose_span_does_not_stand_at_its_number_are_marked_right() -> None:
    # Word 22 of the first is `him,"`: a comma and a quotation mark belong to it, and "him" also stands as word 13.
    row = {"text": GOOD_FOR_HIM, "span1_text": "John", "span1_index": 15, "span2_text": "him", "span2_index": 22, "label": 0, "idx": 1}
    said = parsed("wsc", row).fields["marked"]
    assert said.endswith('*John* laughed out quite loud. "Good for #him#," he said.') and "threw him over" in said
    # Word 30 of the second is "use"; the pronoun is word 31.
    start, end = span_place(MAGIC_PEBBLE, "it", 30)
    assert MAGIC_PEBBLE.split()[30:32] == ["use", "it"] and MAGIC_PEBBLE[:start].endswith("to use ") and MAGIC_PEBBLE[start:end] == "it"
    assert "to use #it# , but" in marked(MAGIC_PEBBLE, "the magic pebble", 16, "it", 30)
    assert "put *the magic pebble* in" in marked(MAGIC_PEBBLE, "the magic pebble", 16, "it", 30)


def test_hub_and_original_rows_of_wsc_become_the_same_example() -> None:
    spans = {"span1_text": "Bea", "span1_index": 2, "span2_text": "she", "span2_index": 5}
    hub = parsed("wsc", {"text": "Ann saw Bea , so she waved .", **spans, "idx": 8, "label": 1})
    original = parsed("wsc", {"text": "Ann saw Bea , so she waved .", "target": spans, "idx": 8, "label": True})
    assert hub == original
    assert hub.fields == {
        "text": "Ann saw Bea , so she waved .",
        "span1": "Bea",
        "span2": "she",
        "marked": "Ann saw *Bea* , so #she# waved .",
    }
    assert (hub.id, hub.targets, hub.choices) == ("8", ("True",), ("False", "True"))


def test_a_span_that_is_nowhere_is_refused() -> None:
    row = {"text": "Ann waved .", "span1_text": "Bea", "span1_index": 0, "span2_text": "Ann", "span2_index": 0, "label": 1}
    assert why_not("wsc", row) == "a span is not in the text"
    assert why_not("wsc", {**row, "span1_text": "Ann", "span1_index": None}) == "a span has no index"
    assert why_not("wsc", {**row, "span1_text": "Ann waved"}) == "the two spans overlap"


# AX-g


def test_consecutive_rows_of_axg_are_pairs() -> None:
    rows = [{"premise": "p", "hypothesis": "h", "idx": number, "label": 0} for number in range(4)]
    ids = [parsed("axg", row).id for row in rows]
    assert ids == ["pair 0/0", "pair 0/1", "pair 1/2", "pair 1/3"]
    assert [group_of(one) for one in ids] == ["pair 0", "pair 0", "pair 1", "pair 1"]
    # The original file's `pair_id` is another one for every row: premise and hypothesis are its pair.
    assert [group_of(parsed("axg", {**row, "pair_id": 551646 + number}).id) for number, row in enumerate(rows)] == [
        "pair 0",
        "pair 0",
        "pair 1",
        "pair 1",
    ]

"""Each of IFEval's 25 instructions by worked examples: what follows it, and what nearly does."""

import json
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError, RecipeError
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.topics import parse_ifeval
from didact.tasks.ifeval.checks import CHECKS, check_answers, read_instruction
from didact.tasks.ifeval.counting import capital_words, sentences
from didact.tasks.task import Task


def followed(text: str, name: str, **arguments: Any) -> bool:
    return read_instruction(json.dumps({"instruction": name, **arguments})).followed_by(text)


LOW, MANY = "less than", "at least"
EXAMPLES: list[tuple[str, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = [
    # name, arguments, texts that follow it, texts that do not
    ("change_case:capital_word_frequency", {"capital_relation": MANY, "capital_frequency": 2}, ("NASA and ESA",), ("NASA and Esa", "I'm")),
    ("change_case:capital_word_frequency", {"capital_relation": LOW, "capital_frequency": 2}, ("One NASA",), ("I saw NASA",)),
    (
        "change_case:english_capital",
        {},
        ("THE BIRD IS IN THE TREE.", "YES!"),
        ("The bird.", "42", "DER HUND IST NICHT IN DEM HAUS UND WIR AUCH."),
    ),
    (
        "change_case:english_lowercase",
        {},
        ("the bird is in the tree.", "yes!"),
        ("the Bird", "42", "да", "der hund ist nicht in dem haus und wir auch."),
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "Name a bird."},
        (" name a BIRD.\nWren.",),
        ("Name a bird: wren.", "Sure. Name a bird."),
    ),
    (
        "combination:two_responses",
        {},
        ("Red.\n******\nBlue.", "******\nRed.\n******\nBlue."),
        ("Red.***Blue.", "A******B******C", "A******A", "A******"),
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ("[name], [the street]",),
        ("[name], []", "[[name]]", "(name) (street)"),
    ),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, ("Bye.\np.s. Eat!", "P. S. Eat!"), ("PS: Eat!", "Stop.S.")),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ("P.S. Eat!\nP.P.S. Sleep!", "P.P.S eat"), ("P.S. Eat!",)),
    (
        "detectable_format:constrained_response",
        {},
        ("My answer is yes.", "Well: My answer is maybe."),
        ("My answer is Yes.", "my answer is no"),
    ),
    (
        "detectable_format:json_format",
        {},
        ('{"a": [1]}', '```json\n{"a": 1}\n```', "```[]```"),
        ("{'a': 1}", '{"a": 1}.', "[NaN]", "[" * 99_999),
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        ("SECTION 1 a SECTION2 b",),
        ("Section 1 Section 2", "SECTION 1"),
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ("* a\n- b", "So:\n\n  *  **A** and b\n-b\n---"),
        ("* a", "* a\n* b\n* c", "1. a\n2. b", "**a**\n**b**"),
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ("*a b* and **c**", "* *a*, ***b***"),
        ("*a*", "2 * 3 * 4 * 5 * 6", "* a\n* b\n* c", "**a"),
    ),
    ("detectable_format:title", {}, ("<<Birds>>\nThey sing.",), ("<< >>", "<Birds>", "<<Birds\n>>")),
    ("keywords:existence", {"keywords": ["U.S.", "war"]}, ("The u.s. and its wars",), ("The U.S.", "The UxSx war")),
    ("keywords:forbidden_words", {"forbidden_words": ["rock", "U.S."]}, ("Rocks, UxSx",), ("A ROCK!", "the U.S. army", "rock-hard")),
    ("keywords:frequency", {"keyword": "war", "frequency": 2, "relation": MANY}, ("War, warm",), ("War",)),
    ("keywords:frequency", {"keyword": "a.", "frequency": 1, "relation": LOW}, ("ab",), ("a. b",)),
    ("keywords:letter_frequency", {"letter": "O", "let_frequency": 3, "let_relation": MANY}, ("Oh, noo",), ("Oh, no",)),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": LOW}, ("#1",), ("#1 #2",)),
    (
        "language:response_language",
        {"language": "de"},
        ("Der Hund ist nicht in dem Haus, und wir sind es auch nicht.",),
        ("The dog is not in the house.", "42"),
    ),
    ("language:response_language", {"language": "te"}, ("పిల్లి ఇంట్లో ఉంది",), ("The cat is in the house, and so is the dog.",)),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "elm"},
        ("One.\n\nElm trees.", "One.\n\n\n\n**Elm**: a tree.\n\n"),
        ("One.\n\nElms.", "Elm.\n\nOne.", "One.\n\nElm.\n\nThree.", "One.\nElm."),
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ("One.\n***\nTwo.", "***\nOne.\n***\nTwo.\n***"),
        ("One.\n\nTwo.", "One.***\n***Two."),
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": MANY},
        ("Yes! No.", "他走了。她也走了。"),
        ("Dr. No came at 3.50 p.m. today.",),
    ),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": LOW}, ("So ... what?",), ("So? What?",)),
    ("length_constraints:number_words", {"num_words": 3, "relation": MANY}, ("Red, green, blue", "हिन्दी में नमस्ते"), ("Red - blue",)),
    ("length_constraints:number_words", {"num_words": 3, "relation": LOW}, ("Red - blue", "हिन्दी में"), ("It's red",)),
    ("punctuation:no_comma", {}, ("Red; blue",), ("Red, blue", "أحمر، أزرق")),
    (
        "startend:end_checker",
        {"end_phrase": "That is all."},
        ("Red. that is ALL. ", '"Red. That is all."'),
        ("That is all. Bye.", "That is all"),
    ),
    ("startend:quotation", {}, ('"Red."', " “Red.” \n"), ("'Red.'", '"Red" it is', '"')),
]


@pytest.mark.parametrize(
    ("name", "arguments", "do", "do_not"), EXAMPLES, ids=[f"{name} {number}" for number, (name, *_) in enumerate(EXAMPLES)]
)
def test_a_text_follows_or_does_not(name: str, arguments: dict[str, Any], do: tuple[str, ...], do_not: tuple[str, ...]) -> None:
    assert [text for text in do if not followed(text, name, **arguments)] == []
    assert [text for text in do_not if followed(text, name, **arguments)] == []
    assert not followed(" \n", name, **arguments)


def test_every_instruction_has_an_example() -> None:
    assert {name for name, *_ in EXAMPLES} == set(CHECKS) and len(CHECKS) == 25


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("*** - ***", 0),
        ("No full stop", 1),
        ("Mr. Li met Dr. Wu, e.g. at 7.30 p.m. on Sunday.", 1),
        ("It was 7 p.m. Then he left.", 2),
        ("J. R. Smith, Ph.D. and son.", 1),
        ("Am I? Yes, I am! So am I. Good.", 4),
        ('"Why?" he asked. "Because." She left.', 3),
        ("Well ... yes. Well... Yes.", 3),
        ("1. Eat.\n2. Sleep.\n\n(a) Dream.", 3),
        ("It costs 3.50. Visit example.com. Now!", 3),
        ("वह गया। वह आई।", 2),
        ("他走了。她呢？", 2),
        ("What?! No way!!! Stop.", 3),
        ("**Bold.** _Thin._ (In brackets.) Done.", 4),
    ],
)
def test_sentences_are_counted_without_a_trained_splitter(text: str, count: int) -> None:
    assert len(sentences(text)) == count, sentences(text)


def test_sentences_lose_no_letter() -> None:
    text = 'A. One "two." Three! 4. Five ... six? Seven\n\n- eight.'
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_capital_words_have_a_letter_and_no_small_one() -> None:
    assert capital_words("I am in the USA, U.K. 42 TIMES; McDONALD R2-D2 **BOLD** ÄRGER") == [
        "I",
        "USA",
        "U.K",
        "TIMES",
        "R2-D2",
        "BOLD",
        "ÄRGER",
    ]


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("red", "no instruction of IFEval in 'red'"),
        ('["red"]', "no instruction of IFEval in"),
        ('{"instruction": "punctuation:no_coma"}', "no instruction of IFEval named 'punctuation:no_coma'"),
        ('{"instruction": "keywords:existence"}', "'keywords:existence' needs argument 'keywords'"),
        ('{"instruction": "punctuation:no_comma", "num": 1}', "'punctuation:no_comma' has no argument 'num'"),
        ('{"instruction": "keywords:existence", "keywords": "red"}', "argument 'keywords' of 'keywords:existence' is 'red'"),
        ('{"instruction": "keywords:existence", "keywords": []}', "argument 'keywords'"),
        ('{"instruction": "length_constraints:number_words", "num_words": 2.5, "relation": "at least"}', "argument 'num_words'"),
        ('{"instruction": "length_constraints:number_words", "num_words": true, "relation": "at least"}', "argument 'num_words'"),
        ('{"instruction": "length_constraints:number_words", "num_words": 3, "relation": "at most"}', "'relation' .* is 'at most'"),
    ],
)
def test_what_makes_no_sense_is_refused(target: str, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        read_instruction(target)
    assert caught.value.expected


def test_numbers_may_be_written_as_tables_have_them() -> None:
    assert followed("- a\n- b\n- c", "detectable_format:number_bullet_lists", num_bullets=3.0)


def test_the_instructions_of_all_541_prompts_are_read(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "ifeval" / "input_data.jsonl").read_text().splitlines()]
    read = [read_instruction(target) for row in rows for target in parse_ifeval(row).targets]
    assert (len(rows), len(read), {one.name for one in read}) == (541, 834, set(CHECKS))
    # Every check can be asked; nobody follows many of them by chance.
    num_followed = sum(one.followed_by("I cannot help with that.") for one in read)
    assert 0 < num_followed < 834 / 2


def test_prompts_without_answers_are_refused_for_training_and_our_samples_are_not() -> None:
    row = parse_ifeval({"key": 1, "prompt": "Write. No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]})
    with pytest.raises(RecipeError, match="task 'mine' has no answers to train on") as refused:
        check_answers(Task("mine", (row,), kind="ifeval"))
    assert "--on ifeval" in str(refused.value)
    check_answers(*sample_tasks("ifeval"))
    check_answers(Task("other", (row,)))

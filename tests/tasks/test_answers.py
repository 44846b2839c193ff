"""The answer in what a model wrote: the golden endings, item names, numbers; and what is no answer."""

from decimal import Decimal
from pathlib import Path

import pytest

from didact.base.recipe import Source
from didact.tasks.answers import answer_sentence, answer_text, choice_of, number_of
from didact.tasks.readers import load_tasks

CITIES = ("London", "Paris", "Rome", "Berlin")
YES_NO = ("Yes", "No")
LETTERS = ("(A)", "(B)", "(C)")  # as BBH has them: the rows list the options, the choices are their names
NLI = ("entailment", "neutral", "contradiction")
PAIR = ("entailment", "not_entailment")


@pytest.mark.parametrize(
    "text", ["(B)", "B", "B.", "b", "(b)", "B)", "[B]", "(B).", "b.", " B\n", "**B**", "`B`", "2", "(2)", "2.", "ii", "II."]
)
def test_an_item_name_is_its_choice(text: str) -> None:
    assert choice_of(text, CITIES) == 1


@pytest.mark.parametrize(
    "text", ["Paris", "paris", "PARIS.", '"Paris"', "(Paris)", "**Paris**", "Paris!", "(B) Paris", "B. Paris", "b) paris.", "B: Paris"]
)
def test_the_text_of_an_option_is_its_choice_with_or_without_its_name(text: str) -> None:
    assert choice_of(text, CITIES) == 1


@pytest.mark.parametrize(
    "text",
    [
        "So the answer is (B)",
        "So the answer is (B).",
        "It has a tower. The answer is B.",
        "**Answer: B**",
        "Answer: (B) Paris",
        "The answer is Paris",
        "The answer is **Paris**.",
        "The answer is (B). I hope that this helps!",
        "The answer is Paris. It lies on the Seine.",
        "the answer to this question is: (b)",
        "The correct option is B",
        "Final answer: $\\boxed{B}$",
        "\\boxed{Paris}",
        "London is older, so first I thought that the answer is A. But the answer is B.",
        "B\nBecause it lies on the Seine.",
        "It lies on the Seine.\nB",
        "(B) because it lies on the Seine",
        "I think that it is (B)",
        "That must be Paris, I think.",
        "Option B",
    ],
)
def test_an_answer_is_found_where_it_is_announced_or_stands_alone(text: str) -> None:
    assert choice_of(text, CITIES) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "E",
        "(E)",
        "5",
        "A or B",
        "London or Paris",
        "Paris\nRome",
        "I do not know.",
        "A dog",
        "(B) Rome",
        "It is not Paris.",
        "It isn't (B).",
        "Athens",
        "Paris, Rome",
    ],
)
def test_what_gives_no_choice_or_two_is_not_guessed(text: str) -> None:
    assert choice_of(text, CITIES) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("So the answer is Yes", 0),
        ("... is No.", 1),
        ("yes, it does", 0),
        ("no", 1),
        ("yes and no", None),
        ("Yes, because there is no other way.", 0),
        ("No. Yes would be odd here.\nNot at all.", 1),
        ("The answer is yes, as no rain fell.", 0),
        ("Yes, no", None),
        ("Yes. No.", None),
        ("No rain fell, yes?", None),
    ],
)
def test_yes_and_no(text: str, place: int | None) -> None:
    assert choice_of(text, YES_NO) == place


@pytest.mark.parametrize(("text", "place"), [("(B)", 1), ("B", 1), ("So the answer is (C).", 2), ("the answer is C", 2), ("(D)", None)])
def test_choices_that_are_item_names_themselves(text: str, place: int | None) -> None:
    assert choice_of(text, LETTERS) == place


def test_a_label_within_another_is_told_apart() -> None:
    assert [choice_of(text, PAIR) for text in ("entailment", "not_entailment", "not entailment", "Not-entailment.")] == [0, 1, 1, 1]
    assert choice_of("I would say it is not entailment here", PAIR) == 1
    assert choice_of("This looks like a contradiction to me", NLI) == 2


def test_the_text_of_an_option_wins_over_an_item_name_without_brackets() -> None:
    assert [choice_of(text, ("B", "C", "A")) for text in ("A", "B", "(A)", "(B)")] == [2, 0, 0, 1]
    # A number that is none of the options is a wrong answer, not the third option.
    assert [choice_of(text, ("2", "4", "6")) for text in ("2", "4.", "3", "3.", "(3)")] == [0, 1, None, None, 2]
    assert [choice_of(text, ("-3.5", "3.5")) for text in ("-3.5.", "3.5", "The answer is -3.5.")] == [0, 1, 0]


def test_a_choice_that_goes_on_where_another_ends_is_told_from_it() -> None:
    lips = ("lower lip.", "lower lip and teeth.", "lower lip, teeth and gums.")
    assert [choice_of(f"So the answer is {text}", lips) for text in (*lips, "lower lip, teeth and gums..")] == [0, 1, 2, 2]


@pytest.mark.parametrize("name", ["mmlu", "bbh"])
def test_every_choice_of_real_rows_is_read_back(shared: Path, name: str) -> None:
    num_read, wrong = 0, []
    for task in load_tasks([Source(name=name, reader="benchmark", path=str(shared / name), split="test", limit=25)]):
        for example in task.examples:
            if len({choice.strip() for choice in example.choices}) < len(example.choices):
                continue  # a few rows of MMLU list a choice twice
            for place, choice in enumerate(example.choices):
                letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]
                texts = (choice, f"({letter})", f"The answer is {choice}") if "\n" not in choice else (choice, f"({letter})")
                num_read += len(texts)
                wrong += [text for text in texts if choice_of(text, example.choices) != place]
    assert num_read > 5000
    assert wrong == []


def test_equal_options_cannot_be_told_apart() -> None:
    assert [choice_of(text, ("same", "same")) for text in ("same", "(B)")] == [None, 1]


def test_every_choice_is_read_back_from_each_way_to_name_it() -> None:
    for place, city in enumerate(CITIES):
        letter, roman = "ABCD"[place], ("i", "ii", "iii", "iv")[place]
        for text in (
            city,
            letter,
            f"({letter})",
            f"{letter}.",
            f"{letter.lower()})",
            f"[{roman}]",
            f"{roman}.",
            f"{place + 1}.",
            f"({letter}) {city}",
        ):
            for said in (text, f"So the answer is {text}", f"Reasons.\nThe answer is {text}."):
                assert choice_of(said, CITIES) == place, said


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("So the answer is -3.5.", "-3.5"),
        ("... is -3.5.", "-3.5"),
        ("1,234", "1234"),
        ("$18", "18"),
        ("-$18.50", "-18.50"),
        ("50%", "50"),
        ("#### 1,000", "1000"),
        ("She has 3 + 5 = 8 apples. The answer is 8. That is 3 more than before.", "8"),
        ("The answer is 3 + 5 = 8.", "8"),
        ("The answer is $\\boxed{42}$.", "42"),
        ("**Answer: 7**", "7"),
        ("5-3 leaves 2", "2"),
        ("from 7 to 5-3", "3"),
        ("४२", "42"),
        ("−4", "-4"),
        (".5", ".5"),
        ("1,2,3", "3"),
        ("The answer is unknown, but 9 is likely", "9"),
    ],
)
def test_the_number_that_is_answered_with(text: str, number: str) -> None:
    assert number_of(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "eighteen", "-", "the answer is none"])
def test_no_number_is_none(text: str) -> None:
    assert number_of(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So the answer is (A)", "A"),
        ("So the answer is (A).", "A"),
        ("So the answer is Yes", "Yes"),
        ("So the answer is -3.5.", "-3.5"),
        ("**Answer: B**", "B"),
        ("1,234", "1,234"),
        ('The answer is "the U.S. Army".', "the U.S. Army"),
        ("no announcement here", "no announcement here"),
    ],
)
def test_free_answers_lose_a_full_stop_and_brackets_but_neither_minus_nor_inner_points(text: str, answer: str) -> None:
    assert answer_text(text) == answer


def test_the_first_sentence_of_an_answer_stands_for_models_that_go_on() -> None:
    text = "The answer is Yes. Let me know if you have more questions."
    assert answer_sentence(text) == "Yes"
    assert answer_text(text) != "Yes"

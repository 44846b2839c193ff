"""The grammar of made tasks: its instructions are recognised, its answers right."""

import random
import re

import pytest

from didact.synth.made_tasks import DAYS, FAMILIES, POOR, known, made_instruction


def test_every_instruction_is_recognised_but_the_poor_ones():
    poor = [re.sub(r"\\?\{\w+\\?\}", r"\\w+", re.escape(text)) for text in POOR]
    for number in range(500):
        said = made_instruction(random.Random(number))
        assert (known(said) is None) == any(re.fullmatch(pattern, said) for pattern in poor)


def test_recognising_minds_neither_capitals_nor_blanks():
    assert known("which of the two  numbers is LARGER") is not None
    assert known("Which of the three numbers is larger?") is None


@pytest.mark.parametrize(
    ("instruction", "answer"),
    [
        ("Convert 7 metres to centimetres.", "700 centimetres"),
        ("If today is Friday, what are tomorrow and the two days behind it?", "Saturday, Sunday, Monday"),
        ("Buy", None),
        ("Everyone gets a pair of plums. Buy enough for 11 guests.", "22"),
        ("How many letters are there in quince?", "6"),
    ],
)
def test_answers_are_right(instruction, answer):
    found = known(instruction)
    assert (found and found[0].make(found[1], random.Random(0))[1]) == answer


def test_labels_are_the_answers_of_classifications():
    classifying = [family for family in FAMILIES if family.labels]
    assert len(classifying) == 5
    for family in classifying:
        seen = {family.make({"place": "museum"}, random.Random(number))[1] for number in range(60)}
        assert seen == set(family.labels)


def test_inputs_and_answers_agree_where_they_are_computed():
    by_name = {family.patterns.split("|")[0]: family for family in FAMILIES}
    for number in range(50):
        rand = random.Random(number)
        given, answer = by_name["Add up the prices on this receipt from the {place}."].make({}, rand)
        assert sum(int(price) for price in re.findall(r"\d+", given)) == int(answer)
        given, answer = by_name["Tell me if this sum is even or odd."].make({}, rand)
        assert (sum(map(int, given.split(" + "))) % 2 == 0) == (answer == "even")
        given, answer = by_name["Find the longest word in the line and write only that word."].make({}, rand)
        assert [word for word in given.split() if len(word) >= len(answer)] == [answer]
    assert len(set(DAYS)) == 7

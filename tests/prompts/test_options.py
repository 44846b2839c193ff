"""Options: the list of the choices in sixty ways, and the answer that follows from the way."""

from collections import Counter
from random import Random

import pytest

from didact.base.errors import RecipeError
from didact.prompts.options import ENDS, STARTS, STYLES, OptionsFormat, OptionStyle, draw_options

YES_NO = ("yes", "no")


@pytest.mark.parametrize(
    ("style", "target", "answer"),
    [
        ("(A)", "yes", "(A)"),
        ("(A)", "no", "(B)"),
        ("(A)", " no ", "(B)"),
        ("1)", "no", "2)"),
        ("[i] in line", "no", "[ii]"),
        ("-", "yes", "yes"),
        (", in line", "no", "no"),
        ("lines", "no", "no"),
        ("(A)", "perhaps", "perhaps"),
    ],
)
def test_the_answer_is_the_items_name_where_items_have_names(style: str, target: str, answer: str) -> None:
    assert OptionsFormat(STYLES[style]).answer(YES_NO, target) == answer


def test_where_two_items_have_one_name_the_answer_stays_the_text() -> None:
    twice = OptionsFormat(OptionStyle("twice", ("(A)", "(A)", "(C)")))
    assert [twice.answer(YES_NO, target) for target in YES_NO] == ["yes", "no"]
    # Only the names in use count: of one option, (A) is the only name.
    assert twice.answer(("yes",), "yes") == "(A)"


@pytest.mark.parametrize(
    ("style", "start", "end", "block"),
    [
        ("(A)", "Options:", "", "Options:\n(A) yes\n(B) no"),
        ("(A)", "", "", "(A) yes\n(B) no"),
        ("a)", "Choices:", ";", "Choices:\na) yes;\nb) no;"),
        ("(1) in line", "Pick one:", "", "Pick one: (1) yes (2) no"),
        ("-", "OPTIONS:", ".", "OPTIONS:\n- yes.\n- no."),
        ("lines", "", "", "yes\nno"),
        (", in line", "Options:", ";", "Options: yes, no"),
        ("or in line", "", ".", "yes or no"),
    ],
)
def test_a_list_has_start_items_and_ends(style: str, start: str, end: str, block: str) -> None:
    assert OptionsFormat(STYLES[style], start, end).block(YES_NO) == block


def test_an_option_that_ends_in_a_mark_gets_no_second_one() -> None:
    assert OptionsFormat(STYLES["-"], "", ".").block(("It rains.", "It snows")) == "- It rains.\n- It snows."


def test_there_are_sixty_different_styles_starts_and_ends() -> None:
    styles = [STYLES[name] for name in STYLES]
    assert len(styles) == 60
    assert len({OptionsFormat(style, "").block(("yes", "no", "maybe")) for style in styles}) == 60
    assert len(set(STARTS)) == len(STARTS) == 16
    assert set(ENDS) == {"", ";", "."}
    assert all(len(set(style.names)) == len(style.names) for style in styles)


@pytest.mark.parametrize("num_options", [1, 2, 5, 26, 27, 60, 100])
def test_a_drawn_style_has_a_name_for_every_option_and_its_list_shows_them_all(num_options: int) -> None:
    options = tuple(f"option {number}" for number in range(num_options))
    random, with_names = Random(0), 0
    for _ in range(300):
        drawn = draw_options(random, options)
        assert not drawn.style.names or len(drawn.style.names) >= num_options
        answers = [drawn.answer(options, option) for option in options]
        assert len(set(answers)) == num_options
        assert all(answer in drawn.block(options) for answer in answers)
        with_names += answers != list(options)
    # 45 of the 60 styles have names; beyond 26 the 9 with numbers beside 15 without, beyond 99 none.
    share = 45 / 60 if num_options <= 26 else 9 / 24 if num_options <= 99 else 0
    assert abs(with_names / 300 - share) < 5 * 0.5 / 300**0.5


def test_a_style_that_hides_where_an_option_ends_is_not_drawn() -> None:
    options = ("bread, butter", "tea | milk", "ham / eggs", "one\ntwo", "a; b", "this or that")
    drawn = [draw_options(Random(seed), options).style for seed in range(300)]
    assert all(style.names for style in drawn)
    assert len({style.name for style in drawn}) > 30


def test_every_style_and_start_is_drawn_about_as_often_as_the_others() -> None:
    random = Random(1)
    drawn = [draw_options(random, YES_NO) for _ in range(12_000)]
    styles, starts = Counter(one.style.name for one in drawn), Counter(one.start for one in drawn)
    # 12,000 / 60 = 200 with a standard deviation of 14; 12,000 / 16 = 750 with one of 26.5; five of each.
    assert len(styles) == 60
    assert all(abs(count - 200) < 70 for count in styles.values())
    assert len(starts) == 16
    assert all(abs(count - 750) < 133 for count in starts.values())


def test_a_settled_style_is_used_plainly_and_numbers_take_its_place_where_names_run_out() -> None:
    assert draw_options(Random(0), YES_NO, "(A)") == OptionsFormat(STYLES["(A)"], "Options:", "")
    letters, numbers, many = ("x",) * 26, ("x",) * 27, ("x",) * 100
    names = [draw_options(Random(0), options, "(A)").style.name for options in (letters, numbers, many)]
    assert names == ["(A)", "(1)", "-"]
    with pytest.raises(RecipeError, match="no options style named 'A'"):
        draw_options(Random(0), YES_NO, "A")

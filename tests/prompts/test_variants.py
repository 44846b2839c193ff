"""One row in many wordings: which templates, which orders of the options, which ways to itemise; and the way back from each."""

import json
import math
from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from didact.base.recipe import Recipe
from didact.base.types import Example, Message
from didact.prompts.chosen import ChosenFormats
from didact.prompts.options import STYLES
from didact.prompts.promptsource import Wording
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import Template, TemplateSet
from didact.prompts.variants import Variant, itemisations, shows_choices, shuffles, variants
from didact.tasks.judged import Judged
from didact.tasks.label_metrics import f1_binary, matthews, mcq_accuracy
from didact.tasks.task import Task

ROWS = ("rows",)
LISTED = "{{ question }}\n{{ options }}"
TEMPLATES = (
    Template("quiz/a_listed", ROWS, LISTED),
    Template("quiz/b_plain", ROWS, "{{ question }}"),
    Template("quiz/c_joined", ROWS, "{{ question }} ({{ choices | join(', ') }})"),
    Template("quiz/d_secret", ROWS, "Pray tell: {{ question }}\n{{ options }}", held_out=True),
    Template("quiz/e_turned", ROWS, "Ask for {{ target }}.", "{{ question }}", inverted=True),
    Template("quiz/f_reasons", ROWS, "{{ question }} Why?", "{{ rationale }} So: {{ target }}", style="cot"),
    Template("quiz/g_odd", ROWS, "?? {{ question }}", default=False),
)


def yes_no(count: int = 6) -> Task:
    """Rows of two choices; `yes` is the second and so the positive class, and right in every other row."""
    answers = [("no", "yes")[number % 2] for number in range(count)]
    return Task("t", tuple(Example(f"{n}", {"question": f"{n}?"}, (answer,), ("no", "yes")) for n, answer in enumerate(answers)))


def colours(size: int = 4) -> Task:
    names = ("red", "blue", "green", "black", "white", "grey")[:size]
    return Task("colours", tuple(Example(f"{n}", {"question": f"{n}?"}, (names[n % size],), names) for n in range(8)))


def formats(
    prompts: dict[str, Any] | None = None, evaluate: dict[str, Any] | None = None, templates: tuple[Template, ...] = TEMPLATES
) -> ChosenFormats:
    return ChosenFormats(
        Recipe.model_validate_json(json.dumps({"prompts": prompts or {}, "evaluate": evaluate or {}})), TemplateSet(templates)
    )


def names(found: list[Variant]) -> list[str]:
    return [one.format.template.name.removeprefix("quiz/") for one in found]


def test_all_templates_are_those_of_the_mixture_and_the_held_out_ones_never_turned_around() -> None:
    task = yes_no()
    made, row = formats(), task.examples[0]
    assert names(variants(task, row, made, "record")) == ["a_listed"]
    assert names(variants(task, row, made, "all")) == ["a_listed", "b_plain", "c_joined", "d_secret"]  # g_odd is no usual one
    assert names(variants(task, row, made, "mixture")) == ["a_listed", "b_plain", "c_joined"]
    assert names(variants(task, row, made, "held_out")) == ["d_secret"]


def test_a_template_that_the_recipe_does_not_name_is_never_trained_with_and_so_held_out() -> None:
    task = yes_no()
    made = formats({"templates": ["quiz/b_plain", "quiz/g_odd"]})
    found = variants(task, task.examples[0], made, "all")
    assert dict(zip(names(found), [one.held_out for one in found], strict=True)) == {
        "b_plain": False,
        "a_listed": True,
        "c_joined": True,
        "d_secret": True,
        "g_odd": False,
    }
    assert found[0].format.template.name == "quiz/b_plain"  # that of record comes first


def test_the_template_of_record_may_be_one_that_was_never_trained_with() -> None:
    task = yes_no()
    made = formats({"templates": ["quiz/b_plain"]}, {"template": "quiz/a_listed"})
    assert [(n, one.held_out) for one in variants(task, task.examples[0], made) for n in names([one])] == [("a_listed", True)]


def test_a_recipe_whose_templates_do_not_fit_a_task_was_trained_with_none_of_its_wordings() -> None:
    task = yes_no()
    other = Template("other/x", ("superni",), "{{ input }}")
    made = formats({"templates": ["other/x"]}, {"template": "quiz/b_plain"}, (*TEMPLATES, other))
    found = variants(task, task.examples[0], made, "all")
    assert names(found) == ["b_plain", "a_listed", "c_joined", "d_secret"]
    assert all(one.held_out for one in found)


def test_rows_of_held_out_wordings_alone_have_no_other_ones_in_the_mixture() -> None:
    task = replace(yes_no(), level="unseen_templates")
    made = formats()
    assert names(variants(task, task.examples[0], made, "record")) == ["d_secret"]
    assert variants(task, task.examples[0], made, "record")[0].held_out
    assert not any(one.format.template.held_out for one in variants(task, task.examples[0], made, "mixture"))


def test_asking_for_the_reasoning_stays_with_templates_that_do() -> None:
    task = yes_no()
    found = variants(task, task.examples[0], formats(evaluate={"cot": True}), "all")
    assert names(found) == ["f_reasons"]
    without = tuple(one for one in TEMPLATES if one.style != "cot")
    asked = variants(task, task.examples[0], formats(evaluate={"cot": True}, templates=without), "all")
    assert names(asked) == ["a_listed", "b_plain", "c_joined", "d_secret"]
    assert all(one.format.reasoning is not None for one in asked)


def test_every_wording_shows_the_same_demonstrations() -> None:
    task = yes_no(20)
    found = variants(task, task.examples[0], formats(evaluate={"shots": 3}), "all", orders=1, styles=2, pool=task.examples[1:])
    shown = [[shot.id for shot, _ in one.format.shots] for one in found]
    assert len(found) == 7
    assert all(len(ids) == 3 and "0" not in ids for ids in shown)
    assert len({tuple(ids) for ids in shown}) == 1
    assert all(wording is one.format.template for one in found for _, wording in one.format.shots)


def test_conversations_and_recipes_without_instructions_have_one_wording() -> None:
    said = Example("1", messages=(Message("user", "Hi"), Message("assistant", "Ho")))
    assert len(variants(Task("chats", (said,), kind="messages"), said, formats(), "all", orders=2, styles=2)) == 1
    task = yes_no()
    assert names(variants(task, task.examples[0], formats({"instructions": "none"}), "all")) == ["bare/fields"]


def test_a_wording_of_promptsource_that_does_not_apply_is_left_out() -> None:
    task = yes_no()
    odd = Wording("{% if question == '1?' %}{{ question }} ||| {{ answer }}{% endif %}", answer_columns=("answer",))
    made = formats(templates=(TEMPLATES[1], Template("quiz/sometimes", ROWS, promptsource=odd)))
    assert [names(variants(task, row, made, "all")) for row in task.examples[:2]] == [["b_plain"], ["b_plain", "sometimes"]]


def test_orders_change_the_list_and_the_name_of_the_answer_and_not_what_is_right() -> None:
    task = colours()
    made = formats({"options_style": "(A)"})
    for row in task.examples:
        first, *others = variants(task, row, made, orders=3)
        assert [one.wording for one in others] == ["order=1", "order=2", "order=3"]
        assert len({first.example.choices, *(one.example.choices for one in others)}) == 4
        for one in (first, *others):
            shown = one.example.choices
            prompt = render(task, one.example, one.format).messages[0].content
            assert prompt.endswith("\n".join(f"({letter}) {text}" for letter, text in zip("ABCD", shown, strict=True)))
            right = f"({'ABCD'[shown.index(row.targets[0])]})"
            assert references(task, one.example, one.format) == (right,)
            if one.order:
                assert tuple(row.choices[place] for place in one.order) == shown


def test_orders_are_drawn_once_and_more_of_them_add_to_the_first_ones() -> None:
    row = colours().examples[0]
    assert shuffles(row, "colours", 2, 0) == shuffles(row, "colours", 5, 0)[:2]
    assert shuffles(row, "colours", 5, 0) != shuffles(row, "colours", 5, 1)
    assert shuffles(row, "colours", 0, 0) == []


@pytest.mark.parametrize("size", [2, 3, 4])
def test_there_are_no_more_orders_than_there_are(size: int) -> None:
    row = colours(size).examples[0]
    found = shuffles(row, "colours", 24, 0)
    assert len(found) == math.factorial(size) - 1
    assert {*found, tuple(range(size))} == set(permutations(range(size)))


def test_over_many_rows_an_option_comes_to_every_place() -> None:
    rows = [replace(colours().examples[0], id=str(number)) for number in range(600)]
    places = Counter(shuffles(row, "colours", 1, 0)[0].index(0) for row in rows)
    # Of the 23 orders that differ from the first, 5 leave the first option where it is and 6 each put it to one of the others.
    assert places[0] == pytest.approx(600 * 5 / 23, abs=45)
    for place in (1, 2, 3):
        assert places[place] == pytest.approx(600 * 6 / 23, abs=45)


@pytest.mark.parametrize(
    "text", ["All of the above", "None of these", "Both A and B", "(a) and (c) only", "neither of the above.", "A and B"]
)
def test_options_that_speak_of_others_by_their_places_stay_where_they_are(text: str) -> None:
    assert shuffles(Example("1", choices=("ice", "fire", text)), "t", 3, 0) == []


@pytest.mark.parametrize("text", ["all men are mortal", "Both were sold", "bread and butter", "A dog and a cat", "none", "either"])
def test_options_that_only_sound_like_it_are_shuffled(text: str) -> None:
    assert len(shuffles(Example("1", choices=("ice", "fire", text)), "t", 3, 0)) == 3


def test_a_wording_that_settles_its_options_itself_is_not_shuffled() -> None:
    task = yes_no()
    made = formats({"templates": ["quiz/b_plain"]})
    assert names(variants(task, task.examples[0], made, "mixture", orders=1, styles=2)) == ["b_plain"]
    # Where another wording of those that are asked shows them, that one is: b_plain is first, c_joined shows its options.
    found = variants(task, task.examples[0], formats({"templates": ["quiz/b_plain", "quiz/c_joined"]}), "mixture", orders=1, styles=2)
    assert [(name, one.wording) for name, one in zip(names(found), found, strict=True)] == [
        ("b_plain", ""),
        ("c_joined", ""),
        ("c_joined", "order=1"),
    ]
    apart = Template("my/x", ROWS, promptsource=Wording("{{ question }} ||| {{ answer_choices[label] }}", "no ||| yes"))
    assert not shows_choices(apart, task.examples[0])


def judged(task: Task, one: Variant, completion: str) -> Judged:
    choices = choices_in_words(task, one.example, one.format)
    options = one.example.choices if choices != one.example.choices else ()
    right = references(task, one.example, one.format)
    return Judged(completion, right, choices, one.example.id, options=options, order=one.order)


@pytest.mark.parametrize("style", ["(A)", "1.", "-", "lines", "i)"])
@pytest.mark.parametrize("metric", [f1_binary, matthews, mcq_accuracy])
def test_what_is_positive_stays_so_in_every_order(metric: Any, style: str) -> None:
    # The model says: rows 0, 1, 2 no, 3, 4, 5 yes. Right are no, yes, no, yes, no, yes: of the yes 2 hits, 1 false alarm, 1 miss.
    task, made = yes_no(), formats({"options_style": style})
    scores = []
    for number in (0, 1):
        rows = []
        for row in task.examples:
            one = variants(task, row, made, orders=1)[number]
            said = choices_in_words(task, one.example, one.format)[one.example.choices.index("no" if int(row.id) < 3 else "yes")]
            rows.append(judged(task, one, said))
        assert [row.order for row in rows] == [((), (1, 0))[number]] * 6
        scores.append(float(metric(rows)))
    expected = {f1_binary: 100 * 4 / 6, matthews: 100 / 3, mcq_accuracy: 100 * 4 / 6}
    assert scores == pytest.approx([expected[metric]] * 2)


def test_a_model_that_always_takes_the_first_item_is_found_out_by_the_other_order() -> None:
    task, made = yes_no(), formats({"options_style": "(A)"})
    first, other = ([judged(task, variants(task, row, made, orders=1)[number], "(A)") for row in task.examples] for number in (0, 1))
    assert (f1_binary(first), f1_binary(other)) == (0.0, pytest.approx(200 / 3))  # always no; always yes: 3 hits, 3 false alarms
    assert (mcq_accuracy(first), mcq_accuracy(other)) == (50, 50)


def test_styles_are_the_same_for_all_rows_of_a_task_and_differ_from_the_settled_one() -> None:
    task, made = colours(), formats({"options_style": "(A)"})
    found = [variants(task, row, made, styles=4)[1:] for row in task.examples]
    assert len({tuple(one.wording for one in row) for row in found}) == 1
    assert "style=(A)" not in {one.wording for one in found[0]}
    for one in found[0]:
        style = one.wording.removeprefix("style=")
        assert one.format.options is not None
        assert one.format.options.style is STYLES[style]
        assert one.order == ()
    with_names = [bool(STYLES[one.wording.removeprefix("style=")].names) for one in found[0]]
    assert with_names == [True, False, True, False]
    assert itemisations(task, 2, 0) == itemisations(task, 6, 0)[:2]


def test_a_style_that_does_not_fit_a_row_or_its_demonstrations_is_left_out_of_it() -> None:
    # A comma cannot part options that hold one; the second row has such an option.
    plain, comma = (Example(n, {"question": f"{n}?"}, ("b",), ("b", text)) for n, text in (("1", "c"), ("2", "c, d")))
    task, made = Task("t", (plain, comma)), formats({"options_style": "(A)"})
    every = {row.id: {one.wording for one in variants(task, row, made, styles=200)} for row in (plain, comma)}
    assert every["1"] - every["2"] == {"style=, in line"}
    assert len(every["1"]) == len(list(STYLES))  # the settled one is "", as the template has it
    with_shot = formats({"options_style": "(A)"}, {"shots": 1})
    shown = {one.wording for one in variants(task, plain, with_shot, styles=200, pool=[comma])}
    assert len(shown) > 50
    assert "style=, in line" not in shown  # its demonstration is the other row

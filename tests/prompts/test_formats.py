"""Formats: everything that is drawn about a row, by its identity, and what comes out when it is rendered."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from didact.base.errors import TemplateError
from didact.base.prompts_section import PromptsSection
from didact.base.types import Example, Message
from didact.prompts.chain_of_thought import TRIGGERS, final_answer
from didact.prompts.few_shot import LAYOUTS, same_text
from didact.prompts.formats import Format, choose_template, draw_format, sort_wordings
from didact.prompts.options import STYLES, OptionsFormat
from didact.prompts.render import MARGIN, choices_in_words, references, render
from didact.prompts.template import AS_IS, Template
from didact.prompts.tk_instruct import TkSettings
from didact.tasks.task import Task

ROWS = tuple(
    Example(f"row {n}", {"question": f"Is {n} odd?"}, (("no", "yes")[n % 2],), ("yes", "no"), f"{n} halves{' not' * (n % 2)}.")
    for n in range(2000)
)
ODD = Task("odd", ROWS, definition="Odd or even.")
PLAIN = Template("my/plain", ("rows",), "{{ question }}")
ASKED = Template("my/asked", ("rows",), "Tell me: {{ question }}")
LISTED = Template("my/listed", ("rows",), "{{ question }}\n{{ options }}")
COT = Template("my/cot", ("rows",), "{{ question }} Why?", "{{ rationale }} Hence {{ target }}", style="cot")
TURNED = Template("my/turned", ("rows",), "Ask for {{ target }}", "{{ question }}", inverted=True, becomes="question_generation")


def formats(prompts: PromptsSection, *templates: Template, rows: tuple[Example, ...] = ROWS, **others: object) -> list[Format]:
    wordings = sort_wordings(templates, prompts)
    return [draw_format(ODD, row, wordings, prompts, **others) for row in rows]  # type: ignore[arg-type]


def near(count: int, share: float, total: int) -> bool:
    """Within five standard deviations."""
    return abs(count - share * total) < 5 * (total * share * (1 - share)) ** 0.5


# Default settings


def test_by_default_a_format_is_the_drawn_template_and_nothing_else() -> None:
    drawn = formats(PromptsSection(), PLAIN, ASKED)
    assert drawn == [Format(choose_template((PLAIN, ASKED), ODD, row.id, 0, 0)) for row in ROWS]
    assert render(ODD, ROWS[0], drawn[0]) == render(ODD, ROWS[0], drawn[0].template)


def test_without_shares_inverted_and_cot_templates_are_drawn_as_any_other() -> None:
    drawn = Counter(form.template.name for form in formats(PromptsSection(), PLAIN, ASKED, COT, TURNED))
    assert set(drawn) == {"my/plain", "my/asked", "my/cot", "my/turned"}
    assert all(near(count, 1 / 4, 2000) for count in drawn.values())


def test_conversations_have_no_format() -> None:
    talk = Example("1", messages=(Message("user", "hi"),))
    prompts = PromptsSection(shots={2: 1.0}, cot=1.0)
    assert draw_format(ODD, talk, sort_wordings([PLAIN], prompts), prompts) == Format(AS_IS)


# Identity


def test_the_same_identity_gives_the_same_bytes_in_any_order() -> None:
    prompts = PromptsSection(shots={0: 0.3, 2: 0.4, 5: 0.3}, cot=0.3, inverted=0.2)
    templates = (PLAIN, ASKED, LISTED, COT, TURNED)
    wordings = sort_wordings(templates, prompts)

    def texts(rows: tuple[Example, ...], seed: int = 0, epoch: int = 0) -> dict[str, str]:
        forms = ((row, draw_format(ODD, row, wordings, prompts, seed=seed, epoch=epoch)) for row in rows)
        return {row.id: repr(render(ODD, row, form, seed=seed, epoch=epoch).messages) for row, form in forms}

    some = ROWS[:200]
    assert texts(some) == texts(some[::-1])
    assert sum(texts(some)[row.id] != texts(some, epoch=1)[row.id] for row in some) > 150
    assert sum(texts(some)[row.id] != texts(some, seed=1)[row.id] for row in some) > 150


# Shares


def test_rows_have_demonstrations_reason_and_are_turned_around_as_often_as_the_shares_say() -> None:
    drawn = formats(PromptsSection(shots={0: 0.5, 2: 0.3, 5: 0.2}, cot=0.25, inverted=0.1), PLAIN, ASKED, COT, TURNED)
    shots = Counter(len(form.shots) for form in drawn)
    assert set(shots) == {0, 2, 5}
    assert near(shots[2], 0.3, 2000)
    assert near(shots[5], 0.2, 2000)
    assert near(sum(form.reasons for form in drawn), 0.25, 2000)
    assert near(sum(form.template.inverted for form in drawn), 0.1, 2000)
    assert not any(form.reasons and form.template.inverted for form in drawn)
    # Drawn apart from one another: 0.25 of the rows reason among those with two demonstrations too.
    assert near(sum(form.reasons for form in drawn if len(form.shots) == 2), 0.25, shots[2])


def test_layouts_triggers_and_mixed_wordings_are_all_drawn() -> None:
    drawn = formats(PromptsSection(shots={2: 1.0}, cot=0.5), PLAIN, ASKED)
    assert {form.layout.name for form in drawn} == {layout.name for layout in LAYOUTS}
    assert {form.reasoning.trigger for form in drawn if form.reasoning} == set(TRIGGERS)
    mixed = sum(len({form.template.name, *(template.name for _, template in form.shots)}) > 1 for form in drawn)
    # A quarter of the rows draws a wording for each of two demonstrations; in 3 of 4 of these one differs from the row's own.
    assert near(mixed, 0.25 * 0.75, 2000)


# Demonstrations


def test_demonstrations_never_hold_the_row_over_thousands_of_draws() -> None:
    twins = tuple(replace(row, id=f"twin {row.id}", fields={"question": row.fields["question"].upper()}) for row in ROWS[:1000])
    pool = (*ROWS, *twins)
    task, prompts = replace(ODD, examples=pool), PromptsSection(shots={3: 1.0})
    wordings = sort_wordings([PLAIN], prompts)
    for row in pool:
        form = draw_format(task, row, wordings, prompts)
        assert len(form.shots) == 3
        prompt = render(task, row, form).messages[0].content.lower()
        assert prompt.count(row.fields["question"].lower()) == 1
        assert same_text(row) not in {same_text(shot) for shot, _ in form.shots}


def test_demonstrations_come_from_the_pool_that_is_given() -> None:
    drawn = formats(PromptsSection(shots={2: 1.0}), PLAIN, rows=ROWS[:300], pool=ROWS[1500:])
    ids = {shot.id for form in drawn for shot, _ in form.shots}
    assert len(ids) > 200
    assert ids <= {row.id for row in ROWS[1500:]}


def test_demonstrations_are_in_the_users_turn_with_ids_in_the_notes() -> None:
    shots = ((ROWS[1], PLAIN), (ROWS[4], ASKED))
    said = render(ODD, ROWS[7], Format(PLAIN, shots=shots, num_shots=2, layout=LAYOUTS[2]))
    assert [(m.role, m.content) for m in said.messages] == [
        ("user", "Q: Is 1 odd?\nA: yes\n\nQ: Tell me: Is 4 odd?\nA: no\n\nQ: Is 7 odd?\nA:"),
        ("assistant", "yes"),
    ]
    assert said.origin.notes == ("2 shots (ids row 1, row 4), laid out as 'Q: A:'",)


def test_prompts_keep_to_the_budget_of_tokens_and_say_what_was_left_out() -> None:
    def count(text: str) -> int:
        return len(text.split())

    notes = Counter[str]()
    for row, form in zip(ROWS, formats(PromptsSection(shots={0: 0.2, 5: 0.8}), PLAIN), strict=True):
        said = render(ODD, row, form, count_tokens=count, max_prompt_length=MARGIN + 20, max_length=MARGIN + 18)
        prompt, response = (message.content for message in said.messages)
        # The response has one word, so a prompt has at most 17; a question alone has 3.
        assert count(prompt) <= 17
        assert row.fields["question"] in prompt
        assert response == row.targets[0]
        notes.update(re.sub(r"\(.*", "(...)", note) for note in said.origin.notes)
    assert notes.total() == sum(form.num_shots == 5 for form in formats(PromptsSection(shots={0: 0.2, 5: 0.8}), PLAIN))
    assert set(notes) <= {f"{kept} of 5 shots fit (...)" for kept in range(1, 5)}
    assert len(notes) > 1


def test_fewer_demonstrations_than_wanted_are_noted() -> None:
    small = replace(ODD, examples=ROWS[:2])
    prompts = PromptsSection(shots={3: 1.0})
    form = draw_format(small, ROWS[0], sort_wordings([PLAIN], prompts), prompts)
    assert render(small, ROWS[0], form).origin.notes[0].startswith("1 of 3 shots found (ids row 1)")


def test_a_tk_instruct_layout_keeps_its_own_demonstrations() -> None:
    layout = Template("tk/x", ("superni",), tk_instruct=TkSettings())
    prompts = PromptsSection(shots={2: 1.0}, cot=1.0)
    row = Example("1", {"input": "Is 1 odd?"}, ("yes",), rationale="It is.")
    form = draw_format(ODD, row, sort_wordings([layout], prompts), prompts)
    assert (form.shots, form.num_shots, form.reasons) == ((), 0, False)


# Chain of thought


def test_a_row_without_a_rationale_is_never_trained_to_reason_and_may_be_asked_to() -> None:
    bare = tuple(replace(row, rationale="") for row in ROWS[:500])
    prompts = PromptsSection(cot=1.0)
    assert not any(form.reasons or form.template.style == "cot" for form in formats(prompts, PLAIN, COT, rows=bare))
    assert all(form.reasons for form in formats(prompts, PLAIN, COT, rows=bare, training=False))
    assert not any(form.template.style == "cot" for form in formats(PromptsSection(), PLAIN, COT, rows=bare))
    with pytest.raises(TemplateError, match="the example has no rationale"):
        formats(PromptsSection(), COT, rows=bare)


def test_templates_of_style_cot_are_used_where_there_are_any() -> None:
    assert {form.template.name for form in formats(PromptsSection(cot=1.0), PLAIN, COT)} == {"my/cot"}
    assert all(form.reasoning is None for form in formats(PromptsSection(cot=1.0), PLAIN, COT))
    # One that is not named serves only where those that are named can neither reason nor be asked to.
    layout = Template("tk/x", ("superni",), tk_instruct=TkSettings())
    named = [sort_wordings([one], PromptsSection(cot=1.0), more=[PLAIN, COT]).cot.all for one in (PLAIN, layout)]
    assert named == [(), (COT,)]
    assert {form.template.name for form in formats(PromptsSection(cot=0.0), PLAIN, COT)} == {"my/plain"}


def test_elsewhere_a_trigger_asks_and_the_answer_stands_behind_a_cue() -> None:
    for row, form in zip(ROWS[:300], formats(PromptsSection(cot=1.0), PLAIN, rows=ROWS[:300]), strict=True):
        said = render(ODD, row, form)
        prompt, response = (message.content for message in said.messages)
        assert prompt.startswith(row.fields["question"])
        assert any(trigger in prompt for trigger in TRIGGERS)
        assert response.startswith(row.rationale)
        assert final_answer(response) == row.targets[0] == references(ODD, row, form)[0]
        assert said.origin.notes == ("chain of thought",)


def test_demonstrations_of_a_row_that_reasons_reason_too() -> None:
    half = tuple(replace(row, rationale=row.rationale if n % 4 < 2 else "") for n, row in enumerate(ROWS))
    prompts = PromptsSection(shots={3: 1.0}, cot=1.0)
    task = replace(ODD, examples=half)
    wordings = sort_wordings([PLAIN, ASKED], prompts)
    for row in half[:200]:
        form = draw_format(task, row, wordings, prompts, training=False)
        assert form.reasons
        assert len(form.shots) == 3
        assert all(shot.rationale for shot, _ in form.shots)
        prompt = render(task, row, form).messages[0].content
        assert all(shot.rationale in prompt for shot, _ in form.shots)


# Turned around


def test_no_row_is_turned_into_a_category_that_is_held_out() -> None:
    prompts = PromptsSection(inverted=0.5)

    def names(*held_out: str) -> set[str]:
        wordings = sort_wordings([PLAIN, TURNED], prompts, holds_out=lambda category: category in held_out)
        return {draw_format(ODD, row, wordings, prompts).template.name for row in ROWS[:200]}

    assert names("summarization") == {"my/plain", "my/turned"}
    assert names("question_generation") == {"my/plain"}
    with pytest.raises(TemplateError, match="held out: question_generation"):
        sort_wordings([TURNED], prompts, holds_out=lambda _: True)
    assert sort_wordings([PLAIN], prompts, more=[TURNED], holds_out=lambda _: True).inverted.all == ()


def test_a_turned_row_shows_turned_demonstrations_and_says_what_it_became() -> None:
    prompts = PromptsSection(shots={1: 1.0}, inverted=1.0)
    form = draw_format(ODD, ROWS[3], sort_wordings([PLAIN, TURNED], prompts), prompts)
    said = render(ODD, ROWS[3], form)
    assert said.messages[1].content == "Is 3 odd?"
    assert form.shots[0][0].fields["question"] in said.messages[0].content
    assert said.origin.notes[1] == "turned around: question_generation"


# Options


def test_the_answer_follows_the_drawn_item_and_the_style_is_noted() -> None:
    names = Counter[bool]()
    for row in ROWS:
        said = render(ODD, row, LISTED)
        prompt, response = (message.content for message in said.messages)
        style = STYLES[re.fullmatch(r"options style '(.*)'", said.origin.notes[0])[1]]  # type: ignore[index]
        target = row.targets[0]
        assert response == (style.names[row.choices.index(target)] if style.names else target)
        assert prompt.startswith(f"{row.fields['question']}\n")
        assert {"yes", "no"} <= set(re.findall(r"\w+", prompt))
        assert references(ODD, row, LISTED) == (response,)
        names[bool(style.names)] += 1
    assert near(names[True], 45 / 60, 2000)


def test_choices_are_answered_as_the_list_names_them() -> None:
    form = Format(LISTED, OptionsFormat(STYLES["(a)"]))
    assert choices_in_words(ODD, ROWS[1], form) == ("(a)", "(b)")
    labelled = replace(form, template=replace(LISTED, labels={"yes": "It is", "no": "It is not"}))
    said = render(ODD, ROWS[1], labelled).messages
    assert [message.content for message in said] == ["Is 1 odd?\nOptions:\n(a) It is\n(b) It is not", "(a)"]


def test_options_of_a_row_are_the_same_with_and_without_other_draws() -> None:
    with_shots = formats(PromptsSection(shots={2: 1.0}), LISTED)
    alone = formats(PromptsSection(), LISTED)
    assert [form.options for form in with_shots] == [form.options for form in alone]


def test_demonstrations_list_their_options_in_the_rows_style() -> None:
    form = draw_format(
        ODD,
        ROWS[3],
        sort_wordings([LISTED], PromptsSection(shots={2: 1.0}, options_style="(A)")),
        PromptsSection(shots={2: 1.0}, options_style="(A)"),
    )
    prompt = render(ODD, ROWS[3], form).messages[0].content
    assert prompt.count("Options:\n(A) yes\n(B) no") == 3
    for shot, _ in form.shots:
        answer = {"yes": "(A)", "no": "(B)"}[shot.targets[0]]
        assert re.search(rf"{re.escape(shot.fields['question'])}\nOptions:\n\(A\) yes\n\(B\) no\W+(\w+:? )?{re.escape(answer)}", prompt)


def test_a_column_named_options_is_no_drawn_list() -> None:
    row = replace(ROWS[1], fields={**ROWS[1].fields, "options": "a) yes b) no"})
    assert [m.content for m in render(ODD, row, LISTED).messages] == ["Is 1 odd?\na) yes b) no", "yes"]


# Without instructions


@pytest.mark.parametrize(
    ("instructions", "prompt", "template"),
    [("task_name", "odd: It is late.\nIs 1 odd?", "bare/task_name"), ("none", "It is late.\nIs 1 odd?", "bare/fields")],
)
def test_baselines_show_the_fields_alone_or_behind_the_tasks_name(instructions: str, prompt: str, template: str) -> None:
    row = replace(ROWS[1], fields={"context": "It is late.", "question": "Is 1 odd?", "hint": " "})
    prompts = PromptsSection(instructions=instructions)
    said = render(ODD, row, draw_format(ODD, row, sort_wordings([], prompts), prompts))
    assert [message.content for message in said.messages] == [prompt, "yes"]
    assert said.origin.template == template
    # Demonstrations may stand before it.
    shown = PromptsSection(instructions=instructions, shots={1: 1.0})
    text = render(ODD, row, draw_format(ODD, row, sort_wordings([], shown), shown)).messages[0].content
    assert prompt in text
    assert len(re.findall(r"Is \d+ odd\?", text)) == 2

"""The wordings of reading, language, knowledge and reasoning tasks: each renders, none gives its answer away, all differ."""

from dataclasses import replace

import pytest

from didact.base.types import Example
from didact.prompts.chain_of_thought import final_answer
from didact.prompts.formats import settled_format
from didact.prompts.kinds import benchmarks_of
from didact.prompts.render import render
from didact.prompts.template import LIBRARY, Template, TemplateSet, read_templates
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.task import Task

FILES = sorted(path for folder in ("reading", "language", "knowledge", "reasoning") for path in (LIBRARY / folder).glob("*.yaml"))
NAMES = {
    "reading": "squad trivia",
    "language": "nli paws ag_news imdb xsum cnn_dailymail wmt common_gen e2e_nlg ifeval",
    "knowledge": "hellaswag arc openbookqa multiple_choice siqa piqa winogrande mmlu truthfulqa",
    "reasoning": "gsm8k flan_cot bbh mgsm",
}
NO_INVERSE = {"ifeval"}
"""Prompts that say everything: there is nothing to turn around, and few ways to frame them."""


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def templates(request: pytest.FixtureRequest) -> list[Template]:
    return read_templates(request.param)


def tasks_of(templates: list[Template]) -> list[Task]:
    """Returns a task of sample rows for each kind that these templates word."""
    return [task for kind in templates[0].for_kinds for name in benchmarks_of(kind) for task in sample_tasks(name)]


def other_answer(example: Example) -> Example:
    """Returns the same question with another answer: the next choice, or words that stand nowhere else."""
    others = [choice for choice in example.choices if choice not in example.targets] or ["zzyzx quux"]
    return replace(example, targets=(others[0],), rationale="Plugh, because of xyzzy.")


def test_every_file_is_there() -> None:
    assert {folder: set(names.split()) for folder, names in NAMES.items()} == {
        folder: {path.stem for path in FILES if path.parent.name == folder} for folder in NAMES
    }


def test_a_file_has_wordings_of_every_sort(templates: list[Template]) -> None:
    upright = [template for template in templates if not template.inverted and not template.held_out]
    held_out = [template for template in templates if template.held_out]
    inverted = [template for template in templates if template.inverted]
    if templates[0].name.partition("/")[0] in NO_INVERSE:
        assert (len(upright), len(held_out), len(inverted)) == (5, 2, 0)
        return
    # At least 8 that are trained on, 2 or more that are not, 2 or more that turn the task around: 12 and more in all.
    assert len(upright) >= 8
    assert len(held_out) >= 2
    assert len(inverted) >= 2
    assert not any(template.held_out for template in inverted)


def test_there_are_368_wordings_of_25_files() -> None:
    # 17 files of 15, 5 that generate text of 14, gsm8k and flan_cot of 18, ifeval of 7: 255 + 70 + 36 + 7 = 368.
    sizes = sorted(len(read_templates(path)) for path in FILES)
    assert sizes == [7, *[14] * 5, *[15] * 17, 18, 18]
    assert sum(sizes) == 368


def test_models_are_judged_in_the_plain_wording(templates: list[Template]) -> None:
    # The first by name is the one of record, unless a recipe names another.
    first = min((template for template in templates if not template.inverted), key=lambda template: template.name)
    assert first.name.endswith("/asked")
    assert (first.style, first.held_out, first.system) == ("direct", False, "")
    for task in tasks_of(templates)[:1]:
        has_own_options = bool(task.examples[0].choices) and not first.labels and "bbh" not in task.kind and "cot" not in task.kind
        assert ("{{ options }}" in first.prompt) == has_own_options


def test_every_wording_renders_every_sample_row(templates: list[Template]) -> None:
    for task in tasks_of(templates):
        assert len(task.examples) >= 3
        for template in templates:
            for example in task.examples:
                said = render(task, example, template)
                for message in said.messages:
                    assert message.content.strip(), template.name
                    assert message.content == message.content.strip(), template.name
                    left_over = [brace for brace in ("{{", "}}", "{%", "%}") if brace in message.content]
                    assert not left_over, template.name
                    assert "\n\n\n" not in message.content, template.name


def test_a_row_shows_all_that_it_asks_about(templates: list[Template]) -> None:
    aside = {"subject", "source_language", "context"}
    for task in tasks_of(templates)[:3]:
        for template in templates:
            for example in task.examples:
                said = render(task, example, template)
                shown = " ".join(message.content for message in said.messages)
                for name, text in example.fields.items():
                    # A turned-around wording may drop a field; a blank may be drawn longer (winogrande/gap_test).
                    if not template.inverted and name not in aside and template.name != "winogrande/gap_test":
                        assert text in shown, (template.name, name)


def test_an_upright_prompt_does_not_depend_on_the_answer(templates: list[Template]) -> None:
    for task in tasks_of(templates)[:3]:
        for template in templates:
            if template.inverted:
                continue
            for example in task.examples:
                changed = other_answer(example)
                before, after = render(task, example, template), render(task, changed, template)
                assert before.messages[:-1] == after.messages[:-1], template.name
                assert before.messages[-1] != after.messages[-1], template.name


def test_a_turned_around_prompt_depends_on_the_answer_or_its_reason(templates: list[Template]) -> None:
    for task in tasks_of(templates)[:3]:
        for template in templates:
            if template.inverted:
                assert template.becomes, template.name
                example = task.examples[0]
                before, after = render(task, example, template), render(task, other_answer(example), template)
                assert before.messages[:-1] != after.messages[:-1], template.name


def test_a_wording_that_reasons_ends_in_an_answer_that_can_be_read_off(templates: list[Template]) -> None:
    for task in tasks_of(templates)[:3]:
        for template in templates:
            if template.style != "cot" or template.name == "mgsm/native_step_by_step":
                continue
            for example in task.examples:
                said = render(task, example, template).messages[-1].content
                assert said.startswith((example.rationale, f"Reasoning: {example.rationale}")), template.name
                at_once = replace(template, style="direct", response="{{ target }}")
                answer = render(task, example, at_once).messages[-1].content
                assert final_answer(said) in (answer, answer.removesuffix(".")), template.name


def test_no_two_wordings_of_a_kind_are_the_same() -> None:
    for path in FILES:
        said = [(template.system, template.prompt, template.response) for template in read_templates(path)]
        assert len(set(said)) == len(said), path
        # Not even where case and spaces are left aside.
        folded = [tuple(" ".join(part.casefold().split()) for part in parts) for parts in said]
        assert len(set(folded)) == len(folded), path


def test_held_out_wordings_are_for_unseen_templates_alone() -> None:
    (task,) = sample_tasks("snli")
    templates = TemplateSet.load(kinds=["snli"])
    trained = {template.name for template in templates.select("all", task)}
    unseen = {template.name for template in templates.select("all", replace(task, level="unseen_templates"))}
    assert unseen == {"nli/held_out_conclude", "nli/held_out_options"}
    assert not trained & unseen


def test_labels_are_said_in_the_words_of_the_wording() -> None:
    (task,) = sample_tasks("snli")  # sample-1: entailment, sample-2: neutral, sample-3: contradiction
    templates = {template.name: template for template in read_templates(LIBRARY / "language" / "nli.yaml")}
    said = [render(task, example, templates["nli/chatty"]).messages[-1].content for example in task.examples]
    assert said == ["definitely", "perhaps", "certainly not"]
    turned = render(task, task.examples[2], templates["nli/write_second_sentence"])
    assert turned.messages[0].content.endswith("Write a second sentence that cannot be true if the first one is.")
    assert turned.messages[1].content == "The dog lies on a sofa."


def test_an_answer_follows_the_names_of_the_options() -> None:
    (task,) = sample_tasks("arc/easy")
    (template,) = [one for one in read_templates(LIBRARY / "knowledge" / "arc.yaml") if one.name == "arc/asked"]
    for seed in range(20):
        form = settled_format(task, task.examples[0], template, seed=seed)
        said = render(task, task.examples[0], form, seed=seed)
        assert form.options is not None
        names = form.options.style.names
        right = task.examples[0].choices.index(task.examples[0].targets[0])
        assert said.messages[-1].content == (names[right] if names else task.examples[0].targets[0])
        if names:
            assert f"{names[right]} {task.examples[0].targets[0]}" in said.messages[0].content


def test_mgsm_speaks_the_language_of_the_problem() -> None:
    templates = {template.name: template for template in read_templates(LIBRARY / "reasoning" / "mgsm.yaml")}
    said = {}
    for task in sample_tasks("mgsm"):
        for name in ("mgsm/native_number", "mgsm/native_problem", "mgsm/native_step_by_step"):
            prompt = render(task, task.examples[0], templates[name]).messages[0].content
            said[(name, task.kind)] = prompt.replace(task.examples[0].fields["question"], "").strip()
    assert len(said) == 3 * 11
    assert len(set(said.values())) == 33  # no two languages, and no two wordings, say it alike
    assert said[("mgsm/native_number", "mgsm/de")] == "Antworte nur mit der Zahl."


def test_a_rationale_alone_asks_for_question_and_answer() -> None:
    (task,) = [task for task in sample_tasks("flan_cot") if task.kind == "flan_cot/strategyqa"]
    templates = {template.name: template for template in read_templates(LIBRARY / "reasoning" / "flan_cot.yaml")}
    example = task.examples[0]
    prompt, answer = render(task, example, templates["flan_cot/question_and_answer_for_reason"]).messages
    assert example.rationale in prompt.content
    assert example.fields["question"] not in prompt.content
    assert answer.content == f"Question: {example.fields['question']}\nAnswer: {example.targets[0]}"


def test_the_first_line_of_a_file_says_what_it_is_for() -> None:
    for path in FILES:
        assert path.read_text(encoding="utf-8").startswith("# "), path

"""How benchmarks are asked: names that a user may type, wordings of record, and numbers of shots that papers print."""

import pytest

from didact.assemble import HOLD_OUT
from didact.base.errors import RecipeError
from didact.base.types import Example
from didact.evals.protocols import FLAN, MMLU_DIRECT, MMLU_REASONS, PROTOCOLS, TEMPLATES, check_asked, protocols
from didact.prompts.formats import settled_format
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import AS_IS, TemplateSet
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.task import Task

QUESTION = Example(
    "1", {"question": "2 + 2?", "subject": "elementary_mathematics"}, ("4",), ("3", "4", "5", "6"), rationale="Two and two are four."
)
TASK = Task("mmlu/elementary_mathematics", (QUESTION,), kind="mmlu/elementary_mathematics")


def test_mmlu_is_worded_as_its_authors_word_it() -> None:
    said = render(TASK, QUESTION, MMLU_DIRECT)
    assert [message.content for message in said.messages] == [
        "The following are multiple choice questions (with answers) about elementary mathematics.",
        "2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:",
        "B",
    ]
    assert choices_in_words(TASK, QUESTION, MMLU_DIRECT) == ("A", "B", "C", "D")
    assert references(TASK, QUESTION, MMLU_DIRECT) == ("B",)


def test_of_two_options_that_say_the_same_the_first_letter_is_right() -> None:
    twice = Example("1", {**QUESTION.fields}, ("4",), ("3", "4", "4", "6"))
    assert references(TASK, twice, MMLU_DIRECT) == ("B",)


def test_mmlu_with_reasoning_ends_in_a_letter_in_brackets() -> None:
    said = render(TASK, QUESTION, MMLU_REASONS)
    assert said.messages[1].content == "Q: 2 + 2?\n(A) 3 (B) 4 (C) 5 (D) 6\nA: Let's think step by step."
    assert said.messages[2].content == "Two and two are four. The answer is (B)."


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_names_benchmarks_and_a_wording_that_there_is(name: str) -> None:
    protocol = PROTOCOLS[name]
    kinds = [kind for pattern in protocol.benchmarks for kind in matching(pattern)]
    assert kinds
    assert protocol.source
    (task,) = sample_tasks(kinds[0])
    if protocol.template:
        bundled = (one for one in TemplateSet.load((), {task.kind}) if one is not AS_IS)
        (template,) = TemplateSet([*bundled, *TEMPLATES]).select(protocol.template, task)
        said = render(task, task.examples[0], settled_format(task, task.examples[0], template))
        assert said.messages[-1].content
        assert (template.style == "cot") == protocol.cot


def test_shots_are_those_of_the_flan_2022_evaluation() -> None:
    assert [(part, PROTOCOLS[part].shots) for part in FLAN] == [
        ("mmlu", 5),
        ("mmlu_cot", 5),
        ("bbh", 3),
        ("bbh_cot", 3),
        ("tydiqa", 1),
        ("mgsm", 8),
    ]
    assert [one.name for one in protocols("flan")] == list(FLAN)


def test_a_part_of_a_benchmark_is_asked_as_the_whole() -> None:
    (part,) = protocols("mmlu_cot/anatomy")
    assert (part.benchmarks, part.cot, part.shots) == (("mmlu/anatomy",), True, 5)
    (plain,) = protocols("superglue/cb")
    assert (plain.benchmarks, plain.asked) == (("superglue/cb",), ("generate", "rank"))
    assert protocols("mmlu/no_such_subject") == ()
    assert [one.benchmarks for one in protocols("snli")] == [("snli",)]


def test_every_benchmark_can_be_asked_by_its_name() -> None:
    assert [name for name in BENCHMARKS if not protocols(name)] == []


def test_a_slip_in_a_name_is_told_with_the_nearest_one() -> None:
    levels = tuple(HOLD_OUT)
    check_asked(("unseen", "mmlu", "arc/easy", "flan", "lm_eval:arc_easy"), levels)
    with pytest.raises(RecipeError, match="no level or benchmark named 'unsen'") as slip:
        check_asked(("unsen",), levels)
    assert "did you mean 'unseen'?" in str(slip.value)

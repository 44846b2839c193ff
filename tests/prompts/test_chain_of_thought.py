"""Chain of thought: triggers, cues, and the answer found again behind the cue."""

from dataclasses import replace

import pytest

from didact.prompts.chain_of_thought import CUES, TRIGGERS, Cue, Reasoning, final_answer, reasoning_at
from didact.prompts.render import render
from didact.prompts.template import TemplateSet
from didact.tasks.benchmarks.reader import sample_tasks


@pytest.mark.parametrize(
    ("cue", "rationale", "answer", "response"),
    [
        (Cue(" So the answer is ", "."), "2 and 2 are 4.", "4", "2 and 2 are 4. So the answer is 4."),
        (Cue(" So the answer is ", "."), "2 and 2 are 4", "4", "2 and 2 are 4. So the answer is 4."),
        (Cue(" So the answer is ", "."), "It is wet.", "It rained.", "It is wet. So the answer is It rained."),
        (Cue("\nAnswer: "), "2 and 2 are 4", "(B)", "2 and 2 are 4\nAnswer: (B)"),
        (Cue("\nAnswer: "), "", "(B)", "Answer: (B)"),
    ],
)
def test_reasoning_stands_before_cue_and_answer(cue: Cue, rationale: str, answer: str, response: str) -> None:
    assert Reasoning(TRIGGERS[0], cue).response(rationale, answer) == response


def test_the_trigger_ends_the_prompt_unless_the_answers_place_is_marked() -> None:
    assert Reasoning("Think.").prompt("2 + 2?\n") == "2 + 2?\nThink."
    assert Reasoning("Think.").prompt("2 + 2?\nAnswer:") == "Think.\n\n2 + 2?\nAnswer:"


@pytest.mark.parametrize("cue", CUES)
@pytest.mark.parametrize("answer", ["(A)", "Yes", "-3.5", "1,234", "$18", "it rained"])
def test_the_answer_is_found_behind_every_cue(cue: Cue, answer: str) -> None:
    text = Reasoning(TRIGGERS[0], cue).response("First I thought the answer is 7. It is not.", answer)
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so THE ANSWER IS (B).\nNext question: what", "(B)"),
        ("The answer is 3. No, wait. The answer is 4.", "4"),
        ("3 + 2 = 5.\n答え：5", "5"),
        ("I do not know the answer to that.", "I do not know the answer to that."),
        ("2 and 2 are 4.\n**Answer: B**", "B"),
        ("5 + 6 = 11. La respuesta es 11.", "11"),
        ("Half of 144.\n#### 72", "72"),
        ("So it is $\\boxed{(C)}$.", "(C)"),
        ("(A)", "(A)"),
        ("", ""),
    ],
)
def test_completions_are_read_behind_their_last_cue_and_as_they_stand_without_one(text: str, answer: str) -> None:
    assert final_answer(text) == answer


def test_triggers_and_cues_differ_and_are_all_drawn() -> None:
    assert len(set(TRIGGERS)) == len(TRIGGERS) >= 10
    assert len(set(CUES)) == len(CUES) >= 8
    points = [number / 1000 for number in range(1000)]
    assert {reasoning_at(point, 0.0).trigger for point in points} == set(TRIGGERS)
    assert {reasoning_at(0.0, point).cue for point in points} == set(CUES)


def test_the_answer_is_found_in_every_bundled_wording_that_reasons() -> None:
    templates, found = TemplateSet.load(), 0
    for task in sample_tasks("*"):
        example = next((row for row in task.examples if row.rationale), None)
        for template in templates.select("*", task) if example else ():
            if template.style == "cot" and not template.inverted:
                reasoned = render(task, example, template).messages[-1].content
                answer = render(task, example, replace(template, response="{{ target }}")).messages[-1].content
                assert final_answer(reasoned).rstrip(".") == answer.rstrip("."), template.name
                found += 1
    assert found > 200

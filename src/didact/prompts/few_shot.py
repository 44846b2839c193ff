r"""Few-shot: demonstrations before the question, in the user's turn, drawn from the task's own examples.

    Q: Is a rose a plant?\nA: yes\n\nQ: Is a stone a plant?\nA:

A demonstration is never the row itself, by id or by text. The first ones give way while the prompt has too many tokens.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from didact.base.types import Example
from didact.tasks.task import Task
from didact.tasks.words import fold

FEW = 25
"""A pool of fewer examples than this is small: the task's own demonstrations come first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How demonstrations and the question stand one after the other; `{n}` is the number of each."""

    name: str
    ask: str = ""
    """Before each question."""
    answer: str = "\n"
    """Between a question and its answer; its last blanks are left out where the answer is still to come."""
    between: str = "\n\n"
    """Between one demonstration and the next."""


LAYOUTS = (
    Layout("blank line"),
    Layout("two blank lines", answer="\n\n", between="\n\n\n"),
    Layout("Q: A:", "Q: ", "\nA: "),
    Layout("Q: A: in lines", "Q: ", "\nA: ", "\n"),
    Layout("Question: Answer:", "Question: ", "\nAnswer: "),
    Layout("Question: Answer: apart", "Question:\n", "\n\nAnswer:\n", "\n\n\n"),
    Layout("Input: Output:", "Input: ", "\nOutput: "),
    Layout("IN: OUT:", "IN: ", "\nOUT: "),
    Layout("[Q] [A]", "[Q] ", "\n[A] "),
    Layout("Problem: Solution:", "Problem: ", "\nSolution: "),
    Layout("Task: Result:", "Task: ", "\nResult: "),
    Layout("Asked: Answered:", "Asked: ", "\nAnswered: "),
    Layout("answer only", "", "\nAnswer: "),
    Layout("arrow", "", "\n=> "),
    Layout("arrow, ruled", "", "\n--> ", "\n----\n"),
    Layout("ruled by ---", "", "\n\n", "\n\n---\n\n"),
    Layout("ruled by ===", "", "\n", "\n=====\n"),
    Layout("ruled by ***", "", "\n", "\n\n***\n\n"),
    Layout("ruled by ###", "", "\nAnswer: ", "\n###\n"),
    Layout("Example 1", "Example {n}\n", "\nAnswer: "),
    Layout("Case 1:", "Case {n}: ", "\nReply: "),
    Layout("Question 1: Answer 1:", "Question {n}: ", "\nAnswer {n}: "),
    Layout("### Example 1", "### Example {n}\n", "\n### Answer\n"),
    Layout("Exercise 1.", "Exercise {n}. ", "\nSolved: ", "\n\n\n"),
)

_LABEL = re.compile(r"\s*[A-Z\[#][\w ]{0,20}[:\]]\s")
"""A prompt that begins so has a label of its own: `Question: `."""


@dataclass(frozen=True, slots=True)
class Said:
    """A prompt and its response."""

    prompt: str
    response: str


def joined(shots: Sequence[Said], prompt: str, layout: Layout) -> str:
    r"""Returns demonstrations and the question as one text.

    Prompts that begin with a label of their own, or end with a colon, keep their words there.

    >>> joined([Said("1 + 1?", "2")], "2 + 2?", Layout("x", "Q: ", "\nA: "))
    'Q: 1 + 1?\nA: 2\n\nQ: 2 + 2?\nA:'
    """
    all_said = (*shots, Said(prompt, ""))
    labelled = layout.ask[-1:] == " " and all(_LABEL.match(said.prompt) for said in all_said)
    ask, answer = ("", "\nAnswer: ") if labelled else (layout.ask, layout.answer)
    parts = list[str]()
    for number, said in enumerate(all_said, 1):
        head = ask.replace("{n}", str(number))
        cue = " " if said.prompt.rstrip()[-1:] == ":" else answer.replace("{n}", str(number))
        if number > len(shots):
            parts.append(f"{head}{said.prompt}{cue.rstrip()}")
        else:
            parts.append(f"{head}{said.prompt.rstrip()}{cue}{said.response.strip()}")
    return layout.between.join(parts)


def fitted(shots: Sequence[Said], prompt: str, layout: Layout, fits: Callable[[str], bool] = lambda _: True) -> tuple[str, int]:
    """Returns the text and how many demonstrations are in it: the first ones are left out until it fits.

    Args:
        shots: The demonstrations.
        prompt: The question.
        layout: How they stand.
        fits: Says whether a text is short enough; the question alone is returned even if it is not.
    """
    for first in range(len(shots)):
        text = joined(shots[first:], prompt, layout)
        if fits(text):
            return text, len(shots) - first
    return prompt, 0


def same_text(example: Example) -> str:
    """Returns the input side of an example so that two of them that say the same are equal.

    Case, white space and marks at the ends of words do not count.

    >>> same_text(Example("1", {"q": "Is it  ONE?"})) == same_text(Example("2", {"q": "is it one"}))
    True
    """
    return " ".join([word.strip(".,;:!?\"'") or word for word in fold(example.text()).split()])


def draw_shots(
    random: Random,
    task: Task,
    example: Example,
    num_shots: int,
    pool: Sequence[Example],
    usable: Callable[[Example], bool] = lambda _: True,
) -> list[Example]:
    """Returns demonstrations for one row, fewer where the task has no more: different from the row and from each other.

    Args:
        random: The row's own chance.
        task: Has demonstrations of its own, which come first where the pool is small, and else last.
        example: The row.
        num_shots: How many.
        pool: Examples of the task that may be shown: of a task that is judged, none of those that are asked about.
        usable: Says whether an example may be shown in this format.
    """
    taken_ids, taken_texts = {example.id} - {""}, {same_text(example)}
    shots = list[Example]()
    for candidate in _candidates(random, task, num_shots, pool):
        if len(shots) == num_shots:
            break
        if candidate.id in taken_ids or not candidate.targets or candidate.messages or not usable(candidate):
            continue
        text = same_text(candidate)
        if text not in taken_texts:
            taken_ids |= {candidate.id} - {""}
            taken_texts.add(text)
            shots.append(candidate)
    return shots


def _candidates(random: Random, task: Task, num_shots: int, pool: Sequence[Example]) -> Iterator[Example]:
    """Yields examples in a drawn order; of a large pool, as many as should do."""
    few = len(pool) < FEW
    if few:
        yield from random.sample(task.positive, len(task.positive))
    for index in _places(random, len(pool), most=8 * num_shots + 32):
        yield pool[index]
    if not few:
        yield from random.sample(task.positive, len(task.positive))


def _places(random: Random, size: int, most: int) -> Iterator[int]:
    """Yields different numbers below `size` in a drawn order, `most` of them; each is drawn only when it is asked for."""
    if size <= 4 * most:
        yield from random.sample(range(size), min(size, most))
        return
    seen = set[int]()
    while len(seen) < most:
        place = int(random.random() * size)
        if place not in seen:
            seen.add(place)
            yield place

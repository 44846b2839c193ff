"""Chain of thought: a sentence that asks for the reasoning, and a cue that tells the answer from it.

    Which is heavier, ...? Think it through before you answer.     the trigger ends the prompt
    Two and two are ... So the answer is (B).                       rationale, cue, answer

Source: Wei et al. 2022, arXiv 2201.11903; Kojima et al. 2022, arXiv 2205.11916, for the trigger. The wordings are ours.
"""

from dataclasses import dataclass

from didact.tasks.answer_cues import spots
from didact.tasks.plain_answer import plain

TRIGGERS = (
    "Think it through before you answer.",
    "Reason first, then give the answer.",
    "Explain how you get to the answer, and then say what it is.",
    "Work it out step by step.",
    "Write down your reasoning, and end with the answer.",
    "Take it one step at a time.",
    "Say why before you say what.",
    "Give your reasons, then your answer.",
    "Let us go through this slowly.",
    "First show the thinking that leads to the answer.",
    "What is the answer, and how do you get there? Begin with the how.",
    "Please reason before you decide.",
)


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands between reasoning and answer."""

    before: str
    """Begins with the gap to the reasoning: a blank, or a new line."""
    stop: str = ""
    """Ends the answer, unless it ends with a mark of its own."""


CUES = (
    Cue(" So the answer is ", "."),
    Cue(" The answer is ", "."),
    Cue(" Therefore, the answer is ", "."),
    Cue(" That makes the answer ", "."),
    Cue("\nAnswer: "),
    Cue("\nFinal answer: "),
    Cue("\nSo the answer is "),
    Cue("\nThe answer: "),
    Cue("\n\nAnswer: "),
    Cue(" Hence the answer: "),
)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How one row is asked to reason, and how it does."""

    trigger: str = TRIGGERS[0]
    cue: Cue = CUES[0]

    def prompt(self, prompt: str) -> str:
        r"""Returns a prompt that asks for the reasoning.

        >>> Reasoning().prompt("2 + 2?")
        '2 + 2?\nThink it through before you answer.'
        """
        if prompt.rstrip()[-1:] == ":":  # the answer's place is marked already: nothing stands between
            return f"{self.trigger}\n\n{prompt}"
        return f"{prompt.rstrip()}\n{self.trigger}"

    def response(self, rationale: str, answer: str) -> str:
        """Returns reasoning, cue and answer; without reasoning, cue and answer.

        >>> Reasoning().response("2 and 2 are 4", "4")
        '2 and 2 are 4. So the answer is 4.'
        """
        rationale, cue = rationale.strip(), self.cue
        if rationale and cue.before[0] == " " and rationale[-1] not in ".!?;:)\"'”」。":
            rationale += "."
        stop = "" if answer.rstrip()[-1:] in (".", "!", "?") else cue.stop
        said = f"{cue.before}{answer.strip()}{stop}"
        return f"{rationale}{said}" if rationale else said.lstrip()


def reasoning_at(trigger: float, cue: float) -> Reasoning:
    """Returns the trigger and the cue at two points between 0 and 1.

    >>> reasoning_at(0.0, 0.0) == Reasoning()
    True
    """
    return Reasoning(TRIGGERS[int(trigger * len(TRIGGERS))], CUES[int(cue * len(CUES))])


def final_answer(text: str) -> str:
    """Returns what follows the last cue in a text, in any language that is known, without the stop at its end; without a cue, all of it.

    The cues are those by which answers are judged: see tasks/answer_cues.

    >>> final_answer("2 and 2 are 4. So the answer is 4."), final_answer("4")
    ('4', '4')
    """
    said = plain(text)
    found = spots(said.text)
    if not found:
        return text
    answer = text[slice(*said.span(found[0].start, found[0].end))].strip(" *")
    return answer if answer.endswith("..") else answer.removesuffix(".")

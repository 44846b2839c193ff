"""IFEval's four metrics: prompts all of whose instructions are followed, and instructions that are; strictly and loosely."""

from collections.abc import Sequence

import numpy as np

from didact.base.errors import DataError
from didact.tasks.ifeval.checks import Instruction, is_instruction, read_instruction
from didact.tasks.judged import Judged, Points, ratio, share


def loosened(text: str) -> tuple[str, ...]:
    r"""Returns the eight texts of which one has to follow an instruction, for it to count loosely.

    They are the text without its first line ("Sure, here it is:"), without its last one, without both or with all lines; each as it
    is and without asterisks.

    Source: Zhou et al. (2023), arXiv 2311.07911, section 2.2.

    >>> loosened("Sure:\n*red*\nBye")
    ('Sure:\n*red*\nBye', '*red*\nBye', 'Sure:\n*red*', '*red*', 'Sure:\nred\nBye', 'red\nBye', 'Sure:\nred', 'red')
    """
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return (*cut, *(one.replace("*", "") for one in cut))


def verdicts(row: Judged, *, loose: bool = False) -> tuple[bool, ...]:
    r"""Returns which of a row's instructions its completion follows, in their order.

    Args:
        row: Its references are instructions, as JSON: see `read_instruction`.
        loose: One of the eight texts of `loosened` suffices for each.

    Raises:
        DataError: An instruction makes no sense, or there is none.

    >>> row = Judged("Sure, here it is:\nred", ('{"instruction": "punctuation:no_comma"}',))
    >>> verdicts(row), verdicts(row, loose=True)
    ((False,), (True,))
    """
    texts = loosened(row.completion) if loose else (row.completion,)
    return tuple(any(instruction.followed_by(text) for text in texts) for instruction in instructions_of(row))


def instructions_of(row: Judged) -> tuple[Instruction, ...]:
    """Returns the instructions of a row; a reference that is plain text, an answer to show, is none of them.

    Raises:
        DataError: As `verdicts`, with the row's id.
    """
    where = f"example {row.example}" if row.example else ""
    written = list(filter(is_instruction, row.references))
    if not written:
        raise DataError("a row without instructions", where=where, expected="a row of benchmark ifeval", remedy="use another metric")
    try:
        return tuple(map(read_instruction, written))
    except DataError as error:
        raise DataError(error.what, where=where, expected=error.expected, remedy="put the row right, or use another metric") from None


def by_instruction(rows: Sequence[Judged]) -> dict[str, dict[str, float]]:
    r"""Returns, for each instruction by name, how many rows have it and in how many it is followed, in points.

    >>> by_instruction([Judged(text, ('{"instruction": "punctuation:no_comma"}',)) for text in ("Red.", "Red, blue.", "So,\nred.")])
    {'punctuation:no_comma': {'num_instructions': 3, 'strict': 33.333333333333336, 'loose': 66.66666666666667}}
    """
    found: dict[str, list[tuple[bool, bool]]] = {}
    for row in rows:
        both = zip(instructions_of(row), verdicts(row), verdicts(row, loose=True), strict=True)
        for instruction, strict, loose in both:
            found.setdefault(instruction.name, []).append((strict, loose))
    return {
        name: {
            "num_instructions": len(said),
            "strict": 100 * sum(s for s, _ in said) / len(said),
            "loose": 100 * sum(x for _, x in said) / len(said),
        }
        for name, said in sorted(found.items())
    }


def prompt_strict(rows: Sequence[Judged]) -> Points:
    """Returns the share of prompts all of whose instructions the completion follows as it stands.

    Source: Zhou et al. (2023), arXiv 2311.07911, section 2.2.

    >>> both = ('{"instruction": "punctuation:no_comma"}', '{"instruction": "startend:quotation"}')
    >>> prompt_strict([Judged('"Red."', both), Judged("Red.", both)])
    50.0
    """
    return _over_prompts(rows, loose=False)


def prompt_loose(rows: Sequence[Judged]) -> Points:
    r"""Returns the share of prompts all of whose instructions the completion follows, each by one of eight texts: see `loosened`.

    Source: Zhou et al. (2023), arXiv 2311.07911, section 2.2.

    >>> prompt_loose([Judged("Sure, here it is:\nred", ('{"instruction": "punctuation:no_comma"}',))])
    100.0
    """
    return _over_prompts(rows, loose=True)


def instruction_strict(rows: Sequence[Judged]) -> Points:
    """Returns the share of instructions, of all prompts together, that the completion follows as it stands.

    Source: Zhou et al. (2023), arXiv 2311.07911, section 2.2.

    Two of two and one of two:

    >>> both = ('{"instruction": "punctuation:no_comma"}', '{"instruction": "startend:quotation"}')
    >>> instruction_strict([Judged('"Red."', both), Judged("Red.", both)])
    75.0
    """
    return _over_instructions(rows, loose=False)


def instruction_loose(rows: Sequence[Judged]) -> Points:
    r"""Returns the share of instructions, of all prompts together, that one of eight texts follows: see `loosened`.

    Source: Zhou et al. (2023), arXiv 2311.07911, section 2.2.

    >>> instruction_loose([Judged("Sure, here it is:\nred", ('{"instruction": "punctuation:no_comma"}',))])
    100.0
    """
    return _over_instructions(rows, loose=True)


def _over_prompts(rows: Sequence[Judged], loose: bool) -> Points:
    return Points(share(np.array([float(all(verdicts(row, loose=loose))) for row in rows])), len(rows))


def _over_instructions(rows: Sequence[Judged], loose: bool) -> Points:
    found = [verdicts(row, loose=loose) for row in rows]
    followed, count = np.array([float(sum(said)) for said in found]), np.array([float(len(said)) for said in found])
    return Points(lambda weights: ratio(weights @ followed, weights @ count), len(rows))

"""Conversations as models write them: who says what, whatever the labels look like, and where they stop being one."""

import re

# Source: Xu et al. (2023), Baize, arXiv 2304.01196, its code: the labels.
HUMAN, AI = "[Human]", "[AI]"
_NAMES = r"(?P<human>human|user|person|me)|(?P<ai>ai|assistant|bot|chatbot|ai assistant)"
_BARE = _NAMES.replace("human>", "human2>").replace("ai>", "ai2>")
_LABEL = re.compile(rf"(?mi)^[ \t>#*_]*(?:\[\s*(?:{_NAMES})\s*\]|(?:{_BARE})(?=[*_]*\s*:))[ \t*_]*:?[ \t*_]*")
_END = re.compile(r"^\W*(?:end|\[end\])\W*$", re.IGNORECASE)

Turn = tuple[str, str]
"""What the person says, and what the assistant answers."""


def parse_transcript(text: str, finish: str = "stop", *, strict: bool = False) -> tuple[list[Turn], str]:
    r"""Returns the turns of a written conversation, and why it stops where it does: empty where it is whole.

    Args:
        text: The reply.
        finish: Why it ended; of one that was cut, the last turn is left out.
        strict: As the original: `[Human]` and `[AI]` count wherever they stand; what is before the first and behind the last `[Human]` is
            left out, the last whole turn too; a piece that has not exactly one `[AI]` ends it. Else labels count where a line begins,
            in any of their usual forms; a whole last turn is kept.

    >>> parse_transcript("[Human]\nWhy?\n[AI]\nBecause.\n[Human] And then?")
    ([('Why?', 'Because.')], 'the person has the last word')
    >>> parse_transcript("**User:** Why?\n**Assistant:** Because.")
    ([('Why?', 'Because.')], '')
    """
    if strict:
        return _strict(text)
    marks = list(_LABEL.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)][: len(marks)]
    said = [(_who(mark), text[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)]
    if said and said[0][0] == "ai" and (head := text[: marks[0].start()].strip()):
        said.insert(0, ("human", head))  # the request ended in the person's label
    turns = list[Turn]()
    for number in range(0, len(said), 2):
        (first, asks), (second, answers) = said[number], said[number + 1] if number + 1 < len(said) else ("", "")
        if first != "human":
            return turns, "the assistant speaks twice"
        if not second:
            return turns, "cut off" if finish == "length" else "the person has the last word"
        if second != "ai":
            return turns, "the person speaks twice"
        if finish == "length" and number + 2 >= len(said):
            return turns, "cut off"
        if not asks or not answers:
            return turns, "somebody says nothing"
        turns.append((asks, answers))
    return turns, "" if turns else "no conversation in the reply"


def parse_user_turn(text: str, finish: str = "stop") -> tuple[str, bool]:
    r"""Returns what the person says next, and whether the conversation goes on.

    >>> parse_user_turn("[Human] And why?\n[AI] Because."), parse_user_turn("END.")
    (('And why?', True), ('', False))
    """
    marks = list(_LABEL.finditer(text))
    if marks and not text[: marks[0].start()].strip() and _who(marks[0]) == "human":
        text = text[marks[0].end() :]
        marks = list(_LABEL.finditer(text))
    said = text[: marks[0].start()].strip() if marks else text.strip()
    goes_on = bool(said) and not _END.match(said) and (finish != "length" or bool(marks))
    return said if goes_on else "", goes_on


def written(turns: list[Turn], last: str = "") -> str:
    r"""Returns turns as a transcript.

    >>> written([("Why?", "Because.")])
    '[Human]\nWhy?\n[AI]\nBecause.'
    """
    lines = [part for asks, answers in turns for part in (HUMAN, asks, AI, answers)]
    return "\n".join([*lines, *([HUMAN, last] if last else [])])


def _strict(text: str) -> tuple[list[Turn], str]:
    turns = list[Turn]()
    for piece in text.split(HUMAN)[1:-1]:
        parts = piece.split(AI)
        if len(parts) != 2:
            return turns, "not one answer to one question"
        turns.append((parts[0].strip(), parts[1].strip()))
    return turns, "" if turns else "no conversation in the reply"


def _who(mark: re.Match[str]) -> str:
    return "human" if mark["human"] or mark["human2"] else "ai"

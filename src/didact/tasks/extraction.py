r"""Extractors: named rules, tried in order, that find the answer in what a model wrote and say where it stands; or nothing, never a guess.

choice    whole, item_first, tagged, boxed, hashes, announced, lone_line, leading, declared, mentioned
number    whole, tagged, boxed, hashes, announced, last_number
text      tagged, boxed, hashes, announced, whole
free      whole

whole         all of the text is the answer
item_first    the text begins with an item's name in brackets: "(B) because ..."
tagged        it stands between `<answer>` and `</answer>`
boxed         in `\boxed{...}`
hashes        behind `####`
announced     behind the last "the answer is", "La respuesta es", "答案是" ...
lone_line     the first or the last line is a choice, and the other is no other one
leading       the first line begins with a choice: "Yes, because ..."
declared      "B is correct"
mentioned     the last line speaks of one choice alone
last_number   the last number of all

Extractors that come first leave no doubt; the more a model was tuned, the more of its answers they find.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Literal

from didact.base.errors import DataError, did_you_mean
from didact.tasks.answer_cues import RULES, Spot, spots
from didact.tasks.choice_words import as_choice, bare, declared, leading, mentioned
from didact.tasks.figures import figures, last_figure
from didact.tasks.plain_answer import Plain, plain

Kind = Literal["choice", "number", "text", "free"]
WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, and how it was found."""

    value: int | Decimal | str
    """The place of a choice, a number, or words."""
    start: int
    """First character in the completion."""
    end: int
    """Last + 1."""
    extractor: str


Extractor = Callable[[Plain, Sequence[str]], Found | None]
"""`extractor(said, choices)`: the answer that one rule finds."""


def extract(kind: str, text: str, choices: Sequence[str] = (), options: Sequence[str] = ()) -> Found | None:
    """Returns the answer that the first of a kind's extractors finds in a text; None where none does.

    Args:
        kind: `choice`: one of the choices; `number`; `text`: the words behind "the answer is"; `free`: all of it.
        text: What a model wrote.
        choices: The options as they should be answered, in order: `(A)` or `Yes`.
        options: The same options by their texts, where `choices` are names of items; empty: the same.

    Raises:
        DataError: There is no such kind.

    >>> extract("choice", "It has a tower. **Answer: B**", ("London", "Paris"))
    Found(value=1, start=26, end=27, extractor='announced')
    >>> extract("number", "5 + 6 = 11. La respuesta es 11.").extractor, extract("number", "5 + 6 = 11").extractor, extract("number", "ten")
    ('announced', 'last_number', None)
    >>> [extract("choice", text, ("1.", "2."), ("2", "4")).value for text in ("2.", "The answer is 2.", "2", "4.")]
    [1, 1, 0, 1]
    """
    said = plain(text)
    rules = extractors(kind)
    if kind == "choice" and options:
        # As it should be answered, to the letter, wins: of the options 2 and 4, "2." is an item's name here and "2" a text.
        return _to_the_letter(said, choices) or _first(rules, said, options) or _first(rules, said, choices)
    return _first(rules, said, choices)


def extract_by(extractor: str, kind: str, text: str, choices: Sequence[str] = (), options: Sequence[str] = ()) -> Found | None:
    """Returns the answer that one extractor alone finds, to see how much the others matter.

    Args:
        extractor: One of `extractors(kind)`.
        kind: As for `extract`.
        text: What a model wrote.
        choices: As for `extract`.
        options: As for `extract`.

    >>> extract_by("whole", "choice", "Answer: B", ("red", "blue")), extract_by("announced", "choice", "Answer: B", ("red", "blue")).value
    (None, 1)
    """
    rule, said = extractors(kind)[extractor], plain(text)
    exact = _to_the_letter(said, choices) if options else None
    if exact is not None and exact.extractor == extractor:
        return exact
    return (rule(said, options) if options else None) or rule(said, choices)


def extractors(kind: str) -> Mapping[str, Extractor]:
    """Returns the extractors of a kind, by name, in the order in which they are tried.

    Raises:
        DataError: There is no such kind.

    >>> list(extractors("text"))
    ['tagged', 'boxed', 'hashes', 'announced', 'whole']
    """
    if kind not in EXTRACTORS:
        raise DataError(
            f"no kind of answer is named '{kind}'", expected=did_you_mean(kind, EXTRACTORS), remedy="one of: " + ", ".join(EXTRACTORS)
        )
    return EXTRACTORS[kind]


def sentence(text: str) -> Found:
    """Returns what a text answers with, up to the end of its first sentence: some models go on talking.

    >>> sentence("The answer is Yes. I hope that this helps!").value
    'Yes'
    """
    said = plain(text)
    _, spot = spots(said.text) or (None, Spot(WHOLE, 0, len(said.text)))
    return _words(spot, said)


def _first(rules: Mapping[str, Extractor], said: Plain, choices: Sequence[str]) -> Found | None:
    return next((found for rule in rules.values() if (found := rule(said, choices)) is not None), None)


def _places(said: Plain, rule: str) -> list[Spot]:
    """Returns the parts of a completion that a rule reads: all of it, or what is announced in the rule's way."""
    return [Spot(WHOLE, 0, len(said.text))] if rule == WHOLE else [spot for spot in spots(said.text) if spot.rule == rule]


def _found(value: int | Decimal | str, said: Plain, start: int, end: int, name: str) -> Found:
    return Found(value, *said.span(start, end), name)


def _to_the_letter(said: Plain, choices: Sequence[str]) -> Found | None:
    for spot in (Spot(WHOLE, 0, len(said.text)), *spots(said.text)):
        if (part := said.text[spot.start : spot.end]) in choices:
            return _found(list(choices).index(part), said, spot.start, spot.end, spot.rule)
    return None


def _choice_in(name: str, said: Plain, choices: Sequence[str]) -> Found | None:
    for spot in _places(said, name):
        for read in (partial(as_choice, more=False),) if name == WHOLE else (as_choice, leading):
            if (place := read(said.text[spot.start : spot.end], choices)) is not None:
                return _found(place, said, spot.start, spot.end, name)
    return None


def _item_first(said: Plain, choices: Sequence[str]) -> Found | None:
    place = as_choice(said.text, choices)
    return None if place is None else _found(place, said, 0, len(said.text), "item_first")


def _lines(said: Plain) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns where the first and the last line that say something stand."""
    found, start = [], 0
    for line in said.text.split("\n"):
        left = start + len(line) - len(line.lstrip())
        found += [(left, left + len(line.strip()))] if line.strip() else []
        start += len(line) + 1
    return (found[0], found[-1]) if found else ((0, 0), (0, 0))


def _lone(said: Plain, choices: Sequence[str]) -> list[tuple[int, int, int]]:
    """Returns the choices that the first and the last line are, with their lines."""
    return [(place, *line) for line in _lines(said) if (place := as_choice(said.text[slice(*line)], choices)) is not None]


def _lone_line(said: Plain, choices: Sequence[str]) -> Found | None:
    found = _lone(said, choices)
    return _found(*found[0][:1], said, *found[0][1:], "lone_line") if len({place for place, _, _ in found}) == 1 else None


def _line_with(name: str, said: Plain, choices: Sequence[str]) -> Found | None:
    """Returns the choice that a line names among other words; where lines contradict one another, nothing."""
    if _lone(said, choices):
        return None
    first, (start, end) = _lines(said)
    if name == "leading":
        place = leading(said.text[slice(*first)], choices)
        return None if place is None else _found(place, said, *first, name)
    if name == "declared":
        named, start = declared(said.text, choices), 0
    else:
        named = mentioned(said.text[start:end], choices)
    return None if named is None else _found(named[0], said, start + named[1], start + named[2], name)


def _number_in(name: str, said: Plain, choices: Sequence[str]) -> Found | None:
    text = said.level()
    if name == WHOLE:
        found = figures(text)
        if len(found) != 1 or any(char.isalnum() for char in text[: found[0].start] + text[found[0].end :]):
            return None
        return _found(found[0].value, said, found[0].start, found[0].end, name)
    parts = [Spot(name, 0, len(text))] if name == "last_number" else reversed(_places(said, name))
    for spot in parts:
        if (figure := last_figure(text, spot.start, spot.end)) is not None:
            return _found(figure.value, said, figure.start, figure.end, name)
    return None


def _words(spot: Spot, said: Plain) -> Found:
    start, end = bare(said.text, spot.start, spot.end)
    return _found(said.text[start:end], said, start, end, spot.rule)


def _text_in(name: str, said: Plain, choices: Sequence[str]) -> Found | None:
    return next((_words(spot, said) for spot in _places(said, name) if said.text), None)


def _all_of_it(said: Plain, choices: Sequence[str]) -> Found | None:
    text = said.written.strip()
    start = len(said.written) - len(said.written.lstrip())
    return Found(text, start, start + len(text), WHOLE) if text else None


EXTRACTORS: Mapping[str, Mapping[str, Extractor]] = {
    "choice": {
        WHOLE: partial(_choice_in, WHOLE),
        "item_first": _item_first,
        **{name: partial(_choice_in, name) for name in RULES},
        "lone_line": _lone_line,
        **{name: partial(_line_with, name) for name in ("leading", "declared", "mentioned")},
    },
    "number": {name: partial(_number_in, name) for name in (WHOLE, *RULES, "last_number")},
    "text": {name: partial(_text_in, name) for name in (*RULES, WHOLE)},
    "free": {WHOLE: _all_of_it},
}
"""Kind of answer to its extractors, in the order in which they are tried."""

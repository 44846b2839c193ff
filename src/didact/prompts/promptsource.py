"""Wordings of promptsource: one piece of Jinja with `|||` between what is asked and what is answered.

`answer_choices`, Jinja as well, gives the labels in words. A wording that comes out without a prompt or without an answer does not
apply to that row. Nothing is drawn without a seed, and no variable is quietly nothing.

Source: Bach et al. 2022, arXiv 2202.01279.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import pass_context
from jinja2.runtime import Context

from didact.base.chance import Identity, rng
from didact.base.errors import TemplateError
from didact.base.types import Example
from didact.prompts.sandbox import Dialect, fill, variables_of

BARS = "|||"
"""Stands between prompt and answer, and between answer choices."""
_GUARD = "\U000f7c7c\U000f7c7d\U000f7c7c"
"""Stands for bars inside the data while a wording is rendered: private characters, as many as there are bars."""
_DRAWS = "the draws of a rendering"
"""Where the context keeps them: a name that no wording can spell."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording of promptsource."""

    jinja: str
    """Prompt, bars, answer."""
    answer_choices: str = ""
    """Jinja for the labels in words, bars between them; empty: none."""
    original_task: bool = True
    """It asks for what the data set was made for."""
    choices_in_prompt: bool = False
    """The prompt shows the answers to choose from."""
    metrics: tuple[str, ...] = ()
    """What its authors judge it by, in their words."""
    languages: tuple[str, ...] = ("en",)
    answer_columns: tuple[str, ...] = ()
    """Columns that the wordings of its file answer with, the most usual first: one of them is the answer's."""
    where: str = ""
    """File and line."""

    @property
    def variables(self) -> frozenset[str]:
        """The columns that it asks for.

        >>> sorted(Wording("{{ text }} ||| {{ answer_choices[label] }}", "bad ||| good").variables)
        ['label', 'text']
        """
        return _variables(self.jinja) - {"answer_choices"} | _variables(self.answer_choices)

    def answer_column(self, columns: Collection[str]) -> str:
        """Returns the column that holds the answer: of those that it may be, the first that is not among a row's other columns."""
        return next((name for name in self.answer_columns if name not in columns), "")


@dataclass(frozen=True, slots=True)
class Said:
    """A wording of one row; without a prompt and responses where it does not apply to the row."""

    prompt: str = ""
    responses: tuple[str, ...] = ()
    """Every answer that counts as right."""
    choices: tuple[str, ...] = ()
    """The labels in words."""


def columns_of(wording: Wording, example: Example, target: str) -> dict[str, Any]:
    """Returns a row as the data set had it: the fields, the choices, and the target in the column that the wording takes it from.

    A column `label` holds the place of the target among the choices.

    >>> topic = Wording("{{ text }} ||| {{ label }}", answer_columns=("label",))
    >>> columns_of(topic, Example("1", {"text": "They won."}, choices=("World", "Sports")), "Sports")
    {'text': 'They won.', 'choices': ['World', 'Sports'], 'label': 1}
    """
    columns = {name: as_column(text) for name, text in example.fields.items()}
    if example.choices:
        columns.setdefault("choices", list(example.choices))
    answer = wording.answer_column(columns)
    if answer:
        is_place = answer == "label" and target in example.choices
        columns[answer] = example.choices.index(target) if is_place else as_column(target)
    return columns


def say(wording: Wording, columns: Mapping[str, Any], where: str, *, seed: int = 0, identity: Sequence[Identity] = ()) -> Said:
    """Returns a row in the words of a wording.

    Args:
        wording: What to say.
        columns: The row.
        where: Template and row, for messages.
        seed: With the identity, decides what the filter `choice` draws.
        identity: What the row is: task, example, epoch.

    Raises:
        TemplateError: The row lacks a column, or the wording cannot be rendered.

    >>> topic = Wording("{{ text }} World or sports? ||| {{ answer_choices[label] }}", "World ||| Sports")
    >>> say(topic, {"text": "They won. A ||| B", "label": 1}, "here")
    Said(prompt='They won. A ||| B World or sports?', responses=('Sports',), choices=('World', 'Sports'))
    """
    variables: dict[str, Any] = {name: _guarded(value) for name, value in columns.items()}
    variables[_DRAWS] = _Draws(seed, tuple(identity))
    choices: tuple[str, ...] = ()
    if wording.answer_choices:
        choices = tuple(part.strip() for part in fill(wording.answer_choices, variables, where, DIALECT).split(BARS))
        variables["answer_choices"] = list(choices)
    prompt, *answers = (_restored(part.strip()) for part in fill(wording.jinja, variables, where, DIALECT).split(BARS))
    responses = tuple(answer for answer in answers if answer)
    if not prompt or not responses:
        return Said(choices=tuple(map(_restored, choices)))
    return Said(prompt, responses, tuple(map(_restored, choices)))


def word(wording: Wording, example: Example, target: str, where: str, identity: Sequence[Identity] = ()) -> Said:
    """Returns an example in the words of a wording.

    Raises:
        TemplateError: The example lacks a column or its label, the wording does not apply to it or cannot be rendered.
    """
    columns = columns_of(wording, example, target)
    if columns.get(wording.answer_column(example.fields)) == -1:
        raise TemplateError("the row has no label: it says -1", where=where, remedy="read another split, or leave the row out")
    said = say(wording, columns, where, identity=identity)
    if not said.prompt:
        what = "the wording does not apply to this row: it comes out without a prompt or an answer"
        raise TemplateError(what, where=where, remedy="name more templates in prompts.templates")
    return said


def applies(wording: Wording, example: Example, where: str, identity: Sequence[Identity] = ()) -> bool:
    """Says whether a wording has a prompt and an answer for an example; a row that lacks a column is an error.

    Raises:
        TemplateError: The wording cannot be rendered.

    >>> for_sports = Wording("{% if label == 1 %}{{ text }} Who won? ||| {{ winner }}{% endif %}", answer_columns=("winner",))
    >>> [applies(for_sports, Example("1", {"text": "They won.", "label": label}, ("us",)), "here") for label in "01"]
    [False, True]
    """
    target = example.targets[0] if example.targets else ""
    return bool(say(wording, columns_of(wording, example, target), where, identity=identity).prompt)


def as_column(text: str) -> Any:
    """Returns what a column held before it was text: a list or an object from JSON, a number where it would print the same, or the text.

    A whole number also equals its own digits, since nobody knows any more whether it was a number or a text.

    >>> [as_column(text) for text in ('["a", 1]', "2", "3.80", "2 + 2", "[sic]", "true")]
    [['a', 1], 2, '3.80', '2 + 2', '[sic]', True]
    """
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,15})", text):
        return _Whole(text)
    if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", text) and str(float(text)) == text:
        return float(text)
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


class _Whole(int):
    """A whole number, or the text of one: `label == 2` and `label == "2"` both hold."""

    def __eq__(self, other: object) -> bool:
        return str(self) == other if isinstance(other, str) else super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


@lru_cache(maxsize=4096)
def _variables(source: str) -> frozenset[str]:
    return frozenset(variables_of(source, lambda line: f"line {line}", DIALECT))


def _guarded(value: Any) -> Any:
    """Returns a column in which bars are no longer bars, at any depth."""
    match value:
        case str():
            return value.replace(BARS, _GUARD)
        case Mapping():
            return {key: _guarded(part) for key, part in value.items()}
        case list() | tuple():
            return [_guarded(part) for part in value]
    return value


def _restored(text: str) -> str:
    return text.replace(_GUARD, BARS)


@dataclass
class _Draws:
    """What the filter `choice` draws from, one draw after the other, while one row is rendered."""

    seed: int
    identity: tuple[Identity, ...]
    num_drawn: int = field(default=0)


@pass_context
def _choice(context: Context, items: Sequence[Any]) -> Any:
    """Returns one of the items. Promptsource draws anew each time; here the row's identity decides."""
    draws: _Draws = context[_DRAWS]
    draws.num_drawn += 1
    options = list(items)
    if not options:
        raise jinja2.TemplateRuntimeError("nothing to choose from")
    return rng(draws.seed, "promptsource choice", *draws.identity, draws.num_drawn).choice(options)


def _most_frequent(items: Sequence[Any]) -> list[Any]:
    """Returns the items that come most often, in the order of their first coming."""
    counts = Counter(items)
    most = max(counts.values(), default=0)
    return [item for item, count in counts.items() if count == most]


def _key_of(table: Any, key: Any) -> Any:
    """Returns a whole number as the text of one where a table has no other key for it."""
    return str(key) if isinstance(key, _Whole) and isinstance(table, Mapping) and key not in table else key


def _zip(*sequences: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*sequences, strict=False)


DIALECT = Dialect(
    # The last one colours text on promptsource's own page: nothing to do with what is said.
    filters={"choice": _choice, "most_frequent": _most_frequent, "highlight": str},
    functions={"zip": _zip},
    methods=("index", "join"),
    key_of=_key_of,
)
"""What these wordings may use besides what ours may."""

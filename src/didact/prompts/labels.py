"""Labels: how a wording says the choices of a task. `entailment` may be `Yes` in one wording and `It follows` in another."""

from collections.abc import Mapping, Sequence

from didact.base.errors import TemplateError, did_you_mean
from didact.prompts.kinds import benchmarks_of
from didact.tasks.benchmarks.registry import BENCHMARKS


def distinct_words(labels: Mapping[str, str]) -> None:
    """Checks that no two labels are said alike: an answer has to tell which one is meant.

    Raises:
        ValueError: Two of them are, or one has no words.
    """
    said: dict[str, str] = {}
    for label, words in labels.items():
        if not words.strip():
            raise ValueError(f"label '{label}' has no words")
        if other := said.get(words.strip()):
            raise ValueError(f"labels '{other}' and '{label}' are both said '{words}'")
        said[words.strip()] = label


def check_labels(labels: Mapping[str, str], choices: Sequence[Sequence[str]], name: str, where: str) -> None:
    """Checks that labels name every choice and, where the choices of all kinds are known, nothing that is none.

    Args:
        labels: Label to words; empty: the choices are said as they stand.
        choices: The choices of each kind that is worded; an empty one: they are known with the examples.
        name: The template's, for messages.
        where: File and line.

    Raises:
        TemplateError: A choice has no words, or a label is none of the choices.
    """
    known = list(dict.fromkeys(choice for several in choices for choice in several))
    missing = [choice for choice in known if choice not in labels]
    unknown = [label for label in labels if label not in known] if all(choices) else []
    if not labels or not (missing or unknown):
        return
    what = f"the labels of template {name} do not name {', '.join(repr(choice) for choice in missing)}"
    if not missing:
        what = f"the labels of template {name} name '{unknown[0]}', which is no choice"
    hint = did_you_mean(unknown[0], known) if unknown else ""
    expected = "; ".join(part for part in (hint, f"the choices are: {', '.join(known)}") if part)
    raise TemplateError(what, where=where, expected=expected, remedy="put the labels right, or leave them out")


def choices_of(kinds: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the choices of each benchmark that some kinds name; an empty tuple where they are known with the examples.

    >>> choices_of(["rows"])
    [()]
    """
    return [BENCHMARKS[name].choices if name in BENCHMARKS else () for kind in kinds for name in benchmarks_of(kind) or (kind,)]


def in_words(labels: Mapping[str, str], text: str, where: str = "") -> str:
    """Returns how a wording says a choice or a target.

    Raises:
        TemplateError: The wording has labels, and none for this one.

    >>> in_words({"entailment": "Yes", "neutral": "Maybe"}, "neutral"), in_words({}, "neutral")
    ('Maybe', 'neutral')
    """
    if not labels:
        return text
    if text not in labels:
        expected = f"one of: {', '.join(labels)}"
        raise TemplateError(f"no label for '{text}'", where=where, expected=expected, remedy="name it in the template's labels")
    return labels[text]

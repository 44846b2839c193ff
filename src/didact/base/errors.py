"""Every exception a user can meet, drawn as a tree.

    DidactError                     anything a user can put right; printed without a traceback
    ├── RecipeError                 a recipe or an override is wrong              (ValueError)
    ├── DataError                   a file, a row or a reply is wrong             (ValueError)
    │   ├── LeakError               seen and unseen examples overlap
    │   ├── UnreachableError        nothing answers where the data lie
    │   └── TemplateError           a template or a chat format cannot be used
    ├── ModelError                  a model or tokenizer cannot do what is asked  (RuntimeError)
    ├── RunError                    a run folder is missing, torn or ambiguous    (LookupError)
    └── PrerequisiteError           something has to be installed first           (ImportError)

A message has up to four beats: what is wrong, with the value; where; what was expected or exists; what to type next.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class DidactError(Exception):
    """A problem that the user can put right.

    Args:
        what: What is wrong, with the value. Lower case, no exclamation mark.
        where: The file and line, the row, the task: where to look.
        expected: What was expected, or what exists.
        remedy: What to type next.

    >>> print(DidactError("no task named 'x'", where="mix.yaml:3", remedy="didact ls tasks"))
    no task named 'x'
      where: mix.yaml:3
      next: didact ls tasks
    """

    def __init__(self, what: str, *, where: str = "", expected: str = "", remedy: str = "") -> None:
        super().__init__(what, where, expected, remedy)
        self.what = what
        self.where = where
        self.expected = expected
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), *self.args)  # so that it comes whole out of another process

    def __str__(self) -> str:
        beats = (("where", self.where), ("expected", self.expected), ("next", self.remedy))
        return "\n".join([self.what, *(f"  {name}: {text}" for name, text in beats if text)])


def _again(kind: type[DidactError], what: str, where: str, expected: str, remedy: str) -> DidactError:
    return kind(what, where=where, expected=expected, remedy=remedy)


class RecipeError(DidactError, ValueError):
    """A recipe or an override is wrong."""


class DataError(DidactError, ValueError):
    """A file, a row or a reply is wrong."""


class LeakError(DataError):
    """Seen and unseen examples overlap."""


class UnreachableError(DataError):
    """Nothing answers where the data lie: there is no network, or no such host."""


class TemplateError(DataError):
    """A template or a chat format cannot be used."""


class ModelError(DidactError, RuntimeError):
    """A model or tokenizer cannot do what is asked."""


class RunError(DidactError, LookupError):
    """A run folder is missing, torn or ambiguous."""


class PrerequisiteError(DidactError, ImportError):
    """Something has to be installed first."""


def missing_extra(feature: str, extra: str) -> PrerequisiteError:
    """Returns the error for a feature whose optional dependency is absent, with the exact pip line.

    >>> print(missing_extra("reading a hub dataset", "hub").remedy)
    pip install 'didact[hub]'
    """
    return PrerequisiteError(f"{feature} needs an extra that is not installed", remedy=f"pip install 'didact[{extra}]'")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `did you mean 'x'?` for the nearest known word, else the known words, else nothing.

    >>> did_you_mean("promt", ["prompt", "response"])
    "did you mean 'prompt'?"
    >>> did_you_mean("zzz", ["b", "a"])
    'one of: a, b'
    """
    names = sorted({str(name) for name in known})
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"one of: {', '.join(names[:20])}{' ...' if len(names) > 20 else ''}" if names else ""

"""Whether two phrases name the same thing: how WSC is judged where a model writes what a pronoun stands for."""

import re
from collections.abc import Sequence

from didact.base.errors import DataError

_DETERMINERS = frozenset(
    "a an the this that these those my your his her its our their which whose some any no every each either neither"
    " many much few several all both another".split()
)
_AROUND = '.,;:!?"“”()[]'


def same_referent(first: str, second: str) -> bool:
    """Says whether the words of one phrase are all among those of the other, and both or neither hold an apostrophe.

    Case and determiners say nothing; a phrase of nothing else names nothing.

    Source: Raffel et al. (2020), T5, arXiv 1910.10683, evaluation code for WSC.

    >>> same_referent("the large ball", "Ball"), same_referent("Bob", "Bob's hat"), same_referent("Bob's", "Bob's hat")
    (True, False, True)
    """
    one, other = _words(first), _words(second)
    if not one or not other or ("'" in "".join(one)) != ("'" in "".join(other)):
        return False
    return one <= other or other <= one


def wsc_label(completion: str, candidate: str) -> int:
    """Returns what a completion says about WSC's candidate: 1, the pronoun means it; 0, something else; -1, nothing was written.

    The row is right where this equals its label.

    >>> [wsc_label(text, "the city councilmen") for text in ("The councilmen", "the demonstrators", " ")]
    [1, 0, -1]
    """
    return int(same_referent(completion, candidate)) if completion.strip() else -1


def referent_match(completion: str, references: Sequence[str]) -> float:
    """Returns 100 where the completion names the same thing as a reference; see `same_referent`.

    >>> referent_match("Bob", ["the old man Bob"]), referent_match("Bob", ["Bob's hat"])
    (100.0, 0.0)
    """
    if isinstance(references, str) or not references:
        what = "one text was given where a list of references belongs" if references else "no reference to compare with"
        raise DataError(what, expected="at least one accepted answer", remedy="leave the example out, or give it a target")
    return 100.0 * any(same_referent(completion, reference) for reference in references)


def _words(phrase: str) -> set[str]:
    words = (word.strip(_AROUND) for word in re.split(r"\s+", phrase.lower().replace("’", "'")))
    return {word for word in words if word and word not in _DETERMINERS}

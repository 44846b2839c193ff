"""Numbers as people write them: a sign, a currency, digits of any script, groups of thousands, a decimal point or comma."""

import re
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = re.compile(
    # A sign stands behind no letter or figure, but in scripts without spaces it may: 答案是-5.
    r"(?P<sign>(?<![^\W぀-ヿ㐀-䶿一-鿿ก-๎])[-+−]\s?)?[$€£¥₹]?"
    r"(?:"
    r"(?P<comma>\d{1,3}(?:(?:,|\{,\}|,\\!)\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?)"  # 1,234.5 and India's 1,14,200
    r"|(?P<point>\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+)"  # 1.234.567 and 1.234,5; 1.234 alone is a fraction
    r"|(?P<space>\d{1,3}(?:[ '’٬]\d{3})+(?:[.,٫]\d+)?)"
    r"|(?<!\d,)(?P<decimal>\d+,\d{1,2})(?![\d,])"  # 3,5 but not 1,2,3
    r"|(?P<plain>\d+(?:[.٫]\d+)?|\.\d+)"
    r")(?!\d)"
)
_ATTACHED = re.compile("[A-Za-z^]")
_SEPARATORS = {"comma": "[^0-9.]", "point": "[^0-9,]", "space": "[ '’٬]", "decimal": "", "plain": ""}
"""What says nothing in each of these ways to write a number."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number in a text."""

    value: Decimal
    start: int
    end: int


def figures(text: str, start: int = 0, end: int | None = None) -> list[Figure]:
    """Returns the numbers in a part of a text, in order.

    >>> [str(figure.value) for figure in figures("-$1,234.50 and 3,5 or 1.234.567 of 2 000; १,१४,२००")]
    ['-1234.50', '3.5', '1234567', '2000', '114200']
    """
    return [_figure(match) for match in _NUMBER.finditer(text, start, len(text) if end is None else end)]


def last_figure(text: str, start: int = 0, end: int | None = None) -> Figure | None:
    """Returns the last number of a part of a text: the last one with no Latin letter or power sign right before it, if there is any.

    >>> str(last_figure("That is 20 m2, at most 10^3.").value), str(last_figure("B12").value)
    ('10', '12')
    """
    found = list(_NUMBER.finditer(text, start, len(text) if end is None else end))
    alone = (match for match in reversed(found) if not _ATTACHED.search(text, max(0, match.start() - 1), match.start()) or match["sign"])
    return _figure(match) if (match := next(alone, found[-1] if found else None)) else None


def _figure(match: "re.Match[str]") -> Figure:
    return Figure(_value(match), match.start(), match.end())


def _value(match: "re.Match[str]") -> Decimal:
    kind = str(match.lastgroup)
    digits = "".join(str(int(char)) if char.isdecimal() else char for char in match[kind])
    digits = re.sub(_SEPARATORS[kind], "", digits) if _SEPARATORS[kind] else digits
    number = Decimal(digits.replace(",", ".").replace("٫", "."))
    return -number if (match["sign"] or "").strip() in ("-", "−") else number

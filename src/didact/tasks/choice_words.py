"""A text as one of several choices: by its words, by its item name, by how it begins, by the only one that it speaks of."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from didact.tasks.plain_answer import plain

Place = tuple[int, int, int]
"""Place of the choice, first character and last + 1 of what names it."""

_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_ITEM = re.compile(
    r"(?P<open>[(\[{])?\s*(?P<name>[A-Za-z]|\d{1,2}|[ivx]{2,5}|[IVX]{2,5})\s*(?P<mark>[)\]}.:]{0,2})(?:\s+(?P<rest>\S.*))?", re.DOTALL
)
"""The name of an item, as lists of options have it, alone or before text: `(A)`, `b.`, `3)`, `[iv]`, `C: the third`."""
_ROMAN = (
    "i",
    "ii",
    "iii",
    "iv",
    "v",
    "vi",
    "vii",
    "viii",
    "ix",
    "x",
    "xi",
    "xii",
    "xiii",
    "xiv",
    "xv",
    "xvi",
    "xvii",
    "xviii",
    "xix",
    "xx",
)
_FORMULA = re.compile(r"\A(?:\\[(\[]|\$+)\s*(.*?)\s*(?:\\[)\]]|\$+)\Z")
_KIND = re.compile(r"^(?:option|choice|letter)\s+(?=[(\[{]?\w{1,5}[)\]}.:]{0,2}(?:\s|$)|\W*\w{1,5}\W*$)", re.IGNORECASE)
_PAIRS = (
    ("(", ")"),
    ("[", "]"),
    ('"', '"'),
    ("'", "'"),
    ("“", "”"),
    ("‘", "’"),
    ("„", "“"),
    ("«", "»"),
    ("「", "」"),
    ("$", "$"),
    ("\\(", "\\)"),
)
_STOPS = (".", "!", ",", ";", "。", "।")
_DENIED = re.compile(
    r"(?:\b(?:not|never|neither|cannot be)|n['’]t)(?:\s+(?:a|an|the))?\s+$|(?:n['’]t|\bnot)\s+(?:think|believe)\s+(?:that\s+)?$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[(\[](?P<bracketed>[A-Za-z])[)\]]|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s+(?P<called>[A-Z])(?!\w)")
_LETTER_FIRST = re.compile(
    r"(?P<name>[A-Z])[)\]]?(?:\s*[,;]\s+|\s+[—–-]+\s+|\s+\(|\s+(?=(?:because|since|as|for|due|given)\b))(?P<rest>\S.*)", re.DOTALL
)
_SET_OFF = re.compile(r"\s*(?:[,;:.!–—]|-)\s+(.+)")
_DECLARED = re.compile(
    r"(?<![\w'’])[(\[]?(?P<name>[A-Z])[)\]]?\s+(?:is|must be|would be|seems(?: to be)?)\s+(?:the\s+)?(?:most\s+)?"
    r"(?:correct|right|best|true|accurate|answer)\b"
)


def bare(text: str, start: int = 0, end: int | None = None) -> tuple[int, int]:
    """Returns a part of a text without one final full stop and without what stands around all of it.

    >>> [text[slice(*bare(text))] for text in ("(A).", "'-3.5.'", "«oui»", "and so on ...")]
    ['A', '-3.5', 'oui', 'and so on ...']
    """
    start, end = _stripped(text, start, len(text) if end is None else end)
    for _ in range(2):  # "(A)." as well as "(A.)"
        if text[start:end].endswith(_STOPS) and not text[start:end].endswith("..."):
            start, end = _stripped(text, start, end - 1)
        for left, right in _PAIRS:
            part = text[start:end]
            inner = part[len(left) : -len(right)]
            if (
                len(part) > len(left) + len(right)
                and part.startswith(left)
                and part.endswith(right)
                and left not in inner
                and right not in inner
            ):
                start, end = _stripped(text, start + len(left), end - len(right))
    return start, end


@lru_cache(maxsize=1 << 14)
def folded(text: str) -> str:
    """Returns text for comparing: case, white space, and what joins the words of a label say nothing.

    >>> folded("Not_Entailment."), folded("-3.5")
    ('not entailment', '-3.5')
    """
    said = plain(text).text
    said = said[slice(*bare(said))]
    return " ".join(re.sub(r"(?<=[^\W\d])[_-](?=[^\W\d])", " ", said).casefold().split())


def as_choice(text: str, choices: Sequence[str], more: bool = True) -> int | None:
    """Returns the place of the choice that all of a text is, by its words or by its item name.

    Args:
        text: A text, or a part of it.
        choices: The choices, in order.
        more: Behind the name of an item may stand something else than the choice's text: `(B) because ...`.

    >>> [as_choice(text, ("red", "blue")) for text in ("Blue.", "(B)", "option B", "b. blue", "(A) blue", "a blue one")]
    [1, 1, 1, 1, None, None]
    """
    text = _KIND.sub("", text.strip())
    if (found := _only(choice.strip() == text for choice in choices)) is not None:
        return found
    item = _ITEM.fullmatch(_FORMULA.sub(r"\1", text))
    bracketed = item is not None and item["rest"] is None and item["open"] is not None and item["mark"] != ""
    if item is not None and bracketed:
        return _place(item["name"], choices)
    known = [folded(choice) for choice in choices]
    wanted = folded(text)
    if (found := _only(choice == wanted for choice in known)) is not None:
        return found
    if item is None or (item["name"].isdigit() and any(re.fullmatch(r"[\d.,]+", choice) for choice in choices)):
        return None  # a wrong number is no item name
    place = _place(item["name"], choices)
    if item["rest"] is None:
        return place
    if not item["mark"]:
        return None  # "a dog": an article, no item name
    rest = {folded(item["rest"]), folded(_SENTENCE_END.split(item["rest"], maxsplit=1)[0])}
    said = {number for number, choice in enumerate(known) if choice in rest}
    if said:
        return place if place in said else None
    return place if more and item["mark"][0] in ")]}:" and item["name"].isalpha() and item["name"].isupper() else None


def leading(line: str, choices: Sequence[str]) -> int | None:
    """Returns the choice that a line begins with, set off by a mark from a text that speaks of no other choice.

    >>> [leading(line, ("yes", "no")) for line in ("Yes, as there is no rain.", "yes, no", "No rain fell.", "B, as it is dry")]
    [0, None, None, 1]
    """
    places = {folded(choice): number for number, choice in enumerate(choices)}
    if len(places) < len(choices):
        return None
    said = folded(line)
    for choice in sorted(places, key=len, reverse=True):
        behind = _SET_OFF.match(said[len(choice) :]) if len(choice) > 1 and said.startswith(choice) else None
        if behind is None:
            continue
        if as_choice(behind[1], choices) is not None or sum(other.startswith(choice) for other in places) > 1:
            return None  # "lower lip, ..." may be the beginning of a longer choice
        return places[choice]
    return _letter_first(line, choices)


def declared(text: str, choices: Sequence[str]) -> Place | None:
    """Returns the only choice of which a text says that it is right, by its letter.

    >>> declared("I see. B is the correct one.", ("red", "blue")), declared("A is right, or B is correct.", ("red", "blue"))
    ((1, 7, 8), None)
    """
    said = [
        (_place(match["name"], choices), match.start("name"), match.end("name"))
        for match in _DECLARED.finditer(text)
        if not _DENIED.search(text[: match.start()])
    ]
    places = {place for place, _, _ in said}
    place, start, end = said[-1] if said else (None, 0, 0)
    return (place, start, end) if len(places) == 1 and place is not None else None


def mentioned(line: str, choices: Sequence[str]) -> Place | None:
    """Returns the only choice that a line speaks of, unless it denies it; longer choices hide those within them.

    >>> mentioned("I think it is blue", ("red", "blue")), mentioned("It is not (B)", ("red", "blue"))
    ((1, 14, 18), None)
    """
    said: dict[int | None, tuple[int, int]] = {}
    for item in _NAMED.finditer(line):
        place = None if _DENIED.search(line[: item.start()]) else _place(item["bracketed"] or item["called"], choices)
        said[place] = item.span()
    first = _LETTER_FIRST.match(line)
    if first and first["name"] != "I" and (place := _place(first["name"], choices)) is not None:
        said[place] = first.span("name")
    places = {folded(choice): number for number, choice in enumerate(choices) if len(folded(choice)) > 1}
    if len(places) == len(choices) > 0:
        text = folded(line)
        words = "|".join(re.escape(choice) for choice in sorted(places, key=len, reverse=True) if choice in text)
        for match in re.finditer(rf"(?<!\w)(?:{words})(?!\w)", text) if words else ():
            denied = _DENIED.search(text[: match.start()])
            said[None if denied else places[match.group()]] = _written(match.group(), line)
    if len(said) != 1:
        return None
    (place, span), *_ = said.items()
    return None if place is None else (place, *span)


def _letter_first(line: str, choices: Sequence[str]) -> int | None:
    """Returns the choice whose letter a line begins with, before its reasons; None where these speak of another choice."""
    match = _LETTER_FIRST.match(line)
    place = _place(match["name"], choices) if match else None
    if match is None or place is None:
        return None
    letters = {_place(name, choices) for name in re.findall(r"(?<![\w'’])[A-Z](?![\w'’])", match["rest"]) if name != "I"}
    rest = f" {folded(match['rest'])} "
    words = {number for number, choice in enumerate(choices) if re.search(rf"(?<!\w){re.escape(folded(choice))}(?!\w)", rest)}
    return place if letters | words <= {place, None} else None


def _written(said: str, line: str) -> tuple[int, int]:
    """Returns where folded words stand in a line, the last time; all of the line where that cannot be told."""
    found = list(re.finditer(r"[\s_-]+".join(map(re.escape, said.split())), line, re.IGNORECASE))
    return found[-1].span() if found else (0, len(line))


def _place(name: str, choices: Sequence[str]) -> int | None:
    """Returns the place that an item name stands for, among so many: letters, numbers from 1, roman numerals."""
    lower = name.lower()
    places = [int(name) - 1] if name.isdigit() else [ord(lower) - ord("a")] if len(name) == 1 else []
    places += [_ROMAN.index(lower)] if lower in _ROMAN else []
    return next((place for place in places if 0 <= place < len(choices)), None)


def _only(matches: Iterable[bool]) -> int | None:
    places = [number for number, match in enumerate(matches) if match]
    return places[0] if len(places) == 1 else None


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end

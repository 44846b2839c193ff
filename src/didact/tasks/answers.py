"""The answer in what a model wrote: one of several choices, a number, the words behind "the answer is"; or nothing, never a guess."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

_CUE = re.compile(
    r"(?:\b(?:answer|(?:correct|right|best) (?:option|choice|one))\b(?:(?:\s+(?:to|for|of)\s[^.\n:]{1,60}?)?\s+(?:is|was|should be)\b)?"
    r"|\\boxed\{|####)[ \t]*[:=]?[ \t]*",
    re.IGNORECASE,
)
"""What announces an answer, the last one counts: chain of thought ends in it; GSM8K writes `####`, competition maths a box."""
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_NUMBER = re.compile(r"((?<!\w)[-+−]\s?)?[$€£¥₹]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?!\d)")
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
_PAIRS = (("(", ")"), ("[", "]"), ('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("$", "$"))
_DENIED = re.compile(r"(?:\b(?:not|never|neither|cannot be)|n['’]t)(?:\s+(?:a|an|the))?\s+$", re.IGNORECASE)


def choice_of(completion: str, choices: Sequence[str]) -> int | None:
    """Returns the place of the choice that a completion gives; None where it gives none, or more than one.

    Tried in this order: the whole text; what follows the last "the answer is"; the first and the last line; how the first line
    begins, "Yes, because ..."; the one choice that the last line speaks of. A text counts as a choice when it is its text or its
    item name: `B`, `b)`, `(B)`, `B. text`.

    Args:
        completion: What a model wrote.
        choices: The options, in order.

    >>> [choice_of(text, ("red", "blue")) for text in ("(B)", "A", "a.", "Blue.", "So the answer is (B).", "red or blue", "C")]
    [1, 0, 0, 1, 1, None, None]
    """
    text = _plain(completion)
    if (found := _as_choice(text, choices)) is not None:
        return found
    for candidate in announced(text):
        for read_as in (_as_choice, _leading):
            if (found := read_as(candidate, choices)) is not None:
                return found
    lines = [line.strip() for line in text.split("\n") if line.strip()] or [""]
    read = {found for line in (lines[0], lines[-1]) if (found := _as_choice(line, choices)) is not None}
    if read:
        return read.pop() if len(read) == 1 else None
    leading = _leading(lines[0], choices)
    return _mentioned(lines[-1], choices) if leading is None else leading


def number_of(completion: str) -> Decimal | None:
    """Returns the number that a completion answers with; None where it holds none.

    Of the sentence behind the last "the answer is" it is the last number, else that of the whole text. Thousands separators,
    currency signs and percent signs say nothing; a minus and a decimal point do.

    >>> [str(number_of(text)) for text in ("12 + 6 = 18", "The answer is -3.5.", "$1,234", "#### 18", "eighteen")]
    ['18', '-3.5', '1234', '18', 'None']
    """
    text = _plain(completion)
    for part in (*reversed(tuple(announced(text))), text):
        found = _NUMBER.findall(part)
        if found:
            sign, digits = found[-1]
            number = Decimal(digits.replace(",", ""))
            return -number if sign.strip() in ("-", "−") else number
    return None


def answer_text(completion: str) -> str:
    """Returns what a completion answers with: the rest of the line behind the last "the answer is", else all of it.

    One final full stop goes, and so do brackets and quotation marks around it; a minus and an inner full stop stay.

    >>> answer_text("It rains, so it is wet. So the answer is (A)."), answer_text("'-3.5.'")
    ('A', '-3.5')
    """
    text = _plain(completion)
    return _bare(next(announced(text), text))


def answer_sentence(completion: str) -> str:
    """Returns the same up to the end of its first sentence: some models go on talking.

    >>> answer_sentence("The answer is Yes. I hope that this helps!")
    'Yes'
    """
    text = _plain(completion)
    return _bare([text, *announced(text)][-1])


def announced(text: str) -> Iterator[str]:
    """Yields what follows the last announcement of an answer: the rest of its line, then the first sentence of that.

    >>> list(announced("The answer is 2. Or so I think."))
    ['2. Or so I think.', '2']
    """
    for cue in reversed(list(_CUE.finditer(text))):
        rest = text[cue.end() :].lstrip().split("\n", 1)[0]
        if cue.group().startswith("\\"):
            rest = rest.split("}", 1)[0]
        if rest.strip():
            yield rest.strip()
            yield _SENTENCE_END.split(rest, maxsplit=1)[0].strip()
            return


def _plain(text: str) -> str:
    """Returns text without the marks that Markdown puts around words."""
    return unicodedata.normalize("NFKC", text).replace("**", "").replace("`", "").strip().strip("*").strip()


def _bare(text: str) -> str:
    """Returns text without one final full stop and without what stands around all of it."""
    text = text.strip()
    for _ in range(2):  # "(A)." as well as "(A.)"
        text = text[:-1].rstrip() if text[-1:] in (".", "!", ",", ";", "。") and not text.endswith("...") else text
        for left, right in _PAIRS:
            if len(text) > 2 and text.startswith(left) and text.endswith(right) and left not in text[1:-1] and right not in text[1:-1]:
                text = text[1:-1].strip()
    return text


def _folded(text: str) -> str:
    """Returns text for comparing: case, white space, and what joins the words of a label say nothing.

    >>> _folded("Not_Entailment."), _folded("-3.5")
    ('not entailment', '-3.5')
    """
    return " ".join(re.sub(r"(?<=[^\W\d])[_-](?=[^\W\d])", " ", _bare(_plain(text))).casefold().split())


def _as_choice(text: str, choices: Sequence[str]) -> int | None:
    """Returns the place of the choice that all of a text is, by its words or by its item name."""
    text = re.sub(r"^(?:option|choice|letter)\s+(?=\W*\w{1,5}\W*$)", "", text.strip(), flags=re.IGNORECASE)
    if (found := _only(choice.strip() == text for choice in choices)) is not None:
        return found
    item = _ITEM.fullmatch(text)
    bracketed = item is not None and item["rest"] is None and item["open"] is not None and item["mark"] != ""
    if item is not None and bracketed:
        return _place(item["name"], choices)
    folded = [_folded(choice) for choice in choices]
    wanted = _folded(text)
    if (found := _only(choice == wanted for choice in folded)) is not None:
        return found
    if item is None or (item["name"].isdigit() and any(re.fullmatch(r"[\d.,]+", choice) for choice in choices)):
        return None  # a wrong number is no item name
    place = _place(item["name"], choices)
    if item["rest"] is None:
        return place
    if not item["mark"]:
        return None  # "a dog": an article, no item name
    rest = {_folded(item["rest"]), _folded(_SENTENCE_END.split(item["rest"], maxsplit=1)[0])}
    said = {number for number, choice in enumerate(folded) if choice in rest}
    if said:
        return place if place in said else None
    return place if item["mark"][0] in ")]}:" and item["name"].isalpha() and item["name"].isupper() else None


def _place(name: str, choices: Sequence[str]) -> int | None:
    """Returns the place that an item name stands for, among so many: letters, numbers from 1, roman numerals."""
    lower = name.lower()
    places = [int(name) - 1] if name.isdigit() else [ord(lower) - ord("a")] if len(name) == 1 else []
    places += [_ROMAN.index(lower)] if lower in _ROMAN else []
    return next((place for place in places if 0 <= place < len(choices)), None)


def _leading(line: str, choices: Sequence[str]) -> int | None:
    """Returns the choice that a line begins with, set off by a mark from a text that is no other choice.

    >>> [_leading(line, ("yes", "no")) for line in ("Yes, as there is no rain.", "No: it is wet", "yes, no", "No rain fell.")]
    [0, 1, None, None]
    """
    places = {_folded(choice): number for number, choice in enumerate(choices)}
    if len(places) < len(choices):
        return None
    words = "|".join(re.escape(choice) for choice in sorted(places, key=len, reverse=True) if len(choice) > 1)
    match = re.match(rf"({words})\s*(?:[,;:.!–—]|-)\s+(.+)", _folded(line)) if words else None
    if match is None or _as_choice(match[2], choices) is not None:
        return None
    if sum(choice.startswith(match[1]) for choice in places) > 1:
        return None  # "lower lip, ..." may be the beginning of a longer choice
    return places[match[1]]


def _mentioned(line: str, choices: Sequence[str]) -> int | None:
    """Returns the only choice that a line speaks of, unless it denies it; longer choices hide those within them."""
    said = set[int | None]()
    for item in re.finditer(r"[(\[]([A-Za-z])[)\]]", line):
        said.add(None if _DENIED.search(line[: item.start()]) else _place(item[1], choices))
    places = {_folded(choice): number for number, choice in enumerate(choices) if len(_folded(choice)) > 1}
    if len(places) == len(choices) > 0:
        text, words = _folded(line), "|".join(re.escape(choice) for choice in sorted(places, key=len, reverse=True))
        for match in re.finditer(rf"(?<!\w)(?:{words})(?!\w)", text):
            said.add(None if _DENIED.search(text[: match.start()]) else places[match.group()])
    return said.pop() if len(said) == 1 else None


def _only(matches: Iterable[bool]) -> int | None:
    places = [number for number, match in enumerate(matches) if match]
    return places[0] if len(places) == 1 else None

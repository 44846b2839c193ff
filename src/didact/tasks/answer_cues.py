r"""What announces an answer in a completion: "the answer is" in 30 languages, `####`, a box, a tag; the last one counts.

    ... 5 + 6 = 11. Die Antwort lautet 11.      a cue, the rest of its line, the first sentence of that
    Step-by-Step Answer: Roger had 5 balls ...  a label before the reasoning announces nothing
    I can answer 20 questions.                  nor does a verb

Source: the cues of eleven languages end the worked examples of Shi et al. (2022), MGSM, arXiv 2210.03057.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from didact.tasks.plain_answer import trimmed

RULES = ("tagged", "boxed", "hashes", "announced")
"""What an announcement can be: `<answer>`, a box of LaTeX, `####`, words."""

_MARK = r"[ \t]*(?:[:=]|[—–-](?=\s))"
"""What may stand for "is": a colon, or a dash between blanks, which is no minus."""
_FIGURE = r"(?=\s*[-+−]?[$€£¥₹]?\d)"
_IS = r"(?:is|was|are|should be|would be|must be|will be|equals|comes to)"
_ENGLISH = (
    rf"(?<!step )\b(?:answer|(?:correct|right|best) (?:option|choice|one))\b"
    rf"(?:\s+(?:to|for|of|on|in)\s[^.\n:]{{1,60}}?)?(?:\s+{_IS}\b|{_MARK})",
    r"\b(?:makes?|gives?)\s+(?:us\s+)?(?:the|an)\s+(?:final\s+)?answer\b(?:\s+of\b)?",
    # Without a verb: where it begins its line, and a new line, one word or an item follows.
    r"^[ \t]*(?:(?:so|thus|hence|therefore|the|my|final|correct)[ ,]+)*answer"
    rf"(?=[ \t]*\n|[ \t]+(?!{_IS}\b)(?:\S{{1,30}}[ \t]*$|[(\[]\w{{1,3}}[)\]]))",
)
_SPACED = (
    *("antwort|lösung >> ist|lautet|wäre|war", "respuesta > ( correcta| final)? > es|sería|será", "antwoord >> is", "vastaus >> on"),
    *("réponse > ( correcte| finale| exacte)? > est|serait", "risposta > ( corretta| giusta| finale)? > è", "svar > (et)? > är|er|on"),
    *(
        "resposta > ( correta| certa| final)? > é",
        "odpowied > (ź|zią) > to|jest|brzmi",
        "odpověď >> je|zní",
        "răspunsul > ( corect)? > este|e",
    ),
    *(
        "jawaban > (nya)?( yang benar)? > adalah|ialah",
        "cevap|yanıt",
        "đáp án|câu trả lời > ( đúng)? > là",
        "jibu > ( sahihi| la mwisho)? > ni",
    ),
    *("ответ > (ом)? > будет|является|это|равен", "відповід > (ь|дю) > буде|це|є", "отговор > (ът|а)? > е", "απάντηση >> είναι"),
)
"""Noun > its endings > verbs, of languages in which one of the verbs, a colon or a dash has to follow."""
_BARE = (
    *("উত্তর > (টি)? > হল|হলো|হবে", "సమాధానం", "คำตอบ > (ที่ถูกต้อง)? > คือ|เป็น", "答案|正确选项|正確選項 >> 应该是|應該是|应为|是|为|為"),
    *("答え|正解 >> は", "정답|답 >> 은|는", "الإجابة|الاجابة|الجواب > ( الصحيحة| النهائية| الصحيح| النهائي)? > هي|هو", "उत्तर|जवाब >> है"),
    "جواب|پاسخ >> ہے|است",
)
"""The same, of languages in which a figure may follow as well."""
_NO_LABEL = r"(?<!schritt-)(?<!ধাপে ধাপে )(?<!దశలవారీగా )(?<!ごとの)"
"""Behind "step-by-step" stands a label: reasoning follows, no answer."""


def _cue(line: str, edge: str, others: str) -> tuple[str, str]:
    """Returns the nouns of a cue, for a quick look, and its pattern."""
    noun, ending, verbs = ([part.strip() for part in line.split(">")] + ["", ""])[:3]
    verb = rf"\s*(?:{verbs}){edge}|" if verbs else ""
    return noun, rf"{edge}{_NO_LABEL}(?:{noun}){ending}{edge}(?:{verb}{others})"


def _all_cues() -> Iterator[tuple[str, tuple[str, ...], "re.Pattern[str]"]]:
    """Yields the rule, words of which a text has to hold one, and the pattern of every cue."""
    words = [("answer|correct|right|best", pattern) for pattern in _ENGLISH]
    words += [_cue(line, r"\b", _MARK) for line in _SPACED] + [_cue(line, "", f"{_MARK}|{_FIGURE}") for line in _BARE]
    words += [("答:", "(?<![解回])答(?=:)")]
    cues = [("announced", nouns, rf"(?:{pattern})[ \t]*[:=]?[ \t]*") for nouns, pattern in words]
    cues += [("tagged", "<answer>", "<answer>"), ("boxed", "box", r"\\f?box(?:ed)?\s*\{"), ("hashes", "####", "####")]
    for rule, nouns, pattern in cues:
        # As completions are read: some letters of Thai and Bengali fall apart in NFKC.
        nouns, pattern = (unicodedata.normalize("NFKC", part) for part in (nouns.casefold(), pattern))
        yield rule, tuple(nouns.split("|")), re.compile(pattern, re.IGNORECASE | re.MULTILINE)


_CUES = tuple(_all_cues())
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。।]")
_COPULA = re.compile(r"\s*(?:です|でした|である|입니다|है|হয়)\s*[.。।]?\Z")
"""Ends a sentence behind its answer, in languages whose verb comes last."""
_CLOSING = re.compile("</answer>", re.IGNORECASE)
_WRAPPED = re.compile(r"\\(?:text(?:bf|rm|it)?|math(?:rm|bf|it|sf)|mbox)\s*\{(.*)\}\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of a completion that an answer may be."""

    rule: str
    start: int
    end: int


@lru_cache(maxsize=64)  # each rule asks anew
def spots(text: str) -> tuple[Spot, ...]:
    r"""Returns what the last announcement speaks of: the rest of its line, then the first sentence of that; nothing without one.

    >>> said = "The answer is 2. Or so I think."
    >>> [(spot.rule, said[spot.start : spot.end]) for spot in spots(said)]
    [('announced', '2. Or so I think.'), ('announced', '2')]
    >>> said = r"So \boxed{\text{B}}."
    >>> [said[spot.start : spot.end] for spot in spots(said)]
    ['B', 'B']
    """
    small = text.casefold()
    found = [(m.start(), m.end(), rule) for rule, nouns, cue in _CUES if any(noun in small for noun in nouns) for m in cue.finditer(text)]
    for _, behind, rule in sorted(found, reverse=True):
        start, end = trimmed(text, *_rest(text, behind, rule))
        if rule == "boxed" and (inner := _WRAPPED.match(text[start:end])):
            start, end = trimmed(text, start + inner.start(1), start + inner.end(1))
        if text[start:end].strip(" .!。।*"):
            last = first_sentence(text, start, end)
            return Spot(rule, *_without_copula(text, start, end)), Spot(rule, *_without_copula(text, start, last))
    return ()


def first_sentence(text: str, start: int, end: int) -> int:
    """Returns where the first sentence of a part of a text ends, without its mark.

    >>> first_sentence("It is 3.5. Yes.", 0, 15)
    9
    """
    found = _SENTENCE_END.search(text, start, end)
    return trimmed(text, start, found.start() if found else end)[1]


def _rest(text: str, start: int, rule: str) -> tuple[int, int]:
    """Returns what a cue announces: what its tag or box holds, else the rest of its line, or the next line that says something."""
    while start < len(text) and text[start].isspace():
        start += 1
    newline = text.find("\n", start)
    end = len(text) if newline < 0 else newline
    if rule == "tagged":
        closing = _CLOSING.search(text, start)
        return start, closing.start() if closing else end
    if rule == "boxed":
        depth = 1
        for place in range(start, len(text)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if depth == 0:
                return start, place
    return start, end


def _without_copula(text: str, start: int, end: int) -> tuple[int, int]:
    found = _COPULA.search(text, start, end)
    return trimmed(text, start, found.start() if found and found.start() > start else end)

"""Words of a text in any script: what the Unicode ROUGE-L and the leak check compare."""

import re
import unicodedata

import regex

_ASCII_WORD = re.compile(r"[a-z0-9]+")

# Soft hyphen, joiners, word joiner and variation selectors change how a word looks, not which word it is.
_INVISIBLE = re.compile("[\u00ad\u200c\u200d\u2060\ufe00-\ufe0f]")

# Scripts written without spaces, by Script_Extensions: it counts the Japanese length mark, whose own script is "common".
_SPACELESS = "".join(rf"\p{{scx={script}}}" for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"))
_SINGLE = rf"[[\p{{L}}\p{{Nl}}]&&[{_SPACELESS}]]"

# A mark belongs to the letter before it and starts no word; enclosing marks (Me: an emoji's keycap) are symbols.
_MARK = r"\p{Mn}\p{Mc}"
_WORD = regex.compile(rf"(?V1){_SINGLE}[{_MARK}]*|[[\p{{L}}\p{{N}}]--{_SINGLE}][[\p{{L}}\p{{N}}{_MARK}]--{_SINGLE}]*")


def fold(text: str) -> str:
    """Returns the text with letters of one kind: NFKC, case folded, invisible joiners removed.

    >>> fold("STRASSE") == fold("Straße"), fold("ﬁne")
    (True, 'fine')
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Case folding can take composed letters apart, so they are composed once more.
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", folded))


def words(text: str) -> list[str]:
    """Returns the words of a text, folded: runs of letters, marks and digits.

    In scripts written without spaces (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar) every letter is a word, with the
    marks that belong to it.

    >>> words("It's 7 o'clock, Zoë!")
    ['it', 's', '7', 'o', 'clock', 'zoë']
    >>> words("GPUで学ぶ")
    ['gpu', 'で', '学', 'ぶ']
    """
    folded = fold(text)
    found: list[str] = (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)
    return found

"""Words of any script."""

import pytest

from didact.tasks.words import fold, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("?! …", []),
        ("It's 7 o'clock", ["it", "s", "7", "o", "clock"]),
        ("snake_case x²", ["snake", "case", "x2"]),  # NFKC makes ² a 2
        ("Ἀθήνα ΣΊΣΥΦΟΣ", ["ἀθήνα", "σίσυφοσ"]),  # case folding: the final sigma is a sigma
        ("한국어 문장", ["한국어", "문장"]),
        ("हिन्दी में ३", ["हिन्दी", "में", "३"]),  # vowel signs are marks and stay inside their word
        ("二〇二四年GPT-4", ["二", "〇", "二", "四", "年", "gpt", "4"]),
        ("ｶﾞｰド", ["ガ", "ー", "ド"]),  # halfwidth letters are composed; the length mark is a letter
        ("น้ำ", ["น้ํ", "า"]),  # NFKC takes sara am apart; the tone mark stays with its consonant
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("1\ufe0f\u20e3 ❤\ufe0f", ["1"]),  # an emoji's selector and keycap are no words
        ("co\u00adop می\u200cخواهم", ["coop", "میخواهم"]),  # soft hyphen and non-joiner
    ],
)
def test_words_are_runs_of_letters_marks_and_digits(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_composed_and_decomposed_letters_are_the_same_word() -> None:
    assert words("Zoe\u0308") == words("Zo\u00eb") == ["zo\u00eb"]


def test_the_ascii_path_and_the_unicode_path_agree() -> None:
    text = "Mixed CASE, 3.14 and under_scores; don't!"
    assert [*words(text), "é"] == words(text + " é")


@pytest.mark.parametrize("text", ["Straße", "ΐ", "İstanbul", "ﬁne", "Ǆ", "e\u0301", "ＡＢＣ"])
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)

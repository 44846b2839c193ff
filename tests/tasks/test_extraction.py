"""Extractors: golden strings for each, which one fires, where the answer stands, and what none of them may guess."""

from decimal import Decimal

import pytest

from didact.base.errors import DataError
from didact.tasks.answer_cues import spots
from didact.tasks.extraction import EXTRACTORS, Found, extract, extract_by, extractors
from didact.tasks.figures import figures

CITIES = ("London", "Paris", "Rome", "Berlin")
NAMES = ("(A)", "(B)", "(C)", "(D)")
LAST_SENTENCES = {
    "bn": ("5 + 6 = 11। উত্তর হল 11।", "(B)। উত্তর হল (B)।"),
    "de": ("5 + 6 = 11. Die Antwort lautet 11.", "Die Antwort ist (B)."),
    "en": ("5 + 6 = 11. The answer is 11.", "So the answer is (B)"),
    "es": ("5 + 6 = 11. La respuesta es 11.", "La respuesta correcta es (B)."),
    "fr": ("5 + 6 = 11. La réponse est 11.", "Réponse : (B)"),
    "ja": ("5+6=11。答えは11です。", "答えは(B)です。"),
    "ru": ("5 + 6 = 11. Ответ — 11.", "Ответ: (B)"),
    "sw": ("5 + 6 = 11. Jibu ni 11.", "Jibu ni (B)."),
    "te": ("5+6=11. సమాధానం 11.", "సమాధానం: (B)"),
    "th": ("5 + 6 = 11 คำตอบคือ 11", "คำตอบคือ (B)"),
    "zh": ("5 + 6 = 11。答案是 11。", "正确答案是(B)。"),
    "pt": ("5 + 6 = 11. A resposta é 11.", "Resposta: (B)"),
    "it": ("5 + 6 = 11. La risposta è 11.", "Risposta: (B)"),
    "nl": ("5 + 6 = 11. Het antwoord is 11.", "Antwoord: (B)"),
    "pl": ("5 + 6 = 11. Odpowiedź to 11.", "Odpowiedź: (B)"),
    "sv": ("5 + 6 = 11. Svaret är 11.", "Svar: (B)"),
    "fi": ("5 + 6 = 11. Vastaus on 11.", "Vastaus: (B)"),
    "id": ("5 + 6 = 11. Jawabannya adalah 11.", "Jawaban: (B)"),
    "tr": ("5 + 6 = 11. Cevap: 11.", "Cevap: (B)"),
    "ko": ("5 + 6 = 11. 정답은 11입니다.", "정답: (B)"),
    "ar": ("5 + 6 = 11. الإجابة هي 11.", "الإجابة: (B)"),
    "hi": ("5 + 6 = 11। उत्तर है 11।", "उत्तर: (B)"),
    "el": ("5 + 6 = 11. Η απάντηση είναι 11.", "Απάντηση: (B)"),
    "vi": ("5 + 6 = 11. Đáp án là 11.", "Đáp án: (B)"),
}
"""The first eleven end the worked examples of MGSM."""
LABELS = ("ধাপে ধাপে উত্তর", "Schritt-für-Schritt-Antwort", "Step-by-Step Answer", "Respuesta paso a paso", "Réponse étape par étape")
MORE_LABELS = ("ステップごとの答え", "Пошаговое решение", "Jibu la Hatua kwa Hatua", "దశలవారీగా సమాధానం", "คำตอบทีละขั้นตอน", "逐步解答")


def which(kind: str, text: str, choices: tuple[str, ...] = ()) -> tuple[object, str] | None:
    found = extract(kind, text, choices)
    return None if found is None else (found.value, found.extractor)


CHOICE_GOLDEN = [
    ("whole", ["(B)", "b.", "Paris", "**B**", "Option B", "B. Paris", "\\(B\\)", "«Paris»"]),
    ("item_first", ["(B) because it lies on the Seine", "B) I hope that this helps.", "(B)\n\nExplanation: Rome is no option."]),
    ("tagged", ["It has a tower. <answer>B</answer>", "<ANSWER> Paris </ANSWER> I hope that helps.", "<answer>(B)"]),
    ("boxed", ["Final answer: $\\boxed{B}$", "\\boxed{\\text{Paris}}.", "So $$\\boxed{ (B) }$$ it is."]),
    ("hashes", ["It has a tower.\n#### B", "#### Paris"]),
    (
        "announced",
        [
            "So the answer is (B)",
            "So the answer is (B).",
            "**Answer: B**",
            "Answer: (B)",
            "Answer - B",
            "Answer\nB",
            "Answer (B) Paris",
            "The answer is option B.",
            "The answer is option (B) Paris.",
            "The correct choice is: **Paris**.",
            "That makes the answer B.",
            "The answer is B because it has a tower.",
            "The answer is (B). Let me know if this helps!",
            "The answer is Paris, as it has a tower.",
            "Answer: Option B\nThis is the city with a tower.",
            "The right answer on this one should be B.",
        ],
    ),
    ("lone_line", ["B\nIt lies on the Seine.", "It lies on the Seine.\nParis", "B\n\nExplanation: Rome is no option."]),
    (
        "leading",
        ["Paris, because it lies on the Seine.", "B, as it lies on the Seine.", "B because it lies on the Seine", "B (it has a tower)"],
    ),
    ("declared", ["I see. B is the correct answer.", "So option (B) is right, I am sure.", "Hence B must be true."]),
    ("mentioned", ["I would take (B)", "That must be Paris, I think.", "Then I choose option B, of course."]),
]


@pytest.mark.parametrize(("extractor", "text"), [(name, text) for name, texts in CHOICE_GOLDEN for text in texts])
def test_choices_are_found_by_the_rule_that_is_told(extractor: str, text: str) -> None:
    assert which("choice", text, CITIES) == (1, extractor)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer is not B.",
        "The answer is A, B or C.",
        "B, but Rome is fine too",
        "B (Rome)",
        "I don't think that B is correct.",
        "Neither is right.",
        "A is right, or B is correct.",
        "I can answer that: it is a large city",
        "It isn't option B.",
        "The letter B is the second letter.",
        "The answer is E.",
        "Paris\nRome",
    ],
)
def test_what_gives_no_choice_or_two_is_found_by_none(text: str) -> None:
    assert extract("choice", text, CITIES) is None


@pytest.mark.parametrize("language", LAST_SENTENCES)
def test_answers_are_announced_in_many_languages(language: str) -> None:
    number, choice = LAST_SENTENCES[language]
    assert which("number", number) == (11, "announced")
    assert which("number", f"{number}\n") == (11, "announced")
    assert which("choice", choice, NAMES) == (1, "announced")
    assert extract("number", number.replace("11", "-3.5"), ()) is not None
    assert which("number", number.replace("11", "-3.5")) == (Decimal("-3.5"), "announced")


@pytest.mark.parametrize("label", [*LABELS, *MORE_LABELS])
def test_a_label_before_the_reasoning_announces_nothing(label: str) -> None:
    assert spots(f"{label}: 5 + 6 = 11.") == ()
    # Of the first sentence the number would be 3.
    assert which("number", f"{label}: 1 + 2 = 3. 3 + 8 = 11") == (11, "last_number")


NUMBER_GOLDEN = [
    ("whole", "1,234", "1234"),
    ("whole", "$18", "18"),
    ("whole", "**-3.5.**", "-3.5"),
    ("whole", "50%", "50"),
    ("whole", "४२", "42"),
    ("whole", "১২৩", "123"),
    ("whole", "๑๘", "18"),
    ("whole", "١٨", "18"),
    ("whole", "１，２３４", "1234"),
    ("whole", "1,14,200", "114200"),
    ("whole", "১,১৪,২০০", "114200"),
    ("whole", "114\u00a0200", "114200"),
    ("whole", "114\u202f200", "114200"),
    ("whole", "114'200", "114200"),
    ("whole", "1.234.567", "1234567"),
    ("whole", "1.234,50 €", "1234.50"),
    ("whole", "3,5", "3.5"),
    ("whole", "٣٫٥", "3.5"),
    ("whole", "١٬٢٣٤", "1234"),
    ("whole", "1.234", "1.234"),
    ("boxed", "So $\\boxed{42}$.", "42"),
    ("boxed", "$\\boxed{\\text{1,234}}$ dollars", "1234"),
    ("boxed", "\\boxed{1{,}234}", "1234"),
    ("boxed", "\\boxed{-7}", "-7"),
    ("hashes", "16 - 3 = 13\n#### 1,000", "1000"),
    ("tagged", "2 + 2 = 4 <answer>4</answer>", "4"),
    ("announced", "**Answer: 7**", "7"),
    ("announced", "The answer is 8. That is 3 more.", "8"),
    ("announced", "答案是-5。", "-5"),
    ("announced", "Ответ - 11", "11"),
    ("announced", "Ответ: -11", "-11"),
    ("announced", "He must answer 20 questions, so the answer is 5.", "5"),
    ("announced", "The answer is 3 + 5 = 8 apples.", "8"),
    ("last_number", "He must answer 20 questions. He did 15. So 5 remain.", "5"),
    ("announced", "The answer is clear: she has five, or 5, of them", "5"),
    ("last_number", "The area is 20 m².", "20"),
    ("last_number", "The area is 20 m2.", "20"),
    ("last_number", "1,2,3", "3"),
    ("last_number", "from 7 to 5-3", "3"),
    ("last_number", "10² = 100 cm²", "100"),
]


@pytest.mark.parametrize(("extractor", "text", "number"), NUMBER_GOLDEN)
def test_numbers_are_found_by_the_rule_that_is_told(extractor: str, text: str, number: str) -> None:
    assert which("number", text) == (Decimal(number), extractor)


@pytest.mark.parametrize(
    ("extractor", "text", "answer"),
    [
        ("announced", "So the answer is Yes", "Yes"),
        ("announced", "So the answer is -3.5.", "-3.5"),
        ("announced", 'The answer is "the U.S. Army".', "the U.S. Army"),
        ("announced", "答えはパリです。", "パリ"),
        ("announced", "Die Antwort ist Köln.", "Köln"),
        ("boxed", "$\\boxed{\\text{even}}$", "even"),
        ("tagged", "<answer>in\nLund</answer>", "in\nLund"),
        ("hashes", "so\n#### yes", "yes"),
        ("whole", "in Lund.", "in Lund"),
        ("whole", "I know the answer, but I do not tell it.", "I know the answer, but I do not tell it"),
        ("whole", "-3.5.", "-3.5"),
    ],
)
def test_words_are_found_by_the_rule_that_is_told(extractor: str, text: str, answer: str) -> None:
    assert which("text", text) == (answer, extractor)


def test_free_answers_are_all_of_the_text() -> None:
    assert extract("free", " one\ntwo. ") == Found("one\ntwo.", 1, 9, "whole")
    assert extract("free", " \n") is None


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("choice", "It has a tower. **Answer: B**", "B"),
        ("choice", "I think that it is **Paris**, yes", "Paris"),
        ("choice", "Hm.\n`(B)`\n", "(B)"),
        ("choice", "I see. B is the correct one.", "B"),
        ("number", "Das ist é ﬁn: $１，２３４ also", "$１，２３４"),
        ("number", "x **12** y", "12"),
        ("text", "The answer is “in Lund”.", "in Lund"),
        ("text", "Answer: **in Lund**. Bye", "in Lund**. Bye"),
    ],
)
def test_the_span_is_where_it_was_written(kind: str, text: str, said: str) -> None:
    found = extract(kind, text, CITIES)
    assert found is not None
    assert text[found.start : found.end] == said


def test_the_first_rule_that_finds_an_answer_is_the_one_that_counts() -> None:
    texts = [text for _, several in CHOICE_GOLDEN for text in several]
    for text in texts:
        alone = {name: extract_by(name, "choice", text, CITIES) for name in extractors("choice")}
        first = next(found for found in alone.values() if found is not None)
        assert extract("choice", text, CITIES) == first
    assert list(EXTRACTORS["choice"]) == [
        "whole",
        "item_first",
        "tagged",
        "boxed",
        "hashes",
        "announced",
        "lone_line",
        "leading",
        "declared",
        "mentioned",
    ]


def test_the_last_announcement_counts_of_whatever_kind_it_is() -> None:
    assert which("choice", "\\boxed{A} No: the answer is B.", CITIES) == (1, "announced")
    assert which("choice", "The answer is B. So \\boxed{A}", CITIES) == (0, "boxed")
    # One that denies what came before is not passed over for an earlier one.
    assert which("choice", "First, the answer is A. But the answer is not A.", CITIES) is None


def test_options_that_are_shown_by_name_are_read_to_the_letter_first() -> None:
    options = ("2", "4")
    assert [extract("choice", text, ("1.", "2."), options).value for text in ("2.", "The answer is 2.", "2", "4.")] == [1, 1, 0, 1]  # type: ignore[union-attr]
    assert extract("choice", "four", ("1.", "2."), options) is None
    for name, text in (("whole", "2."), ("announced", "The answer is 2.")):
        assert extract_by(name, "choice", text, ("1.", "2."), options) == extract("choice", text, ("1.", "2."), options)


def test_text_before_an_announcement_changes_nothing() -> None:
    for language, (number, choice) in LAST_SENTENCES.items():
        for text, kind in ((number, "number"), (choice, "choice")):
            before = "Let me see, 3 of 7.\n"
            one, other = extract(kind, text, NAMES), extract(kind, before + text, NAMES)
            assert one is not None and other is not None, language
            assert (other.value, other.extractor, other.start) == (one.value, "announced", one.start + len(before))


@pytest.mark.parametrize("zero", ["০", "๐", "٠", "०", "౦", "۰", "０"])
def test_native_digits_are_the_same_numbers(zero: str) -> None:
    native = {ord(digit): chr(ord(zero) + int(digit)) for digit in "0123456789"}
    for text in ("18", "-3.5", "1,234", "The answer is 42.", "5 + 6 = 11", "$\\boxed{7}$", "1,14,200"):
        assert which("number", text.translate(native)) == which("number", text)
    for number, _ in LAST_SENTENCES.values():
        assert which("number", number.translate(native)) == (11, "announced")


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="no kind of answer is named 'numbers'"):
        extract("numbers", "5")


def test_figures_are_told_from_exponents_and_units() -> None:
    assert [str(one.value) for one in figures("1,234 and 12,345,678 or 5-3; .5")] == ["1234", "12345678", "5", "3", "0.5"]

"""The language of a text, measured on public questions and texts; what is too short or mixed has none."""

import json
from collections import Counter
from pathlib import Path

import pytest

from didact.tasks.benchmarks.passages_samples import PASSAGES
from didact.tasks.language_words import FREQUENT, LETTERS
from didact.tasks.languages import LANGUAGES, OF_SCRIPT, code_of, language_of, script_share

SENTENCES = {
    "it": "Quando siamo arrivati alla stazione, il treno era già partito e non c'era più nessuno.",
    "pt": "Quando chegamos à estação, o trem já tinha saído e não havia mais ninguém.",
    "nl": "Toen wij bij het station kwamen, was de trein al weg en er was niemand meer.",
    "id": "Ketika kami sampai di stasiun, kereta itu sudah pergi dan tidak ada orang lagi.",
    "tr": "İstasyona geldiğimizde tren çoktan gitmişti ve artık hiç kimse yoktu.",
    "pl": "Kiedy dotarliśmy na dworzec, pociąg już odjechał i nie było nikogo.",
    "sv": "När vi kom till stationen hade tåget redan gått och det fanns ingen kvar.",
    "da": "Da vi kom til stationen, var toget allerede kørt, og der var ikke nogen tilbage.",
    "cs": "Když jsme přišli na nádraží, vlak už odjel a nikdo tam nebyl.",
    "uk": "Коли ми прийшли на вокзал, поїзд вже поїхав і нікого не було.",
    "bg": "Когато стигнахме до гарата, влакът вече беше тръгнал и нямаше никого.",
    "hi": "जब हम स्टेशन पहुँचे तो गाड़ी जा चुकी थी और वहाँ कोई नहीं था।",
    "mr": "आम्ही स्थानकावर आलो तेव्हा गाडी गेली होती आणि तिथे कोणीही नव्हते, पण आम्ही थांबलो आहे.",
    "ne": "हामी स्टेसन पुग्दा रेल गइसकेको थियो र त्यहाँ कोही पनि थिएन।",
    "fa": "وقتی به ایستگاه رسیدیم قطار رفته بود و هیچ کس آنجا نبود.",
    "ur": "جب ہم اسٹیشن پہنچے تو گاڑی جا چکی تھی اور وہاں کوئی نہیں تھا۔",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_tells_its_language(code: str) -> None:
    assert language_of(SENTENCES[code]) == code


@pytest.mark.parametrize("code", sorted(set(PASSAGES) - {"es", "sw"}))
def test_two_short_sentences_tell_theirs(code: str) -> None:
    assert language_of(" ".join(PASSAGES[code][:2])) == code


@pytest.mark.parametrize("text", ["", "42", "x + y = 3", "Paris", "(B)", "$1,234.50", "def f(x): return x", "?!"])
def test_what_is_too_short_has_none(text: str) -> None:
    assert language_of(text) is None


def test_most_of_the_words_decide_and_equal_parts_are_no_language() -> None:
    english, german = "The dog is here and it is not mine.", "Der Hund ist hier und er ist nicht mein."
    assert [language_of(text) for text in (english, german, f"{english} {german}")] == ["en", "de", None]
    assert language_of(f"{english} {english} {english} {german}") == "en"
    # Of the letters 26 are Latin and 6 Cyrillic, then 4 and 27.
    assert language_of(f"{english} это дом") == "en"
    assert language_of("Это мой дом, и в нём живут они, а не ты: it is.") == "ru"


def test_japanese_is_told_from_chinese_by_its_kana() -> None:
    # One kana of 20 letters is enough (5 %); none at all is Chinese.
    assert language_of("東京都庁の") == "ja"
    assert language_of("北京市政府") == "zh"
    assert language_of("答えは11です。") == "ja"


def test_case_and_line_breaks_say_nothing() -> None:
    for code, text in SENTENCES.items():
        if code != "tr":  # the capital of i is İ there
            assert language_of(text.upper()) == code
        assert language_of(text.replace(" ", "\n")) == code


def test_mgsm_questions_are_in_their_language(shared: Path) -> None:
    wrong, right = Counter[str](), Counter[str]()
    for code in ("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"):
        for line in (shared / "mgsm" / f"mgsm_{code}.tsv").read_text("utf-8").splitlines():
            found = language_of(line.split("\t")[0])
            right[code] += found == code
            wrong[code] += found not in (code, None)
    assert wrong.total() == 0
    assert all(right[code] >= 245 for code in right), right  # of 250


def test_xquad_and_wmt_are_in_theirs(shared: Path) -> None:
    for file in sorted((shared / "xquad").glob("xquad.*.json")):
        code = file.stem.split(".")[1]
        paragraphs = [part for article in json.loads(file.read_text("utf-8"))["data"] for part in article["paragraphs"]][:80]
        found = Counter(language_of(part["context"]) for part in paragraphs)
        assert found[code] >= 0.95 * len(paragraphs), (code, found)
    for code, name in (("en", "src-train.en.txt"), ("de", "tgt-train.de.txt")):
        found = Counter(map(language_of, (shared / "wmt_ende_10k" / name).read_text("utf-8").splitlines()[:500]))
        assert found[code] >= 0.9 * 500
        assert found.total() - found[code] - found[None] <= 0.02 * 500, found


def test_languages_are_named_by_code_or_in_english() -> None:
    assert [code_of(name) for name in ("English", "en", "EN-us", "Chinese", "zh_Hans", "", "latin")] == [
        "en",
        "en",
        "en",
        "zh",
        "zh",
        "",
        "",
    ]
    assert set(FREQUENT) | set(LETTERS) <= set(LANGUAGES)
    assert all(len(words.split()) >= 30 for words in FREQUENT.values())
    assert all(code in FREQUENT for codes in OF_SCRIPT.values() if len(codes) > 1 for code in codes)


def test_the_share_of_a_script_counts_letters_alone() -> None:
    assert script_share("ab, где 12", ("Latin",)) == 2 / 5
    assert script_share("ab, где 12", ("Latin", "Cyrillic")) == 1
    assert script_share("12", ("Latin",)) == 1

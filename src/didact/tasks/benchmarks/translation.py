"""Translation between English and seven languages, in both directions: the news pairs of WMT.

Source: Bojar et al. (2014, 2016), Findings of the workshops on statistical machine translation.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, sample
from didact.tasks.benchmarks.file_shapes import parallel_text
from didact.tasks.benchmarks.parsing import text_of

LANGUAGES = {
    "cs": "Czech",
    "de": "German",
    "en": "English",
    "fi": "Finnish",
    "fr": "French",
    "ro": "Romanian",
    "ru": "Russian",
    "tr": "Turkish",
}
HUBS = {"fr": "wmt/wmt14"} | dict.fromkeys(("cs", "de", "fi", "ro", "ru", "tr"), "wmt/wmt16")
"""Where the pairs with English stand: French in the workshop's 2014 data, the others in those of 2016."""
SENTENCES = {
    "cs": ("Kočka spí.", "Dnes prší.", "Kniha je na stole."),
    "de": ("Die Katze schläft.", "Es regnet heute.", "Das Buch liegt auf dem Tisch."),
    "en": ("The cat is sleeping.", "It is raining today.", "The book is on the table."),
    "fi": ("Kissa nukkuu.", "Tänään sataa.", "Kirja on pöydällä."),
    "fr": ("Le chat dort.", "Il pleut aujourd'hui.", "Le livre est sur la table."),
    "ro": ("Pisica doarme.", "Astăzi plouă.", "Cartea este pe masă."),
    "ru": ("Кошка спит.", "Сегодня идёт дождь.", "Книга лежит на столе."),
    "tr": ("Kedi uyuyor.", "Bugün yağmur yağıyor.", "Kitap masanın üstünde."),
}
"""The same three sentences of ours in every language."""
WORDS = {
    "cs": ("kočka", "dnes", "kniha"),
    "de": ("Katze", "heute", "Buch"),
    "en": ("cat", "today", "book"),
    "fi": ("kissa", "tänään", "kirja"),
    "fr": ("chat", "aujourd'hui", "livre"),
    "ro": ("pisica", "astăzi", "cartea"),
    "ru": ("кошка", "сегодня", "книга"),
    "tr": ("kedi", "bugün", "kitap"),
}
"""A word of each sentence: what a rationale explains."""


def parse(source: str, target: str, row: Mapping[str, Any]) -> Example:
    """Returns the example of a pair: `translation` holds a text for every language code, as on the hub.

    >>> parse("en", "de", {"translation": {"de": "Hund", "en": "dog"}}).fields
    {'source': 'dog', 'source_language': 'English', 'target_language': 'German'}
    """
    pair = row.get("translation")
    if not isinstance(pair, Mapping):
        raise DataError("no translation")
    fields = {"source": text_of(pair, source), "source_language": LANGUAGES[source], "target_language": LANGUAGES[target]}
    return Example("", fields, (text_of(pair, target),))


def _sample(source: str, target: str, number: int) -> Example:
    fields = {
        "source": SENTENCES[source][number],
        "source_language": LANGUAGES[source],
        "target_language": LANGUAGES[target],
    }
    rationale = f"The {LANGUAGES[source]} word “{WORDS[source][number]}” is “{WORDS[target][number]}” in {LANGUAGES[target]}."
    return sample(number + 1, fields, SENTENCES[target][number], rationale)


def _pair(source: str, target: str) -> Benchmark:
    other = target if source == "en" else source  # The file in this language tells which pair it is: every pair has English.
    return Benchmark(
        name=f"wmt/{source}-{target}",
        fields=("source", "source_language", "target_language"),
        parse=partial(parse, source, target),
        metrics=("bleu", "rouge_l"),
        cluster="translation",
        datasets=("wmt14" if other == "fr" else "wmt16",),
        licence="not stated",
        definition=f"Translate a sentence from {LANGUAGES[source]} into {LANGUAGES[target]}.",
        samples=tuple(_sample(source, target, number) for number in range(3)),
        hub=Hub(HUBS[other], f"{other}-en"),
        files=(
            f"[st][rg][ct]-{{split}}.{other}.txt",
            f"{{split}}.{other}",
            f"{{split}}.{other}-en.{other}",
            f"{{split}}.en-{other}.{other}",
            f"{other}-en/{{split}}-*.parquet",
        ),
        languages=(source, target),
        read=parallel_text(other, "en"),
    )


WMT = {f"wmt/{source}-{target}": _pair(source, target) for other in HUBS for source, target in (("en", other), (other, "en"))}
"""The fourteen directions."""

"""Word by word or all at once, the ids are the same; where that is not certain, the tokenizer does it all."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_zoo import FAMILIES, ready
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from didact.data import word_encoder
from didact.data.word_encoder import _CUTS_AT_SPACES, WordEncoder

TEXTS = [
    "",
    " ",
    "a",
    " a",
    "a ",
    "Paris is the capital.",
    "a  b   c",
    "a\n b\n\n c \n \nd",
    "\t a\tb \tc",
    "it's 12 345 6, (no) [yes] 'tis 3.5 %",
    "n\u0303 n\u00f1 \u00a0x\u00a0 y\u2003 z\u3000 w\x1c v \x1d u",
    "日本 語 \U0001f600 é",
    "the the the quick quick",
    "1 2 3 a1 b2",
]


def start_of(family: str) -> Tokenizer:
    return ready(family, "plain")._encoders.start


def with_cutter(cutter, normalizer=None) -> Tokenizer:
    encoder = Tokenizer.from_str(start_of("byte_level").to_str())
    encoder.pre_tokenizer = cutter
    if normalizer is not None:
        encoder.normalizer = normalizer
    return encoder


def cutters():
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    yield "gpt2", with_cutter(plain)
    yield "digits", with_cutter(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), plain]))
    for number, pattern in enumerate(sorted(_CUTS_AT_SPACES)):
        cutter = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bare])
        yield f"split {number}", with_cutter(cutter, normalizers.NFC())


CUTTERS = dict(cutters())
PIECE = st.text(alphabet=st.sampled_from(list("ab'sT1 \n\t.\u0303é日")), min_size=1, max_size=12)


def ids_of(words: WordEncoder, texts: list[str]) -> list[list[int]]:
    return [found.tolist() for found in words.encode(texts)]


def through(encoder: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [encoder.encode(text, add_special_tokens=False).ids for text in texts]


@pytest.mark.parametrize("name", CUTTERS)
@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from(list("ab'sT1 2  \n\t\r.,(\x1c\u00a0\u0303éß\u3000日")), max_size=20), max_size=4))
def test_word_by_word_is_all_at_once(name, drawn):
    encoder = CUTTERS[name]
    words = WordEncoder(encoder)
    assert words._by_word
    assert ids_of(words, TEXTS + drawn) == through(encoder, TEXTS + drawn)
    assert ids_of(words, drawn) == through(encoder, drawn)  # now every word is known


@pytest.mark.parametrize("name", CUTTERS)
@settings(max_examples=150, deadline=None)
@given(PIECE, PIECE)
def test_where_a_text_is_said_to_be_two_the_ids_are_those_of_both(name, before, rest):
    encoder, behind = CUTTERS[name], f" {rest}"
    if WordEncoder(encoder).apart(before, behind):
        first, second, whole = through(encoder, [before, behind, before + behind])
        assert first + second == whole


@pytest.mark.parametrize(
    ("before", "behind", "expected"),
    [
        ("Answer:", " A", True),
        ("Answer:", " two words", True),
        ("a  b\n\nAnswer:", " A", True),  # white space farther off changes nothing
        ("Answer:", "A", False),
        ("Answer: ", " A", False),
        ("Answer:\n", " A", False),
        ("Answer:", "  A", False),
        ("Answer:", " ", False),
        ("", " A", False),
    ],
)
def test_a_text_is_two_where_a_space_and_a_word_follow(before, behind, expected):
    assert WordEncoder(start_of("byte_level")).apart(before, behind) is expected
    assert not WordEncoder(start_of("unigram")).apart(before, behind)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_its_own_ids(family):
    tokeniser = ready(family, "plain")
    for encoder in (tokeniser._encoders.start, tokeniser._encoders.middle):
        assert ids_of(WordEncoder(encoder), TEXTS * 2) == through(encoder, TEXTS * 2)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"normalizer": {"type": "NFKC"}}, False),
        ({"normalizer": {"type": "NFC"}}, True),
        ({"pre_tokenizer": None}, False),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}}, False),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}}, False),
        ({"pre_tokenizer": {"type": "Whitespace"}}, False),
    ],
)
def test_only_known_tokenizers_go_word_by_word(changes, expected):
    table = {**json.loads(start_of("byte_level").to_str()), **changes}
    assert word_encoder._keeps_words(table) is expected


def test_dropout_is_drawn_anew_each_time():
    table = json.loads(start_of("byte_level").to_str())
    table["model"]["dropout"] = 0.1
    assert not word_encoder._keeps_words(table)


def test_tokens_that_text_may_become_stay_whole():
    tokeniser = ready("byte_level_bos", "plain")
    encoder = tokeniser._encoders.start
    names = [token["content"] for token in json.loads(encoder.to_str())["added_tokens"]]
    assert names
    texts = [f"a {name} b{name}c" for name in names]
    assert ids_of(WordEncoder(encoder), texts) == through(encoder, texts)
    assert not any(WordEncoder(encoder).apart(f"a{name}", " b") or WordEncoder(encoder).apart("a", f" b{name}") for name in names)


def test_the_memory_of_words_is_bounded(monkeypatch):
    monkeypatch.setattr(word_encoder, "_MOST", 3)
    encoder = CUTTERS["gpt2"]
    words = WordEncoder(encoder)
    for text in ("a b c", "d e f g", "h", "a b"):
        assert ids_of(words, [text]) == through(encoder, [text])
    assert len(words._later) <= 4

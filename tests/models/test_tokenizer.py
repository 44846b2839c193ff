"""Tokenizers: made ready for a format, trained the same twice, and read from sentencepiece files with the same ids."""

import json
import subprocess
import sys

import pytest
from tokenizer_zoo import FAMILIES, SHARED, ready

from didact.base.errors import ModelError, RecipeError, TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.models.tokenizer import chat_format_named, from_sentencepiece, load_tokenizer, make_ready, train_tokenizer
from didact.models.unigram import train_unigram
from didact.prompts.chat_format import FORMATS

TEXTS = ["Once upon a time there were 12 foxes.", "naïve café 東京 🦊", "\ttabs\n\n  and   spaces "] * 3
AWKWARD = ["", " ", "   ", "  two  spaces ", "\ttab", "a\nb\n\nc", "naïve café 東京 🦊", "½ ﬁ Å é", "x.y (z) - £5", "<unk> <s> </s> <0x41>"]


def test_training_twice_gives_the_same_file_to_the_byte(tmp_path):
    for name in "ab":
        train_tokenizer(iter(TEXTS * 20), 600).save_pretrained(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "tokenizer.json" in files and files == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_a_trained_tokenizer_writes_every_text_and_cuts_numbers_into_digits():
    tokenizer = train_tokenizer(TEXTS, 400)
    for text in (*TEXTS, "\x00 Ω never seen ￿"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.convert_ids_to_tokens(tokenizer("1234")["input_ids"]) == ["1", "2", "3", "4"]
    assert len(tokenizer) <= 400 and (tokenizer.eos_token, tokenizer.pad_token, tokenizer.bos_token) == ("<|endoftext|>", "<|pad|>", None)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("text", [*AWKWARD, "▁ and Ġ", "🦊🇮🇸👩‍👩‍👧 \t\n\n  ", "\x00 Ω never seen ￿", "<|endo|>"])
def test_both_kinds_write_every_text_back_byte_for_byte(kind, text):
    tokenizer = train_tokenizer(TEXTS, 400, kind)
    assert tokenizer.decode(tokenizer(text)["input_ids"]).encode() == text.encode()
    assert len(tokenizer) <= 400


def test_a_unigram_tokenizer_is_the_same_in_every_process(tmp_path):
    code = f"from didact.models.tokenizer import train_tokenizer as t; print(t({TEXTS!r} * 5, 500, 'unigram').backend_tokenizer.to_str())"
    files = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert files[0] == files[1] and len(files[0]) > 1000
    assert train_tokenizer(TEXTS * 5, 500, "unigram").backend_tokenizer.to_str() == files[0].rstrip("\n")


def test_a_unigram_vocabulary_keeps_what_makes_the_texts_probable():
    words = {"the": 90, "then": 40, "other": 40, "mother": 20, "x": 1}
    alphabet = sorted({*"".join(words)})
    pieces = dict(train_unigram(words, len(alphabet) + 3, alphabet))
    assert list(pieces)[: len(alphabet)] == alphabet and len(pieces) == len(alphabet) + 3
    assert "the" in pieces or "th" in pieces
    # Log-probabilities: none above 0, and a word that is a piece is more probable than its letters together.
    assert max(pieces.values()) < 0
    for piece in set(pieces) - {*alphabet}:
        assert pieces[piece] > sum(pieces[letter] for letter in piece)
    # Every word as its most probable pieces: fewer with a larger vocabulary.
    sizes = [sum(_fewest(word, train_unigram(words, len(alphabet) + room, alphabet)) for word in words) for room in (0, 3, 6)]
    assert sizes[0] == sum(map(len, words)) > sizes[1] > sizes[2]


def _fewest(word, pieces):
    known, best = dict(pieces), [(0.0, 0)]
    for end in range(1, len(word) + 1):
        options = [(best[i][0] + known[word[i:end]], best[i][1] + 1) for i in range(end) if word[i:end] in known]
        best.append(max(options))
    return best[-1][1]


def test_a_unigram_tokenizer_needs_about_as_few_tokens_as_a_merging_one(shared):
    text = (shared / "text" / "stories_superni_task105" / "stories.txt").read_text(encoding="utf-8")[:200_000]
    lengths = {kind: len(train_tokenizer(text.split("\n"), 1000, kind)(text)["input_ids"]) for kind in ("bpe", "unigram")}
    assert lengths["unigram"] < 1.02 * lengths["bpe"]


def test_a_folder_is_loaded_with_the_same_ids(tmp_path):
    tokenizer = FAMILIES["metaspace_first"]()
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(str(tmp_path))("Hello there")["input_ids"] == tokenizer("Hello there")["input_ids"]


def test_what_is_no_tokenizer_is_refused_with_what_is_there(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ModelError, match=r"the folder needs tokenizer.json; it holds notes.txt"):
        load_tokenizer(str(tmp_path))
    with pytest.raises(ModelError, match="not a sentencepiece model"):
        load_tokenizer(str(tmp_path / "notes.txt"))


def test_a_format_brings_its_control_tokens_and_padding_once():
    tokenizer = FAMILIES["metaspace_first"]()
    assert make_ready(tokenizer, FORMATS["gemma"]) == ["<start_of_turn>", "<end_of_turn>"]
    assert make_ready(tokenizer, FORMATS["gemma"]) == [] == make_ready(tokenizer, FORMATS["plain"])
    assert tokenizer.pad_token == "</s>"
    assert tokenizer("<start_of_turn>", add_special_tokens=False)["input_ids"] == [len(tokenizer) - 2]


def test_without_an_end_token_the_formats_own_pads():
    tokenizer = FAMILIES["metaspace_first"]()
    tokenizer.eos_token = None
    make_ready(tokenizer, FORMATS["plain"])
    assert tokenizer.pad_token is None
    make_ready(tokenizer, FORMATS["chatml"])
    assert tokenizer.pad_token == "<|im_end|>"


def test_formats_are_found_by_name():
    assert chat_format_named("chatml", None) is FORMATS["chatml"]
    assert chat_format_named("model", ready("byte_level", "like_chatml").tokenizer).name == "model"
    with pytest.raises(RecipeError, match="no format named 'x'"):
        chat_format_named("x", None)
    with pytest.raises(TemplateError, match="no chat template"):
        chat_format_named("model", FAMILIES["byte_level"]())


def real_lines(shared):
    """Three hundred lines of English: stories, a play, a novel, articles, and what is awkward."""
    lines = [*AWKWARD]
    files = (
        "stories_superni_task105/stories.txt",
        "tinyshakespeare/input.txt",
        "english_novels/Burnett_Garden_1911.txt",
        "wikitext-2/valid.txt",
    )
    for name in files:
        found = (shared / "text" / name).read_text(encoding="utf-8").split("\n")
        lines += found[:: len(found) // 75][:75]
    return lines


# Control tokens that a line spells are text on both sides; no difference remains.
@pytest.mark.parametrize("name", [name for name in SHARED if name != "gpt2"])
def test_a_sentencepiece_file_gives_the_ids_of_the_sentencepiece_library(name, shared):
    sentencepiece = pytest.importorskip("sentencepiece")
    library = sentencepiece.SentencePieceProcessor(model_file=str(shared / "models" / SHARED[name]))
    tokeniser, lines = ready(name, "chatml", shared), real_lines(shared)
    rows = tokeniser.tokenise([Conversation((Message("text", line),), Origin("t", "0")) for line in lines], 10_000)
    first, last = [tokeniser.bos_id] if tokeniser.adds_bos else [], [] if tokeniser.eos_id is None else [tokeniser.eos_id]
    assert len(lines) > 300
    for line, row in zip(lines, rows, strict=True):
        assert row.input_ids.tolist() == [*first, *library.encode(line), *last], line


@pytest.mark.parametrize("name", ["mistral_v1", "tok105"])
def test_models_that_merge_begin_with_bos_and_unigram_models_do_not(name, shared):
    tokenizer = from_sentencepiece(shared / "models" / SHARED[name])
    assert tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id == 1
    assert ready("seqio", "chatml", shared).adds_bos is False and ready(name, "chatml", shared).adds_bos is True


def test_pieces_asked_for_by_name_stay_text(shared):
    # This file asks for ( ) " - . and others to be pieces of their own; they are no control tokens.
    tokenizer = from_sentencepiece(shared / "models" / SHARED["spiece"])
    assert tokenizer.convert_ids_to_tokens(tokenizer("a.b (c)")["input_ids"]) == ["▁a", ".", "b", "▁", "(", "c", ")"]
    special = {token["content"] for token in json.loads(tokenizer.backend_tokenizer.to_str())["added_tokens"]}
    assert special == {"<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"}

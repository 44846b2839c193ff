"""Which control tokens an objective brings, and where words begin and sentences end for every kind of tokenizer."""

import numpy as np
import pytest
from tokenizer_zoo import FAMILIES
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from didact.base.recipe import Objective
from didact.base.types import Conversation, Message, Origin
from didact.data.objective_tokens import SENTINELS, ObjectiveTokens, objective_controls
from didact.data.tokens import Tokeniser
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS

KINDS = ("causal", "prefix", "span_corruption", "ul2", "bart", "masked", "seq2seq")
TEXT = "Mr Fox ran 3.5 miles. He slept!\nThen (why?) he ran on... And on"


def seen_by(tokenizer, kind="causal"):
    make_ready(tokenizer, FORMATS["plain"], objective_controls(Objective(kind=kind)))
    return ObjectiveTokens(Tokeniser(tokenizer, FORMATS["plain"]), Objective(kind=kind))


def cut(ids, starts, tokenizer):
    """The words, or sentences, as text without white space."""
    places = [int(i) for i in np.flatnonzero(starts) if i]
    return ["".join(tokenizer.decode(part).split()) for part in np.split(np.array(ids), places)]


@pytest.mark.parametrize(
    ("kind", "count", "some"),
    [
        ("causal", 0, []),
        ("prefix", 0, []),
        ("span_corruption", 100, ["<extra_id_0>", "<extra_id_99>"]),
        ("seq2seq", 100, ["<extra_id_0>"]),
        ("ul2", 103, ["<|r|>", "<|s|>", "<|x|>", "<extra_id_99>"]),
        ("bart", 1, ["<mask>"]),
        ("masked", 3, ["[MASK]", "[CLS]", "[SEP]"]),
    ],
)
def test_an_objective_brings_its_control_tokens_once(kind, count, some):
    names = objective_controls(Objective(kind=kind))
    assert len(names) == len({*names}) == count and {*some} <= {*names}
    tokenizer = train_tokenizer([TEXT] * 3, 300)
    size = len(tokenizer)
    assert make_ready(tokenizer, FORMATS["plain"], names) == [*names] and len(tokenizer) == size + count
    assert make_ready(tokenizer, FORMATS["plain"], names) == []


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_text_never_becomes_a_sentinel_or_a_mask(kind):
    tokenizer = train_tokenizer([TEXT] * 3, 400, kind)
    controls = [name for kind in KINDS for name in objective_controls(Objective(kind=kind))]
    make_ready(tokenizer, FORMATS["plain"], controls)
    tokeniser = Tokeniser(tokenizer, FORMATS["plain"])
    hostile = "".join(dict.fromkeys(controls)) + " <extra_id_0> [MASK]"
    row = tokeniser.tokenise([Conversation((Message("text", hostile),), Origin("t", "0"))], 10_000)[0]
    assert not {*row.input_ids[:-1].tolist()} & {*tokeniser.controls.values()} and tokeniser.decode(row.input_ids) == hostile


def test_a_tokenizer_keeps_the_tokens_that_it_has():
    # As T5 and BERT come: sentinels from the end of the vocabulary down, and a mask under a name of its own.
    table = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), *((name, 0.0) for name in reversed(SENTINELS)), ("<gap>", 0.0)]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.Unigram(table, 2)),
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<gap>",
        additional_special_tokens=[*SENTINELS],
    )
    size = len(tokenizer)
    parts = seen_by(tokenizer, "span_corruption")
    assert parts.sentinels.tolist() == [103 - k for k in range(100)] and len(tokenizer) == size
    assert seen_by(tokenizer, "bart").ids == {"<mask>": tokenizer.mask_token_id} and len(tokenizer) == size
    # [MASK] has its place taken; [CLS] and [SEP] are new, and known to transformers as what they are.
    assert seen_by(tokenizer, "masked").ids == {"[MASK]": tokenizer.mask_token_id, "[CLS]": size, "[SEP]": size + 1}
    assert (tokenizer.cls_token, tokenizer.sep_token) == ("[CLS]", "[SEP]")


def test_a_sentinel_that_is_an_ordinary_token_becomes_a_special_one_and_keeps_its_id():
    table = [("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), *((name, -9.0) for name in SENTINELS)]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.Unigram(table, 1)), eos_token="</s>", unk_token="<unk>")
    assert make_ready(tokenizer, FORMATS["plain"], SENTINELS) == []
    parts = ObjectiveTokens(Tokeniser(tokenizer, FORMATS["plain"]), Objective(kind="span_corruption"))
    assert parts.sentinels.tolist() == [*range(3, 103)]


WORDS = ["Mr", "Fox", "ran", "3.5", "miles.", "He", "slept!", "Then", "(why?)", "he", "ran", "on...", "And", "on"]
SENTENCES = ["MrFoxran3.5miles.", "Heslept!", "Then(why?)", "heranon...", "Andon"]


@pytest.mark.parametrize("family", ["byte_level", "metaspace_first", "metaspace_always", "prepend", "trained_unigram"])
def test_words_and_sentences_are_found_however_a_tokenizer_writes_spaces(family):
    tokenizer = train_tokenizer([TEXT] * 5, 330, "unigram") if family == "trained_unigram" else FAMILIES[family]()
    parts = seen_by(tokenizer)
    conversation = Conversation((Message("text", TEXT),), Origin("t", "0"))
    ids = parts.tokeniser.tokenise([conversation], 1000)[0].input_ids[:-1]
    ids = ids[int(parts.tokeniser.adds_bos) :]
    words = [word for word in cut(ids, parts.word_starts(ids), tokenizer) if word]
    assert words == WORDS
    ends = parts.sentence_ends(ids)
    assert [part for part in cut(ids, np.append(False, ends[:-1]), tokenizer) if part] == SENTENCES and ends[-1]


def test_pieces_that_continue_a_word_are_marked_in_wordpiece():
    vocabulary = {name: number for number, name in enumerate(["[UNK]", "fox", "##es", "run", ".", "they", "##."])}
    model = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=model, unk_token="[UNK]", eos_token="[UNK]")
    parts = seen_by(tokenizer)
    ids = np.array(tokenizer("foxes run. they run")["input_ids"])
    assert tokenizer.convert_ids_to_tokens(ids.tolist()) == ["fox", "##es", "run", ".", "they", "run"]
    assert parts.word_starts(ids).tolist() == [True, False, True, True, True, True]
    assert parts.sentence_ends(ids).tolist() == [False, False, False, True, False, True]


def test_a_sentence_without_spaces_ends_at_its_full_width_stop():
    texts = ["狐狸跑。它睡了。"] * 9
    parts = seen_by(train_tokenizer(texts, 330))
    ids = np.array(parts.tokeniser.tokenizer(texts[0])["input_ids"])
    assert 1 <= np.count_nonzero(parts.sentence_ends(ids)[:-1]) <= 1


def test_ordinary_tokens_are_all_but_the_control_tokens():
    parts = seen_by(train_tokenizer([TEXT] * 3, 300), "ul2")
    assert len(parts.ordinary) + len(parts.tokeniser.controls) == len(parts.tokeniser.tokenizer)
    assert not {*parts.ordinary.tolist()} & {*parts.tokeniser.controls.values()}

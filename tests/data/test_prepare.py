"""What each objective makes of a text or a conversation, down to the arrays that a model is given."""

import numpy as np
import pytest

from didact.base.chance import generator
from didact.base.errors import DataError, ModelError
from didact.base.recipe import Objective
from didact.base.types import Conversation, Message, Origin
from didact.data.batches import IGNORE, collate, micro_batches, num_targets, row_length
from didact.data.denoising import undo, undo_ul2
from didact.data.masked_lm import undo_mask
from didact.data.objective_tokens import ObjectiveTokens, objective_controls
from didact.data.objectives import num_predictions, target_weights
from didact.data.prepare import check_kinds, prepare, prepare_window, text_length
from didact.data.tokens import TokenisedExample, Tokeniser
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS

TEXTS = [
    "The mill stood by the river. In spring it turned all night! The miller slept in his boots.",
    "Snow fell for three days. The children cheered, and the men dug paths from door to door.",
    "Hanna kept bees behind the chapel. She spoke to them every evening. They liked to know.",
]
KINDS = ("causal", "prefix", "span_corruption", "ul2", "bart", "masked", "seq2seq")
TOKENIZER = train_tokenizer(TEXTS * 3, 400)
for name in KINDS:
    make_ready(TOKENIZER, FORMATS["chatml"], objective_controls(Objective(kind=name)))
TOKENISER = Tokeniser(TOKENIZER, FORMATS["chatml"])
ROOM = 64


def tokens(kind, **settings):
    return ObjectiveTokens(TOKENISER, Objective(kind=kind, **settings))


def text(words, number=0):
    conversation = Conversation((Message("text", words),), Origin("texts", str(number)))
    return TOKENISER.tokenise([conversation], 10_000)[0]


def talk(*turns):
    messages = tuple(Message("user" if i % 2 == 0 else "assistant", turn) for i, turn in enumerate(turns))
    return TOKENISER.tokenise([Conversation(messages, Origin("talks", "0"))], 10_000)[0]


def made(kind, example, seed=0, **settings):
    return prepare(example, tokens(kind, **settings), ROOM, generator(seed, "corrupt"))


def ids_of(words):
    return TOKENIZER(words)["input_ids"]


EOS = TOKENISER.eos_id


def test_a_text_ends_with_the_end_token_and_all_of_it_is_learnt():
    row = made("causal", text(TEXTS[0]))
    assert row.input_ids.tolist() == [*ids_of(TEXTS[0]), EOS]
    assert target_weights(row, Objective()).tolist() == [0.0] + [1.0] * (len(row) - 1)


def test_the_packed_pair_of_seqio_as_a_prefix_language_model():
    # [7,8,5,1] -> [3,9,1] and [8,4,9,3,1] -> [4,1]; seqio's rows begin with a start token, ours with the first token itself.
    pair = []
    for ids, prompt in (([7, 8, 5, 1, 3, 9, 1], 4), ([8, 4, 9, 3, 1, 4, 1], 5)):
        roles = np.where(np.arange(7) < prompt, 1, 2).astype(np.uint8)
        pair.append(
            prepare(TokenisedExample(np.array(ids, np.int32), roles, Origin("t", "0")), tokens("prefix"), 15, generator(0, "corrupt"))
        )
    filler = TokenisedExample(np.arange(15, dtype=np.int32), np.full(15, 2, np.uint8), Origin("t", "1"))
    batch = collate([tuple(pair), (filler,)], Objective(kind="prefix"))
    targets = [7, 8, 5, 1, 3, 9, 1, 8, 4, 9, 3, 1, 4, 1, 0]
    weights = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0]
    causal_attention = [1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0]
    assert batch.input_ids[0].tolist() == targets
    assert batch.positions[0].tolist() == [*range(7), *range(7), 0] and batch.segment_ids[0].tolist() == [1] * 7 + [2] * 7 + [0]
    # A weight of theirs stands at the target, ours one place before it, where it is predicted.
    assert [0, *batch.loss_weights[0].tolist()][:15] == weights
    assert batch.labels[0].tolist() == [IGNORE] * 3 + [3, 9, 1] + [IGNORE] * 5 + [4, 1] + [IGNORE] * 2
    # Their inputs stand one place later, and the start token of each document is seen as well.
    for start in (0, 7):
        assert [1, *batch.prefix[0, start : start + 6].astype(int).tolist()] == causal_attention[start : start + 7]


def test_the_packed_pair_of_seqio_as_an_encoder_decoder():
    rows = []
    for inputs, targets in (([7, 8, 5, 1], [3, 9, 1]), ([8, 4, 9, 3, 1], [4, 1])):
        roles = np.repeat(np.array([1, 2], np.uint8), [len(inputs), len(targets)])
        example = TokenisedExample(np.array(inputs + targets, np.int32), roles, Origin("t", "0"))
        rows.append(prepare(example, tokens("seq2seq"), 15, generator(0, "corrupt")))
    batch = collate([tuple(rows)], Objective(kind="seq2seq"), pad_id=0)
    assert batch.input_ids.tolist() == [[7, 8, 5, 1, 8, 4, 9, 3, 1]]
    assert batch.segment_ids.tolist() == [[1] * 4 + [2] * 5] and batch.positions.tolist() == [[*range(4), *range(5)]]
    assert batch.labels.tolist() == [[3, 9, 1, 4, 1]] and batch.loss_weights.tolist() == [[1.0] * 5]
    # Shifted right with 0 at the start of each document.
    assert batch.decoder_input_ids.tolist() == [[0, 3, 9, 0, 4]] and batch.decoder_segment_ids.tolist() == [[1, 1, 1, 2, 2]]
    assert collate([tuple(rows)], Objective(kind="seq2seq"), pad_id=0, start_id=2).decoder_input_ids.tolist() == [[2, 3, 9, 2, 4]]


def test_a_prefix_is_the_prompt_of_a_conversation_and_a_drawn_beginning_of_a_text():
    talked = talk("Who slept?", "Snow.", "Who?", "The miller.")
    row = made("prefix", talked)
    last = len(row) - len([*ids_of("The miller."), 0])
    assert row.num_prefix == last and target_weights(row, Objective(kind="prefix")).tolist() == [0.0] * last + [1.0] * (len(row) - last)
    example = text(TEXTS[0])
    drawn = [made("prefix", example, seed).num_prefix for seed in range(100)]
    assert min(drawn) >= 1 and max(drawn) <= len(example) - 1 and len({*drawn}) > 10
    row = made("prefix", example)
    assert num_predictions(row, Objective(kind="prefix")) == len(row) - row.num_prefix
    batch = collate([(row,)], Objective(kind="prefix"))
    assert batch.prefix[0].tolist() == [True] * row.num_prefix + [False] * (len(row) - row.num_prefix)


def test_span_corruption_gives_the_text_back_and_ends_both_sides():
    parts = tokens("span_corruption")
    for number, words in enumerate(TEXTS):
        row = made("span_corruption", text(words), number)
        assert row.input_ids[-1] == row.target_ids[-1] == EOS
        assert undo(row.input_ids[:-1], row.target_ids[:-1], parts.sentinels).tolist() == ids_of(words)
        assert num_predictions(row, parts.objective) == len(row.target_ids)
    assert TOKENIZER.convert_ids_to_tokens(parts.sentinels[:2].tolist()) == ["<extra_id_0>", "<extra_id_1>"]


def test_ul2_begins_with_its_mode_and_gives_the_text_back():
    parts, seen = tokens("ul2"), set()
    for seed in range(40):
        row = made("ul2", text(TEXTS[seed % 3]), seed)
        seen.add(TOKENIZER.convert_ids_to_tokens(int(row.input_ids[0])))
        assert undo_ul2(row.input_ids[:-1], row.target_ids[:-1], parts.sentinels, parts.modes).tolist() == ids_of(TEXTS[seed % 3])
    assert seen == {"<|r|>", "<|s|>", "<|x|>"}
    bare = made("ul2", text(TEXTS[0]), ul2={"mode_tokens": False})
    assert not seen & {*TOKENIZER.convert_ids_to_tokens(bare.input_ids.tolist())}


def test_bart_writes_the_text_as_it_was():
    row = made("bart", text(TEXTS[0]))
    assert row.target_ids.tolist() == [*ids_of(TEXTS[0]), EOS] and row.input_ids[-1] == EOS
    assert tokens("bart").ids["<mask>"] in row.input_ids and TOKENISER.decode(row.input_ids) != TEXTS[0]
    moved = made("bart", text(TEXTS[0]), 3, bart={"mask": 0.0})
    sentences = ["The mill stood by the river.", " In spring it turned all night!", " The miller slept in his boots."]
    decoded = TOKENISER.decode(moved.input_ids)
    assert decoded != TEXTS[0] and sorted(map(decoded.find, sentences))[0] == 0 and len(decoded) == len(TEXTS[0])


def test_a_masked_text_is_framed_and_comes_back():
    parts = tokens("masked", masked={"next_sentence": False})
    row = prepare(text(TEXTS[1]), parts, ROOM, generator(0, "corrupt"))
    whole = undo_mask(row.input_ids, row.labels).tolist()
    assert whole == [parts.ids["[CLS]"], *ids_of(TEXTS[1]), parts.ids["[SEP]"]]
    assert np.count_nonzero(row.labels != IGNORE) == round(0.15 * len(whole)) and not row.token_types.any()
    batch = collate([(row,)], parts.objective)
    assert batch.next_segment is None and batch.token_types.shape == batch.labels.shape == batch.input_ids.shape
    assert batch.labels[0].tolist() == row.labels.tolist()  # unshifted


def test_pairs_of_sentences_are_two_segments_and_one_more_prediction():
    parts = tokens("masked")
    windows = prepare_window([text(words, number) for number, words in enumerate(TEXTS)], parts, ROOM, 0)
    rows = [row for several in windows for row in several]
    cls, sep = parts.ids["[CLS]"], parts.ids["[SEP]"]
    for row in rows:
        whole = undo_mask(row.input_ids, row.labels)
        ends = np.flatnonzero(whole == sep)
        assert whole[0] == cls and len(row) <= ROOM and len(ends) == 2 and ends[1] == len(row) - 1
        assert row.token_types.tolist() == [0] * (ends[0] + 1) + [1] * (ends[1] - ends[0])
        assert row.next_segment in (0, 1)
    batch = collate([(row,) for row in rows], parts.objective)
    assert batch.next_segment.tolist() == [row.next_segment for row in rows]
    assert batch.num_targets == num_targets([(row,) for row in rows], parts.objective)
    assert batch.num_targets == np.count_nonzero(batch.labels != IGNORE) + len(rows)


def test_seq2seq_reads_everything_before_the_last_response_and_writes_it_with_its_terminator():
    example = talk("Who slept?", "Snow.", "Who?", "The miller.")
    row = made("seq2seq", example)
    assert np.append(row.input_ids, row.target_ids).tolist() == example.input_ids.tolist()
    assert row.target_ids.tolist() == [*ids_of("The miller."), TOKENISER.stop_ids[0]]
    assert row.input_ids.tolist()[-3:] == [*TOKENIZER("<|im_start|>")["input_ids"], *ids_of("assistant\n")][-3:]
    plain = made("seq2seq", text(TEXTS[0]), 5)
    spans = made("span_corruption", text(TEXTS[0]), 5)
    assert (plain.input_ids.tolist(), plain.target_ids.tolist()) == (spans.input_ids.tolist(), spans.target_ids.tolist())


def test_what_is_said_behind_the_last_trained_response_is_no_part_of_it():
    messages = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("assistant", "d", train=False))
    example = TOKENISER.tokenise([Conversation(messages, Origin("t", "0"))], 1000)[0]
    row = made("seq2seq", example)
    assert row.target_ids.tolist() == [*ids_of("b"), TOKENISER.stop_ids[0]]
    assert len(row.input_ids) + len(row.target_ids) < len(example)


@pytest.mark.parametrize("kind", KINDS)
def test_collation_counts_what_is_predicted_and_pads_with_nothing(kind):
    parts = tokens(kind, response_weight=0.5)
    rows = [(row,) for several in prepare_window([text(w, i) for i, w in enumerate(TEXTS)], parts, ROOM, 0) for row in several]
    alone = [collate([row], parts.objective, pad_id=9, start_id=8) for row in rows]
    batch = collate(rows, parts.objective, pad_id=9, start_id=8)
    assert batch.num_targets == num_targets(rows, parts.objective) == sum(one.num_targets for one in alone)
    assert batch.num_tokens == sum(map(row_length, rows)) == sum(one.num_tokens for one in alone)
    assert (batch.input_ids[batch.segment_ids == 0] == 9).all()
    assert ((batch.labels == IGNORE) == (batch.loss_weights == 0)).all() and {*np.unique(batch.loss_weights)} <= {0.0, 0.5}
    two_sided = kind in ("span_corruption", "ul2", "bart", "seq2seq")
    shape = batch.decoder_input_ids.shape if two_sided else batch.input_ids.shape
    assert batch.labels.shape == batch.loss_weights.shape == shape
    assert [value is not None for value in (batch.decoder_segment_ids, batch.prefix, batch.token_types, batch.next_segment)] == [
        two_sided,
        kind == "prefix",
        kind == "masked",
        kind == "masked",
    ]
    if two_sided:
        assert (batch.decoder_input_ids[:, 0] == 8).all() and (batch.decoder_input_ids[batch.decoder_segment_ids == 0] == 9).all()
        within = batch.decoder_segment_ids[:, 1:] > 0
        assert (batch.decoder_input_ids[:, 1:][within] == batch.labels[:, :-1][within]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_micro_batch_has_the_arrays_of_its_kind(kind):
    objective = Objective(kind=kind)
    empty, full = collate([], objective, pad_id=3), collate([(made(kind, text(TEXTS[0])),)], objective) if kind != "masked" else None
    assert empty.num_targets == empty.num_tokens == 0 and empty.input_ids.tolist() == [[3]]
    if full is not None:
        for name in ("decoder_input_ids", "decoder_segment_ids", "prefix", "token_types", "next_segment"):
            one, other = getattr(empty, name), getattr(full, name)
            assert (one is None) == (other is None) and (one is None or one.dtype == other.dtype)


def test_types_of_the_arrays():
    pair = collate([(made("bart", text(TEXTS[0])),)], Objective(kind="bart"))
    assert (pair.decoder_input_ids.dtype, pair.decoder_segment_ids.dtype) == (np.int64, np.int32)
    masked = collate([prepare_window([text(TEXTS[0])], tokens("masked"), ROOM, 0)[0][:1]], Objective(kind="masked"))
    assert (masked.token_types.dtype, masked.next_segment.dtype, masked.labels.dtype) == (np.int64, np.int64, np.int64)
    assert collate([(made("prefix", text(TEXTS[0])),)], Objective(kind="prefix")).prefix.dtype == bool


@pytest.mark.parametrize("most_tokens", [40, 100, 300])
def test_micro_batches_of_two_sided_rows_fit_with_both_paddings(most_tokens):
    rows = [(made("bart", text(words[:cut])),) for words in TEXTS for cut in range(10, 80, 7)]
    (batches,) = micro_batches(rows, most_tokens)
    assert sorted(id(row) for batch in batches for row in batch) == sorted(map(id, rows))
    for batch in batches:
        made_of = collate(batch, Objective(kind="bart"))
        assert len(batch) == 1 or made_of.input_ids.size + made_of.labels.size <= most_tokens


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("room", [8, 16, 40])
def test_no_row_is_longer_than_max_length_on_either_side(kind, room):
    noise = {"bart": {"insert": 0.5, "poisson": 0.3}, "noise_density": 0.4, "mean_span": 1} if kind in ("bart", "span_corruption") else {}
    parts = tokens(kind, **noise)
    conversations = [Conversation((Message("text", TEXTS[i % 3][:cut]),), Origin("t", str(i))) for i, cut in enumerate(range(1, 90))]
    examples = TOKENISER.tokenise(conversations, room, text_length=text_length(parts.objective, room))
    rows = [row for several in prepare_window(examples, parts, room, 0) for row in several]
    assert len(rows) >= 89
    for row in rows:
        assert len(row) <= room and (row.target_ids is None or len(row.target_ids) <= room)
        assert num_predictions(row, parts.objective) > 0


def test_noise_is_drawn_from_task_example_and_epoch_not_from_neighbours():
    parts = tokens("span_corruption", noise_density=0.4, mean_span=2)  # several spans: a single one is always the end of a text
    examples = [text(words, number) for number, words in enumerate(TEXTS)]
    forwards = [row[0].input_ids.tolist() for row in prepare_window(examples, parts, ROOM, 0)]
    backwards = [row[0].input_ids.tolist() for row in prepare_window(examples[::-1], parts, ROOM, 0)]
    assert forwards == backwards[::-1]
    assert forwards != [row[0].input_ids.tolist() for row in prepare_window(examples, parts, ROOM, 1)]


@pytest.mark.parametrize("kind", ["span_corruption", "ul2", "bart", "masked"])
def test_conversations_are_refused_where_only_text_can_be_trained_on(kind):
    with pytest.raises(DataError, match=f"objective.kind {kind} is for plain text, and task 'talks' is none"):
        prepare_window([talk("a", "b")], tokens(kind), ROOM, 0)
    check_kinds({"stories": "text"}, Objective(kind=kind), stream=True)
    with pytest.raises(DataError, match=f"objective.kind {kind} is for plain text, and task 'quiz' is none"):
        check_kinds({"stories": "text", "quiz": "classification", "other": "x"}, Objective(kind=kind), stream=False)


def test_a_stream_takes_only_texts():
    check_kinds({"stories": "text", "quiz": "messages"}, Objective(), stream=False)
    with pytest.raises(DataError, match="joins plain texts, and task 'quiz' is none"):
        check_kinds({"stories": "text", "quiz": "messages"}, Objective(), stream=True)


def test_a_tokenizer_that_lacks_what_an_objective_needs_is_refused():
    tokenizer = train_tokenizer(TEXTS, 300)
    make_ready(tokenizer, FORMATS["chatml"])
    plain = Tokeniser(tokenizer, FORMATS["chatml"])
    with pytest.raises(ModelError, match=r"objective.kind ul2 needs <extra_id_0>, <extra_id_1>, <extra_id_2>, which the tokenizer lacks"):
        ObjectiveTokens(plain, Objective(kind="ul2"))
    make_ready(tokenizer, FORMATS["chatml"], objective_controls(Objective(kind="bart")))
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="needs an end-of-text token"):
        ObjectiveTokens(Tokeniser(tokenizer, FORMATS["chatml"]), Objective(kind="bart"))

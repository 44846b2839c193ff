"""Weights survive what an objective makes of a text: a target weighs what the token weighs that it is."""

import numpy as np
import pytest
from test_prepare import EOS, TEXTS, TOKENISER, made, text, tokens

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.base.recipe import Objective
from didact.base.types import Conversation, Message, Origin
from didact.data.objectives import target_weights
from didact.data.prepare import prepare, prepare_window

LONG = " ".join(TEXTS)
PLAIN = {"masked": {"masked": {"next_sentence": False}}}


def weighted_text(kind):
    """A text in which every token weighs its own id, so that a weight says which token it stands for."""
    conversation = Conversation((Message("text", LONG),), Origin("texts", "0"))
    example = TOKENISER.tokenise([conversation], 10_000)[0]
    object.__setattr__(example, "weights", example.input_ids.astype(np.float32))
    return example


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["span_corruption", "ul2", "seq2seq", "bart"])
def test_every_target_of_a_denoiser_weighs_what_its_token_weighs(kind, seed):
    example, plain = weighted_text(kind), text(LONG)
    row, same = (prepare(one, tokens(kind), 1000, generator(seed, "corrupt")) for one in (example, plain))
    np.testing.assert_array_equal(row.input_ids, same.input_ids)  # weights change nothing of what is drawn
    np.testing.assert_array_equal(row.target_ids, same.target_ids)
    marks = np.isin(row.target_ids, tokens(kind).sentinels) if kind != "bart" else np.zeros(len(row.target_ids), bool)
    ordinary = ~marks & (row.target_ids != EOS)
    np.testing.assert_array_equal(row.weights[ordinary], row.target_ids[ordinary])
    for place in np.flatnonzero(marks):  # a sentinel weighs what stands behind it
        assert row.weights[place] == row.weights[place + 1]
    assert row.weights[-1] == row.weights[-2] or kind == "bart"
    assert len(row.weights) == len(row.target_ids)


def test_every_masked_token_weighs_what_it_weighs():
    row = made("masked", weighted_text("masked"), **PLAIN["masked"])
    told = row.labels >= 0
    np.testing.assert_array_equal(target_weights(row, Objective(kind="masked"))[told], row.labels[told])


def test_parts_of_a_text_that_is_taken_apart_into_pairs_cannot_have_weights():
    with pytest.raises(DataError, match="parts of them have weights"):
        prepare_window([weighted_text("masked")], tokens("masked"), 64, 0)


@pytest.mark.parametrize("kind", ["causal", "prefix", "seq2seq"])
def test_a_response_has_the_factors_of_its_turn_its_example_and_its_task(kind):
    turns = (Message("user", "Who?"), Message("assistant", "the miller", weight=0.5, spans=((0, 4, 0.0),)))
    example = TOKENISER.tokenise([Conversation(turns, Origin("talks", "0"), weight=3.0)], 1000)[0]
    settings = {"task_weights": {"talk*": 2}, "response_weight": 0.25}
    ((row,),) = prepare_window([example], tokens(kind, **settings), 64, 0)
    found = target_weights(row, Objective(kind=kind, **settings))
    ids = row.input_ids if row.target_ids is None else row.target_ids
    # 0.25 · 0.5 · 3 · 2 = 0.75 for what is not in the part of weight 0.
    assert set(found[found > 0].tolist()) == {0.75}
    assert TOKENISER.tokenizer.decode(ids[found > 0]).strip() == "miller<|im_end|>"


def test_the_weight_of_an_example_reaches_every_denoiser():
    example = TOKENISER.tokenise([Conversation((Message("text", LONG),), Origin("texts", "0"), weight=0.5)], 10_000)[0]
    for kind in ("span_corruption", "ul2", "bart", "masked", "causal", "prefix"):
        row = prepare(example, tokens(kind, **PLAIN.get(kind, {})), 1000, generator(0, "corrupt"))
        found = target_weights(row, Objective(kind=kind))
        assert set(found.tolist()) <= {0.0, 0.5} and found.any()

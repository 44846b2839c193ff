"""Response tuning: in training the model reads empty prompts, and what it has to write is unchanged."""

import numpy as np
import pytest
from tokenizer_zoo import ALL_FORMATS, ready

from didact.base.types import Conversation, Message, Origin
from didact.data.tokens import RESPONSE
from didact.prompts.bare import without_prompt

SAID = Conversation(
    (Message("user", "the cat sleeps"), Message("assistant", "in the red house"), Message("user", "a dog"), Message("assistant", "runs")),
    Origin("t", "0"),
    weight=0.5,
)


@pytest.mark.parametrize("form", ALL_FORMATS)
def test_the_responses_stay_and_every_question_is_gone(form):
    tokeniser = ready("byte_level", form)
    whole, bare = tokeniser.tokenise([SAID, without_prompt(SAID)], 512)
    assert "the cat" in tokeniser.decode(whole.input_ids)
    text = tokeniser.decode(bare.input_ids)
    assert "cat" not in text and "dog" not in text and "in the red house" in text
    ends = [row.input_ids[row.roles == RESPONSE].tolist() for row in (whole, bare)]
    assert [tokeniser.decode(np.array(ids)).split() for ids in ends] == [["in", "the", "red", "houseruns"]] * 2 or ends[0] == ends[1]
    assert bare.weight == 0.5


def test_plain_text_stays_as_it_is():
    text = Conversation((Message("text", "Once."),), Origin("t", "0"))
    assert without_prompt(text) == text

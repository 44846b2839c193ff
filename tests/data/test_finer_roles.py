"""Who speaks, what the format wrote, and what turns and parts of them weigh: said for every token, and no token id ever changes."""

import numpy as np
import pytest
from tokenizer_zoo import ALL_FORMATS, FAMILIES, ready, talk

from didact.base.roles import CONTEXT, FORMAT, PROMPT, RESPONSE, SYSTEM, TOOL, is_format, is_prompt
from didact.base.types import Conversation, Message, Origin
from didact.data.finer_roles import spread
from didact.data.made import Made, from_arrays, to_arrays
from didact.data.shorten import without_middle
from didact.data.tokens import Tokeniser, TokenReport

BYTES = ("byte_level", "chatml")


def said(*messages, weight=1.0):
    return Conversation(messages, Origin("t", "0"), weight=weight)


def tokenised(tokeniser: Tokeniser, conversation, longest=4096):
    example = tokeniser.tokenise([conversation], longest)[0]
    assert example is not None
    return example


def text_of(tokeniser, example, chosen):
    return tokeniser.tokenizer.decode(example.input_ids[chosen])


def test_every_speaker_has_a_role_and_the_formats_words_a_mark():
    tokeniser = ready(*BYTES)
    turns = (Message("system", "Be brief."), Message("user", "Add."), Message("assistant", "Wait.", train=False))
    row = tokenised(tokeniser, said(*turns, Message("tool", "7"), Message("assistant", "It is 7.")))
    for role, text in ((SYSTEM, "Be brief."), (PROMPT, "Add."), (CONTEXT, "Wait."), (TOOL, "7")):
        assert text_of(tokeniser, row, row.roles == role) == text
    assert text_of(tokeniser, row, row.roles == RESPONSE) == "It is 7.<|im_end|>"
    headers = "<|im_start|>system\n<|im_end|>\n<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n"
    assert text_of(tokeniser, row, is_format(row.roles)) == headers + "<|im_start|>tool\n<|im_end|>\n<|im_start|>assistant\n"
    assert is_prompt(row.roles).tolist() == (row.roles != RESPONSE).tolist()


@pytest.mark.parametrize("family", ["byte_level", "metaspace_first"])
def test_a_system_text_that_the_format_puts_before_the_question_is_still_the_systems(family):
    tokeniser = ready(family, "plain")
    row = tokenised(tokeniser, said(Message("system", "Be brief."), Message("user", "One two?"), Message("assistant", "three")))
    assert text_of(tokeniser, row, row.roles == SYSTEM).strip() == "Be brief."
    assert text_of(tokeniser, row, row.roles == PROMPT).strip() == "One two?"


@pytest.mark.parametrize(("family", "form"), [(family, form) for family in FAMILIES for form in ALL_FORMATS])
def test_the_words_of_the_data_are_not_the_formats_and_those_of_the_format_not_the_datas(family, form):
    tokeniser = ready(family, form)
    question = "the cat sleeps, 1 2 3."
    row = tokenised(tokeniser, talk(question, "in the red house"))
    own = text_of(tokeniser, row, row.roles == PROMPT)
    assert "".join(own.split()).strip() in ("".join(question.split()), tokeniser.tokenizer.unk_token)
    if form == "alpaca":
        assert "instruction:" in "".join(text_of(tokeniser, row, is_format(row.roles)).lower().split())


@pytest.mark.parametrize("form", ALL_FORMATS)
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_change_no_token_and_no_role(family, form):
    tokeniser = ready(family, form)
    turns = ("the cat sleeps in", "the red house", "a dog runs", "to the green garden")
    messages = tuple(Message("assistant" if n % 2 else "user", text) for n, text in enumerate(turns))
    heavier = tuple(Message(m.role, m.content, weight=0.5, spans=((2, 5, 0.0), (5, 8, 3.0))) for m in messages)
    plain, weighted = tokenised(tokeniser, said(*messages)), tokenised(tokeniser, said(*heavier))
    np.testing.assert_array_equal(plain.input_ids, weighted.input_ids)
    np.testing.assert_array_equal(plain.roles, weighted.roles)
    assert plain.weights is None and weighted.weights.dtype == np.float32
    assert set(weighted.weights.tolist()) <= {0.5, 0.0, 1.5, 1.0}  # 1 outside all turns


def test_a_turns_weight_is_that_of_its_header_its_text_and_its_end():
    tokeniser = ready(*BYTES)
    row = tokenised(tokeniser, said(Message("user", "Hi"), Message("assistant", "Hello", weight=0.5)))
    halves = text_of(tokeniser, row, row.weights == 0.5)
    assert halves == "<|im_start|>assistant\nHello<|im_end|>"
    assert set(row.weights.tolist()) == {0.5, 1.0}


def test_a_part_weighs_its_factor_times_that_of_its_turn():
    tokeniser = ready(*BYTES)
    turn = Message("assistant", "Let me see. It is 7.", weight=0.5, spans=((0, 12, 0.25),))
    row = tokenised(tokeniser, said(Message("user", "3 + 4?"), turn))
    # The space belongs to the first part, and the word behind it to the second: a token is what its letters are.
    assert text_of(tokeniser, row, row.weights == 0.125) == "Let me see."
    assert text_of(tokeniser, row, (row.weights == 0.5) & (row.roles == RESPONSE)) == " It is 7.<|im_end|>"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_part_is_found_where_a_format_moves_the_text(family):
    # A space before the answer, a system text before the question, white space at the ends.
    for form in ("answer", "plain", "alpaca"):
        tokeniser = ready(family, form)
        turns = (Message("system", "a dog"), Message("user", "the cat "), Message("assistant", "the red house", spans=((4, 7, 0.0),)))
        row = tokenised(tokeniser, said(*(turns if form != "answer" else turns[1:])))
        assert text_of(tokeniser, row, row.weights == 0).strip() == "red"


def test_a_token_across_a_border_is_what_its_letters_are_and_the_largest_of_several():
    # Tokens "ab", "c ", " ", "d" over the parts "a" "bc" " " " d": weights 2, 0, 5, 1.
    runs = [(1, 1, 2.0), (2, 1, 0.0), (1, 1, 5.0), (2, 1, 1.0)]
    roles, weights = spread("abc  d", runs, np.array([0, 2, 4, 5]), np.array([2, 4, 5, 6]))
    assert weights.tolist() == [2.0, 0.0, 1.0, 1.0] and roles.tolist() == [1] * 4
    roles, _ = spread("a.\n\n#", [(2, 1, 1.0), (3, 9, 1.0)], np.array([0, 1, 4]), np.array([1, 4, 5]))
    assert roles.tolist() == [1, 1, 1 + FORMAT]  # ".\n\n" holds a sign of the data


def test_bytes_and_offsets_tell_the_same():
    texts = ["plain words only.", "née Ångström — 東京", "emoji 👩‍👩‍👧 here", "tabs\tand\n\nlines", "e\u0301 decomposed"]
    tokeniser, slow = ready(*BYTES), ready(*BYTES)
    for text in texts:
        spans = ((1, 4, 0.5), (len(text) // 2, len(text) - 1, 0.0))
        conversation = said(Message("user", text, spans=spans), Message("assistant", text, weight=2.0, spans=spans))
        quick = tokenised(tokeniser, conversation)
        sizes, slow._sizes = slow._sizes, None
        other = tokenised(slow, conversation)
        slow._sizes = sizes
        assert sizes is not None
        np.testing.assert_array_equal(quick.roles, other.roles)
        np.testing.assert_array_equal(quick.weights, other.weights)


def test_rows_beside_one_another_do_not_change_one_another():
    tokeniser = ready(*BYTES)
    rows = [
        said(Message("user", "Hi"), Message("assistant", "Hello")),
        said(Message("user", "the cat", weight=0.5), Message("assistant", "sleeps")),
        said(Message("user", "a dog", spans=((0, 1, 0.0),)), Message("assistant", "runs"), weight=3.0),
    ]
    together = tokeniser.tokenise(rows, 512)
    for conversation, row in zip(rows, together, strict=True):
        alone = tokenised(tokeniser, conversation)
        np.testing.assert_array_equal(alone.roles, row.roles)
        assert (alone.weights is None) == (row.weights is None) and alone.weight == row.weight
        if row.weights is not None:
            np.testing.assert_array_equal(alone.weights, row.weights)
    assert [row.weights is None for row in together] == [True, False, False] and [row.weight for row in together] == [1.0, 1.0, 3.0]


def test_a_prompt_that_is_cut_keeps_the_weights_of_what_is_left():
    tokeniser = ready(*BYTES)
    text = "a" * 50 + "b" * 400 + "c" * 50
    turn = Message("user", text, spans=((0, 50, 0.5), (450, 500, 2.0)))
    cut = without_middle(said(turn, Message("assistant", "d")), 200, tokeniser._encoders.start)
    short = cut.messages[0]
    first, last = short.spans
    assert set(short.content[first[0] : first[1]]) == {"a"} and set(short.content[last[0] : last[1]]) == {"c"}
    assert first[2:] == (0.5,) and last[2:] == (2.0,) and len(short.content) < 500


def test_what_is_kept_and_sent_is_what_was_made():
    tokeniser = ready(*BYTES)
    rows = [
        said(Message("user", "Hi"), Message("assistant", "Hello")),
        said(Message("user", "the cat", weight=0.5), Message("assistant", "sleeps"), weight=0.25),
        said(Message("user", "a dog"), Message("assistant", "runs", spans=((0, 2, 0.0),))),
    ]
    made = Made([row for row in tokeniser.tokenise(rows, 512) if row is not None], TokenReport(), {})
    arrays = to_arrays(made)
    assert {"factors", "weighted", "weights"} <= arrays.keys()
    for one, other in zip(made.examples, from_arrays(arrays).examples, strict=True):
        assert one.weight == other.weight and (one.weights is None) == (other.weights is None)
        if one.weights is not None:
            np.testing.assert_array_equal(one.weights, other.weights)
            assert other.weights.dtype == np.float32
    plain = to_arrays(Made(made.examples[:1], TokenReport(), {}))
    assert not {"factors", "weighted", "weights"} & plain.keys()  # nothing is stored where there is nothing

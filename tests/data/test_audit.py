"""The audit counts what is trained, and finds what must not be: by hand, and against fakes that make each mistake."""

from dataclasses import replace

import numpy as np
import pytest
from tokenizer_zoo import ready, talk, wrapped
from tokenizers import Tokenizer, models, pre_tokenizers

from didact.base.recipe import Objective
from didact.base.types import Conversation, Message, Origin
from didact.data.audit import CHARACTERS, LOST, Audit
from didact.data.tokens import RESPONSE, TokenisedExample, Tokeniser
from didact.prompts.chat_format import FORMATS

CHATML = ready("byte_level", "chatml")


def audited(*pairs, tokeniser=CHATML, **keys):
    audit = Audit(tokeniser, Objective(**keys))
    for conversation, example in pairs:
        audit.add(conversation, example)
    return audit


def tokenised(*conversations, tokeniser=CHATML):
    return [(c, e) for c, e in zip(conversations, tokeniser.tokenise(conversations, 10_000), strict=True) if e is not None]


def changed(pair, keep=slice(None), roles=None, **keys):
    conversation, example = pair
    return conversation, replace(
        example, input_ids=example.input_ids[keep], roles=(example.roles if roles is None else roles)[keep], **keys
    )


def test_counts_of_two_rows():
    # Every digit is a token: 1 and a terminator, 1, 2 and a terminator.
    one, two = tokenised(talk("a", "1"), talk("a", "12"))
    audit = audited(one, two)
    assert (audit.num_examples, audit.num_answers, audit.num_terminated, audit.num_supervised) == (2, 2, 2, 2 + 3)
    assert audit.num_tokens == len(one[1]) + len(two[1])
    assert (audit.total(CHARACTERS), audit.lost.total(), audit.problems()) == (3, 0, [])
    # examples, tokens, supervised; answers, terminated; without a supervised token, double BOS; characters, lost, stripped
    assert audit.by_task == {"task": [2, audit.num_tokens, 5, 2, 2, 0, 0, 3, 0, 0]}
    share = f"{5 / audit.num_tokens:.1%}"
    assert audit.lines() == [
        f"audit: {share} of {audit.num_tokens} tokens supervised; terminator trained in 100 % of 2 examples; "
        "double BOS none; supervised characters found 100 % of 3"
    ]


def test_with_a_weight_on_prompts_all_but_the_first_token_of_each_row_are_supervised():
    audit = audited(*tokenised(talk("a", "b"), talk("c", "d")), prompt_weight=0.5)
    assert audit.num_supervised == audit.num_tokens - 2


def test_a_row_without_its_terminator_is_found():
    good, bad = tokenised(talk("a", "b"), talk("a", "c"))
    audit = audited(good, changed(bad, slice(0, -1)))
    assert audit.problems() == ["1 examples never train the terminator (first: task, example row)"]
    assert "terminator trained in 50.00 % of 2 examples" in audit.lines()[0]


def test_a_terminator_that_is_read_but_not_trained_is_found():
    row = tokenised(talk("a", "b"))[0]
    roles = row[1].roles.copy()
    roles[-1] = 1
    assert audited(changed(row, roles=roles)).num_terminated == 0


def test_one_answer_of_several_without_a_terminator_is_enough():
    row = tokenised(talk("a", "b", "c", "d"))[0]
    roles = row[1].roles.copy()
    roles[np.flatnonzero((roles[:-1] == RESPONSE) & (roles[1:] != RESPONSE))[0]] = 1  # the first answer's last token
    assert audited(row).num_terminated == 1 and audited(changed(row, roles=roles)).num_terminated == 0


@pytest.mark.parametrize("family", ["byte_level_bos", "metaspace_first"])
def test_two_first_tokens_are_found(family):
    tokeniser = ready(family, "llama3")
    conversation, example = tokenised(talk("a", "b"), tokeniser=tokeniser)[0]
    twice = TokenisedExample(np.append(tokeniser.bos_id, example.input_ids), np.append(1, example.roles), example.origin)
    assert audited((conversation, example), tokeniser=tokeniser).num_of("double_bos") == 0
    audit = audited((conversation, example), (conversation, twice), tokeniser=tokeniser)
    assert audit.problems() == ["1 examples begin with two BOS tokens (first: task, example row)"]
    assert "double BOS 1;" in audit.lines()[0]


def test_a_row_that_trains_nothing_is_found():
    shown = Conversation((Message("user", "a"), Message("assistant", "b", train=False)), Origin("other", "7"))
    audit = audited(*tokenised(shown))
    assert audit.problems() == ["1 examples have no supervised token (first: other, example 7)"]
    assert audit.num_answers == 0 and audited(*tokenised(shown), prompt_weight=1).problems() == []


def test_characters_that_the_tokenizer_cannot_write_are_named():
    tokeniser = ready("unigram", "plain")
    audit = audited(*tokenised(talk("a", "the 東京 fox 東"), talk("a", "fox"), tokeniser=tokeniser), tokeniser=tokeniser)
    assert audit.lost == {"東": 2, "京": 1} and audit.total(CHARACTERS) == len("the東京fox東fox")
    assert audit.lines()[1] == "warning: the tokenizer cannot write 3 supervised characters ('東' 2, '京' 1; first: task, example row)"
    assert "found 75.00 % of 12" in audit.lines()[0] and audit.problems() == []


def test_the_name_of_the_unknown_token_stands_for_no_characters():
    # The k that cannot be written is missed, although the name <unk> has one.
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", 0.0), ("▁", -1.0), ("a", -1.0)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokeniser = Tokeniser(wrapped(tokenizer, eos="</s>", unk="<unk>"), FORMATS["plain"])
    assert audited(*tokenised(talk("a", "a k"), tokeniser=tokeniser), tokeniser=tokeniser).lost == {"k": 1}


def test_a_lost_piece_of_an_answer_is_found_and_a_cut_prompt_is_no_loss():
    conversation, example = tokenised(talk("a", "12 3"))[0]
    middle = np.flatnonzero(example.roles == 2)[0]
    keep = np.delete(np.arange(len(example)), middle)
    audit = audited(changed((conversation, example), keep))
    assert (audit.stripped, audit.lost.total()) == ({"1": 1}, 0)  # the tokenizer can write a 1: it was left out
    assert audit.problems() == ["the chat format leaves out 1 characters of the answers (first: task, example row; missing: '1')"]
    assert audited(changed((conversation, example), keep, num_cut=1)).total(CHARACTERS) == 0


def test_plain_text_needs_no_terminator():
    text = Conversation((Message("text", "the lazy dog"),), Origin("t", "0"))
    audit = audited(*tokenised(text))
    assert (audit.num_answers, audit.total(CHARACTERS), audit.lost.total(), audit.problems()) == (0, 10, 0, [])


def test_a_share_that_is_not_whole_never_reads_100_percent():
    audit = audited(*tokenised(talk("a", "b")))
    audit.by_task["task"][CHARACTERS], audit.by_task["task"][LOST] = 1_000_000, 1
    assert "found 99.99 % of 1,000,000" in audit.lines()[0]


def test_the_audit_as_plain_data():
    table = audited(*tokenised(talk("a", "b"))).to_dict()
    assert (table["num_examples"], table["terminator_trained"], table["problems"], table["characters_lost"]) == (1, 1.0, [], {})
    assert table["by_task"]["task"]["supervised_share"] == table["supervised_share"]

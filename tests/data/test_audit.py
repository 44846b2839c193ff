"""The audit counts what is trained, and finds what must not be: by hand, and against fakes that make each mistake."""

import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tokenizer_zoo import TEMPLATES, ready, talk, wrapped
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from didact.base.recipe import Objective
from didact.base.types import Conversation, Message, Origin
from didact.data.audit import CHARACTERS, LOST, Audit
from didact.data.tokens import RESPONSE, TokenisedExample, Tokeniser, TokenReport
from didact.prompts.chat_format import FORMATS, PieceFormat
from didact.prompts.model_format import ModelFormat

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
    assert audited(changed((conversation, example), keep, num_cut=1)).stripped == {"1": 1}  # a cut prompt is no excuse


def test_an_old_turn_that_was_cut_is_no_loss_and_the_last_answer_has_to_be_whole():
    conversation = talk("a" * 40, "old", "b", "12 3")
    room = len(CHATML.tokenise([conversation], 1000)[0]) - 10
    (example,) = CHATML.tokenise([conversation], room)
    assert example.num_cut and "old" not in CHATML.decode(example.input_ids)
    audit = audited((conversation, example))
    assert (audit.total(CHARACTERS), audit.stripped.total(), audit.problems()) == (3, 0, [])


@dataclass(frozen=True)
class WithoutThoughts(PieceFormat):
    """Leaves out what stands between <think> and </think>, as some models' templates do."""

    def _body(self, message):
        return re.sub("<think>.*?</think>", "", message.content, flags=re.DOTALL)


def test_thoughts_that_a_format_strips_stop_the_run_and_are_shown():
    chatml = FORMATS["chatml"]
    tokeniser = Tokeniser(CHATML.tokenizer, WithoutThoughts("without", chatml.turns))
    thinking, plain = talk("1 + 1?", "<think>one and one</think> 2"), talk("2 + 2?", "4")
    audit = audited(*tokenised(thinking, plain, tokeniser=tokeniser), tokeniser=tokeniser)
    # <think>, </think> and the nine letters between them: 7 + 9 + 8 characters.
    assert audit.stripped.total() == 24 and audit.lost.total() == 0
    assert audit.problems() == [
        "the chat format leaves out 24 characters of the answers (first: task, example row; missing: '<think>one and one</think>')"
    ]
    assert "found 7.69 % of 26" in audit.lines()[0]  # the digits 2 and 4


def test_thoughts_that_a_tokenizers_own_template_strips_are_left_out_with_the_reason_and_counted_by_task():
    tokeniser, report = ready("byte_level", "like_qwen3"), TokenReport()
    kept, left_out = tokeniser.tokenise([talk("a", "b"), talk("a", "<think>c</think>d")], 1000, report)
    assert kept is not None and left_out is None
    assert report.dropped_by_task == {"task": {"the tokenizer's chat template rewrites or drops the assistant message number 1": 1}}


def test_characters_that_the_tokenizer_cannot_write_are_told_from_those_that_are_stripped():
    tokeniser = ready("unigram", "plain")
    conversation, example = tokenised(talk("a", "fox 東"), tokeniser=tokeniser)[0]
    without = np.delete(np.arange(len(example)), np.flatnonzero(example.roles == RESPONSE)[0])  # its first piece, of "fox"
    audit = audited(changed((conversation, example), without), tokeniser=tokeniser)
    assert audit.lost == {"東": 1} and audit.stripped and set(audit.stripped) <= set("fox")


def test_a_tokenizer_that_adds_its_first_token_twice_does_not_double_it_and_a_template_that_writes_it_twice_is_found():
    tokenizer = ready("byte_level_bos", "llama3").tokenizer
    number = tokenizer.bos_token_id
    twice = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    special = [(tokenizer.bos_token, number)]
    twice.post_processor = processors.TemplateProcessing(single=f"{tokenizer.bos_token} {tokenizer.bos_token} $A", special_tokens=special)
    tokenizer = wrapped(twice, bos=tokenizer.bos_token, eos=tokenizer.eos_token)
    assert tokenizer("a")["input_ids"][:2] == [number, number]
    tokeniser = Tokeniser(tokenizer, FORMATS["llama3"])
    audit = audited(*tokenised(talk("a", "b"), tokeniser=tokeniser), tokeniser=tokeniser)
    assert audit.num_of("double_bos") == 0
    tokenizer.chat_template = "{{ bos_token }}" + TEMPLATES["like_llama3"]
    tokeniser = Tokeniser(tokenizer, ModelFormat(tokenizer))
    audit = audited(*tokenised(talk("a", "b"), tokeniser=tokeniser), tokeniser=tokeniser)
    assert audit.problems() == ["1 examples begin with two BOS tokens (first: task, example row)"]


def test_a_problem_names_its_first_three_examples_whoever_counted_them():
    rows = [Conversation((Message("user", "a"), Message("assistant", "b", train=False)), Origin("t", str(n))) for n in range(5)]
    alone, first, second = audited(*tokenised(*rows)), audited(*tokenised(*rows[:2])), audited(*tokenised(*rows[2:]))
    first.add_counts(json.loads(json.dumps(second.counts())))
    assert first.problems() == alone.problems()
    assert alone.problems() == ["5 examples have no supervised token (first: t, example 0; t, example 1; t, example 2)"]
    assert first.counts() == alone.counts()


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

"""Our own greedy loop writes, token for token, what transformers' generate writes for one prompt at a time, and reads less."""

import random

import numpy as np
import pytest
import torch
from tiny import MODELS, VOCABULARY, random_model, tokeniser
from transformers import BloomConfig, Gemma2Config, Gemma3TextConfig, GPT2Config, GPTNeoConfig, Qwen3Config

from didact.models.decoding import can_decode, decoded
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.prefix import mark_prefix
from didact.models.stops import Stops
from didact.models.transformers_decoding import generated

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
SIZES |= {"head_dim": 8, "vocab_size": VOCABULARY}
WINDOW = 8
"""Tokens that a sliding layer sees: fewer than any long prompt here has, and than are written."""
NEO = {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "window_size": WINDOW}
FAMILIES = {
    **MODELS,
    "qwen3": Qwen3Config(**SIZES),
    "gemma2": Gemma2Config(**SIZES, sliding_window=WINDOW, query_pre_attn_scalar=8),
    "gemma3": Gemma3TextConfig(
        **SIZES, sliding_window=WINDOW, query_pre_attn_scalar=8, layer_types=["sliding_attention", "full_attention"]
    ),
    "gpt_neo": GPTNeoConfig(**NEO, vocab_size=VOCABULARY, max_position_embeddings=256),
    "bloom": BloomConfig(hidden_size=32, n_layer=2, n_head=4, vocab_size=VOCABULARY),
}
NEW = 10


def words(count, seed):
    draw = random.Random(seed)
    return [draw.randrange(3, 290) for _ in range(count)]


def prompts():
    """Two groups that begin alike, and four prompts that stand alone, one of them a single token."""
    groups = [
        [words(40, group) + words(length, 10 * group + length) for length in lengths] for group, lengths in ((1, (3, 9, 4)), (2, (1, 6)))
    ]
    alone = [words(length, 100 + length) for length in (1, 50, 12, 13)]
    rows = [row for group in groups for row in group] + alone
    random.Random(0).shuffle(rows)
    return [np.array(row, np.int32) for row in rows]


def theirs(model, prompt, stops=()):
    """What transformers writes behind one prompt, with the stop token."""
    ids = torch.from_numpy(prompt.astype(np.int64))[None]
    told = {"eos_token_id": list(stops) or None, "pad_token_id": 0, "do_sample": False, "max_new_tokens": NEW}
    return model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **told)[0, len(prompt) :].tolist()


def ours(model, asked, stops=(), batch_tokens=16_384, **more):
    ends = Stops(frozenset(stops), (), str)
    return decoded(model, asked, stops=ends, max_new_tokens=NEW, batch_tokens=batch_tokens, pad=0, **more)


def ending(model):
    """A model's greedy answers, and a token that ends some of them early."""
    said = [theirs(model, prompt) for prompt in prompts()]
    stop = max(range(1, VOCABULARY), key=lambda token: (0 < sum(token in ids[:-3] for ids in said) < len(said), -token))
    return [theirs(model, prompt, [stop]) for prompt in prompts()], stop


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "bloom"])
def test_it_writes_what_transformers_writes_for_each_prompt_alone(family):
    model = random_model(FAMILIES[family]).eval()
    assert can_decode(model)
    expected, stop = ending(model)
    assert len({len(ids) for ids in expected}) > 1
    for batch_tokens in (64, 512, 16_384):
        assert ours(model, prompts(), [stop], batch_tokens) == expected
    order = random.Random(1).sample(range(len(expected)), len(expected))
    assert ours(model, [prompts()[number] for number in order], [stop], 300) == [expected[number] for number in order]


def test_attention_without_a_fused_kernel_writes_the_same():
    model = random_model(FAMILIES["qwen3"]).eval()
    model.set_attn_implementation("eager")
    assert ours(model, prompts(), batch_tokens=400) == [theirs(model, prompt) for prompt in prompts()]


def test_what_is_not_told_positions_is_left_to_transformers():
    model = random_model(FAMILIES["bloom"]).eval()
    assert not can_decode(model)
    made = tokeniser()
    stops = {*made.stop_ids, made.eos_id}
    expected = [tuple(token for token in theirs(model, prompt, stops) if token not in stops) for prompt in prompts()]
    got = LocalModel(Loaded(model, made), torch.device("cpu"), "fp32").generate(prompts(), max_new_tokens=NEW, batch_tokens=200)
    assert [completion.ids for completion in got] == expected


def test_a_prefix_model_is_decoded_alike_here_and_by_transformers():
    # A prompt that is seen whole, of which nothing can be shared.
    model = random_model(MODELS["llama"]).eval()
    causal = ours(model, prompts())
    mark_prefix(model, True)
    asked, ends = prompts(), Stops(frozenset(), (), str)
    expected = generated(model, asked, stops=ends, max_new_tokens=NEW, pad=0, start=None)
    assert [ours(model, asked, batch_tokens=batch_tokens) for batch_tokens in (64, 512, 16_384)] == [expected] * 3
    assert expected != causal


def looked(model):
    """Has a model note the shape of all it reads."""
    shapes = []
    model.get_input_embeddings().register_forward_pre_hook(lambda _, given: shapes.append(tuple(given[0].shape)))
    return shapes


def test_a_shared_beginning_is_read_once():
    model, shared = random_model(MODELS["llama"]).eval(), words(40, 1)
    asked = [np.array(shared + [200 + row] * length, np.int32) for row, length in enumerate((3, 5, 4))]
    shapes = looked(model)
    ours(model, asked)
    # 40 tokens once; three rows from the same column on, the longest having 5 of its own; 9 steps: the first token comes with the prompt.
    assert shapes == [(1, 40), (3, 5), *[(3, 1)] * 9]


def test_only_the_last_token_of_a_prompt_has_logits():
    model, seen = random_model(MODELS["llama"]).eval(), []
    model.lm_head.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[1]))
    ours(model, prompts())
    assert set(seen) == {1}


def test_rows_that_have_ended_make_room_for_prompts_that_wait():
    model = random_model(MODELS["llama"]).eval()
    asked = [np.array(words(8, seed), np.int32) for seed in range(8)]
    said = [theirs(model, prompt) for prompt in asked]
    stop = next(ids[2] for ids in said[:4] if sum(ids[2] in other for other in said[:4]) == 1 and ids[2] not in ids[:2])
    expected = [theirs(model, prompt, [stop]) for prompt in asked]
    shapes, told = looked(model), []
    # Room for four rows of 8 + 10 tokens, 72 of 80: the first four are read. One of them ends with its third token: one of four, so the
    # fifth joins. The others have 8 + 2 tokens by then, and with 10 more to come four rows are 4 x 20 = 80.
    assert ours(model, asked, [stop], batch_tokens=80, ended=lambda rows: told.append(len(rows))) == expected
    assert shapes[0] == (4, 8) and shapes[1:4] == [(4, 1), (4, 1), (1, 8)] and shapes[4] == (4, 1)
    assert sum(told) == 8 and told[0] == 1
    # A prompt that is longer than all rows that are being written joins them too: the rows move.
    longer = [*asked[:4], np.array(words(30, 9), np.int32)]
    assert ours(model, longer[::-1], [stop], batch_tokens=80) == [theirs(model, prompt, [stop]) for prompt in longer[::-1]]


def test_rows_may_use_every_position_that_there_is():
    # 13 + 10 tokens, of which the last is written and not read: 22 positions. The row that ends early would run beyond them.
    config = GPT2Config(**{**MODELS["gpt2"].to_dict(), "n_positions": 22})
    model = random_model(config).eval()
    asked = [np.array(words(length, length), np.int32) for length in (13, 12, 11, 13, 13)]
    stop = theirs(model, asked[0])[1]
    assert ours(model, asked, [stop]) == [theirs(model, prompt, [stop]) for prompt in asked]


def test_hidden_tokens_are_never_written():
    model = random_model(MODELS["llama"]).eval()
    free = ours(model, prompts())
    hidden = sorted({ids[0] for ids in free})
    kept = ours(model, prompts(), hidden=[*hidden, VOCABULARY + 5])  # tokens that the head does not know are no tokens it could write
    assert not {token for ids in kept for token in ids} & set(hidden) and all(len(ids) == NEW for ids in kept)


class Second:
    """Takes the second likeliest token, and ends rows behind three."""

    def __init__(self):
        self.seen = []

    def __call__(self, input_ids, scores):
        self.seen.append(input_ids.tolist())
        return scores.scatter(1, scores.argmax(-1, keepdim=True), -torch.inf)

    def ended(self, input_ids, scores, **more):
        return torch.full((len(input_ids),), input_ids.shape[1] >= len(self.seen[0][0]) + 3)


def test_what_steers_is_given_the_tokens_so_far_and_decides_the_next():
    model, steering = random_model(MODELS["llama"]).eval(), Second()
    asked = [np.array(words(40, 1) + words(length, length), np.int32) for length in (2, 5)]
    got = ours(model, asked, steering=steering)
    assert [len(ids) for ids in got] == [3, 3]
    assert steering.seen[0] == [[0, 0, 0, *asked[0].tolist()], asked[1].tolist()]  # padding on the left, the prompts in their order
    assert [row[-2:] for row in steering.seen[2]] == [ids[:2] for ids in got]
    for prompt, ids in zip(asked, got, strict=True):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*prompt.tolist(), *ids]])).logits[0]
        assert [int(row.topk(2).indices[1]) for row in logits[len(prompt) - 1 : -1]] == ids


def test_nothing_asked_is_nothing_written():
    assert ours(random_model(MODELS["llama"]).eval(), []) == []

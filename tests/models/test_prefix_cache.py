"""Beginnings that prompts share: found rightly and quickly, computed once, and what follows them is as if they were not."""

import random

import numpy as np
import pytest
import torch
from tiny import MODELS, VOCABULARY, random_model
from transformers import (
    AutoModelForCausalLM,
    BartConfig,
    BloomConfig,
    FalconConfig,
    Gemma2Config,
    GPTNeoXConfig,
    MambaConfig,
    MistralConfig,
    OPTConfig,
    Qwen3Config,
    T5Config,
)

from didact.models.prefix_cache import Group, can_share, grouped, read, repeated

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCABULARY}
FAMILIES = {
    **MODELS,
    "mistral, window 6": MistralConfig(**SMALL, intermediate_size=64, num_key_value_heads=2, sliding_window=6),
    "gemma2, window 6": Gemma2Config(**SMALL, intermediate_size=64, num_key_value_heads=2, head_dim=8, sliding_window=6, pad_token_id=0),
    "qwen3": Qwen3Config(**SMALL, intermediate_size=64, num_key_value_heads=2, head_dim=8),
    "gpt-neox": GPTNeoXConfig(**SMALL, intermediate_size=64),
    "bloom (positions by distance)": BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4),
    "falcon": FalconConfig(**SMALL),
    "opt": OPTConfig(vocab_size=VOCABULARY, hidden_size=32, word_embed_proj_dim=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4),
}


def rows(*texts: str) -> list[np.ndarray]:
    """A token for each letter."""
    return [np.array([ord(letter) for letter in text], np.int32) for text in texts]


def saved(prompts: list[np.ndarray], groups: list[Group]) -> int:
    return sum((len(group.members) - 1) * group.length for group in groups)


def test_prompts_with_the_same_demonstrations_are_one_group_each() -> None:
    prompts = rows("demos of law: q1", "demos of art: q1", "demos of law: second", "demos of art: 2", "other")
    # "demos of law: " and "demos of art: " have 14 letters: 2 x 14 saved; "demos of " in one group of four: 3 x 9 = 27 < 28.
    assert grouped(prompts, least=4) == [Group(14, (0, 2)), Group(14, (1, 3)), Group(0, (4,))]
    # A fifth one makes 4 x 9 = 36 of the one group, and 28 of the two.
    assert grouped([*prompts[:4], *rows("demos of war")], least=4) == [Group(9, (0, 1, 2, 3, 4))]
    # The rows that have no demonstrations share what is left: "demos of ".
    more = grouped([*rows("demos of law: 3", "demos of law: 4"), *prompts, *rows("demos of war", "demos of old")], least=4)
    assert more == [Group(14, (0, 1, 2, 4)), Group(9, (3, 5, 7, 8)), Group(0, (6,))]


def test_less_in_common_than_asked_for_is_not_shared() -> None:
    prompts = rows("abcdef", "abcxyz")
    assert grouped(prompts, least=3) == [Group(3, (0, 1))]
    assert grouped(prompts, least=4) == [Group(0, (0, 1))]


def test_a_group_saves_more_than_a_call_of_the_model_costs() -> None:
    prompts = rows("abcdef", "abcxyz", "abxxxx")
    assert grouped(prompts, least=1, cost=3) == [Group(2, (0, 1, 2))]  # 2·2 - 3 saved; with abc for two of them 3 - 3
    assert grouped(prompts, least=1, cost=4) == [Group(0, (0, 1, 2))]


def test_a_prompt_keeps_a_token_of_its_own_to_answer_behind() -> None:
    assert grouped(rows("abcd", "abcd"), least=2) == [Group(3, (0, 1))]
    assert grouped(rows("abcd", "abcdefgh"), least=2) == [Group(3, (0, 1))]
    assert grouped(rows("", "a", ""), least=1) == [Group(0, (0, 1, 2))]
    assert grouped([]) == []


def test_tokens_are_compared_as_numbers_and_not_as_letters() -> None:
    prompts = [np.array(ids, np.int32) for ids in ([256, 1, 5], [1, 256, 5], [256, 1, 7], [1, 256, 65_536])]
    assert grouped(prompts, least=2) == [Group(2, (0, 2)), Group(2, (1, 3))]


@pytest.mark.parametrize("cost", [0, 1, 3])
def test_no_cut_of_the_sorted_prompts_saves_more(cost: int) -> None:
    draw = random.Random(0)
    for _ in range(60):
        texts = ["".join(draw.choice("ab") for _ in range(draw.randint(1, 6))) for _ in range(7)]
        prompts = rows(*texts)
        groups = grouped(prompts, least=1, cost=cost)
        assert sorted(member for group in groups for member in group.members) == list(range(7))
        assert all(len({texts[member][: group.length] for member in group.members}) == 1 for group in groups)
        spent = cost * sum(group.length > 0 for group in groups)
        assert saved(prompts, groups) - spent >= most_saved(sorted(texts), {}, cost)  # more where a group is no run of neighbours


def most_saved(texts: list[str], known: dict[tuple[str, ...], int], cost: int) -> int:
    """The same by trying every cut of the sorted texts."""
    key = tuple(texts)
    if len(texts) < 2:
        return 0
    if key not in known:
        shortest = min(len(text) for text in texts) - 1
        common = max(length for length in range(shortest + 1) if len({text[:length] for text in texts}) == 1)
        cuts = [most_saved(texts[:at], known, cost) + most_saved(texts[at:], known, cost) for at in range(1, len(texts))]
        known[key] = max([(len(texts) - 1) * common - cost, *cuts])
    return known[key]


def test_thousands_of_prompts_that_begin_one_another_are_no_recursion() -> None:
    prompts = [np.arange(1, 2 + length, dtype=np.int32) for length in range(3000)]
    groups = grouped(prompts, least=1)
    assert sorted(member for group in groups for member in group.members) == list(range(3000))


@pytest.mark.parametrize("name", FAMILIES)
def test_what_follows_a_beginning_that_was_read_once_is_as_if_it_had_been_read_with_it(name: str) -> None:
    model = random_model(FAMILIES[name], scale=2.0).eval()
    draw = np.random.Generator(np.random.PCG64(0))
    begins, goes_on = draw.integers(3, 290, 17), draw.integers(3, 290, (3, 9))
    cache = read(model, begins.astype(np.int32))
    assert cache is not None
    with torch.inference_mode():
        whole = model(input_ids=torch.from_numpy(np.concatenate([np.tile(begins, (3, 1)), goes_on], 1))).logits[:, 17:]
        behind = model(input_ids=torch.from_numpy(goes_on), past_key_values=repeated(cache, 3), use_cache=True).logits
        torch.testing.assert_close(behind, whole, rtol=1e-4, atol=1e-4)
        # The first keys and values are as they were, so that another batch can go on behind them.
        again = model(input_ids=torch.from_numpy(goes_on[:1]), past_key_values=repeated(cache, 1), use_cache=True).logits
    torch.testing.assert_close(again, whole[:1], rtol=1e-4, atol=1e-4)
    assert cache.get_seq_length() == 17


def test_what_keeps_a_running_state_or_reads_in_both_directions_is_not_shared() -> None:
    mamba = AutoModelForCausalLM.from_config(MambaConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=1, state_size=4))
    assert not can_share(mamba) and read(mamba, np.array([1, 2], np.int32)) is None
    prefix = random_model(MODELS["llama"])
    assert can_share(prefix)
    prefix.config.prefix_lm = True
    assert read(prefix, np.array([1, 2], np.int32)) is None
    for config in (T5Config(), BartConfig()):
        assert not can_share(type("network", (), {"config": config}))

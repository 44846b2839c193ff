"""Beginnings that many prompts share: their keys and values are computed once, and every prompt goes on behind them.

Five demonstrations are the same for all rows of a task, and a chat format's first words for all rows there are. `grouped` finds which
prompts begin alike, `read` computes the beginning once, `repeated` gives it to a batch without a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from didact.models.architecture import architecture_of
from didact.models.prefix import sees_prefix

_Shared = tuple[int, list[int]]
"""Tokens in common, and the rows that have them."""
_Run = tuple[list[_Shared], list[int]]
"""What a run of sorted rows is made of: groups, and the rows that are in none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Prompts that begin with the same tokens."""

    length: int
    """How many; 0: nothing that is worth sharing. Every prompt has at least one token more."""
    members: tuple[int, ...]
    """Their places in the list of prompts, in its order."""


def grouped(prompts: Sequence[np.ndarray], least: int = 32, cost: int = 0) -> list[Group]:
    """Returns the prompts in groups that begin alike, so that many tokens are computed once; those that share nothing come last.

    Every prompt is in one group. A group of n prompts with L tokens in common saves (n - 1)·L. Groups with much in common are made
    first; what has less in common joins, or takes one in, where that saves more.

    Args:
        prompts: Token ids, int32 (T,).
        least: Tokens that a group has in common at least: reading them apart costs a call of the model.
        cost: Tokens that could be read in the time of that call: a group that saves no more is not made.

    >>> prompts = [np.array([1, 2, 3]), np.array([9, 9]), np.array([1, 2, 4, 5])]
    >>> grouped(prompts, least=2)
    [Group(length=2, members=(0, 2)), Group(length=0, members=(1,))]
    """
    # Big-endian bytes sort as the numbers do, a prompt before those that it begins; neighbours then have most in common.
    keys = [np.asarray(prompt, ">u4").tobytes() for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda index: (keys[index], index))
    alike = [_in_common(prompts[a], prompts[b]) for a, b in pairwise(order)]
    shared = [Group(length, tuple(sorted(order[row] for row in rows))) for length, rows in _chosen(alike, max(least, 1), cost)]
    shared.sort(key=lambda group: group.members)
    alone = set(range(len(prompts))).difference(*(group.members for group in shared))
    return [*shared, *([Group(0, tuple(sorted(alone)))] if alone else [])]


def _in_common(one: np.ndarray, other: np.ndarray) -> int:
    """Returns how many tokens two prompts begin with, both having at least one more."""
    most = max(min(len(one), len(other)) - 1, 0)
    differs = one[:most] != other[:most]
    return int(differs.argmax()) if differs.any() else most


def _chosen(alike: Sequence[int], least: int, cost: int = 0) -> list[_Shared]:
    """Returns the groups of sorted rows.

    Runs of neighbours that have so many tokens in common lie within one another as a tree does; the innermost end first.

    Args:
        alike: Tokens that each row has in common with the next.
        least: Tokens in common, at least.
        cost: Tokens that a group has to save before it saves any.

    >>> _chosen([3, 1, 4], 1)  # 3 + 4 saved, where one group of the four saves 3·1
    [(3, [0, 1]), (4, [2, 3])]
    >>> _chosen([3, 3, 4], 1)  # 3·3 saved, where the last two alone save 4, and the first two beside them 3
    [(3, [0, 1, 2, 3])]
    >>> _chosen([3, 1, 4], 1, cost=4)  # 3 - 4, 4 - 4 and 3·1 - 4: none saves anything
    []
    """
    runs: list[tuple[int, _Run]] = []
    for row, tokens in enumerate([*alike, 0]):
        ended: _Run = ([], [row])
        while runs and runs[-1][0] > tokens:
            in_common, run = runs.pop()
            ended = _settled(_together(run, ended), in_common, least, cost)
        if runs and runs[-1][0] == tokens:
            runs[-1] = (tokens, _together(runs[-1][1], ended))
        else:
            runs.append((tokens, ended))
    return sorted(group for _, (groups, _) in runs for group in groups)


def _together(one: _Run, other: _Run) -> _Run:
    """Returns two runs as one."""
    return _joined(one[0], other[0]), _joined(one[1], other[1])


def _joined(one: list[Any], other: list[Any]) -> list[Any]:
    """Returns two lists as one, in any order; the longer takes the shorter in, so that a long chain of runs stays quick."""
    long, short = (one, other) if len(one) >= len(other) else (other, one)
    long.extend(short)
    return long


def _settled(run: _Run, in_common: int, least: int, cost: int) -> _Run:
    """Returns a run whose rows outside groups have become one, where that saves tokens; it takes in what then saves more."""
    if in_common < least:
        return run
    groups, loose = run
    taken = [(length, rows) for length, rows in groups if (len(rows) - 1) * length - cost < len(rows) * in_common]
    saves = (len(loose) + sum(len(rows) for _, rows in taken) - 1) * in_common - cost
    if saves <= sum((len(rows) - 1) * length - cost for length, rows in taken):
        return run
    apart = [group for group in groups if group not in taken]
    return [*apart, (in_common, sorted([*loose, *(row for _, rows in taken for row in rows)]))], []


def can_share(network: Any) -> bool:
    """Says whether what a model keeps of a beginning is keys and values alone, each token's its own: these can be given to many rows.

    Not so for what reads in both directions (encoders, encoder-decoders, prefix language models) or keeps a running state.
    """
    config = network.config
    if architecture_of(config) != "decoder" or sees_prefix(config):
        return False
    try:
        layers = DynamicCache(config=config).layers
    except (AttributeError, KeyError):  # layers of a kind that transformers keeps in caches of their own
        return False
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def window_of(network: Any) -> int | None:
    """Returns how many tokens the layer that sees fewest can see; None where all see everything before them."""
    layers = DynamicCache(config=network.config).layers
    return min((layer.sliding_window for layer in layers if isinstance(layer, DynamicSlidingWindowLayer)), default=None)


@torch.inference_mode()
def read(network: Any, ids: np.ndarray) -> Cache | None:
    """Returns the keys and values of one sequence, batch 1; None where this architecture's cannot be repeated.

    All of them are kept, of layers with a sliding window too: the mask hides what such a layer no longer sees.

    Args:
        network: A transformers decoder, in the state (evaluation, precision) in which the rest will be read.
        ids: Token ids, int32 (T,), one or more.
    """
    if not can_share(network):
        return None
    tokens = torch.from_numpy(np.asarray(ids, np.int64))[None].to(network.device)
    found = network.base_model(input_ids=tokens, past_key_values=DynamicCache(), use_cache=True).past_key_values
    if not isinstance(found, DynamicCache) or any(layer.get_seq_length() != len(ids) for layer in found.layers):
        return None
    return found


def repeated(cache: Cache, times: int) -> Cache:
    """Returns the keys and values for so many rows. Nothing is copied; whoever extends them leaves the first as they are.

    Args:
        cache: From `read`.
        times: Rows.
    """
    rows = DynamicCache()
    for layer in cache.layers:
        assert isinstance(layer, DynamicLayer) and layer.keys is not None and layer.values is not None
        copy = DynamicLayer()
        copy.lazy_initialization(layer.keys, layer.values)
        copy.keys, copy.values = (tensor.expand(times, -1, -1, -1) for tensor in (layer.keys, layer.values))
        rows.layers.append(copy)
    return rows

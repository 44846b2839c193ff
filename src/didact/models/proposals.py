"""A training that does not fit is refused with one that does: which knob to turn, what costs least first."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from didact.base.errors import ModelError
from didact.models.activations import Activations, activations
from didact.models.amounts import in_words
from didact.models.needs import Memory, Wanted, memory_of
from didact.models.plan import Plan

_SMALLEST = 64
"""Tokens below which no row is proposed."""


def refusal(plan: Plan, available: int | None, config: Any, adapter: float | None = None) -> ModelError | None:
    """Returns the error for a plan that does not fit, with a plan that does; None where it fits or nobody knows.

    Args:
        plan: The plan.
        available: Bytes that there are, from `available_memory`.
        config: The model's transformers configuration: shorter rows are traced again.
        adapter: Share of the weights that an adapter would train; None: the recipe has one, or cannot have one.
    """
    if available is None or plan.memory.needed <= available:
        return None
    what = f"training would take about {in_words(plan.memory.needed)}, and {in_words(available)} are free"
    found = proposal(plan, available, config, adapter)
    if found is None:
        largest = int(available / 16)
        smaller = f"a base of fewer than about {largest / 1e6:,.0f} M parameters, adapters, or a larger machine"
        return ModelError(what, expected=smaller, remedy="model.base=... (a smaller one)")
    wanted, memory = found
    typed = " ".join(overrides(plan.wanted, wanted))
    return ModelError(what, expected=f"one that fits takes about {in_words(memory.needed)}", remedy=typed)


def proposal(plan: Plan, available: int, config: Any, adapter: float | None = None) -> tuple[Wanted, Memory] | None:
    """Returns the settings nearest to a plan's that fit, with their memory; None where none do.

    The knobs are turned in this order: first those that change no result (`train.micro_batch_tokens`, `train.shard` where there are
    several devices, `train.activation_checkpointing`), then `train.precision`, `train.optimizer`, an adapter, `sequence.max_length`.
    Arguments as of `refusal`.
    """

    @cache
    def traced(length: int) -> Activations:
        known = length == plan.wanted.max_length
        return plan.traced if known else activations(config, length, plan.wanted.precision, eager=plan.wanted.eager, lean=plan.wanted.lean)

    tried = ((found, memory_of(plan.sizes, traced(found.max_length), found, plan.predicted)) for found in _ways(plan.wanted, adapter))
    return next((pair for pair in tried if pair[1].needed <= available), None)


def _ways(wanted: Wanted, adapter: float | None) -> Iterator[Wanted]:
    """Yields what to try instead, what costs least first."""
    ways = [way for change in _costly(wanted, adapter) for way in _free(replace(wanted, **change))]
    for way in ways:
        size = wanted.micro_batch_tokens if way != wanted else _half(wanted.num_tokens_at_once)
        while size > wanted.max_length:
            yield replace(way, micro_batch_tokens=size)
            size = _half(size)
        yield replace(way, micro_batch_tokens=min(wanted.max_length, wanted.micro_batch_tokens))
    length = _half(wanted.max_length)
    while length >= _SMALLEST:
        for way in ways:
            yield replace(way, max_length=length, micro_batch_tokens=min(length, wanted.micro_batch_tokens))
        length //= 2


def _free(wanted: Wanted) -> Iterator[Wanted]:
    """Yields the settings, and those beside them that give the same losses in another time."""
    shares = {wanted.shard, wanted.processes > 1 and not wanted.adapts}
    for shard in sorted(shares):
        for checkpointing in sorted({wanted.checkpointing, True}):
            yield replace(wanted, shard=shard, checkpointing=checkpointing)


def _costly(wanted: Wanted, adapter: float | None) -> Iterator[dict[str, Any]]:
    """Yields changes that show in the result, the smallest first."""
    yield {}
    if wanted.precision == "bf16" and not wanted.bf16_weights:
        yield {"bf16_weights": True}
    if wanted.optimizer == "adamw":
        yield {"optimizer": "adamw_8bit" if wanted.device == "cuda" else "adafactor"}
    if adapter is not None:
        yield {"trainable": adapter, "beside": True}


def _half(number: int) -> int:
    """Returns the largest power of two below a number.

    >>> _half(8192), _half(5000)
    (4096, 4096)
    """
    return int(2 ** (max(number - 1, 1).bit_length() - 1))


def overrides(before: Wanted, after: Wanted) -> list[str]:
    """Returns what to type to get from one setting to another.

    >>> overrides(Wanted(512, 4096, 8192), Wanted(512, 1024, 8192, checkpointing=True))
    ['train.micro_batch_tokens=1024', 'train.activation_checkpointing=always']
    """
    keys = {
        "micro_batch_tokens": "train.micro_batch_tokens",
        "shard": "train.shard",
        "checkpointing": "train.activation_checkpointing",
        "bf16_weights": "train.precision",
        "optimizer": "train.optimizer",
        "trainable": "model.adapter.kind",
        "max_length": "sequence.max_length",
    }
    words = {"shard": "true", "checkpointing": "always", "bf16_weights": "bf16_weights", "trainable": "lora"}
    changed = {name: getattr(after, name) for name in keys if getattr(after, name) != getattr(before, name)}
    return [f"{keys[name]}={words.get(name, value)}" for name, value in changed.items()]

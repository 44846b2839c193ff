"""The plan of a training before it begins: memory by part, FLOPs, hours, money; one that does not fit is refused with one that does."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Literal

from didact.base.errors import ModelError
from didact.models.activations import Activations, activations
from didact.models.flops import Flops, flops_per_token, pretraining_share
from didact.models.precision import Precision
from didact.models.sizes import Sizes, sizes_of

LOGITS = 2**25
"""Logits that are held at once (elements) where the head is fed in chunks."""
_SMALLEST = 64
"""Tokens below which no row is proposed."""
_GIB = 2**30
_LIBRARIES = {"cpu": _GIB // 2, "cuda": _GIB}
"""What Python, torch and their libraries take on a device by themselves."""


@dataclass(frozen=True)
class Wanted:
    """What decides memory and FLOPs beside the model; the recipe's keys have the same names."""

    max_length: int
    """Tokens of the longest row."""
    micro_batch_tokens: int
    batch_tokens: int
    optimizer: Literal["adamw", "adafactor"] = "adamw"
    precision: Precision = "fp32"
    device: Literal["cpu", "cuda"] = "cpu"
    trainable: float = 1.0
    """Share of the weights that are trained; less than 1 with adapters."""
    eager: bool = False
    """Attention is written out."""

    @property
    def num_tokens_at_once(self) -> int:
        """Tokens of the largest micro-batch: no more than a step has, and a longer row is one by itself."""
        return max(min(self.micro_batch_tokens, self.batch_tokens + self.max_length), self.max_length)

    @property
    def accumulates(self) -> bool:
        """Whether gradients lie there while the next micro-batch is read."""
        return self.batch_tokens > self.micro_batch_tokens


@dataclass(frozen=True)
class Trained:
    """What a run trains on."""

    num_tokens: int
    """Tokens of the whole run, padding left out."""
    num_steps: int
    num_examples: int = 1
    num_supervised: int | None = None
    """Tokens that have a weight; None: all. In an encoder-decoder, those of the decoder."""
    epochs: float = 1.0
    base: str = ""
    """The base's name, for the share of its pre-training."""


@dataclass(frozen=True)
class Memory:
    """Bytes by part."""

    weights: int
    """4 for each, fp32."""
    gradients: int
    """4 for each weight that is trained."""
    optimiser: int
    """AdamW: two numbers of 4 bytes for each weight that is trained; Adafactor: a row and a column of each matrix, and one update."""
    activations: int
    """What the layers keep of the largest micro-batch; in bf16 also the weights that were cast."""
    logits: int
    """Of the head: logits, their logarithms and their gradients."""
    headroom: int
    """Libraries, and a twentieth of the rest for what is between two parts."""
    accumulates: bool
    """Whether gradients and activations lie there at the same time."""

    @property
    def needed(self) -> int:
        """Bytes at the peak, headroom left out: without accumulation, gradients come while activations go."""
        passing, gradients = self.activations + self.logits, self.gradients
        return self.weights + self.optimiser + (passing + gradients if self.accumulates else max(passing, gradients))

    @property
    def total(self) -> int:
        """Bytes at the peak, headroom and all."""
        return self.needed + self.headroom


@dataclass(frozen=True)
class Plan:
    """What a training takes."""

    sizes: Sizes
    wanted: Wanted
    trained: Trained
    memory: Memory
    flops_per_token: Flops
    traced: Activations
    """What the layers keep of a token."""

    @property
    def flops(self) -> float:
        """FLOPs of the whole run."""
        return self.flops_per_token.total * self.trained.num_tokens

    @property
    def pretraining_share(self) -> float | None:
        """FLOPs of the run as a share of the base's pre-training; None where that is not known."""
        return pretraining_share(self.trained.base, self.trained.num_tokens)

    def hours(self, tokens_per_second: float) -> float:
        """Returns the hours of the run at a rate."""
        return self.trained.num_tokens / tokens_per_second / 3600

    def mfu(self, tokens_per_second: float, peak: float) -> float:
        """Returns the share of a machine's FLOPs a second that a rate makes use of.

        Source: Chowdhery et al. 2022, arXiv 2204.02311, appendix B.
        """
        return tokens_per_second * self.flops_per_token.total / peak

    def to_dict(self) -> dict[str, Any]:
        """Returns the plan as plain data."""
        memory = {**asdict(self.memory), "needed": self.memory.needed, "total": self.memory.total}
        return {
            "num_parameters": self.sizes.num_parameters,
            "num_without_embeddings": self.sizes.num_without_embeddings,
            "memory": memory,
            "activations_found": self.traced.found,
            "flops_per_token": {**asdict(self.flops_per_token), "total": self.flops_per_token.total},
            "num_tokens": self.trained.num_tokens,
            "tokens_per_epoch": round(self.trained.num_tokens / self.trained.epochs),
            "num_steps": self.trained.num_steps,
            "flops": self.flops,
            "pretraining_share": self.pretraining_share,
        }

    def lines(self, tokens_per_second: float | None = None, price_per_hour: float | None = None) -> list[str]:
        """Returns the plan in plain sentences.

        Args:
            tokens_per_second: How fast it goes, measured or given; None: not known, and nothing is said of time.
            price_per_hour: What the machine costs.
        """
        memory, share = self.memory, self.pretraining_share
        parts = ("weights", "gradients", "optimiser", "activations", "logits", "headroom")
        by_part = ", ".join(f"{name} {in_words(getattr(memory, name))}" for name in parts)
        of_base = f"; {100 * share:.2g} % of the base's pre-training" if share is not None else ""
        lines = [
            f"memory: about {in_words(memory.total)} ({by_part})",
            f"compute: {self.flops_per_token.total:.2g} FLOPs a token, {self.flops:.2g} in all{of_base}",
        ]
        if tokens_per_second:
            hours = self.hours(tokens_per_second)
            money = f", {hours * price_per_hour:,.2f} at {price_per_hour:g} an hour" if price_per_hour is not None else ""
            lines.append(f"time: about {duration(hours * 3600)} at {tokens_per_second:,.0f} tokens/s{money}")
        return lines


def plan_of(config: Any, wanted: Wanted, trained: Trained) -> Plan:
    """Returns what a training takes; the model is neither loaded nor made.

    Args:
        config: A transformers configuration, from `planned_config`.
        wanted: How it is trained.
        trained: On what.

    >>> from transformers import LlamaConfig
    >>> shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 100}
    >>> plan = plan_of(LlamaConfig(**shape), Wanted(128, 512, 1024), Trained(num_tokens=10_000, num_steps=10))
    >>> plan.memory.optimiser == 2 * plan.memory.weights == 8 * plan.sizes.num_parameters
    True
    """
    sizes = sizes_of(config)
    traced = activations(config, wanted.max_length, wanted.precision, eager=wanted.eager)
    predicted = 1.0 if trained.num_supervised is None else trained.num_supervised / max(trained.num_tokens, 1)
    length = min(trained.num_tokens / max(trained.num_examples, 1), wanted.max_length)
    target_share = predicted if sizes.architecture == "encoder_decoder" else 0.0
    flops = flops_per_token(sizes, length, predicted=predicted, target_share=target_share, trainable=wanted.trainable)
    return Plan(sizes, wanted, trained, memory_of(sizes, traced, wanted, predicted), flops, traced)


def memory_of(sizes: Sizes, traced: Activations, wanted: Wanted, predicted: float = 1.0) -> Memory:
    """Returns the bytes of a training, by part.

    Args:
        sizes: The model's.
        traced: What its layers keep.
        wanted: How it is trained.
        predicted: Share of the tokens that reach the head. A micro-batch may have twice as many of them.
    """
    num_trained = round(sizes.num_parameters * wanted.trainable)
    states = 8 * num_trained
    if wanted.optimizer == "adafactor":
        states = round(4 * sizes.num_rows_and_columns * wanted.trainable) + 2 * 4 * min(sizes.num_largest, num_trained)
    at_once = wanted.num_tokens_at_once
    logits = round(at_once * min(2 * predicted, 1.0)) * sizes.vocabulary
    if sizes.architecture == "decoder":
        logits = min(logits, LOGITS)
    kept = traced.of(at_once)
    weights, gradients = 4 * sizes.num_parameters, 4 * num_trained
    # fp32: logits, their logarithms, the gradient; in bf16 also the logits that were multiplied and their gradient.
    head = logits * (16 if wanted.precision == "bf16" else 12)
    headroom = _LIBRARIES[wanted.device] + (weights + gradients + states + kept + head) // 20
    return Memory(weights, gradients, states, kept, head, headroom, wanted.accumulates)


def refusal(plan: Plan, available: int | None, config: Any, adapter: float | None = None) -> ModelError | None:
    """Returns the error for a plan that does not fit, with a plan that does; None where it fits or nobody knows.

    The knobs are turned in this order: `train.micro_batch_tokens`, which changes no result; `train.optimizer`; an adapter, where
    there may be one; `sequence.max_length`.

    Args:
        plan: The plan.
        available: Bytes that there are, from `available_memory`.
        config: The model's transformers configuration: shorter rows are traced again.
        adapter: Share of the weights that an adapter would train; None: the recipe has one, or cannot have one.
    """
    if available is None or plan.memory.needed <= available:
        return None

    @cache
    def traced(length: int) -> Activations:
        known = length == plan.wanted.max_length
        return plan.traced if known else activations(config, length, plan.wanted.precision, eager=plan.wanted.eager)

    found = next((found for found in _proposals(plan.wanted, adapter) if _fits(plan, found, traced, available)), None)
    what = f"training would take about {in_words(plan.memory.needed)}, and {in_words(available)} are free"
    if found is None:
        largest = int(available / 16)
        smaller = f"a base of fewer than about {largest / 1e6:,.0f} M parameters, adapters, or a larger machine"
        return ModelError(what, expected=smaller, remedy="model.base=... (a smaller one)")
    fits = memory_of(plan.sizes, traced(found.max_length), found).needed
    return ModelError(what, expected=f"one that fits takes about {in_words(fits)}", remedy=" ".join(overrides(plan.wanted, found)))


def _fits(plan: Plan, wanted: Wanted, traced: Callable[[int], Activations], available: int) -> bool:
    return memory_of(plan.sizes, traced(wanted.max_length), wanted).needed <= available


def _proposals(wanted: Wanted, adapter: float | None) -> Iterator[Wanted]:
    """Yields what to try instead, what costs least first."""
    ways = [wanted, replace(wanted, optimizer="adafactor"), *([replace(wanted, trainable=adapter)] if adapter is not None else [])]
    for way in ways:
        size = _half(wanted.num_tokens_at_once)
        while size > wanted.max_length:
            yield replace(way, micro_batch_tokens=size)
            size //= 2
        yield replace(way, micro_batch_tokens=min(wanted.max_length, wanted.micro_batch_tokens))
    length = _half(wanted.max_length)
    while length >= _SMALLEST:
        for way in ways:
            yield replace(way, max_length=length, micro_batch_tokens=min(length, wanted.micro_batch_tokens))
        length //= 2


def _half(number: int) -> int:
    """Returns the largest power of two below a number.

    >>> _half(8192), _half(5000)
    (4096, 4096)
    """
    return int(2 ** (max(number - 1, 1).bit_length() - 1))


def overrides(before: Wanted, after: Wanted) -> list[str]:
    """Returns what to type to get from one setting to another.

    >>> overrides(Wanted(512, 4096, 8192), Wanted(512, 1024, 8192))
    ['train.micro_batch_tokens=1024']
    """
    keys = {"micro_batch_tokens": "train", "optimizer": "train", "max_length": "sequence"}
    typed = [f"{section}.{key}={new}" for key, section in keys.items() if (new := getattr(after, key)) != getattr(before, key)]
    return typed + (["model.adapter.kind=lora"] if after.trainable != before.trainable else [])


def in_words(size: float) -> str:
    """Returns bytes as people say them.

    >>> in_words(300_000), in_words(30 * 2**20), in_words(2.5 * 2**30)
    ('0.3 MiB', '30 MiB', '2.5 GiB')
    """
    return f"{size / _GIB:,.1f} GiB" if size >= _GIB else f"{size / 2**20:,.{0 if size >= 10 * 2**20 else 1}f} MiB"


def duration(seconds: float) -> str:
    """Returns a time as people say it.

    >>> duration(42), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"

"""The plan of a training before it begins: memory by part, FLOPs, hours, money."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from didact.models.activations import Activations, activations
from didact.models.amounts import duration, in_words
from didact.models.flops import Flops, flops_per_token, pretraining_share
from didact.models.needs import Memory, Wanted, memory_of
from didact.models.sizes import Sizes, sizes_of

PARTS = ("weights", "gradients", "optimiser", "activations", "logits", "headroom")


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
class Plan:
    """What a training takes."""

    sizes: Sizes
    wanted: Wanted
    trained: Trained
    memory: Memory
    flops_per_token: Flops
    traced: Activations
    """What the layers keep of a token."""
    predicted: float = 1.0
    """Share of the tokens that reach the head."""

    def changed(self, **changes: Any) -> "Plan":
        """Returns the plan of the same training with other settings, as of `Wanted`; the length stays."""
        wanted = replace(self.wanted, **changes)
        return replace(self, wanted=wanted, memory=memory_of(self.sizes, self.traced, wanted, self.predicted))

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
        memory = {**asdict(self.memory), **{name: getattr(self.memory, name) for name in ("headroom", "needed", "total")}}
        return {
            "num_parameters": self.sizes.num_parameters,
            "num_without_embeddings": self.sizes.num_without_embeddings,
            "memory": memory,
            "activations_found": self.traced.found,
            "activation_checkpointing": self.wanted.checkpointing,
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
        again = "; the inside of the layers is computed again" if self.wanted.checkpointing else ""
        lines = [f"memory: about {in_words(self.memory.total)} ({by_part(self.memory)}){again}", self.compute_line()]
        if tokens_per_second:
            lines.append(self.time_line(tokens_per_second, price_per_hour))
        return lines

    def compute_line(self) -> str:
        """Returns what it takes to compute."""
        share = self.pretraining_share
        of_base = f"; {100 * share:.2g} % of the base's pre-training" if share is not None else ""
        return f"compute: {self.flops_per_token.total:.2g} FLOPs a token, {self.flops:.2g} in all{of_base}"

    def time_line(self, tokens_per_second: float, price_per_hour: float | None = None) -> str:
        """Returns how long it takes at a rate, and what that costs."""
        hours = self.hours(tokens_per_second)
        money = f", {hours * price_per_hour:,.2f} at {price_per_hour:g} an hour" if price_per_hour is not None else ""
        return f"time: about {duration(hours * 3600)} at {tokens_per_second:,.0f} tokens/s{money}"


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
    traced = activations(config, wanted.max_length, wanted.precision, eager=wanted.eager, lean=wanted.lean)
    predicted = 1.0 if trained.num_supervised is None else trained.num_supervised / max(trained.num_tokens, 1)
    length = min(trained.num_tokens / max(trained.num_examples, 1), wanted.max_length)
    target_share = predicted if sizes.architecture == "encoder_decoder" else 0.0
    flops = flops_per_token(sizes, length, predicted=predicted, target_share=target_share, trainable=wanted.trainable)
    return Plan(sizes, wanted, trained, memory_of(sizes, traced, wanted, predicted), flops, traced, predicted)


def by_part(memory: Memory) -> str:
    """Returns the bytes of each part."""
    return ", ".join(f"{name} {in_words(getattr(memory, name))}" for name in PARTS)

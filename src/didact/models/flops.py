"""FLOPs of a token, a run and a base's pre-training, by stated formulae: a multiplication and an addition are two."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import Field

from didact.base.config import Section, read_yaml, validate
from didact.models.bundled import BASES
from didact.models.sizes import Sizes

TABLE = BASES / "pretraining.yaml"
"""What is known of public bases."""
Positive = Annotated[float, Field(gt=0)]


class Pretrained(Section):
    """What a public base was pre-trained on."""

    names: tuple[str, ...]
    """Hub ids, or the name of a model that was never released."""
    num_parameters: Positive
    num_tokens: Positive
    two_sided: bool = False
    """An encoder-decoder: a token passes about half of the parameters."""

    @property
    def flops(self) -> float:
        """FLOPs of its pre-training."""
        return simple_flops(self.num_parameters, self.num_tokens, two_sided=self.two_sided)


class _Table(Section):
    bases: tuple[Pretrained, ...]


@cache
def pretrained() -> dict[str, Pretrained]:
    """Returns the table of public bases, by name."""
    return {name: row for row in validate(read_yaml(TABLE), _Table).bases for name in row.names}


def simple_flops(num_parameters: float, num_tokens: float, *, two_sided: bool = False) -> float:
    """Returns 6·N·D, the usual estimate of a training; 3·N·D for an encoder-decoder, whose tokens pass one of two stacks.

    Source: Kaplan et al. 2020, arXiv 2001.08361, section 2.1; Chung et al. 2022, arXiv 2210.11416, table 2 (both factors).

    >>> simple_flops(10, 100), simple_flops(10, 100, two_sided=True)
    (6000, 3000)
    """
    return (3 if two_sided else 6) * num_parameters * num_tokens


def pretraining_share(base: str, num_tokens: float) -> float | None:
    """Returns the FLOPs of training on so many tokens as a share of the base's pre-training; None where that is not known.

    Both are counted by `simple_flops`, so the share is one of tokens.

    >>> round(pretraining_share("HuggingFaceTB/SmolLM2-135M", 20e9), 4)  # of 2e12 tokens
    0.01
    """
    known = pretrained().get(base)
    if known is None:
        return None
    return simple_flops(known.num_parameters, num_tokens, two_sided=known.two_sided) / known.flops


@dataclass(frozen=True)
class Flops:
    """FLOPs of one token in training, on average."""

    body: float
    """Weights other than embeddings and head: 2·N forward, 2·N back to the activations, 2·N to the weights that are trained."""
    attention: float
    """Queries with keys, and scores with values: 12 · layers · attention width · tokens that are seen."""
    head: float
    """6 · width · vocabulary for each position that is trained; the others never reach the head."""
    forward: float
    """Of all this, what the forward pass takes: a third where every weight is trained."""

    @property
    def total(self) -> float:
        """FLOPs of a token."""
        return self.body + self.attention + self.head


def flops_per_token(sizes: Sizes, length: float, *, predicted: float = 1.0, target_share: float = 0.5, trainable: float = 1.0) -> Flops:
    """Returns what a token costs.

    Args:
        sizes: The model's.
        length: Tokens of a document, which see one another; those of both sides of an encoder-decoder. Half of a causal
            decoder's scores are masked; they are counted all the same, as others do.
        predicted: Share of the tokens that are trained.
        target_share: Share of the tokens that an encoder-decoder's decoder has.
        trainable: Share of the weights that are trained.

    Source: Kaplan et al. 2020, arXiv 2001.08361, table 1 (2·N and attention, forward); Chowdhery et al. 2022, arXiv 2204.02311,
        appendix B (6·N + 12·L·H·Q·T).

    >>> tiny = Sizes("decoder", 1000, 800, 0, 160, 0, 0, vocabulary=10, width=8, depth=2, decoder_depth=0, attention_width=8)
    >>> flops_per_token(tiny, 5, predicted=0.5)  # 6 · 800; 12 · 2 · 8 · 5; 6 · 8 · 10 / 2
    Flops(body=4800.0, attention=960.0, head=240.0, forward=2000.0)
    """
    if sizes.architecture == "encoder_decoder":
        # Keys and values of what was read are made for every input token, in the decoder's layers too.
        reading, writing = length * (1 - target_share), length * target_share
        weights = sizes.num_reading * (1 - target_share) + (sizes.num_without_embeddings - sizes.num_reading) * target_share
        seen = sizes.depth * reading * (1 - target_share) + sizes.decoder_depth * (reading + writing) * target_share
    else:
        weights, seen = float(sizes.num_without_embeddings), float(sizes.depth * length)
    attention, head = 4 * sizes.attention_width * seen, 2 * sizes.width * sizes.vocabulary * predicted
    back = 1 + trainable
    return Flops(2.0 * weights * (1 + back), 3.0 * attention, head * (1 + back), 2 * weights + attention + head)

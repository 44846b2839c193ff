"""Bytes that a training takes, by part, counted at the three moments when most of them are held."""

from dataclasses import dataclass
from typing import Literal

from didact.models.activations import Activations
from didact.models.amounts import GIB
from didact.models.precision import Precision
from didact.models.sizes import Sizes

LOGITS_BYTES = {"cuda": 2**27, "cpu": 2**25}
"""Logits that are held at once where the head is fed in chunks, as they are multiplied: 128 MiB, and 32 on a CPU, where 256 positions are
multiplied as fast."""
BLOCK_BYTES = {"cuda": 2**26, "cpu": 2**22}
"""Of them, those whose softmax is taken at once, in float32, so that six passes over them stay in the cache. Measured on a CPU at 50,257
tokens: 45 µs a position, 49 in blocks of 12 MiB, 107 without. On a GPU large enough to keep it busy: 64 MiB, not measured; Triton's kernel
needs none."""
_SLACK = {"cuda": 0.06, "fp32": 0.15, "bf16": 0.5, "fp32 apart": 0.65, "bf16 apart": 0.95}
"""Share of what comes and goes that lies between two parts, taken from the system and of no use; on a CPU by what is multiplied, and
whether documents share a row, whose attention takes pieces of all sizes. Measured over 60 steps: every batch has other lengths, bf16 has
copies of two sizes, and glibc hardly ever finds a hole of the very size."""
_LIBRARIES = {"cpu": 7 * GIB // 16, "cuda": GIB}
"""What Python, torch, their libraries and a recipe's rows take on a device before a model is there."""
_WHILE_TRAINING = {"cpu": 5 * GIB // 32, "cuda": 0}
"""What is loaded, and compiled for the shapes of a training's products, from its first step on: measured, whatever the model."""
Optimizer = Literal["adamw", "adafactor", "adamw_8bit"]


@dataclass(frozen=True)
class Wanted:
    """What decides memory and FLOPs beside the model; the recipe's keys have the same names."""

    max_length: int
    """Tokens of the longest row."""
    micro_batch_tokens: int
    batch_tokens: int
    optimizer: Optimizer = "adamw"
    precision: Precision = "fp32"
    """In which matrices are multiplied."""
    bf16_weights: bool = False
    """Weights, gradients and moments of 2 bytes each instead of 4; with an adapter, only the base's weights."""
    checkpointing: bool = False
    """Only the input of each layer is kept for the backward pass."""
    device: Literal["cpu", "cuda"] = "cpu"
    trainable: float = 1.0
    """Share of the weights that are trained; less than 1 with adapters."""
    beside: bool = False
    """An adapter is thin matrices beside every linear layer."""
    eager: bool = False
    """Attention is written out."""
    seen: float = 0.0
    """Tokens that a token of the largest micro-batch sees, where their weights are kept: documents that are computed one by one."""
    reaching: float | None = None
    """Share of the tokens of that micro-batch that reach the head; None: twice the share of the whole run, at most all."""
    processes: int = 1
    """Devices that share a step."""
    shard: bool = False
    """Each of them holds a part of weights, gradients and moments, not all of them."""

    @property
    def tokens_of_each(self) -> int:
        """Tokens of a step that one process reads."""
        return max(self.batch_tokens // self.processes, 1)

    @property
    def num_tokens_at_once(self) -> int:
        """Tokens of the largest micro-batch: no more than a step has, and a longer row is one by itself."""
        return max(min(self.micro_batch_tokens, self.tokens_of_each + self.max_length), self.max_length)

    @property
    def accumulates(self) -> bool:
        """Whether gradients lie there while the next micro-batch is read."""
        return self.tokens_of_each > self.micro_batch_tokens

    @property
    def lean(self) -> bool:
        """Whether norms and gated layers are rewritten: see `lean_layers`."""
        return self.device == "cpu" and not self.bf16_weights

    @property
    def adds(self) -> bool:
        """Whether gradients of the tables are added where they lie: see `didact.train.tables`."""
        return self.device == "cpu" and self.processes == 1 and not self.bf16_weights

    @property
    def adapts(self) -> bool:
        """Whether an adapter is trained, and the base frozen."""
        return self.trainable < 1


@dataclass(frozen=True)
class Memory:
    """Bytes by part, on one device."""

    weights: int
    """4 for each (fp32), 2 in bf16."""
    gradients: int
    """As many for each weight that is trained."""
    optimiser: int
    """AdamW: two numbers for each weight that is trained, of a byte each with `adamw_8bit`; Adafactor: a row and a column of each matrix,
    and one update."""
    activations: int
    """What the layers keep of the largest micro-batch; in bf16 also the weights that were cast."""
    logits: int
    """Of the head: a chunk of logits, its table as it is multiplied, and the gradients that it makes right away."""
    tables: int
    """On the way back: gradients of the tables of tokens, before they are added up."""
    slack: int
    """What libraries take from the first step on, and what lies between two parts, of no use."""
    libraries: int
    """Python, torch and their libraries, before a model is there."""
    accumulates: bool
    """Whether gradients and activations lie there at the same time."""

    @property
    def needed(self) -> int:
        """Bytes that training adds to its process at the peak: the head's turn, or the end of the way back."""
        passing = self.activations + self.logits + (self.gradients if self.accumulates else 0)
        return self.weights + self.optimiser + max(passing, self.gradients + self.tables) + self.slack

    @property
    def total(self) -> int:
        """Bytes of the process at the peak."""
        return self.needed + self.libraries

    @property
    def headroom(self) -> int:
        """Libraries and slack."""
        return self.libraries + self.slack


def memory_of(sizes: Sizes, traced: Activations, wanted: Wanted, predicted: float = 1.0) -> Memory:
    """Returns the bytes of a training, by part.

    Args:
        sizes: The model's.
        traced: What its layers keep.
        wanted: How it is trained.
        predicted: Share of the tokens that reach the head. A micro-batch may have twice as many of them.
    """
    share = 1 / wanted.processes if wanted.shard else 1.0
    num_trained = round(sizes.num_parameters * wanted.trainable)
    each = 2 if wanted.bf16_weights else 4  # bytes of a weight
    each_trained = 4 if wanted.adapts else each
    weights = round((each * (sizes.num_parameters - num_trained) + each_trained * num_trained) * share)
    at_once = wanted.num_tokens_at_once
    each_multiplied = 2 if wanted.precision == "bf16" else 4
    traced = traced.with_weights(sizes.depth * sizes.heads * wanted.seen * each_multiplied)
    kept = traced.checkpointed(at_once, sizes) if wanted.checkpointing else traced.of(at_once)
    if wanted.shard:  # two layers at a time are gathered whole
        kept += 2 * each * sizes.num_without_embeddings // max(sizes.depth + sizes.decoder_depth, 1)
    reaching = min(2 * predicted, 1.0) if wanted.reaching is None else wanted.reaching
    head, tables = _head(sizes, wanted, round(at_once * reaching))
    gradients, states = round(each_trained * num_trained * share), round(_states(sizes, wanted, each_trained) * share)
    passing = max(kept + head, tables)
    on_cpu = f"{wanted.precision} apart" if wanted.seen else wanted.precision
    lost = _SLACK[on_cpu if wanted.device == "cpu" else "cuda"]
    slack = _WHILE_TRAINING[wanted.device] + round(lost * (passing + gradients))
    if wanted.beside and wanted.device == "cpu":
        # A layer's own output and its adapter's are added up and freed; glibc finds no block of their very size for the next ones.
        slack += at_once * sizes.num_per_rank // 2 * (2 if wanted.precision == "bf16" else 8)
    return Memory(weights, gradients, states, kept, head, tables, slack, _LIBRARIES[wanted.device], wanted.accumulates)


def _states(sizes: Sizes, wanted: Wanted, each: int) -> int:
    num_trained = round(sizes.num_parameters * wanted.trainable)
    if wanted.optimizer == "adafactor":
        remembered = round(4 * sizes.num_rows_and_columns * wanted.trainable)
        return remembered + 2 * 4 * min(sizes.num_largest, num_trained)
    # bitsandbytes: a byte for each number, and a factor of 4 bytes for each block of 256.
    return round(num_trained * 2 * (1 + 4 / 256)) if wanted.optimizer == "adamw_8bit" else 2 * each * num_trained


def _head(sizes: Sizes, wanted: Wanted, num_positions: int) -> tuple[int, int]:
    """Returns the bytes of the head's turn, and those of the tables' gradients at the end of the way back."""
    each = 2 if wanted.precision == "bf16" else 4  # bytes of a number that is multiplied
    table = sizes.vocabulary * sizes.width
    all_logits = each * num_positions * sizes.vocabulary
    logits = min(all_logits, LOGITS_BYTES[wanted.device]) + min(4 * num_positions * sizes.vocabulary, BLOCK_BYTES[wanted.device])
    cast = each * table if each == 2 and not wanted.bf16_weights else 0
    states = num_positions * sizes.width * (4 + each)  # hidden states as they are multiplied, and their gradient
    if wanted.adapts:
        return logits + cast + states, 0
    if wanted.adds:  # the gradient that a few rows at a time are added to; they are too few to count
        return logits + cast + states + (0 if wanted.accumulates else 4 * table), 0
    product = (each + 4 if all_logits > LOGITS_BYTES[wanted.device] else each) * table  # one product, and the sum of several
    # Behind the head its gradient waits, scaled by then, for the one of the tokens that were looked up: both are as large as the table.
    return logits + cast + states + product, 8 * table if wanted.accumulates else 4 * table

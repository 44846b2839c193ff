"""The recipe's `train`: how the model is tuned."""

from typing import Annotated, Literal

from pydantic import Field

from didact.base.config import Section
from didact.base.objective_sections import AtLeast0, Count, Positive, Share


class Schedule(Section):
    """The learning rate over the steps."""

    kind: Literal["cosine", "linear", "constant"] = "cosine"
    """Shape after the warm-up."""
    warmup: Share = 0.03
    """Share of the steps in which the rate rises linearly from 0."""
    final: Share = 0.0
    """The rate at the end, as a share of the peak."""


class TrainSection(Section):
    """How the model is tuned."""

    learning_rate: Positive = 1e-4
    """Peak learning rate."""
    epochs: Positive = 1
    """Passes over the mixture; a part of one is allowed. `max_steps` may end training earlier."""
    max_steps: Count | None = None
    """Optimiser steps, at most; null: as many as the epochs need."""
    batch_tokens: Count = 16_384
    """Tokens of one optimiser step, over all micro-batches and processes."""
    micro_batch_tokens: Count = 2048
    """Most tokens in one forward pass, padding included; never changes the result beyond rounding. Fewer take less memory; on a large
    GPU, more are faster."""
    schedule: Schedule = Schedule()
    """Learning rate over time."""
    optimizer: Literal["adamw", "adafactor", "adamw_8bit"] = "adamw"
    """adamw_8bit: AdamW whose moments take a byte each instead of four, on a GPU, with bitsandbytes;
    adafactor: T5's, steps relative to each matrix's own size, so its learning rate is about ten times AdamW's."""
    weight_decay: AtLeast0 = 0.0
    """Decoupled decay, on matrices only."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """AdamW's decay rates of the moments."""
    epsilon: Positive = 1e-8
    """AdamW's ε."""
    max_grad_norm: Positive | None = 1.0
    """Gradients are scaled down to this norm; null: no clipping."""
    precision: Literal["auto", "fp32", "bf16", "bf16_weights"] = "auto"
    """bf16: autocast over fp32 weights; bf16_weights: weights, gradients and moments in bf16 too, half the memory, and small updates are
    rounded away; auto: bf16 where the CPU or GPU computes in it, else fp32."""
    activation_checkpointing: Literal["auto", "always", "never"] = "auto"
    """Keep only the input of each layer for the backward pass and compute the rest again; auto: where the plan does not fit otherwise."""
    compile: bool = False
    """True: torch.compile over each layer."""
    shard: bool = False
    """True: several processes hold a part of weights, gradients and moments each (FSDP2); False: each holds all of them."""
    max_bad_steps: Annotated[int, Field(ge=0)] = 3
    """Steps with a loss or gradient that is not a number are skipped and counted; one more than so many stop the run."""
    checkpoint_every: Count = 500
    """Steps between checkpoints; the last step always has one."""
    checkpoint_minutes: Positive | None = 30
    """A checkpoint after so many minutes without one, too; null: by steps alone."""
    keep_checkpoints: Count = 1
    """Checkpoints that are kept, the newest ones."""
    log_every: Count = 10
    """Steps between lines of metrics.jsonl."""
    trackers: tuple[str, ...] = ()
    """accelerate trackers, for example tensorboard or wandb."""

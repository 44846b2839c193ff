"""The forecast of a recipe's run: its plan on this machine before the first step, its hours after the third."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch

from didact.base.recipe import AdapterSection, Recipe
from didact.data.batches import Row, micro_batches, num_targets, row_length
from didact.data.stream import Forecast
from didact.models.amounts import duration
from didact.models.bundled import resolved
from didact.models.machines import Fit, Machine, fit, machine_named
from didact.models.needs import Wanted
from didact.models.plan import Plan, Trained, plan_of
from didact.models.precision import Precision, pick_device, pick_precision
from didact.models.proposals import refusal
from didact.models.sizes import Sizes, planned_config, sizes_of
from didact.models.speed import available_memory
from didact.train.loop import Step
from didact.train.optimiser import find_adamw_8bit
from didact.train.ready import SHORT
from didact.train.short_attention import LONGEST

_RANK = 16
"""Of the adapter that is proposed."""


def foresee(
    recipe: Recipe,
    tokenizer: Any,
    trained: Trained,
    largest: Sequence[Sequence[Row]] = (),
    *,
    held: int = 0,
    refuse: bool = True,
) -> Plan:
    """Returns the plan of a recipe on this machine.

    Args:
        recipe: What to do.
        tokenizer: A transformers tokenizer; the model has a row for each of its tokens.
        trained: What the run trains on, from `trained_on`.
        largest: Optimiser steps; the largest micro-batch is looked for in them.
        held: Bytes of the plan that are taken already: those of a model that has been loaded.
        refuse: Raise where it does not fit.

    Raises:
        ModelError: It does not fit into the memory that is free; the remedy is what to type for a plan that does.
    """
    device = pick_device()
    if recipe.train.optimizer == "adamw_8bit" and refuse:
        find_adamw_8bit(device)
    config = planned_config(resolved(recipe.model), tokenizer, recipe.sequence.max_length)
    plan = plan_of(config, _wanted(recipe, sizes_of(config), device, largest), trained)
    free = available_memory(device)
    available = None if free is None else free + held
    if recipe.train.activation_checkpointing == "auto" and available is not None and plan.memory.needed > available:
        again = plan.changed(checkpointing=True)
        plan = again if again.memory.needed <= available or not refuse else plan
    error = refusal(plan, available, config, _proposed(recipe, plan.sizes))
    if error and refuse:
        raise error
    return plan


def elsewhere(recipe: Recipe, tokenizer: Any, plan: Plan, names: Sequence[str]) -> list[Fit]:
    """Returns how a recipe's plan stands on other machines.

    Args:
        recipe: What to do.
        tokenizer: A transformers tokenizer.
        plan: The recipe's, from `foresee`.
        names: Machines, as `machine_named` takes them.
    """
    cpu = torch.device("cpu")
    free = available_memory(cpu)
    machines = [machine_named(name, None if free is None else free + plan.memory.libraries) for name in names]
    config = planned_config(resolved(recipe.model), tokenizer, recipe.sequence.max_length)
    auto, adapter = recipe.train.activation_checkpointing == "auto", _proposed(recipe, plan.sizes)

    def precision(machine: Machine) -> Precision:
        # GPUs of the last years multiply in bf16; of this machine's processor it is known.
        setting = recipe.train.precision
        return "bf16" if machine.device == "cuda" and setting == "auto" else pick_precision(setting, cpu)

    return [fit(plan, machine, config, precision(machine), may_checkpoint=auto, adapter=adapter) for machine in machines]


def lines_of(plan: Plan, fits: Sequence[Fit], tokens_per_second: float | None = None, price_per_hour: float | None = None) -> list[str]:
    """Returns what a recipe takes in plain sentences: on this machine, or, where others were asked about, on those.

    Args:
        plan: From `foresee`.
        fits: From `elsewhere`; none: this machine is told of.
        tokens_per_second: How fast training goes; None: not known, and nothing is said of time.
        price_per_hour: What the machine costs; None: nothing is said of money.
    """
    own = [plan.compute_line()] if fits else plan.lines(tokens_per_second, price_per_hour)
    return [*own, *(line for found in fits for line in found.lines(tokens_per_second, price_per_hour))]


def _wanted(recipe: Recipe, sizes: Sizes, device: torch.device, largest: Sequence[Sequence[Row]]) -> Wanted:
    settings, section, max_length = recipe.train, recipe.model.adapter, recipe.sequence.max_length
    # Documents side by side are computed one by one, and the weights of short ones are kept: see `train/attention.py`.
    apart = device.type == "cpu" and sizes.architecture == "decoder" and recipe.objective.kind == "causal"
    seen, reaching = _largest(recipe, largest, joined=apart)
    return Wanted(
        max_length=max_length,
        micro_batch_tokens=settings.micro_batch_tokens,
        batch_tokens=settings.batch_tokens,
        optimizer=settings.optimizer,
        precision=pick_precision(settings.precision, device),
        bf16_weights=settings.precision == "bf16_weights",
        checkpointing=settings.activation_checkpointing == "always",
        device="cuda" if device.type == "cuda" else "cpu",
        trainable=1.0 if section.kind == "none" else _share(_adapted(section, sizes), sizes.num_parameters),
        beside=section.kind in ("lora", "dora"),
        eager=device.type == "cpu" and not apart and not recipe.sequence.pack and max_length <= SHORT,
        seen=seen if apart else 0.0,
        reaching=reaching,
        processes=int(os.environ.get("WORLD_SIZE", "1")),
        shard=settings.shard and int(os.environ.get("WORLD_SIZE", "1")) > 1,
    )


def _largest(recipe: Recipe, steps: Sequence[Sequence[Row]], *, joined: bool) -> tuple[float, float | None]:
    """Returns, of the largest micro-batches, how many tokens a token sees at most, and which share of them reaches the head."""
    seen, reaching = 0.0, 0.0
    for step in steps:
        for micro in micro_batches(step, recipe.train.micro_batch_tokens, joined=joined)[0]:
            lengths = [len(document) for row in micro for document in row]
            num_tokens = sum(row_length(row) for row in micro)
            if 2 * num_tokens < min(recipe.train.micro_batch_tokens, recipe.train.batch_tokens):
                continue  # the rest of a step
            seen = max(seen, sum(length**2 for length in lengths if length <= LONGEST) / max(sum(lengths), 1))
            reaching = max(reaching, num_targets(micro, recipe.objective) / max(num_tokens, 1))
    return seen, min(reaching, 1.0) or None


def _proposed(recipe: Recipe, sizes: Sizes) -> float | None:
    """Returns the share of the weights that an adapter would train, where one could be proposed."""
    if recipe.model.adapter.kind != "none" or recipe.model.base == "new":
        return None
    return _share(sizes.num_per_rank * _RANK, sizes.num_parameters)


def _adapted(section: AdapterSection, sizes: Sizes) -> int:
    """Returns the numbers that an adapter trains: two thin matrices for each layer, or a few tokens."""
    return section.num_virtual_tokens * sizes.width if section.kind == "prompt" else sizes.num_per_rank * section.rank


def _share(num_trained: int, num_parameters: int) -> float:
    """Returns the share of a model's weights that is trained, less than 1 beside frozen ones.

    >>> _share(200, 1000)
    0.2
    """
    return min(num_trained / num_parameters, 0.999)


def trained_on(recipe: Recipe, forecast: Forecast) -> Trained:
    """Returns what a run trains on; `train.max_steps` may end it before the last token."""
    audit, settings = forecast.audit, recipe.train
    all_tokens = max(audit.num_tokens, 1)
    num_tokens = all_tokens if settings.max_steps is None else min(all_tokens, forecast.num_steps * settings.batch_tokens)
    share = num_tokens / all_tokens
    num_documents = all_tokens // recipe.sequence.max_length if recipe.sequence.stream else audit.num_examples
    return Trained(
        num_tokens=num_tokens,
        num_steps=forecast.num_steps,
        num_examples=max(round(num_documents * share), 1),
        num_supervised=round(audit.num_supervised * share),
        epochs=settings.epochs * share,
        base=recipe.model.base,
    )


class Pace:
    """Hears the first steps of a run and says how long it will take.

    Args:
        plan: The run's.
        peak: FLOPs a second that the machine can do.
        say: Hears the estimate.
        on_step: Hears every step, after this.
        price_per_hour: What the machine costs; None: nothing is said of money.
    """

    _PROBED = 3
    """Steps until the estimate; the first of them warms up and does not count."""

    def __init__(
        self, plan: Plan, peak: float, say: Callable[[str], None], on_step: Callable[[Step], None], price_per_hour: float | None = None
    ) -> None:
        self._plan, self._peak, self._say, self._on_step, self._price = plan, peak, say, on_step, price_per_hour
        self._heard: list[Step] = []

    def __call__(self, step: Step) -> None:
        """Hears one step."""
        if len(self._heard) < self._PROBED:
            self._heard.append(step)
            if len(self._heard) == self._PROBED:
                self._tell(self._heard[0], step)
        self._on_step(step)

    def _tell(self, first: Step, last: Step) -> None:
        rate = (last.num_tokens - first.num_tokens) / max(last.seconds - first.seconds, 1e-9)
        seconds = (last.num_steps - last.step) * (last.seconds - first.seconds) / (self._PROBED - 1)
        money = f", {self._price * seconds / 3600:,.2f} to pay" if self._price is not None else ""
        mfu = self._plan.mfu(rate, self._peak)
        self._say(f"time: about {duration(seconds)} to go at {rate:,.0f} tokens/s, {100 * mfu:.0f} % of the machine's FLOPs{money}")

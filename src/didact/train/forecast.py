"""The forecast of a recipe's run: its plan on this machine before the first step, its hours after the third."""

from collections.abc import Callable
from typing import Any

from didact.base.recipe import Recipe
from didact.data.stream import Forecast
from didact.models.bundled import resolved
from didact.models.plan import Plan, Trained, Wanted, duration, plan_of, refusal
from didact.models.precision import pick_device, pick_precision
from didact.models.sizes import planned_config, sizes_of
from didact.models.speed import available_memory
from didact.train.loop import SHORT, Step

_RANK = 16
"""Of the adapter that is proposed."""


def foresee(recipe: Recipe, tokenizer: Any, forecast: Forecast) -> Plan:
    """Returns the plan of a recipe on this machine.

    Args:
        recipe: What to do.
        tokenizer: A transformers tokenizer; the model has a row for each of its tokens.
        forecast: What the run trains on.

    Raises:
        ModelError: It does not fit into the memory that is free; the remedy is what to type for a plan that does.
    """
    device = pick_device()
    config = planned_config(resolved(recipe.model), tokenizer, recipe.sequence.max_length)
    settings, max_length = recipe.train, recipe.sequence.max_length
    section = recipe.model.adapter
    adapts = section.kind != "none"
    sizes = sizes_of(config)
    wanted = Wanted(
        max_length=max_length,
        micro_batch_tokens=settings.micro_batch_tokens,
        batch_tokens=settings.batch_tokens,
        optimizer=settings.optimizer,
        precision=pick_precision(settings.precision, device),
        device="cuda" if device.type == "cuda" else "cpu",
        trainable=_share(sizes.num_per_rank, section.rank, sizes.num_parameters) if adapts else 1.0,
        eager=device.type == "cpu" and not recipe.sequence.pack and max_length <= SHORT,
    )
    plan = plan_of(config, wanted, _trained(recipe, forecast))
    error = refusal(plan, available_memory(device), config, _share(sizes.num_per_rank, _RANK, sizes.num_parameters) if not adapts else None)
    if error:
        raise error
    return plan


def _share(per_rank: int, rank: int, num_parameters: int) -> float:
    """Returns the share of a model's weights that an adapter has.

    >>> _share(100, 2, 1000)
    0.2
    """
    return min(per_rank * rank / num_parameters, 1.0)


def _trained(recipe: Recipe, forecast: Forecast) -> Trained:
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

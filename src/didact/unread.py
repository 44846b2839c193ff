"""The plan of a recipe whose rows nobody could read, for want of a network: the most that it may take.

The catalogue counts the rows; each is taken to be as long as the recipe lets it be, and all of it trained on.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from didact.assemble import Assembly
from didact.base.recipe import Recipe
from didact.base.roles import RESPONSE
from didact.base.types import Origin
from didact.data.batches import Row
from didact.data.tokenised import TokenisedExample
from didact.models.plan import Trained
from didact.tasks.catalogue import find
from didact.train.forecast import elsewhere, foresee, lines_of


def say_most(
    assembly: Assembly,
    say: Callable[[str], None],
    machines: Sequence[str],
    tokens_per_second: float | None,
    price_per_hour: float | None,
) -> None:
    """Tells what a recipe takes at most; says nothing where nothing bounds it, or a new model has yet to get its tokenizer from the rows.

    Args:
        assembly: The recipe's parts, of which only the tokenizer is made.
        say: Hears it.
        machines: Others to plan for, as of `didact.jobs.check`.
        tokens_per_second: How fast training goes, where that is known.
        price_per_hour: What the machine costs, where that is known.
    """
    recipe = assembly.recipe
    trained = most_trained_on(recipe)
    if trained is None or recipe.model.base == "new":
        return
    tokenizer = assembly.tokeniser.tokenizer
    plan = foresee(recipe, tokenizer, trained, _largest(recipe), refuse=False)
    length = recipe.sequence.max_length
    say(f"without its rows, the most that this recipe may take: {trained.num_examples:,} rows of {length:,} tokens, all trained on")
    for line in lines_of(plan, elsewhere(recipe, tokenizer, plan, machines), tokens_per_second, price_per_hour):
        say(line)


def most_trained_on(recipe: Recipe) -> Trained | None:
    """Returns the most that a recipe may train on; None where nothing bounds it.

    The catalogue has to count the rows of every source, and each row has to end at `sequence.max_length`, which a stream's do not.
    """
    if recipe.sequence.stream:
        return None
    counts = [find(source.catalogue).num_examples if source.catalogue else None for source in recipe.tasks.sources]
    num_rows = sum(filter(None, counts))
    if not num_rows or None in counts:
        return None
    settings = recipe.train
    num_tokens = math.ceil(num_rows * recipe.sequence.max_length * settings.epochs)
    num_steps = math.ceil(num_tokens / settings.batch_tokens)
    share = 1.0
    if settings.max_steps is not None and settings.max_steps < num_steps:
        share = settings.max_steps / num_steps
        num_steps = settings.max_steps
    num_examples = max(round(num_rows * settings.epochs * share), 1)
    return Trained(math.ceil(num_tokens * share), num_steps, num_examples, epochs=settings.epochs * share, base=recipe.model.base)


def _largest(recipe: Recipe) -> Sequence[Sequence[Row]]:
    """Returns an optimiser step full of documents of the greatest length."""
    if recipe.objective.kind != "causal":
        return ()  # other objectives have rows of two sides; their plan looks at the length alone
    length = recipe.sequence.max_length
    document = TokenisedExample(np.zeros(length, np.int32), np.full(length, RESPONSE, np.uint8), Origin("", ""))
    return [[(document,)] * max(recipe.train.batch_tokens // length, 1)]

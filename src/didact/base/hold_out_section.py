"""The recipe's `tasks.hold_out`: which tasks are never trained on, and what goes with them."""

from typing import Annotated

from pydantic import Field

from didact.base.config import Section


class HoldOut(Section):
    """Which tasks are never trained on."""

    category: tuple[str, ...] = ()
    """Categories, or globs of them."""
    dataset: tuple[str, ...] = ()
    """Source datasets, or globs of them."""
    task: tuple[str, ...] = ()
    """Task names, or globs of them."""
    official: bool = False
    """True: the split files that come with a source (SuperNI's `splits/default`) decide what is unseen and what is left out."""
    share_sources: bool = False
    """False: a task that shares a source dataset with an unseen task is left out of training (the SuperNI rule)."""
    examples: Annotated[int, Field(ge=0)] = 0
    """Examples of every seen task that are kept from training, for `evaluate.on: [held_in]`."""

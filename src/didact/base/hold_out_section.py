"""The recipe's `tasks.hold_out`: which tasks are never trained on, and what goes with them."""

from typing import Annotated, Literal

from pydantic import Field

from didact.base.config import Section

AtLeast0 = Annotated[int, Field(ge=0)]


class Validation(Section):
    """Tasks that settings and checkpoints are chosen by: never trained on, and not what a model is judged by in the end."""

    category: tuple[str, ...] = ()
    """Categories, or globs of them."""
    task: tuple[str, ...] = ()
    """Task names, or globs of them."""
    num_categories: AtLeast0 = 0
    """So many whole categories more, drawn by the seed from those that are left."""
    num_tasks: AtLeast0 = 0
    """So many tasks more, drawn by the seed from those that are left."""


class HoldOut(Section):
    """Which tasks are never trained on."""

    category: tuple[str, ...] = ()
    """Categories, or globs of them; a cluster's name (`entailment`) fits SuperNI's category of that kind (`Textual Entailment`) too."""
    dataset: tuple[str, ...] = ()
    """Source datasets, or globs of them."""
    task: tuple[str, ...] = ()
    """Task names, or globs of them."""
    official: bool = False
    """True: the split files that come with a source (SuperNI's `splits/default`) decide what is unseen and what is left out."""
    cross_rules: Literal["none", "flan"] = "none"
    """flan: every task of an unseen task's cluster is left out of training, and the clusters that are too near to it: paraphrase and
    entailment with one another, read_comp_and_common_sense with reading_comprehension and with common_sense."""
    siblings: bool | None = None
    """True: rounds, versions and other names of a dataset (anli_r1 and anli_r3, mnli and multi_nli) count as the same one; null: true
    with `cross_rules: flan`."""
    share_sources: bool = False
    """False: a task that shares a source dataset with an unseen task is left out of training (the SuperNI rule)."""
    validation: Validation = Validation()
    """Tasks to choose by, taken from what would be seen."""
    examples: AtLeast0 = 0
    """Examples of every seen task that are kept from training, for `evaluate.on: [held_in]`."""

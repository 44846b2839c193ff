"""The recipe's `model.adapter`: a few small matrices that are trained in place of the model's own weights."""

from typing import Annotated, Literal

from pydantic import Field

from didact.base.config import Section
from didact.base.objective_sections import Positive


class AdapterSection(Section):
    """What is trained in place of the model's own weights."""

    kind: Literal["none", "lora", "dora"] = "none"
    """none: every weight of the model is trained; lora: two thin matrices beside each target; dora: each target's size on its own too."""
    rank: Annotated[int, Field(ge=1)] = 16
    """Width of the thin matrices."""
    alpha: Positive = 32.0
    """What the adapter adds is scaled by alpha / rank."""
    rslora: bool = False
    """True: it is scaled by alpha / √rank, so that large ranks learn as fast as small ones."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the adapter's input that is dropped in training."""
    targets: Literal["auto"] | tuple[Annotated[str, Field(min_length=1)], ...] = "auto"
    """Names, or ends of names, of the linear layers that get one, for example [q_proj, v_proj]; auto: all those of every block."""
    train_embeddings: Literal["auto", "all", "none"] = "auto"
    """auto: the embeddings of control tokens that the base has never seen are trained and saved; all: those of every token; none."""

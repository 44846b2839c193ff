"""The recipe's `model.adapter`: a few small matrices, or a few made-up tokens, that are trained in place of the model's own weights."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from didact.base.config import Section
from didact.base.objective_sections import Positive


class AdapterSection(Section):
    """What is trained in place of the model's own weights."""

    kind: Literal["none", "lora", "dora", "prompt"] = "none"
    """none: every weight of the model is trained; lora: two thin matrices beside each target; dora: each target's size on its own too;
    prompt: the embeddings of a few tokens that stand before every conversation, and nothing else."""
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
    num_virtual_tokens: Annotated[int, Field(ge=1, le=1000)] = 20
    """Tokens of a trained prompt; a row's `sequence.max_length` holds them too."""
    init_text: str = ""
    """The words that a trained prompt begins as, over and over until it is full; empty: frequent tokens, drawn by the seed."""
    quantise: Literal["none", "nf4"] = "none"
    """nf4: the base is held in 4 bits a weight (QLoRA), the adapter and all norms in fp32; on a GPU, with bitsandbytes."""
    train_embeddings: Literal["auto", "all", "none"] = "auto"
    """auto: the embeddings of control tokens that the base has never seen are trained and saved; all: those of every token; none."""

    @model_validator(mode="after")
    def _something_is_trained(self) -> "AdapterSection":
        if self.kind == "none" and self.quantise != "none":
            raise ValueError(f"quantise ({self.quantise}) holds weights that nobody trains, and kind is none: kind=lora")
        return self

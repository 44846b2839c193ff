"""The three architectures: what each is trained on, told from a model's configuration before its weights are there."""

from typing import Any, Literal

from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES,
)

from didact.base.errors import ModelError
from didact.base.objective_sections import ARCHITECTURES

Architecture = Literal["decoder", "encoder_decoder", "encoder"]
NEW: dict[str, Architecture] = {
    "llama": "decoder",
    "gpt2": "decoder",
    "t5": "encoder_decoder",
    "bart": "encoder_decoder",
    "bert": "encoder",
}
"""The values of `model.new.architecture`."""
_USUAL: dict[Architecture, str] = {"decoder": "causal", "encoder_decoder": "seq2seq", "encoder": "masked"}
"""The `objective.kind` with which a model that exists is most often tuned."""


def architecture_of(config: Any) -> Architecture:
    """Returns what a transformers configuration describes.

    >>> from transformers import BertConfig, LlamaConfig, T5Config
    >>> [architecture_of(config) for config in (LlamaConfig(), T5Config(), BertConfig(), BertConfig(is_decoder=True))]
    ['decoder', 'encoder_decoder', 'encoder', 'decoder']
    """
    if getattr(config, "is_encoder_decoder", False):
        return "encoder_decoder"
    fills_gaps = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return "encoder" if fills_gaps and not getattr(config, "is_decoder", False) else "decoder"


def has_next_sentence(config: Any) -> bool:
    """Says whether models of this family may have a head that tells the next text from another one, as BERT has."""
    return config.model_type in MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES


def check_objective(kind: str, architecture: Architecture, name: str) -> None:
    """Looks whether an objective trains this architecture.

    Args:
        kind: The recipe's `objective.kind`.
        architecture: What the model is.
        name: The model, for the message.

    >>> check_objective("causal", "decoder", "gpt2")

    Raises:
        ModelError: It does not.
    """
    fitting = [kind for kind, families in ARCHITECTURES.items() if NEW[families[0]] == architecture]
    if kind in fitting:
        return
    a = "an" if architecture.startswith("e") else "a"
    raise ModelError(
        f"objective.kind is {kind}, and {name} is {a} {architecture.replace('_', '-')}",
        expected=f"one of: {', '.join(fitting)}" if len(fitting) > 1 else fitting[0],
        remedy=f"objective.kind={_USUAL[architecture]}",
    )


def logits_of(output: Any) -> Any:
    """Returns the logits (B, T, V) of any model's output; models that are pre-trained on two things have a name of their own for them."""
    return output.prediction_logits if hasattr(output, "prediction_logits") else output.logits

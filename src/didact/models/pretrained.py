"""Weights that somebody has trained: found by hub id or folder, complete or refused, with a row for every token."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForPreTraining, AutoModelForSeq2SeqLM

from didact.base.errors import ModelError
from didact.data.tokens import Tokeniser
from didact.models.architecture import Architecture, architecture_of, has_next_sentence
from didact.models.quantised import Quantise, check_quantise, quantised_options
from didact.prompts.virtual_tokens import num_virtual_tokens

_NOT_LOADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError)
_NOT_BUILDABLE = (*_NOT_LOADABLE, TypeError, AttributeError, AssertionError, ArithmeticError, IndexError)
_PLACES_AFTER_PADDING = {"roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text", "xmod"}
_AUTO: dict[Architecture, Any] = {
    "decoder": AutoModelForCausalLM,
    "encoder_decoder": AutoModelForSeq2SeqLM,
    "encoder": AutoModelForMaskedLM,
}
_KINDS: dict[Architecture, str] = {
    "decoder": "a causal language model",
    "encoder_decoder": "an encoder-decoder that writes text",
    "encoder": "a masked language model",
}


def positions_of(config: Any) -> int | None:
    """Returns the longest sequence that a model was built for, in tokens; None where there is no such limit."""
    if architecture_of(config) == "encoder_decoder" and hasattr(config, "relative_attention_num_buckets"):
        return None  # T5 knows distances, not places; the `n_positions` of its older files says what it was trained on
    config = config.get_text_config()
    known: int | None = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    # RoBERTa and its kin count places from the padding token's id on.
    return known - config.pad_token_id - 1 if known and config.model_type in _PLACES_AFTER_PADDING else known


def config_of(name: str, revision: str | None) -> Any:
    """Returns a model's configuration.

    Raises:
        ModelError: There is no such model.
    """
    try:
        return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except _NOT_LOADABLE as error:
        raise _no_model(name, error) from None


def _no_model(name: str, error: Exception) -> ModelError:
    remedy = "check model.base: a hub id (needs the network), a folder, or new"
    if Path(name).is_dir():
        remedy = "the folder needs config.json and model.safetensors"
    return ModelError(f"no model could be loaded from '{name}': {_reason(error)}", remedy=remedy)


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def pretrained(name: str, revision: str | None = None, quantise: Quantise = "none") -> Any:
    """Returns a model in float32, complete.

    Args:
        name: A hub id or a folder.
        revision: Branch, tag or commit of a hub id.
        quantise: The recipe's `model.adapter.quantise`: the linear layers are held in 4 bits a weight, on the GPU.

    Raises:
        ModelError: There is no such model, or it lacks weights, or this machine cannot hold it so.
        PrerequisiteError: bitsandbytes is asked for, and not installed.
    """
    check_quantise(quantise)
    config = config_of(name, revision)
    architecture = architecture_of(config)
    if architecture == "encoder" and has_next_sentence(config):
        model, lacking = _weights(AutoModelForPreTraining, name, config, revision, quantise)
        if not lacking:
            return model
    model, lacking = _weights(_AUTO[architecture], name, config, revision, quantise)
    if lacking:
        what = f"'{name}' lacks {len(lacking)} of the weights of {type(model).__name__}: {', '.join(lacking[:3])}"
        raise ModelError(what, expected=f"{_KINDS[architecture]}, complete", remedy="set model.base to one")
    return model


def _weights(auto: Any, name: str, config: Any, revision: str | None, quantise: Quantise) -> tuple[Any, list[str]]:
    """Returns a model and the names of the weights that its file lacks: transformers draws those at random, and goes on."""
    options: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    options |= quantised_options(quantise)
    try:
        model, told = auto.from_pretrained(name, config=config, revision=revision, **options)
    except _NOT_LOADABLE as error:
        raise _no_model(name, error) from None
    return model, sorted(told["missing_keys"])


def empty_model(config: Any, device: str = "meta") -> Any:
    """Returns the model that a configuration describes: its layers, by name and shape; on the `meta` device it holds no weights.

    Raises:
        ModelError: No model can have this configuration.
    """
    architecture = architecture_of(config)
    auto = AutoModelForPreTraining if architecture == "encoder" and has_next_sentence(config) else _AUTO[architecture]
    try:
        with torch.device(device):
            return auto.from_config(deepcopy(config), dtype=torch.float32)
    except _NOT_BUILDABLE as error:
        what = f"no {type(config).__name__} model can be built: {_reason(error)}"
        raise ModelError(what, remedy="mend the model's config.json, or set model.base to another one") from None


def fit_embeddings(model: Any, tokeniser: Tokeniser, new_controls: tuple[str, ...]) -> tuple[int, ...]:
    """Gives new tokens their rows: the mean of the rows that were trained, so that nothing random enters. Returns their ids."""
    num_rows = model.get_input_embeddings().weight.shape[0]
    num_tokens = len(tokeniser.tokenizer) - num_virtual_tokens(tokeniser.chat_format)  # those stand last, and the table has none
    known = min(num_tokens - len(new_controls), num_rows)
    if num_tokens > num_rows:
        model.resize_token_embeddings(num_tokens, mean_resizing=False)
    ids = sorted({*(tokeniser.controls[name] for name in new_controls), *range(num_rows, num_tokens)})
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            for table in (getattr(layer, "weight", None), getattr(layer, "bias", None)):
                if ids and table is not None:
                    table[ids] = table[:known].mean(dim=0)
    return tuple(ids)

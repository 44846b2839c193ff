"""What is done to a model's layers before it is trained: only their inputs are kept for the way back, or they are compiled."""

from collections.abc import Callable
from contextvars import copy_context
from functools import cache, partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface

from didact.base.errors import ModelError
from didact.models.lean_layers import layers_of
from didact.train import attention


def prepare_layers(model: Any, *, checkpointing: bool, compile: bool) -> None:
    """Prepares a model's layers, in place; neither changes what it says.

    Args:
        model: A transformers model, with or without an adapter.
        checkpointing: Keep only the input of each layer for the backward pass, and compute the rest again.
        compile: torch.compile over each layer; they are alike, so that one of them is compiled and all are faster.

    Raises:
        ModelError: It has no layers that can be treated so.

    >>> from didact.models.lean_layers import layers_of
    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> shape = {"hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 10}
    >>> model = LlamaForCausalLM(LlamaConfig(**shape))
    >>> prepare_layers(model, checkpointing=True, compile=False)
    >>> [layer.gradient_checkpointing for layer in layers_of(model)]
    [True, True]
    """
    layers = layers_of(model)
    for wanted, key, off in ((checkpointing, "activation_checkpointing", "never"), (compile, "compile", "false")):
        if wanted and not layers:
            raise ModelError(f"{type(model).__name__} has no layers that transformers knows as such", remedy=f"train.{key}={off}")
    if compile and getattr(model.config, "_attn_implementation", None) == attention.NAME:
        # It goes through the documents one by one: compiled, it would be compiled anew for each set of their lengths.
        whole: Any = torch.compiler.disable
        AttentionInterface.register(attention.NAME, whole(attention.attend))
    for layer in layers:
        # transformers calls this with each layer's own forward pass while the model is trained, and leaves it alone else.
        layer.gradient_checkpointing = checkpointing or compile
        layer._gradient_checkpointing_func = partial(_run, checkpointing, compile)


def _run(checkpointing: bool, compile: bool, layer: partial[Any], *given: Any) -> Any:
    """Runs a layer and returns its output; where its inside is not kept, it is computed again on the way back.

    That happens outside of every `with` that the first pass was in. Torch brings precision and chance back; the documents of a packed
    row are in a context variable, so the whole context is kept and entered again: without it a layer would see a row as one document,
    and its gradients would be wrong without a word.
    """
    work = partial(_compiled(layer.func), *layer.args, **layer.keywords) if compile else layer
    return checkpoint(copy_context().run, work, *given, use_reentrant=False) if checkpointing else work(*given)


@cache
def _compiled(forward: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(forward, dynamic=True)

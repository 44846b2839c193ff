"""Prompt tuning: the embeddings of a few virtual tokens are trained, and nothing else of the model.

The model's output head knows nothing of them, so its answers are a distribution over the same tokens as before.

Source: Lester et al. 2021, arXiv 2104.08691 (section 2: initialised from frequent tokens of the vocabulary, or from words).
"""

from collections.abc import Sequence
from typing import Any

import torch

from didact.base.chance import generator
from didact.base.errors import ModelError
from didact.base.recipe import AdapterSection
from didact.data.tokens import Tokeniser
from didact.models.architecture import architecture_of
from didact.prompts.virtual_tokens import virtual_ids, virtual_names

_FREQUENT = 5000
"""Tokenizers number their tokens by frequency, more or less: words are drawn from the first so many."""


class SoftPrompt(torch.nn.Module):
    """An embedding layer in which virtual tokens have rows of their own.

    Args:
        inner: The model's embedding layer.
        ids: The virtual tokens, without a gap.
        rows: What stands for them, float32 (N, width).
    """

    def __init__(self, inner: torch.nn.Module, ids: Sequence[int], rows: torch.Tensor) -> None:
        super().__init__()
        self.inner, self.ids = inner, tuple(ids)
        self.rows = torch.nn.Parameter(rows.detach().clone())

    @property
    def weight(self) -> torch.Tensor:
        """The table of the tokens that text is made of, (V, width)."""
        table: torch.Tensor = self.inner.weight  # type: ignore[assignment]
        return table

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Returns what the model reads, (B, T, width)."""
        places = input_ids - self.ids[0]
        virtual = (places >= 0) & (places < len(self.ids))
        embedded = self.inner(input_ids.masked_fill(virtual, 0))
        own = self.rows[places.clamp(0, len(self.ids) - 1)].to(embedded.dtype)
        return torch.where(virtual[..., None], own, embedded)


def reader(model: Any) -> Any:
    """Returns the part of a model that reads a prompt: the encoder, where there is one beside a decoder."""
    return model.get_encoder() if architecture_of(model.config) == "encoder_decoder" else model


def soft_prompt(model: Any) -> SoftPrompt | None:
    """Returns a model's trained prompt, or None."""
    found = reader(model).get_input_embeddings()
    return found if isinstance(found, SoftPrompt) else None


def add_virtual_tokens(tokenizer: Any, number: int) -> None:
    """Gives a tokenizer so many virtual tokens, behind all others.

    Raises:
        ModelError: It has such tokens already.
    """
    if virtual_names(1)[0] in tokenizer.get_vocab():
        raise ModelError(
            f"the tokenizer has the token {virtual_names(1)[0]} already: this base comes with a trained prompt",
            remedy="model.adapter.kind=lora, with prompts.chat_format=model to keep its prompt; or the base that it was trained beside",
        )
    tokenizer.add_tokens(list(virtual_names(number)), special_tokens=True)


def first_words(settings: AdapterSection, tokeniser: Tokeniser, seed: int) -> list[int]:
    """Returns the tokens whose embeddings a trained prompt begins as.

    Args:
        settings: The recipe's `model.adapter`.
        tokeniser: Text becomes tokens through it.
        seed: The recipe's; without `init_text` the tokens are drawn by it.

    Raises:
        ModelError: The words of `init_text` are none.
    """
    number = settings.num_virtual_tokens
    if settings.init_text:
        words: list[int] = tokeniser.tokenizer(settings.init_text, add_special_tokens=False)["input_ids"]
        if not words:
            raise ModelError(f"model.adapter.init_text has no words: {settings.init_text!r}", remedy="model.adapter.init_text='...'")
        return (words * -(-number // len(words)))[:number]
    controls = {*tokeniser.controls.values(), *virtual_ids(tokeniser.chat_format, tokeniser.controls)}
    known = [token for token in sorted(tokeniser.tokenizer.get_vocab().values()) if token not in controls][:_FREQUENT]
    drawn = generator(seed, "initial weights", "prompt").choice(len(known), number, replace=number > len(known))
    return [known[index] for index in drawn]


def put_prompt(model: Any, ids: Sequence[int], words: Sequence[int]) -> None:
    """Puts a prompt before what a model reads, in place.

    Args:
        model: A transformers model.
        ids: The virtual tokens.
        words: The tokens that they begin as.
    """
    part = reader(model)
    inner = part.get_input_embeddings()
    with torch.no_grad():
        rows = inner(torch.tensor([*words], device=inner.weight.device))
    part.set_input_embeddings(SoftPrompt(inner, ids, rows))


def merge_prompt(model: Any) -> None:
    """Writes a trained prompt into the model's own table, in place, as rows of its virtual tokens.

    The output head then knows these tokens too, so `generation_config` has to keep them from being written.

    Raises:
        ModelError: The model has several tables.
    """
    prompt = soft_prompt(model)
    if prompt is None:
        return
    if prompt.inner.weight is not model.get_input_embeddings().weight and reader(model) is not model:
        what = f"the encoder of this {type(model).__name__} has a table of its own, which a trained prompt cannot be merged into"
        raise ModelError(what, remedy="use the checkpoint itself: didact chat RUN")
    reader(model).set_input_embeddings(prompt.inner)
    num_tokens = max(prompt.ids) + 1
    if num_tokens > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(num_tokens, mean_resizing=False)
    table, head, ids = model.get_input_embeddings(), model.get_output_embeddings(), list(prompt.ids)
    with torch.no_grad():
        if head is not None:
            head.weight[ids] = 0.0
        table.weight[ids] = prompt.rows / getattr(table, "embed_scale", 1.0)

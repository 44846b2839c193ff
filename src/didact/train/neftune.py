"""NEFTune: uniform noise on the embeddings while training, the smaller the longer the document.

    x' = x + α/√(L·d) · u,   u ~ Uniform(−1, 1) for each of the L·d numbers of a document of L tokens

Source: Jain et al. 2023, arXiv 2310.05914, section 3. In a packed row every document has its own L.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch


@contextmanager
def noisy_embeddings(model: Any, alpha: float, segments: torch.Tensor) -> Iterator[None]:
    """Adds noise to the input embeddings of every call of a model inside; none at α 0, nor while the model is not training.

    Padding gets none. Of an encoder-decoder, only what the encoder reads gets some, also where its decoder reads through the same
    table. It comes from torch's generator, as that of dropout does.

    Args:
        model: A transformers model.
        alpha: The strength of the noise, α; the paper uses 5 to 15.
        segments: int (B, T): 0 for padding, 1, 2, ... for the documents of a row, as the model's `input_ids`.

    >>> model = torch.nn.Module()
    >>> model.table = torch.nn.Embedding(4, 8)
    >>> model.get_input_embeddings = lambda: model.table
    >>> ids, segments = torch.tensor([[1, 2, 3]]), torch.tensor([[1, 1, 0]])
    >>> with torch.no_grad(), noisy_embeddings(model, 5.0, segments):  # two tokens of 8 numbers: at most 5/√16
    ...     change = (model.table(ids) - model.table.weight[ids]).abs().amax(-1)[0]
    >>> bool((change[:2] <= 1.25).all()), float(change[2])
    (True, 0.0)
    """
    if not alpha or not model.training:
        yield
        return
    scale = noise_scale(segments, alpha)
    two_sided = getattr(getattr(model, "config", None), "is_encoder_decoder", False)
    reader = model.get_encoder() if two_sided else model
    reading = [not two_sided]

    def add(_: Any, __: Any, output: torch.Tensor) -> Any:
        if not reading[0]:
            return output
        noise = torch.rand_like(output, dtype=torch.float32).mul_(2).sub_(1)
        return output + (noise * (scale / output.shape[-1] ** 0.5)[..., None]).to(output.dtype)

    hook = reader.get_input_embeddings().register_forward_hook(add)
    with hook, _while_running(reader, reading) if two_sided else nullcontext():
        yield


def noise_scale(segments: torch.Tensor, alpha: float) -> torch.Tensor:
    """Returns α/√L for each token, L the length of its own document, and 0 for padding, float32 (B, T).

    >>> noise_scale(torch.tensor([[1, 1, 1, 1, 2, 0]]), 2.0).tolist()
    [[1.0, 1.0, 1.0, 1.0, 2.0, 0.0]]
    """
    numbers = segments.long()
    # A row has no more documents than tokens: the device is not asked how many.
    counts = torch.zeros(len(segments), segments.shape[1] + 1, device=segments.device)
    lengths = counts.scatter_add_(1, numbers, torch.ones_like(numbers, dtype=torch.float32)).gather(1, numbers)
    return torch.where(segments > 0, alpha / lengths.sqrt(), 0.0)


@contextmanager
def _while_running(module: torch.nn.Module, running: list[bool]) -> Iterator[None]:
    """Keeps `running` true while the module is called."""

    def begin(*_: Any) -> None:
        running[0] = True

    def end(*_: Any) -> None:
        running[0] = False

    with module.register_forward_pre_hook(begin), module.register_forward_hook(end, always_call=True):
        yield

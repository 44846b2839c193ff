"""Diversity by meaning: rows whose embedding is almost that of an earlier kept row; an extra, as it needs a model that embeds well."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from didact.base.config import Section
from didact.synth.card import part_of
from didact.synth.filters import Filter, Judged, Rule
from didact.synth.outcome import Row

_BLOCK = 1024
"""Rows compared with all kept ones together."""


class DiversitySettings(Section):
    """Settings of filter `diversity`."""

    model: str
    """A hub id, a folder or a bundled base; a sentence encoder, such as sentence-transformers/all-MiniLM-L6-v2, tells meanings apart,
    and other models do so less well."""
    most_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.95
    """Cosine of two embeddings, above which the later row is dropped."""
    parts: tuple[str, ...] = ("instruction", "input")
    """What is embedded of a row, together."""
    max_length: Annotated[int, Field(ge=1)] = 256
    """Tokens; what is longer is cut."""
    batch_rows: Annotated[int, Field(ge=1)] = 32
    """Rows that go through the model together."""


def too_close(vectors: np.ndarray, most_similarity: float) -> list[tuple[int, float] | None]:
    """Returns for each vector the nearest earlier kept one and their cosine, where that is above the limit; None for one that is kept.

    Args:
        vectors: Unit vectors, float32 (N, D).
        most_similarity: The limit.

    The second is kept, as its cosine with the first is 0; the third is the first:

    >>> too_close(np.array([[1, 0], [0, 1], [1, 0]], np.float32), 0.9)
    [None, None, (0, 1.0)]
    """
    found: list[tuple[int, float] | None] = []
    kept = list[int]()
    for begin in range(0, len(vectors), _BLOCK):
        block = vectors[begin : begin + _BLOCK]
        before = np.array(kept, np.int64)
        with_before, among = block @ vectors[before].T, block @ block.T
        for row in range(len(block)):
            own = [one - begin for one in kept if one >= begin]
            numbers, cosines = np.append(before, np.array(own, np.int64) + begin), np.append(with_before[row], among[row, own])
            nearest = int(cosines.argmax()) if len(cosines) else -1
            if nearest >= 0 and cosines[nearest] > most_similarity:
                found.append((int(numbers[nearest]), float(cosines[nearest])))
            else:
                found.append(None)
                kept.append(begin + row)
    return found


def embedded(texts: Sequence[str], settings: DiversitySettings) -> np.ndarray:
    """Returns the mean of the last hidden states of each text's tokens, as unit vectors, float32 (N, D).

    Source: Reimers and Gurevych (2019), Sentence-BERT, arXiv 1908.10084, section 3 (mean pooling).
    """
    from transformers.utils import logging

    from didact.models.bundled import bundled
    from didact.models.pretrained import pretrained
    from didact.models.tokenizer import load_tokenizer

    logging.disable_progress_bar()
    name = bundled(settings.model)
    tokenizer, model = load_tokenizer(name), pretrained(name).eval()
    parts = [vector for rows in _batches(texts, settings.batch_rows) for vector in _means(model, tokenizer, rows, settings.max_length)]
    vectors = np.stack(parts) if parts else np.zeros((0, 1), np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def _batches(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[begin : begin + size] for begin in range(0, len(texts), size))


def _means(model: Any, tokenizer: Any, texts: Sequence[str], max_length: int) -> np.ndarray:
    import torch

    ids = [tokenizer(text or " ", truncation=True, max_length=max_length)["input_ids"] or [0] for text in texts]
    longest = max(map(len, ids))
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
    rows = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    inner = model.get_encoder() if model.config.is_encoder_decoder else model
    with torch.inference_mode():
        states = inner(input_ids=rows, attention_mask=mask, output_hidden_states=True).hidden_states[-1].float()
        means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    found: np.ndarray = means.numpy()
    return found


def _diversity(settings: DiversitySettings, seeds: Sequence[str]) -> Filter:
    def judge(rows: Sequence[Row]) -> Judged:
        texts = ["\n".join(filter(None, (part_of(row, part).strip() for part in settings.parts))) for row in rows]
        vectors = embedded(texts, settings)
        for row, near in zip(rows, too_close(vectors, settings.most_similarity), strict=True):
            if near is None:
                yield row, None
            else:
                scores, told = {**row.scores, "cosine": near[1]}, {**row.about, "similar_to": rows[near[0]].id}
                yield replace(row, scores=scores, about=told), "almost the meaning of an earlier row"

    return judge


DIVERSITY = Rule("rows that mean almost what an earlier row means, by a model's embeddings", DiversitySettings, _diversity)

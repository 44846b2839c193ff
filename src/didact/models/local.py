"""LocalModel: a model in this process that completes prompts, greedily and in batches of like length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from transformers import GenerationConfig

from didact.models.load import Loaded
from didact.models.precision import Precision, autocast


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after one prompt."""

    ids: tuple[int, ...]
    """Tokens without the stop token."""
    text: str
    stop: Literal["stop", "length"]
    """`stop`: the model ended its turn; `length`: it was cut."""


class LocalModel:
    """Completes prompts with a loaded model.

    Args:
        loaded: The model, its tokeniser and chat format.
        device: Where to compute.
        precision: In which precision to multiply.
    """

    def __init__(self, loaded: Loaded, device: torch.device, precision: Precision) -> None:
        self.tokeniser = loaded.tokeniser
        self._model = loaded.model.to(device).eval()
        self._device, self._precision = device, precision
        eos = [self.tokeniser.eos_id] if self.tokeniser.eos_id is not None else []
        self._stops = list(dict.fromkeys([*self.tokeniser.stop_ids, *eos]))
        self._pad = int(self.tokeniser.tokenizer.pad_token_id)
        self._greedy = GenerationConfig(do_sample=False, num_beams=1, use_cache=True, eos_token_id=self._stops, pad_token_id=self._pad)

    def generate(
        self,
        prompts: Sequence[np.ndarray],
        *,
        max_new_tokens: int,
        batch_tokens: int = 16_384,
        done: Callable[[int], None] = lambda _: None,
    ) -> list[Completion]:
        """Returns one greedy completion for each prompt, in their order.

        Args:
            prompts: Token ids, int32 (T,).
            max_new_tokens: Tokens after which a completion is cut.
            batch_tokens: Most tokens of a batch, padding and completions included.
            done: Called with the number of prompts that a batch has completed.
        """
        completions: dict[int, Completion] = {}
        for batch in _batches([len(prompt) for prompt in prompts], max_new_tokens, batch_tokens):
            for index, completion in zip(batch, self._complete([prompts[i] for i in batch], max_new_tokens), strict=True):
                completions[index] = completion
            done(len(batch))
        return [completions[index] for index in range(len(prompts))]

    @torch.inference_mode()
    def _complete(self, prompts: list[np.ndarray], max_new_tokens: int) -> list[Completion]:
        length = max(len(prompt) for prompt in prompts)
        ids = np.full((len(prompts), length), self._pad, np.int64)
        mask = np.zeros((len(prompts), length), np.int64)
        for row, prompt in enumerate(prompts):  # padding stands on the left, so that all rows end where the model goes on
            ids[row, length - len(prompt) :] = prompt
            mask[row, length - len(prompt) :] = 1
        # transformers fills what is not set from the base's own defaults, and a repetition penalty is not greedy.
        own, self._model.generation_config = self._model.generation_config, self._greedy
        try:
            with autocast(self._precision, self._device):
                output = self._model.generate(
                    input_ids=torch.from_numpy(ids).to(self._device),
                    attention_mask=torch.from_numpy(mask).to(self._device),
                    max_new_tokens=max_new_tokens,
                )
        finally:
            self._model.generation_config = own
        return [self._cut(row) for row in output[:, length:].tolist()]

    def _cut(self, ids: list[int]) -> Completion:
        end = next((place for place, token in enumerate(ids) if token in self._stops), None)
        kept = tuple(ids[:end])
        return Completion(kept, self.tokeniser.decode(kept), "length" if end is None else "stop")


def _batches(lengths: Sequence[int], max_new_tokens: int, batch_tokens: int) -> Iterator[list[int]]:
    """Yields prompts of like length together, the longest first, so that too large a batch fails at once.

    >>> list(_batches([1, 9, 2], 1, 20))
    [[1, 2], [0]]
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and (len(batch) + 1) * (lengths[batch[0]] + max_new_tokens) > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch

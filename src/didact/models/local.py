"""LocalModel: a model in this process that answers prompts in batches of like length, greedily where nothing steers it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from didact.base.errors import ModelError
from didact.models.load import Loaded, stop_ids
from didact.models.precision import Precision, autocast
from didact.models.prefix import as_the_model_takes_it, prefix_mask, sees_prefix
from didact.prompts.virtual_tokens import virtual_ids


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after one prompt."""

    ids: tuple[int, ...]
    """Tokens without the stop token."""
    text: str
    stop: Literal["stop", "length"]
    """`stop`: the model ended its turn; `length`: it was cut."""


class Steering(Protocol):
    """What decides the next token of each row of a batch, in place of the likeliest one."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Returns logits (B, V) whose largest is the next token, from the tokens so far (B, T) and the model's own logits."""

    def ended(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        """Says which rows have come to their end, bool (B,)."""


class LocalModel:
    """Completes prompts with a loaded model: a decoder goes on behind the prompt, an encoder-decoder answers what its encoder has read.

    Args:
        loaded: The model, its tokeniser and chat format.
        device: Where to compute.
        precision: In which precision to multiply.
    """

    def __init__(self, loaded: Loaded, device: torch.device, precision: Precision) -> None:
        self.tokeniser = loaded.tokeniser
        self.architecture = loaded.architecture
        self._model = loaded.model.to(device).eval()
        self._device, self._precision = device, precision
        self._stops = stop_ids(self.tokeniser)
        self._pad = int(self.tokeniser.tokenizer.pad_token_id)
        self._virtual = list(virtual_ids(self.tokeniser.chat_format, self.tokeniser.controls))
        self._greedy = GenerationConfig(
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=self._stops,
            pad_token_id=self._pad,
            decoder_start_token_id=loaded.start_id,
            suppress_tokens=self._virtual or None,  # where a prompt was merged into the table, the head knows its tokens
        )

    def generate(
        self,
        prompts: Sequence[np.ndarray],
        *,
        max_new_tokens: int,
        batch_tokens: int = 16_384,
        done: Callable[[int], None] = lambda _: None,
        steer: Callable[[Sequence[int]], Steering] | None = None,
    ) -> list[Completion]:
        """Returns one completion for each prompt, in their order: the greedy one, where nothing steers it.

        Args:
            prompts: Token ids, int32 (T,).
            max_new_tokens: Tokens after which a completion is cut.
            batch_tokens: Most tokens of a batch, padding and completions included.
            done: Called with the number of prompts that a batch has completed.
            steer: Gives what decides the tokens of a batch, from the numbers of its prompts.

        Raises:
            ModelError: The model is an encoder.
        """
        if self.architecture == "encoder":
            raise ModelError(
                f"{type(self._model).__name__} is an encoder: it tells masked words and writes no answers",
                expected="a decoder or an encoder-decoder; an encoder is a beginning for classifiers and for search by meaning",
                remedy="tune a model that writes: set model.base to one, or objective.kind=causal with model.new.architecture=llama",
            )
        completions: dict[int, Completion] = {}
        for batch in _batches([len(prompt) for prompt in prompts], max_new_tokens, batch_tokens):
            steering = None if steer is None else steer(batch)
            for index, completion in zip(batch, self._complete([prompts[i] for i in batch], max_new_tokens, steering), strict=True):
                completions[index] = completion
            done(len(batch))
        return [completions[index] for index in range(len(prompts))]

    @torch.inference_mode()
    def _complete(self, prompts: list[np.ndarray], max_new_tokens: int, steering: Steering | None) -> list[Completion]:
        reads = self.architecture == "encoder_decoder"
        if reads:
            prompts = [encoder_input(prompt, self.tokeniser.eos_id) for prompt in prompts]
        ids, mask = (torch.from_numpy(array).to(self._device) for array in _padded(prompts, self._pad, left=not reads))
        # transformers fills what is not set from the base's own defaults, and a repetition penalty is not greedy.
        own, self._model.generation_config = self._model.generation_config, self._greedy
        try:
            with autocast(self._precision, self._device):
                if sees_prefix(self._model.config):
                    output = self._behind_prefix(ids, mask, max_new_tokens, steering)
                else:
                    output = self._model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens, **_steered(steering))
        finally:
            self._model.generation_config = own
        # An encoder-decoder's output begins with its start token, a decoder's with the prompt.
        return [self._cut(row) for row in output[:, 1 if reads else ids.shape[1] :].tolist()]

    def _behind_prefix(self, ids: torch.Tensor, mask: torch.Tensor, max_new_tokens: int, steering: Steering | None) -> torch.Tensor:
        """Returns prompts with their completions (B, T + new), every token of a prompt having seen all of it, as in training."""
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        whole = as_the_model_takes_it(prefix_mask(mask, mask.bool()), self._model)
        read = self._model(input_ids=ids, attention_mask=whole, position_ids=positions, use_cache=True, logits_to_keep=1)
        logits = read.logits[:, -1]
        logits[:, [token for token in self._virtual if token < logits.shape[1]]] = -torch.inf
        if steering is not None:
            logits = steering(ids, logits)
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
        if max_new_tokens == 1:
            return ids
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        cache = read.past_key_values
        output: torch.Tensor = self._model.generate(
            input_ids=ids, attention_mask=mask, past_key_values=cache, max_new_tokens=max_new_tokens - 1, **_steered(steering)
        )
        return output

    def _cut(self, ids: list[int]) -> Completion:
        end = next((place for place, token in enumerate(ids) if token in self._stops), None)
        kept = tuple(ids[:end])
        return Completion(kept, self.tokeniser.decode(kept), "length" if end is None else "stop")


def _steered(steering: Steering | None) -> dict[str, Any]:
    """Returns what transformers takes of it."""
    if steering is None:
        return {}
    return {"logits_processor": LogitsProcessorList([steering]), "stopping_criteria": StoppingCriteriaList([steering.ended])}


def encoder_input(prompt: np.ndarray, eos_id: int | None) -> np.ndarray:
    """Returns a prompt as training gives it to an encoder: as it is; an encoder has to read something, so nothing becomes the end token.

    >>> encoder_input(np.array([7, 8]), 1).tolist(), encoder_input(np.array([], np.int32), 1).tolist()
    ([7, 8], [1])
    """
    return prompt if len(prompt) or eos_id is None else np.array([eos_id], prompt.dtype)


def _padded(rows: Sequence[np.ndarray], pad: int, *, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids and mask, int64 (B, T). Padding stands on the left where all rows have to end together: where the model goes on.

    >>> _padded([np.array([7, 8]), np.array([9])], 0, left=True)[0].tolist()
    [[7, 8], [0, 9]]
    """
    length = max(len(row) for row in rows)
    ids, mask = np.full((len(rows), length), pad, np.int64), np.zeros((len(rows), length), np.int64)
    for number, row in enumerate(rows):
        place = slice(length - len(row), None) if left else slice(0, len(row))
        ids[number, place] = row
        mask[number, place] = 1
    return ids, mask


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

"""LocalModel: a model in this process that answers prompts together, greedily where nothing steers it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from didact.base.errors import ModelError
from didact.models.decoding import Steering as Steering
from didact.models.decoding import can_decode, decoded, planned
from didact.models.load import Loaded
from didact.models.precision import Precision, autocast
from didact.models.stops import Stop, Stops, stops_of
from didact.models.transformers_decoding import generated
from didact.prompts.virtual_tokens import virtual_ids


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after one prompt."""

    ids: tuple[int, ...]
    """Tokens without the stop token, and without those that lie in a stop string."""
    text: str
    stop: Stop
    """`stop`: the model ended its turn; `string`: it wrote a stop string, which is cut; `length`: it was cut."""


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
        self._pad, self._start = int(self.tokeniser.tokenizer.pad_token_id), loaded.start_id
        # Where a prompt was merged into the table, the head knows its tokens; nobody is to write them.
        self._hidden = virtual_ids(self.tokeniser.chat_format, self.tokeniser.controls)

    @property
    def network(self) -> torch.nn.Module:
        """The transformers model, in evaluation mode on its device."""
        network: torch.nn.Module = self._model
        return network

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @property
    def precision(self) -> Precision:
        """In which precision it multiplies."""
        return self._precision

    def generate(
        self,
        prompts: Sequence[np.ndarray],
        *,
        max_new_tokens: int,
        batch_tokens: int = 16_384,
        stops: Sequence[str] = (),
        done: Callable[[int], None] = lambda _: None,
        steer: Callable[[Sequence[int]], Steering] | None = None,
    ) -> list[Completion]:
        """Returns one completion for each prompt, in their order: the greedy one, where nothing steers it.

        A completion ends at a stop token of the chat format, before a text that begins the format's next turn, and before a stop string
        that is given here. What else is in a batch changes no completion, but for logits that lie closer together than the rounding
        errors of sums that are taken in another order: about 1e-6 of their size in fp32, 1e-2 in bf16.

        Args:
            prompts: Token ids, int32 (T,).
            max_new_tokens: Tokens after which a completion is cut.
            batch_tokens: Most tokens of a batch, padding and completions included.
            stops: Texts that end a completion and are cut from it; the name of a control token is that token.
            done: Called with the number of prompts that have been completed, whenever some have.
            steer: Gives what decides the tokens of a batch, from the numbers of its prompts; it then says where a text ends a row too,
                in place of the format.

        Raises:
            ModelError: The model is an encoder, or a stop string is empty.
        """
        if self.architecture == "encoder":
            raise ModelError(
                f"{type(self._model).__name__} is an encoder: it tells masked words and writes no answers",
                expected="a decoder or an encoder-decoder; an encoder is a beginning for classifiers and for search by meaning",
                remedy="tune a model that writes: set model.base to one, or objective.kind=causal with model.new.architecture=llama",
            )
        ends = stops_of(self.tokeniser, stops, own=steer is None)
        prompts = [something(prompt, self.tokeniser.eos_id) for prompt in prompts]
        write = self._decoded if can_decode(self._model) else self._generated
        written: dict[int, list[int]] = {}
        with autocast(self._precision, self._device):
            for numbers, rows in write(prompts, ends, max_new_tokens, batch_tokens, done, steer):
                written |= zip(numbers, rows, strict=True)
        return [Completion(*ends.cut(written[number])) for number in range(len(prompts))]

    def _decoded(
        self,
        prompts: list[np.ndarray],
        stops: Stops,
        max_new_tokens: int,
        batch_tokens: int,
        done: Callable[[int], None],
        steer: Callable[[Sequence[int]], Steering] | None,
    ) -> Iterator[tuple[Sequence[int], list[list[int]]]]:
        """Yields the numbers of prompts with what is written behind them, by our own loop."""
        batches = [range(len(prompts))] if steer is None else planned(prompts, max_new_tokens, batch_tokens)
        for batch in batches:
            rows = decoded(
                self._model,
                [prompts[number] for number in batch],
                stops=stops,
                max_new_tokens=max_new_tokens,
                batch_tokens=batch_tokens,
                pad=self._pad,
                hidden=self._hidden,
                steering=None if steer is None else steer(batch),
                done=done,
            )
            yield batch, rows

    def _generated(
        self,
        prompts: list[np.ndarray],
        stops: Stops,
        max_new_tokens: int,
        batch_tokens: int,
        done: Callable[[int], None],
        steer: Callable[[Sequence[int]], Steering] | None,
    ) -> Iterator[tuple[Sequence[int], list[list[int]]]]:
        """Yields the numbers of prompts with what is written behind them, by transformers."""
        for batch in planned(prompts, max_new_tokens, batch_tokens):
            rows = generated(
                self._model,
                [prompts[number] for number in batch],
                stops=stops,
                max_new_tokens=max_new_tokens,
                pad=self._pad,
                start=self._start,
                hidden=self._hidden,
                steering=None if steer is None else steer(batch),
            )
            yield batch, rows
            done(len(batch))


def something(prompt: np.ndarray, eos_id: int | None) -> np.ndarray:
    """Returns a prompt as training gives it to a model: as it is; a model has to read something, so nothing becomes the end token.

    >>> something(np.array([7, 8]), 1).tolist(), something(np.array([], np.int32), 1).tolist()
    ([7, 8], [1])
    """
    return prompt if len(prompt) or eos_id is None else np.array([eos_id], prompt.dtype)

"""LocalModel: a model in this process that answers prompts together, greedily where nothing steers it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from didact.base.errors import ModelError
from didact.models.answer_log import AnswerLog, Row, asked_name, places_of
from didact.models.decoding import Ended, can_decode, decoded, planned
from didact.models.decoding import Steering as Steering
from didact.models.load import Loaded
from didact.models.memory import keep_freed_memory
from didact.models.precision import Precision, autocast
from didact.models.products import quick_products
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
        self.answers: AnswerLog | None = None
        """Where answers are kept as they come, and taken from; None: nothing is kept."""
        self._model = loaded.model.to(device).eval()
        self._device, self._precision = device, precision
        if device.type == "cpu":
            keep_freed_memory()
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
        errors of sums that are taken in another order: about 1e-6 of their size in fp32, 1e-2 in bf16. Where answers are kept, those that
        are there are taken from there, and the others are kept as they come; what is steered is not kept.

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
        ends, log = stops_of(self.tokeniser, stops, own=steer is None), self.answers if steer is None else None
        prompts = [something(prompt, self.tokeniser.eos_id) for prompt in prompts]
        names = [*map(str, range(len(prompts)))] if log is None else self._names(prompts, ends, max_new_tokens)
        places = places_of(names)
        found = {} if log is None else {name: _completion(row) for name, row in log.find(places).items()}
        if found:
            done(sum(len(places[name]) for name in found))
        left = [name for name in places if name not in found]

        def hear(rows: Mapping[int, list[int]]) -> None:
            ended = {left[number]: Completion(*ends.cut(tokens)) for number, tokens in rows.items()}
            found.update(ended)
            if log is not None:
                log.add({name: asdict(completion) for name, completion in ended.items()})
            done(sum(len(places[name]) for name in ended))

        write = self._decoded if can_decode(self._model) else self._generated
        with autocast(self._precision, self._device), quick_products(self._device):
            write([prompts[places[name][0]] for name in left], ends, max_new_tokens, batch_tokens, hear, steer)
        return [found[name] for name in names]

    def written_names(self, prompts: Sequence[np.ndarray], *, max_new_tokens: int, stops: Sequence[str] = ()) -> list[str]:
        """Returns the names under which `generate` keeps its answers to these prompts; arguments are as there."""
        given = [something(prompt, self.tokeniser.eos_id) for prompt in prompts]
        return self._names(given, stops_of(self.tokeniser, stops), max_new_tokens)

    def _names(self, prompts: Sequence[np.ndarray], stops: Stops, max_new_tokens: int) -> list[str]:
        settings = ["write", sorted(stops.ids), sorted(stops.strings), max_new_tokens]
        return [asked_name(settings, prompt) for prompt in prompts]

    def _decoded(
        self,
        prompts: list[np.ndarray],
        stops: Stops,
        max_new_tokens: int,
        batch_tokens: int,
        ended: Ended,
        steer: Callable[[Sequence[int]], Steering] | None,
    ) -> None:
        """Tells the numbers of prompts with what is written behind them, by our own loop."""
        batches: Iterable[Sequence[int]] = [range(len(prompts))] if steer is None else planned(prompts, max_new_tokens, batch_tokens)
        for batch in batches:
            decoded(
                self._model,
                [prompts[number] for number in batch],
                stops=stops,
                max_new_tokens=max_new_tokens,
                batch_tokens=batch_tokens,
                pad=self._pad,
                hidden=self._hidden,
                steering=None if steer is None else steer(batch),
                ended=partial(_of_batch, ended, batch),
            )

    def _generated(
        self,
        prompts: list[np.ndarray],
        stops: Stops,
        max_new_tokens: int,
        batch_tokens: int,
        ended: Ended,
        steer: Callable[[Sequence[int]], Steering] | None,
    ) -> None:
        """Tells the numbers of prompts with what is written behind them, by transformers."""
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
            ended(dict(zip(batch, rows, strict=True)))


def _of_batch(ended: Ended, batch: Sequence[int], rows: Mapping[int, list[int]]) -> None:
    """Tells what was written in a batch by the numbers of its prompts."""
    ended({batch[place]: tokens for place, tokens in rows.items()})


def _completion(row: Row) -> Completion:
    return Completion(tuple(row["ids"]), row["text"], row["stop"])


def something(prompt: np.ndarray, eos_id: int | None) -> np.ndarray:
    """Returns a prompt as training gives it to a model: as it is; a model has to read something, so nothing becomes the end token.

    >>> something(np.array([7, 8]), 1).tolist(), something(np.array([], np.int32), 1).tolist()
    ([7, 8], [1])
    """
    return prompt if len(prompt) or eos_id is None else np.array([eos_id], prompt.dtype)

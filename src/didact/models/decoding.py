"""Greedy decoding, many prompts at a time, and none of it twice.

Beginnings that prompts share are read once. Prompts of like length are read together; of each, the logits of its last token alone are
computed. A row that has come to its end makes room for the next prompt, and no step copies what was read before.
"""

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from didact.models.architecture import architecture_of
from didact.models.live_rows import LiveRows
from didact.models.prefix import as_the_model_takes_it, prefix_mask, sees_prefix
from didact.models.prefix_cache import Group, grouped, read
from didact.models.stops import Stops

_LEAVE = 4
"""Rows are closed up, and prompts join, where one row of so many has ended."""
_FULL = 512
"""Tokens that keep a processor busy: with so many, shorter prompts are read apart from longer ones."""
Ended = Callable[[Mapping[int, list[int]]], None]
"""Hears which prompts have been completed, whenever some have: their numbers, and the tokens behind them, a stop token included."""
_TAKES = {"input_ids", "attention_mask", "position_ids", "past_key_values", "use_cache", "logits_to_keep"}


class Steering(Protocol):
    """What decides the next token of each row of a batch, in place of the likeliest one."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Returns logits (B, V) whose largest is the next token, from the tokens so far (B, T) and the model's own logits."""

    def ended(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        """Says which rows have come to their end, bool (B,)."""


@dataclass(slots=True)
class _Row:
    """A prompt that is being answered."""

    number: int
    """The prompt's place in the list of prompts."""
    length: int
    """Tokens whose keys and values are kept."""
    written: list[int] = field(default_factory=list)
    live: bool = True


def can_decode(network: Any) -> bool:
    """Says whether a model can be decoded here: a decoder whose layers keep each token's keys and values, and that is told positions."""
    config = network.config
    if architecture_of(config) != "decoder" or config._attn_implementation not in ("sdpa", "eager"):
        return False
    if not inspect.signature(network.forward).parameters.keys() >= _TAKES:
        return False
    try:
        layers = DynamicCache(config=config).layers
    except (AttributeError, KeyError):  # layers of a kind that transformers keeps in caches of their own
        return False
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


@torch.inference_mode()
def decoded(
    network: Any,
    prompts: Sequence[np.ndarray],
    *,
    stops: Stops,
    max_new_tokens: int,
    batch_tokens: int,
    pad: int,
    hidden: Sequence[int] = (),
    steering: Steering | None = None,
    ended: Ended = lambda _: None,
) -> list[list[int]]:
    """Returns the tokens that a model writes behind each prompt, a stop token included.

    Args:
        network: A model that `can_decode`, in evaluation mode.
        prompts: Token ids, int32 (T,), none of them empty.
        stops: What ends a row.
        max_new_tokens: Tokens after which a row ends in any case.
        batch_tokens: Most tokens of the rows that are written at the same time, padding and what is to come included.
        pad: The padding token.
        hidden: Tokens that are never written.
        steering: Decides the next tokens; all prompts are then one batch from beginning to end, in their order.
        ended: Called with the rows that a step has ended.
    """
    return _Decoding(network, prompts, stops, max_new_tokens, batch_tokens, pad, tuple(hidden), steering, ended).run()


def planned(prompts: Sequence[np.ndarray], max_new_tokens: int, batch_tokens: int) -> Iterator[list[int]]:
    """Yields batches of prompts that are worked on from beginning to end: those that begin alike and are of like length together.

    >>> list(planned([np.array([1]), np.arange(9), np.array([3, 4])], 1, 20))
    [[1, 2], [0]]
    """
    batch, longest = list[int](), 0
    for number, _ in _in_order(prompts, grouped(prompts), sort=True):
        longest = max(longest, len(prompts[number]))
        if batch and (len(batch) + 1) * (longest + max_new_tokens) > batch_tokens:
            yield batch
            batch, longest = [], len(prompts[number])
        batch.append(number)
    if batch:
        yield batch


class _Decoding:
    def __init__(
        self,
        network: Any,
        prompts: Sequence[np.ndarray],
        stops: Stops,
        max_new_tokens: int,
        batch_tokens: int,
        pad: int,
        hidden: tuple[int, ...],
        steering: Steering | None,
        ended: Ended,
    ) -> None:
        self._network, self._prompts, self._stops, self._pad, self._hidden = network, prompts, stops, pad, hidden
        self._max_new_tokens, self._batch_tokens, self._steering, self._ended = max_new_tokens, batch_tokens, steering, ended
        self._device = network.device
        self._whole = sees_prefix(network.config)
        self._queue = deque(_in_order(prompts, [] if self._whole else grouped(prompts), sort=steering is None))
        self._rows = list[_Row]()
        self._live = LiveRows(0, 0)
        self._beginning: tuple[Group, Any] | None = None
        self._written: list[list[int]] = [[] for _ in prompts]
        self._ids = torch.empty((0, 0), dtype=torch.int64)

    def run(self) -> list[list[int]]:
        """Returns what is written behind each prompt."""
        while self._queue or any(row.live for row in self._rows):
            num_ended = sum(not row.live for row in self._rows)
            if num_ended == len(self._rows) or (self._steering is None and num_ended * _LEAVE >= len(self._rows)):
                self._join()
            else:
                self._step()
        return self._written

    def _join(self) -> None:
        """Closes the rows up, and reads as many further prompts as there is room for."""
        places = [place for place, row in enumerate(self._rows) if row.live]
        rows = [self._rows[place] for place in places]
        joining = self._next(rows)
        kept = max((row.length for row in rows), default=0)
        end = max([kept, *(len(self._prompts[number]) for number, _ in joining)])
        num_columns, num_rows = end + self._to_come(rows, bool(joining)), len(rows) + len(joining)
        if places:
            self._live = self._live.with_only(places, kept, num_rows, num_columns, end)
        else:
            self._live = LiveRows(num_rows, num_columns)
        first, found = len(rows), list[torch.Tensor]()
        for group, numbers in self._chunks(joining):
            logits = self._read(group, numbers, len(rows), end)
            rows += [_Row(number, len(self._prompts[number])) for number in numbers]
            found.append(logits if self._steering is not None else logits.argmax(-1))
        self._rows = rows
        self._live.see(slice(0, num_rows), end - max(row.length for row in rows), end)
        if found:
            if self._steering is not None:
                self._ids = self._tensor(left_padded([self._prompts[number] for number, _ in joining], self._pad))
            self._take(torch.cat(found), first)

    def _next(self, rows: Sequence[_Row]) -> list[tuple[int, Group]]:
        """Returns the prompts that join: as many as there is room for beside the rows that are being written, and one where none is."""
        taken, longest = list[tuple[int, Group]](), max((row.length for row in rows), default=0)
        while self._queue:
            longest = max(longest, len(self._prompts[self._queue[0][0]]))
            num_rows = len(rows) + len(taken) + 1
            if num_rows > 1 and num_rows * (longest + self._max_new_tokens) > self._batch_tokens and self._steering is None:
                break
            taken.append(self._queue.popleft())
        return taken

    def _to_come(self, rows: Sequence[_Row], joining: bool) -> int:
        """Returns how many more tokens a row may be given."""
        return self._max_new_tokens if joining else self._max_new_tokens - min(len(row.written) for row in rows)

    def _chunks(self, joining: Sequence[tuple[int, Group]]) -> Iterator[tuple[Group, list[int]]]:
        """Yields prompts that are read together: of one group, and of like length where there are enough of them."""
        numbers, group, longest = list[int](), Group(0, ()), 0
        for number, its in joining:
            length = len(self._prompts[number]) - its.length
            shorter = len(numbers) * longest >= _FULL and length < 0.8 * longest
            if numbers and (its is not group or shorter):
                yield group, numbers
                numbers = []
            if not numbers:
                group, longest = its, length
            numbers.append(number)
            longest = max(longest, length)
        if numbers:
            yield group, numbers

    def _read(self, group: Group, numbers: Sequence[int], first: int, end: int) -> torch.Tensor:
        """Returns the logits (n, V) behind prompts of one group, and keeps their keys and values in rows from `first` on."""
        prompts = [self._prompts[number] for number in numbers]
        beginning = self._beginning_of(group)
        shared = group.length if beginning is not None else 0
        longest = max(map(len, prompts))
        # All rows are read from the same column on: those that are shorter read the end of the shared part once more, in place of padding.
        num_read = longest - shared
        lengths = [len(prompt) for prompt in prompts]
        if beginning is not None:
            self._live.put(beginning, first, [max(length - num_read, 0) for length in lengths], end - num_read)
        self._live.see(slice(first, first + len(prompts)), end - longest, end - num_read)
        ids = self._tensor(left_padded([prompt[-num_read:] for prompt in prompts], self._pad))
        positions = torch.arange(num_read, device=self._device) + self._tensor(lengths)[:, None] - num_read
        return self._logits(ids, positions.clamp(min=0), self._mask(lengths, longest))

    def _beginning_of(self, group: Group) -> Any:
        """Returns the keys and values that a group shares, read when they are first asked for; None: it shares none."""
        if not group.length:
            return None
        if self._beginning is None or self._beginning[0] is not group:
            self._beginning = None  # one is enough to hold
            self._beginning = (group, read(self._network, self._prompts[group.members[0]][: group.length]))
        return self._beginning[1]

    def _step(self) -> None:
        """Writes one more token in every row."""
        live, longest = self._live, max(row.length for row in self._rows if row.live) + 1
        live.see(slice(0, len(self._rows)), live.end + 1 - longest, live.end)
        ids = self._tensor([[row.written[-1] if row.live else self._pad] for row in self._rows])
        positions = self._tensor([[row.length if row.live else 0] for row in self._rows])
        mask = self._mask([min(row.length + 1, longest) if row.live else longest for row in self._rows], longest)
        logits = self._logits(ids, positions, mask)
        live.see(live.rows, live.begin, live.end + 1)
        for row in self._rows:
            row.length += row.live
        self._take(logits if self._steering is not None else logits.argmax(-1), 0)

    def _logits(self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        if self._whole and ids.shape[1] > 1 and mask is not None:
            mask = as_the_model_takes_it(prefix_mask(mask, mask.bool()), self._network)
        output = self._network(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=self._live.cache, use_cache=True, logits_to_keep=1
        )
        logits: torch.Tensor = output.logits[:, -1]
        if self._hidden:
            logits[:, [token for token in self._hidden if token < logits.shape[1]]] = -torch.inf
        return logits

    def _mask(self, lengths: Sequence[int], longest: int) -> torch.Tensor | None:
        """Returns which columns a row has tokens in, int64 (B, T); None: in all, which spares the attention a mask."""
        if not self._whole and all(length == longest for length in lengths):
            return None
        return (torch.arange(longest, device=self._device) >= longest - self._tensor(lengths)[:, None]).long()

    def _take(self, found: torch.Tensor, first: int) -> None:
        """Gives every row from `first` on its next token, (B,), or what it is steered to from logits (B, V); ends rows."""
        over = [False] * len(found)
        if self._steering is not None:
            logits = self._steering(self._ids, found)
            tokens = logits.argmax(-1)
            tokens[[place for place, row in enumerate(self._rows) if not row.live]] = self._pad
            self._ids = torch.cat([self._ids, tokens[:, None]], 1)
            over = self._steering.ended(self._ids, logits).tolist()
            found = tokens
        ended = dict[int, list[int]]()
        for row, token, ends in zip(self._rows[first:], found.tolist(), over, strict=True):
            if not row.live:
                continue
            row.written.append(token)
            if ends or len(row.written) >= self._max_new_tokens or self._stops.ended(row.written):
                row.live, self._written[row.number], ended[row.number] = False, row.written, row.written
        if ended:
            self._ended(ended)

    def _tensor(self, numbers: Any) -> torch.Tensor:
        return torch.as_tensor(numbers, device=self._device)


def _in_order(prompts: Sequence[np.ndarray], groups: Sequence[Group], *, sort: bool) -> list[tuple[int, Group]]:
    """Returns the prompts with their groups as they are read: groups one after the other, the longest prompts first.

    So too large a batch fails at once, and prompts of like length meet.

    >>> [number for number, _ in _in_order([np.ones(2), np.ones(9), np.ones(3)], [Group(1, (0, 2)), Group(0, (1,))], sort=True)]
    [1, 2, 0]
    """
    groups = groups or [Group(0, tuple(range(len(prompts))))] * bool(prompts)
    if not sort:
        group_of = {number: group for group in groups for number in group.members}
        return [(number, group_of[number]) for number in range(len(prompts))]
    order = [(group, sorted(group.members, key=lambda number: (-len(prompts[number]), number))) for group in groups]
    order.sort(key=lambda pair: (-len(prompts[pair[1][0]]), pair[1]))
    return [(number, group) for group, numbers in order for number in numbers]


def left_padded(rows: Sequence[np.ndarray], pad: int) -> np.ndarray:
    """Returns rows with padding on the left, int64 (B, T): they end together.

    >>> left_padded([np.array([7, 8]), np.array([9])], 0).tolist()
    [[7, 8], [0, 9]]
    """
    ids = np.full((len(rows), max(map(len, rows))), pad, np.int64)
    for number, row in enumerate(rows):
        ids[number, ids.shape[1] - len(row) :] = row
    return ids

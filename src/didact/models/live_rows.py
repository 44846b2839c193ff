"""Keys and values of rows that are being written: buffers in which all rows end in the same column, so that no step copies them.

row 0   . . a b c d e | f       columns `begin` to `end` have been read; the next token's keys and values go into column `end`
row 1   . . . . x y z | u       a row that is shorter begins later: as padding on the left, which nobody sees
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Cache
from transformers.cache_utils import DynamicLayer


class LiveRows:
    """The keys and values of a batch of rows; rows can leave it and join it.

    Args:
        num_rows: Rows that there is room for.
        num_columns: Tokens of a row that there is room for.
    """

    def __init__(self, num_rows: int, num_columns: int) -> None:
        self.num_rows, self.num_columns = num_rows, num_columns
        self.rows = slice(0, num_rows)
        """The rows that the next forward pass reads and extends."""
        self.begin = self.end = 0
        """The columns that it sees, and behind which it writes."""
        self.cache = Cache(layer_class_to_replicate=lambda: _Layer(self))  # one for each layer of the model

    def see(self, rows: slice, begin: int, end: int) -> None:
        """Says what the next forward pass is about: which rows, and which of their columns it sees."""
        self.rows, self.begin, self.end = rows, begin, end

    def with_only(self, rows: Sequence[int], length: int, num_rows: int, num_columns: int, end: int) -> "LiveRows":
        """Returns buffers of another size that hold some of these rows first; these buffers are given up, layer by layer.

        Args:
            rows: The rows that stay, in their order.
            length: Tokens of the longest of them.
            num_rows: Rows of the new buffers.
            num_columns: Their columns.
            end: The column that the rows end before.
        """
        made = LiveRows(num_rows, num_columns)
        for number, layer in enumerate(self.cache.layers):
            kept = torch.tensor(rows, device=layer.device)
            new = _Layer(made)
            new.lazy_initialization(layer.keys, layer.values)
            for old, buffer in ((layer.keys, new.keys), (layer.values, new.values)):
                buffer[: len(rows), :, end - length : end] = old[:, :, self.end - length : self.end].index_select(0, kept)
            made.cache.layers.append(new)
            self.cache.layers[number] = None
        return made

    def put(self, beginning: Any, first: int, num_tokens: Sequence[int], end: int) -> None:
        """Copies the keys and values of a shared beginning into rows.

        Args:
            beginning: Those of one sequence, a transformers cache.
            first: The first of the rows.
            num_tokens: Of each row: how many of its tokens are copied.
            end: The column before which they end.
        """
        for number, layer in enumerate(beginning.layers):
            if number == len(self.cache.layers):
                self.cache.layers.append(_Layer(self))
            buffers = self.cache.layers[number]
            if not buffers.is_initialized:
                buffers.lazy_initialization(layer.keys, layer.values)
            for read, buffer in ((layer.keys, buffers.keys), (layer.values, buffers.values)):
                for row, count in enumerate(num_tokens, first):
                    buffer[row, :, end - count : end] = read[0, :, :count]


class _Layer(DynamicLayer):  # type: ignore[misc]
    """One layer's buffers, in the form that transformers' models write into."""

    def __init__(self, live: LiveRows) -> None:
        super().__init__()
        self._live = live

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Makes buffers (rows, heads, columns, width) for keys and values such as these; zeros, as what nobody sees must be a number."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (
            states.new_zeros((self._live.num_rows, states.shape[1], self._live.num_columns, states.shape[3]))
            for states in (key_states, value_states)
        )
        self.is_initialized = True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes keys and values behind those that are there; returns all that these rows may see."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        live = self._live
        end = live.end + key_states.shape[2]
        found = []
        for buffer, states in ((self.keys, key_states), (self.values, value_states)):
            assert buffer is not None
            buffer[live.rows, :, live.end : end] = states
            found.append(buffer[live.rows, :, live.begin : end])
        return found[0], found[1]

    def get_seq_length(self) -> int:
        """Returns how many columns of keys and values stand before the next."""
        return self._live.end - self._live.begin

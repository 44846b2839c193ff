"""Rows of a model that is asked how likely answers are: a prompt with the answers that are read behind it, in batches of like length."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from didact.models.answer_trees import Tree, tree_of

_LIKE = 1.05
"""The longest row of a batch is at most so many times as long as its shortest, once the batch is large enough."""
_MOST = 512
"""Tokens of the answers that are read together, unless one alone has more: each of them is held against each other one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt, with those of its answers that are read together."""

    number: int
    """The place of the prompt in the list of prompts."""
    answers: tuple[int, ...]
    """The places of the answers among those of the prompt."""
    prompt: np.ndarray
    """int32 (T,)"""
    tree: Tree
    """The answers."""

    @property
    def tokens(self) -> np.ndarray:
        """All that is read, int32 (T,): the prompt, then the tree."""
        return np.append(self.prompt, np.array(self.tree.tokens, self.prompt.dtype))

    @property
    def num_places(self) -> int:
        """Places that predict something: the prompt's last token, and each token of the tree."""
        return 1 + len(self.tree.tokens)

    def behind(self, length: int) -> "Row":
        """Returns the row without the first so many tokens of its prompt."""
        return replace(self, prompt=self.prompt[length:]) if length else self


def with_all_answers(prompts: Sequence[np.ndarray], answers: Sequence[Sequence[np.ndarray]]) -> list[Row]:
    """Returns one row for each prompt that has answers, with all of them; very many answers are spread over several rows.

    >>> rows = with_all_answers([np.array([1])], [[np.array([5, 6]), np.array([7])]])
    >>> [(row.answers, row.tokens.tolist()) for row in rows]
    [((0, 1), [1, 5])]
    """
    rows = list[Row]()
    for number, (prompt, several) in enumerate(zip(prompts, answers, strict=True)):
        ends = np.cumsum([len(answer) for answer in several], dtype=int) // _MOST
        for part in range(int(ends[-1]) + 1 if len(ends) else 0):
            places = tuple(np.flatnonzero(ends == part).tolist())
            if places:
                rows.append(Row(number, places, prompt, tree_of([several[place] for place in places])))
    return rows


def one_sequence_each(prompts: Sequence[np.ndarray], answers: Sequence[Sequence[np.ndarray]]) -> list[Row]:
    """Returns rows that are one sequence each: of a prompt's answers those are together that differ in their last token alone.

    >>> rows = one_sequence_each([np.array([1])], [[np.array([5, 6]), np.array([7]), np.array([5, 8])]])
    >>> [(row.answers, row.tokens.tolist()) for row in rows]
    [((0, 2), [1, 5]), ((1,), [1])]
    """
    rows = list[Row]()
    for number, (prompt, several) in enumerate(zip(prompts, answers, strict=True)):
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, answer in enumerate(several):
            alike.setdefault(tuple(int(token) for token in answer[:-1]), []).append(place)
        rows += [Row(number, tuple(members), prompt, tree_of([several[place] for place in members])) for members in alike.values()]
    return rows


def batched(rows: Sequence[Row], limit: int, places: int, needed: Collection[int] | None = None) -> Iterator[list[Row]]:
    """Yields rows of like length together, the longest first, so that too large a batch fails at once.

    Args:
        rows: What to read.
        limit: Tokens of a batch at most, padding included; a longer row is one alone.
        places: Places that predict something, at most.
        needed: Numbers of prompts: a batch without any of them is left out, and the others stay as they are; None: all.
    """
    whole = _batched(rows, limit, places)
    yield from whole if needed is None else (batch for batch in whole if any(row.number in needed for row in batch))


def _batched(rows: Sequence[Row], limit: int, places: int) -> Iterator[list[Row]]:
    batch, longest, num_places = list[Row](), 0, 0
    for row in sorted(rows, key=lambda row: (-_length(row), row.number, row.answers)):
        length, size = _length(row), len(batch) * longest
        is_full = size + longest > limit or num_places + row.num_places > places
        if batch and (is_full or (length * _LIKE < longest and 4 * size > limit)):
            yield batch
            batch, num_places = [], 0
        longest = longest if batch else length
        batch.append(row)
        num_places += row.num_places
    if batch:
        yield batch


def _length(row: Row) -> int:
    return len(row.prompt) + len(row.tree.tokens)


def padded(rows: Sequence[np.ndarray], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns ids and mask, int64 (B, T). Padding stands behind, where nothing that is asked about sees it."""
    length = max(len(row) for row in rows)
    ids, mask = np.full((len(rows), length), pad, np.int64), np.zeros((len(rows), length), np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)], mask[number, : len(row)] = row, 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def predicting(roots: Sequence[int], rows: Sequence[Row], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the row and the column of each place that predicts something, row after row.

    Args:
        roots: The column of the last token before each row's answers; their tree follows it.
        rows: The batch.
        device: Where to.
    """
    numbers = [number for number, row in enumerate(rows) for _ in range(row.num_places)]
    columns = [root + place for root, row in zip(roots, rows, strict=True) for place in range(row.num_places)]
    return torch.tensor(numbers, device=device), torch.tensor(columns, device=device)


def places_of_rows(roots: Sequence[int], rows: Sequence[Row], device: torch.device) -> torch.Tensor:
    """Returns the columns of each row that predict something, int64 (B, P); a row with fewer has its last one several times.

    Args:
        roots: As for `predicting`.
        rows: The batch.
        device: Where to.

    >>> rows = [Row(0, (0,), np.array([1, 2]), tree_of([[5, 6]])), Row(1, (0,), np.array([3]), tree_of([[4]]))]
    >>> places_of_rows([1, 0], rows, torch.device("cpu")).tolist()  # behind 1 2 and 1 2 5; behind 3
    [[1, 2], [0, 0]]
    """
    most = max(row.num_places for row in rows)
    columns = [[root + min(place, row.num_places - 1) for place in range(most)] for root, row in zip(roots, rows, strict=True)]
    return torch.tensor(columns, device=device)


def positions_in_text(rows: Sequence[Row], length: int) -> torch.Tensor:
    """Returns where in its own text each token stands, int64 (B, T): the tokens of a tree by how far they are from the prompt.

    >>> row = Row(0, (0, 1), np.array([1, 2]), tree_of([[5, 6], [7, 8]]))
    >>> positions_in_text([row], 5).tolist()  # 1 2 5 7 and padding
    [[0, 1, 2, 2, 4]]
    """
    positions = np.tile(np.arange(length), (len(rows), 1))
    for number, row in enumerate(rows):
        first = len(row.prompt)
        positions[number, first : first + len(row.tree.tokens)] = [first - 1 + depth for depth in row.tree.depths]
    return torch.from_numpy(positions)


def seen(rows: Sequence[Row], length: int, prefix_lm: bool, device: torch.device) -> torch.Tensor | None:
    """Returns which token sees which, bool (B, 1, T, T); None where each sees what stands before it, which costs no mask.

    Args:
        rows: The batch.
        length: Tokens of its longest row.
        prefix_lm: Each token of a prompt sees all of it.
        device: Where to.
    """
    if not prefix_lm and all(row.tree.is_chain for row in rows):
        return None
    sees = np.tile(np.tri(length, dtype=bool), (len(rows), 1, 1))
    for number, row in enumerate(rows):
        first, end = len(row.prompt), len(row.prompt) + len(row.tree.tokens)
        sees[number, first:end, first:end] = row.tree.sees()
        if prefix_lm:
            sees[number, :first, :first] = True
    return torch.from_numpy(sees)[:, None].to(device)

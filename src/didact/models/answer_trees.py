"""Answers to one prompt as a tree of tokens: what several of them begin with is read once, and no answer sees another.

The last token of an answer is only predicted, never read: an answer of one token costs nothing but a look at what the prompt predicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROOT = -1
"""Stands for the last token of the prompt, which every answer's first token follows."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The tokens of several answers that have to be read, each behind another one or behind the prompt."""

    tokens: tuple[int, ...]
    """Token ids; each stands behind its parent in this order."""
    parents: tuple[int, ...]
    """The place of the token that each follows, or `ROOT`."""
    depths: tuple[int, ...]
    """How many tokens behind the prompt's last one each stands: 1 for what follows the prompt."""
    answers: tuple[tuple[tuple[int, int], ...], ...]
    """For each answer and each of its tokens: the place that predicts it, and the token."""

    @property
    def is_chain(self) -> bool:
        """Whether each token follows the one before it: reading from left to right is then all there is to it."""
        return self.parents == tuple(range(ROOT, len(self.tokens) - 1))

    def sees(self) -> np.ndarray:
        """Returns which token sees which, bool (N, N): itself and what it follows.

        >>> tree_of([[5, 6, 7], [8, 9]]).sees().astype(int).tolist()
        [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
        """
        seen = np.eye(len(self.tokens), dtype=bool)
        for place, parent in enumerate(self.parents):
            if parent != ROOT:
                seen[place] |= seen[parent]
        return seen


def tree_of(answers: Sequence[Sequence[int] | np.ndarray]) -> Tree:
    """Returns answers as a tree.

    >>> tree = tree_of([[5, 6, 7], [5, 6], [8]])  # 7, the second 6 and 8 are predicted alone
    >>> tree.tokens, tree.parents, tree.depths
    ((5, 6), (-1, 0), (1, 2))
    >>> tree.answers
    (((-1, 5), (0, 6), (1, 7)), ((-1, 5), (0, 6)), ((-1, 8),))
    """
    tokens, parents, depths, paths = list[int](), list[int](), list[int](), list[tuple[tuple[int, int], ...]]()
    known: dict[tuple[int, int], int] = {}
    for answer in answers:
        place, path = ROOT, list[tuple[int, int]]()
        numbers = [int(token) for token in answer]
        for depth, token in enumerate(numbers):
            path.append((place, token))
            if depth == len(numbers) - 1:
                break
            if (place, token) not in known:
                known[place, token] = len(tokens)
                tokens.append(token)
                parents.append(place)
                depths.append(depth + 1)
            place = known[place, token]
        paths.append(tuple(path))
    return Tree(tuple(tokens), tuple(parents), tuple(depths), tuple(paths))

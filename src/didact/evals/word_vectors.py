"""Word vectors: a text as the mean of its words' vectors, from an encoder's own table or a file of GloVe or word2vec."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from didact.base.errors import DataError
from didact.evals.probe_encoder import Encoder, Read
from didact.evals.probe_rows import Texts
from didact.tasks.words import words


@dataclass(frozen=True)
class WordVectors:
    """Vectors of those words that are needed."""

    name: str
    places: dict[str, int]
    table: Tensor
    """(words, D)"""

    def known(self, texts: Sequence[Texts]) -> float:
        """Returns the share of the words of texts that have a vector."""
        said = [word for pair in texts for text in pair for word in words_of(text)]
        return sum(word in self.places for word in said) / max(1, len(said))


def words_of(text: str) -> list[str]:
    """Returns the words of a text in lower case.

    >>> words_of("It's late, Ann.")[-2:]
    ['late', 'ann']
    """
    return words(text.lower())


def read_vectors(path: Path, wanted: Collection[str]) -> WordVectors:
    """Returns the vectors of some words from a text file: a word and its numbers on each line, with word2vec's first line or without.

    Args:
        path: The file.
        wanted: Words in lower case; of several spellings of one the first counts, for files list frequent ones first.

    Raises:
        DataError: There is no such file, a line has other than as many numbers as the first, or no word is known.
    """
    if not path.is_file():
        raise DataError(f"no such file: {path}", where="--vectors", remedy="name a text file of GloVe or word2vec")
    places, rows, width = dict[str, int](), list[list[float]](), 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            parts = line.rstrip().split(" ")
            if number == 1 and len(parts) == 2:
                continue  # word2vec's count and width
            width = width or len(parts) - 1
            word = " ".join(parts[: len(parts) - width]).lower()  # a few words of GloVe hold spaces
            if word not in wanted or word in places:
                continue
            try:
                rows.append([float(part) for part in parts[len(parts) - width :]])
            except ValueError:
                raise DataError("a number cannot be read", where=f"{path}:{number}", expected=f"a word and {width} numbers") from None
            if len(parts) <= width:
                raise DataError(f"{len(parts) - 1} numbers", where=f"{path}:{number}", expected=f"a word and {width} numbers")
            places[word] = len(rows) - 1
    if not rows:
        what = f"none of {len(wanted):,} words has a vector in {path}"
        raise DataError(what, where="--vectors", expected="lines like: the 0.418 0.25 ...", remedy=f"look at it: head -2 {path}")
    return WordVectors(path.name, places, torch.tensor(rows))


def text_features(vectors: WordVectors, texts: Sequence[Texts]) -> Tensor:
    """Returns the features of pairs of texts from the mean of their words' vectors; words without one are passed over.

    Args:
        vectors: From `read_vectors`.
        texts: Pairs; where every second one is empty, the first stands alone.

    >>> vectors = WordVectors("mine", {"a": 0, "b": 1}, torch.tensor([[1.0], [3.0]]))
    >>> text_features(vectors, [("a b", "b c")]).tolist()  # 2 and 3, their distance, their product
    [[2.0, 3.0, 1.0, 6.0]]
    """
    sides = [
        torch.stack(
            [_mean(vectors.table, [vectors.places[word] for word in words_of(pair[side]) if word in vectors.places]) for pair in texts]
        )
        for side in (0, 1)
    ]
    return together(sides[0], sides[1] if any(pair[1] for pair in texts) else None)


def own_features(encoder: Encoder, rows: Sequence[Read]) -> Tensor:
    """Returns the features of pairs of texts from the mean of the rows that an encoder's own table has for their tokens.

    Args:
        encoder: Whose table: what its pre-training made of single words, without what stands around them.
        rows: From `read_texts`.
    """
    table = encoder.network.get_input_embeddings().weight.detach().float().cpu()
    sides = [torch.stack([_mean(table, row.words[side]) for row in rows]) for side in (0, 1)]
    return together(sides[0], sides[1] if any(row.words[1] for row in rows) else None)


def together(first: Tensor, second: Tensor | None) -> Tensor:
    """Returns u, v, |u - v| and u * v side by side, for a linear head cannot compare by itself; u alone where there is no v.

    Source: Conneau et al. 2017, InferSent, arXiv 1705.02364, section 3.1; GLUE's baselines, arXiv 1804.07461, section 5.
    """
    return first if second is None else torch.cat([first, second, (first - second).abs(), first * second], dim=1)


def _mean(table: Tensor, places: Sequence[int]) -> Tensor:
    return table[list(places)].mean(0) if places else torch.zeros(table.shape[1])

"""Constant wording: runs of words that belong to a task's frame, or to a collection's templates and options, not to an example."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from didact.base.types import Example
from didact.tasks.fingerprints import joined
from didact.tasks.task import Task
from didact.tasks.word_hashes import Hashed, hash_texts, runs

MIN_CONSTANT = 5
"""Examples that a run has to stand in, besides more than half of its task, to be the constant wording of the task."""
MIN_TASKS, MIN_PERCENT, NUM_DRAWN = 3, 5, 2000
"""In a collection that is rendered already, a run that stands in so many tasks, and in so many percent (and `MIN_CONSTANT`) of the
examples of each, is a template's wording or an options block; told from so many examples of each, drawn by their ids."""
MAX_ROWS, MAX_CHARS = 20_000, 24_000_000
"""Examples and letters looked at together. Of a larger task so many, drawn by their ids, tell what is constant in it."""

_SHIFT, _PREFIX = np.uint64(48), np.uint64(16)


@dataclass(frozen=True, slots=True)
class Block:
    """Some examples of a task, with their words as hashes."""

    rows: Sequence[Example]
    texts: Sequence[str]
    """Their texts; an example may have several."""
    hashed: Hashed
    wording: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Length of a run to the sorted prefixes of those that are constant wording."""

    def own_runs(self, ngram: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns hashes and first words of the runs that are not constant wording, and the first words of those that are."""
        hashes, places = runs(self.hashed, ngram)
        constant = self.wording.get(ngram)
        if constant is None or not len(constant):
            return hashes, places, places[:0]
        ours = among(constant, hashes >> _PREFIX)
        return hashes[~ours], places[~ours], places[ours]

    def first_alike(self) -> np.ndarray:
        """Returns for each row the first row of the block that has the same words, int64."""
        _, first, numbers = np.unique(self.hashed.alike, return_index=True, return_inverse=True)
        found: np.ndarray = first[numbers]
        return found


def among(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Returns which of `asked` are in `known`, which is sorted and not empty."""
    found: np.ndarray = known[np.minimum(np.searchsorted(known, asked), len(known) - 1)] == asked
    return found


def texts_of(example: Example, answers: bool = False) -> tuple[str, ...]:
    """Returns what is compared of an example: its input and, if asked for, its answers."""
    return (example.text(), *example.targets) if answers else (example.text(),)


def block_of(rows: Sequence[Example], answers: bool = False, wording: Mapping[int, np.ndarray] | None = None) -> Block:
    """Returns examples with their words as hashes."""
    texts, counts = list[str](), list[int]()
    for row in rows:
        found = texts_of(row, answers)
        texts += found
        counts.append(len(found))
    numbers = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
    return Block(rows, texts, hash_texts(texts, numbers), wording or {})


def pieces(examples: Iterable[Example], answers: bool) -> Iterator[list[Example]]:
    """Yields examples in lists of at most `MAX_ROWS`, and of about `MAX_CHARS` letters."""
    rows, size = list[Example](), 0
    for example in examples:
        rows.append(example)
        size += sum(map(len, texts_of(example, answers)))
        if len(rows) == MAX_ROWS or size >= MAX_CHARS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def blocks(task: Task, ngrams: Sequence[int], answers: bool, shared: Mapping[int, np.ndarray]) -> Iterator[Block]:
    """Yields the examples of a task block after block, each with the task's constant wording.

    Args:
        task: The task.
        ngrams: Lengths of the runs that are compared.
        answers: Answers are compared too.
        shared: Wording that many tasks of its collection share.
    """
    parts = pieces(task.examples, answers)
    first = list(islice(parts, 2))
    if len(first) < 2:
        for rows in first:
            block = block_of(rows, answers)
            yield Block(rows, block.texts, block.hashed, wording_of(block.hashed, ngrams, shared))
        return
    sample = block_of(_drawn(task.examples, answers, MAX_ROWS), answers).hashed
    wording = wording_of(sample, ngrams, shared)
    del first
    for rows in pieces(task.examples, answers):
        yield block_of(rows, answers, wording)


def _drawn(examples: Sequence[Example], answers: bool, most: int) -> list[Example]:
    """Returns examples drawn by their ids, so that their order changes nothing."""
    signs, size = list[int](), 0
    for example in examples:
        signs.append(zlib.crc32(example.id.encode("utf-8", "surrogatepass")))
        size += sum(map(len, texts_of(example, answers)))
    if not signs:
        return []
    number = max(1, min(most, len(signs), MAX_CHARS * len(signs) // max(1, size)))
    every = np.array(signs, np.uint32)
    return [examples[index] for index in np.flatnonzero(every <= np.partition(every, number - 1)[number - 1]).tolist()]


def wording_of(hashed: Hashed, ngrams: Sequence[int], shared: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Returns the constant wording of a task: runs in at least 5 and more than half of its examples, and those it shares."""
    least = max(MIN_CONSTANT, hashed.num_rows // 2 + 1)
    return {ngram: np.union1d(frequent(hashed, ngram, least), shared.get(ngram, np.zeros(0, np.uint64))) for ngram in ngrams}


def frequent(hashed: Hashed, ngram: int, least: int) -> np.ndarray:
    """Returns the runs that at least so many rows hold, as sorted prefixes of their hashes, uint64.

    >>> [len(frequent(hash_texts(["a b c", "b c d", "x b c"]), 2, least)) for least in (1, 2, 3, 4)]
    [4, 1, 1, 0]
    """
    hashes, places = runs(hashed, ngram)
    if hashed.num_rows < least or not len(hashes):
        return np.zeros(0, np.uint64)
    # Counted in buckets first: only runs of a bucket that is full enough, a few, have to be sorted.
    buckets = hashes >> np.uint64(64 - min(20, len(hashes).bit_length() + 1))
    likely = np.bincount(buckets.view(np.int64))[buckets] >= least
    prefixes, _ = _sets(hashes[likely], hashed.rows[places[likely]])
    prefixes = np.sort(prefixes)
    ends = np.flatnonzero(np.append(prefixes[1:] != prefixes[:-1], True)) if len(prefixes) else np.zeros(0, np.int64)
    return prefixes[ends[np.diff(ends, prepend=-1) >= least]]


def sets_of(hashed: Hashed, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the runs of each row, each once, as 48-bit prefixes sorted within the row, and their rows; at most 65,536 rows."""
    hashes, places = runs(hashed, ngram)
    return _sets(hashes, hashed.rows[places])


def _sets(hashes: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    keys = np.sort(rows.astype(np.uint64) << _SHIFT | hashes >> _PREFIX)
    if len(keys):
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
    return keys & np.uint64((1 << 48) - 1), (keys >> _SHIFT).astype(np.int64)


def collection_of(task: Task) -> str:
    """Returns the first part of a task's name: the collection that its templates belong to."""
    return task.name.partition("/")[0]


def is_rendered(task: Task) -> bool:
    """Says whether inputs hold the wording already: prompts with completions, and rows of FLAN's `inputs`."""
    if task.kind != "rows":
        return task.kind == "prompt_completion"
    return len(task.examples) > 0 and set(task.examples[0].fields) == {"inputs"}


def shared_wording(tasks: Iterable[Task], ngrams: Sequence[int], answers: bool) -> dict[str, dict[int, np.ndarray]]:
    """Returns for each collection of rendered tasks the runs that are a template's wording: those that many of its tasks share."""
    by_collection: dict[str, list[Task]] = {}
    for task in tasks:
        if is_rendered(task):
            by_collection.setdefault(collection_of(task), []).append(task)
    found: dict[str, dict[int, np.ndarray]] = {}
    for name, members in by_collection.items():
        if len(members) < MIN_TASKS:
            continue
        parts: dict[int, list[np.ndarray]] = {ngram: [] for ngram in ngrams}
        for task in members:
            hashed = block_of(_drawn(task.examples, answers, NUM_DRAWN), answers).hashed
            least = max(MIN_CONSTANT, -(-hashed.num_rows * MIN_PERCENT // 100))
            for ngram in ngrams:
                parts[ngram].append(frequent(hashed, ngram, least))
        counted = {ngram: np.unique(joined(part, np.uint64), return_counts=True) for ngram, part in parts.items()}
        found[name] = {ngram: prefixes[num_tasks >= MIN_TASKS] for ngram, (prefixes, num_tasks) in counted.items()}
    return found

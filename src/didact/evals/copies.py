"""Copies: where the rows of a benchmark are, in a folder that holds many of them, in any layout that the benchmark knows.

data/mmlu/data/test/anatomy_test.csv      data/hf_eval_sets/jsonl/super_glue_copa_validation.jsonl
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.tasks.benchmarks.benchmark import Benchmark
from didact.tasks.benchmarks.reader import spellings

MAX_FILES = 200_000
"""A folder with more files is not what was meant: a home folder, a disk."""
_COMMON = ("data", "main", "plain", "text", "raw", "dev", "test", "train", "valid", "val", "validation")
"""Words in the names of files and folders that do not tell one benchmark from another."""


@dataclass(frozen=True)
class Copies:
    """The files of a folder, looked at once."""

    folder: Path
    files: tuple[str, ...]
    """Paths below it, shallow ones first."""

    def source(self, benchmark: Benchmark, split: str, name: str = "") -> Source | None:
        """Returns where a benchmark's rows of a split are, ready to be read; None: not here.

        A layout whose file is called like those of other benchmarks (`test.jsonl`) is looked for only in folders called like it.

        Args:
            benchmark: Whose rows.
            split: Which of them.
            name: The task's name; empty: the benchmark's.
        """
        for layout in benchmark.files:
            for word in spellings(benchmark, split) if "{split}" in layout else ("",):
                glob = layout.replace("{split}", word)
                pattern = re.compile(f"(?P<place>(?:.*/)?){_as_regex(glob)}")
                for file in self.files:
                    found = pattern.fullmatch(file)
                    if found and (_tells(layout) or _called_like(benchmark, found["place"])):
                        place = self.folder / found["place"]
                        task = name or benchmark.name
                        return Source(
                            name=task,
                            reader="benchmark",
                            path=str(place),
                            split=split,
                            files=(glob,),
                            settings={"of": benchmark.name},
                        )
        return None


def copies(folder: Path) -> Copies:
    """Returns the files of a folder and the folders in it.

    Raises:
        DataError: There is no such folder, or it holds far too many files to be one of data sets.
    """
    if not folder.is_dir():
        raise DataError(f"no such folder: {folder}", where="--data", remedy="name a folder that holds copies of benchmarks")
    found = list[str]()
    for file in _walked(folder):
        found.append(file)
        if len(found) > MAX_FILES:
            what = f"{folder} holds more than {MAX_FILES:,} files"
            raise DataError(what, where="--data", expected="a folder of data sets", remedy="name one further down")
    return Copies(folder, tuple(sorted(found, key=lambda file: (file.count("/"), file))))


def _walked(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(place).relative_to(folder).as_posix()
        yield from (file if below == "." else f"{below}/{file}" for file in files)


@cache
def _as_regex(glob: str) -> str:
    r"""Returns a glob of a path as a regular expression.

    >>> bool(re.fullmatch(_as_regex("**/cb_*.jsonl"), "a/b/cb_dev.jsonl")), bool(re.fullmatch(_as_regex("*/x"), "a/b/x"))
    (True, False)
    """
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]*\])", glob)
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return "".join(part if part.startswith("[") else known.get(part) or re.escape(part) for part in parts)


def _tells(layout: str) -> bool:
    """Says whether a layout alone says which benchmark it is.

    >>> _tells("{split}.jsonl"), _tells("data/{split}-*.parquet"), _tells("{split}-v1.1.json"), _tells("mgsm_bn.tsv")
    (False, False, False, True)
    """
    path = re.sub(r"\{split\}|\[[^\]]*\]", "", layout).rpartition(".")[0]
    return any(word not in _COMMON for word in re.findall(r"[A-Za-z]{2,}", path))


def _called_like(benchmark: Benchmark, place: str) -> bool:
    """Says whether a folder is called like a benchmark or its collection.

    >>> from didact.tasks.benchmarks.registry import BENCHMARKS
    >>> _called_like(BENCHMARKS["gsm8k"], "sets/GSM8K/"), _called_like(BENCHMARKS["piqa"], "sets/gsm8k/")
    (True, False)
    """
    folded = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in place.split("/")]
    words: Sequence[str] = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in benchmark.name.split("/")]
    return words[-1] in folded if len(words) == 1 else (words[-1] in folded and words[0] in folded) or "".join(words) in folded

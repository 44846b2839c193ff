"""Answers kept as they come, in a run's `scores/answers`: an evaluation that is ended and started again goes on where it was.

Each model has a file there, named after what the model is recognised by; other weights begin another file. The files stay when an
evaluation is complete: with more wordings, rows or benchmarks only what is new is asked.
"""

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from didact.evals.asking import AskedSet
from didact.evals.options import asked_about
from didact.models.answer_log import AnswerLog
from didact.models.likelihoods import likely_names
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.models.model_print import model_print

ANSWERS = "answers"
"""The folder of the files."""


@dataclass(frozen=True)
class Kept:
    """What was there when a model was about to be asked."""

    path: Path
    """The model's file."""
    num_rows: int
    """Rows that it is asked."""
    num_kept: int
    """Those of them whose answers were there."""


@contextmanager
def keeping(
    folder: Path, name: str, loaded: Loaded, model: LocalModel, asked: Sequence[AskedSet], say: Callable[[str], None]
) -> Iterator[Kept]:
    """Has a model keep its answers, and take those that are there, while the block runs.

    Args:
        folder: `scores/answers` of the run.
        name: `base` or `tuned`.
        loaded: The model, for its print.
        model: The same, ready to answer.
        asked: What it will be asked.
        say: Hears how many answers are there, and, of a block that is stopped, how many are by then.

    Raises:
        RunError: Another process writes to the file.
        DataError: A line of the file before the last is damaged.
    """
    path = folder / f"{name}_{model_print(loaded, model.precision)}.jsonl"
    num_rows = sum(one.rows() for one in asked)
    with AnswerLog(path) as log:
        if log.num_torn:
            say(f"{name}: {log.num_torn} torn line at the end of {path.name} cut off; what it held is asked again")
        if not len(log) and [*_others(folder, name, path)]:
            say(f"{name}: the answers that are there are of other weights, another precision or other software; all is asked anew")
        kept = Kept(path, num_rows, num_there(log, model, asked))
        if kept.num_kept:
            say(f"{name}: {kept.num_kept:,} of {num_rows:,} answers are there already")
        model.answers = log
        try:
            yield kept
        except KeyboardInterrupt:
            say(f"{name}: {num_there(log, model, asked):,} of {num_rows:,} answers are kept")
            raise
        finally:
            model.answers = None


def num_there(log: AnswerLog, model: LocalModel, asked: Sequence[AskedSet]) -> int:
    """Returns how many rows have their answer."""
    if not len(log):
        return 0
    names = list[str]()
    for one in asked:
        written = [question.prompt for question in one.written]
        names += model.written_names(written, max_new_tokens=one.max_new_tokens, stops=one.stops)
        ranked = [question.prompt for question in one.ranked]
        names += likely_names(model, ranked, asked_about(model.tokeniser, one.ranked))
    return sum(name in log for name in names)


def forget(folder: Path) -> None:
    """Removes all answers: everything is asked anew."""
    shutil.rmtree(folder, ignore_errors=True)


def forget_others(folder: Path, used: Collection[Path]) -> None:
    """Removes the answers of models in another state, once those in this one have answered everything."""
    for path in folder.glob("*.jsonl"):
        if path not in used:
            path.unlink()


def _others(folder: Path, name: str, path: Path) -> Iterator[Path]:
    return (other for other in folder.glob(f"{name}_*.jsonl") if other != path)

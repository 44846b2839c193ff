"""Rows that hold what a benchmark asks: the leak check between training and evaluation, on synthetic rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from didact.base.config import Section
from didact.base.leaks_section import overlap_named
from didact.base.recipe import Source
from didact.base.types import Example
from didact.synth.card import part_of
from didact.synth.filters import Filter, Judged, Rule
from didact.synth.outcome import Row
from didact.tasks.guess import guess
from didact.tasks.leaks import find_leaks
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task, TaskSet


class ContaminationSettings(Section):
    """Settings of filter `contamination`."""

    against: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files or folders of the benchmarks, of any shape that `didact check FILE` reads."""
    rules: tuple[str, ...] = ("exact", "ngram")
    """What counts, as in a recipe's `tasks.leaks.rules`: exact, ngram, 20-gram, 8-gram-50, near."""
    ngram: Annotated[int, Field(ge=2)] = 13
    """Words in a row that count."""
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """For rule near."""
    answers: bool = True
    """Outputs are compared too, and so are the benchmarks' answers."""

    @field_validator("rules")
    @classmethod
    def _are_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            if rule not in ("exact", "near"):
                overlap_named(rule)
        return rules


def _contamination(settings: ContaminationSettings, seeds: Sequence[str]) -> Filter:
    unseen = TaskSet(task for number, path in enumerate(settings.against) for task in _benchmark(path, number))

    def judge(rows: Sequence[Row]) -> Judged:
        examples = [
            Example(str(number), {part: part_of(row, part) for part in ("instruction", "input")}, (part_of(row, "output"),))
            for number, row in enumerate(rows)
        ]
        chosen = settings.model_dump(exclude={"against"})
        leaking = {int(number) for _, number in find_leaks(TaskSet([Task("rows", examples)]), unseen, **chosen).leaking}
        for number, row in enumerate(rows):
            yield row, "overlaps with a benchmark" if number in leaking else None

    return judge


def _benchmark(path: str, number: int) -> TaskSet:
    shape = guess(Path(path))[0]
    return load_tasks([Source.model_validate({"name": f"benchmark_{number}", "reader": shape.reader, "path": path, **shape.keys()})])


# Source: Brown et al. (2020), arXiv 2005.14165, appendix C (overlap of 13 words).
CONTAMINATION = Rule("rows that share a run of words with a benchmark", ContaminationSettings, _contamination)

"""The normalised average of the Flan 2022 evaluation: six scores, each on a scale from random answers (0) to right ones (100).

A part's score is the mean over its tasks, every task counting alike. BBH has 23 tasks in 27 files: the files of a task are
averaged first. The mean over all 27 files stands beside it, as some report that. Chance is counted from the rows themselves.

Source: Chung et al. (2022), Scaling instruction-finetuned language models, arXiv 2210.11416, section 3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from didact.tasks.benchmarks.bbh import task_of
from didact.tasks.benchmarks.families import BBH, MGSM, MMLU
from didact.tasks.chance_level import ChanceLevel, Levels, mean_level, plain_level
from didact.tasks.suites import Part

_CHOSEN = ("mcq_accuracy", "accuracy")
_ANSWERED = ("answer_match", "number_match", "accuracy", "exact_match")


@dataclass(frozen=True, slots=True)
class Share:
    """What one of the six parts is made of."""

    tasks: tuple[str, ...]
    """Benchmarks."""
    metrics: tuple[str, ...]
    """A task's score is the first of these that it has."""


def _of(family: str, members: str, without: str = "") -> tuple[str, ...]:
    return tuple(f"{family}/{member}" for member in members.split() if member != without)


PARTS: Mapping[str, Share] = {
    "mmlu": Share(_of("mmlu", MMLU), _CHOSEN),
    "mmlu_cot": Share(_of("mmlu", MMLU), _CHOSEN),
    "bbh": Share(_of("bbh", BBH), _ANSWERED),
    "bbh_cot": Share(_of("bbh", BBH), _ANSWERED),
    "tydiqa": Share(_of("tydiqa", "ar bn fi id ko ru sw te"), ("squad_em", "exact_match")),
    "mgsm": Share(_of("mgsm", MGSM, without="en"), _ANSWERED),
}
"""The parts by name: 57 and 57 tasks of MMLU, 27 and 27 files of BBH, 8 languages of TyDiQA and 10 of MGSM, both without English."""


def normalised(
    scores: Mapping[str, Mapping[str, float]],
    chance: Mapping[str, Mapping[str, float] | Levels],
    absent: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Returns the six parts and, where all of them are there, their normalised average, ready for JSON.

    Args:
        scores: Part to the points of its tasks, by benchmark: `{"mgsm": {"mgsm/de": 12.0}}`. Others than those of `PARTS`, such as
            English, do not count and are named.
        chance: The same for what random answers score; a task that is not listed asks for free answers, where chance finds nothing.
        absent: Part to the reason why none of it could be asked.

    Returns:
        `parts`: part to `score`, `random`, `normalised`, `num_tasks`, with chance levels also `majority`; BBH also over its 27 files.
        `average`, and `average_over_files` with BBH as a mean over files; only where nothing is missing. `missing`: why there is none.

    Two of MGSM's ten languages are no MGSM, so there is no average; what is there is shown:

    >>> table = normalised({"mgsm": {"mgsm/de": 12.0, "mgsm/fr": 8.0, "mgsm/en": 50.0}}, {})
    >>> table["parts"]["mgsm"]["normalised"], table["parts"]["mgsm"]["left_out"], "average" in table, table["missing"]["mgsm"]
    (10.0, ['mgsm/en'], False, '8 of 10 tasks missing: mgsm/bn, mgsm/es, mgsm/ja ...')
    """
    parts = {name: _part(name, scores[name], chance.get(name, {})) for name in PARTS if set(scores.get(name, ())) & set(PARTS[name].tasks)}
    missing = {name: _missing(name, scores.get(name, {}), (absent or {}).get(name, "")) for name in PARTS}
    missing = {name: why for name, why in missing.items() if why}
    if missing:
        return {"parts": parts, "missing": missing}
    average = math.fsum(part["normalised"] for part in parts.values()) / len(parts)
    over_files = math.fsum(part.get("over_files", part)["normalised"] for part in parts.values()) / len(parts)
    return {"parts": parts, "average": average, "average_over_files": over_files}


def _part(name: str, scores: Mapping[str, float], chance: Mapping[str, float] | Levels) -> dict[str, Any]:
    tasks = [task for task in PARTS[name].tasks if task in scores]
    levels = [_level(chance.get(task, 0.0)) for task in tasks]
    points = [scores[task] for task in tasks]
    groups = _groups(tasks)
    joined = [mean_level([levels[place] for place in places]) for places in groups]
    entry = _scaled([math.fsum(points[place] for place in places) / len(places) for places in groups], joined)
    if len(groups) < len(tasks):
        entry["over_files"] = _scaled(points, levels)
    left_out = sorted(set(scores) - set(PARTS[name].tasks))
    return {**entry, **({"left_out": left_out} if left_out else {})}


def _scaled(points: Sequence[float], levels: Sequence[ChanceLevel]) -> dict[str, Any]:
    level = mean_level(levels)
    part = Part(math.fsum(points) / len(points), level.random)
    counted = {key: value for key, value in plain_level(level).items() if key != "random"} if level.num_rows else {}
    return {"score": part.score, "random": part.random, "normalised": part.normalised, "num_tasks": len(points), **counted}


def _level(chance: float | ChanceLevel) -> ChanceLevel:
    return chance if isinstance(chance, ChanceLevel) else ChanceLevel(chance, 0.0, 0, 0)


def _groups(tasks: Sequence[str]) -> list[list[int]]:
    """Returns the places of what counts as one task: the three files of two of BBH's tasks, everything else alone."""
    groups: dict[str, list[int]] = {}
    for place, task in enumerate(tasks):
        family, _, member = task.partition("/")
        groups.setdefault(task_of(member) if family == "bbh" else task, []).append(place)
    return list(groups.values())


def _missing(name: str, scores: Mapping[str, float], reason: str) -> str:
    missing = [task for task in PARTS[name].tasks if task not in scores]
    if not missing:
        return ""
    if len(missing) == len(PARTS[name].tasks):
        return f"not to be had ({reason})" if reason else "not asked"
    some = f"{', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}"
    return f"{len(missing)} of {len(PARTS[name].tasks)} tasks missing: {some}"


def points_of(part: str, table: Mapping[str, Any], kinds: Mapping[str, str], model: str) -> dict[str, float]:
    """Returns the points of a part's tasks, by benchmark, from a table of scores.

    Args:
        part: One of `PARTS`.
        table: From `compare_with_tasks`, with points under `tasks`, task, metric, model, `value`.
        kinds: Task name to the benchmark that it is.
        model: `base` or `tuned`.

    >>> table = {"tasks": {"my german": {"number_match": {"tuned": {"value": 12.0}}, "rouge_l": {"tuned": {"value": 30.0}}}}}
    >>> points_of("mgsm", table, {"my german": "mgsm/de"}, "tuned")
    {'mgsm/de': 12.0}
    """
    found = {}
    for task, metrics in table["tasks"].items():
        named = [metric for metric in PARTS[part].metrics if model in metrics.get(metric, ())]
        if named and kinds.get(task, "").partition("/")[0] == part.partition("_")[0]:
            found[kinds[task]] = float(metrics[named[0]][model]["value"])
    return found


def of_tables(
    tables: Mapping[str, Mapping[str, Any]], sets: Sequence[Mapping[str, Any]], absent: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Returns the normalised average of both models from the tables of an evaluation; nothing where no part was asked.

    Args:
        tables: Level or benchmark to its table of scores, with points under `tasks` and chance under `chance`, `tasks`.
        sets: What was asked: `name`, and under `tasks` each task's `kind`.
        absent: As for `normalised`.

    >>> entry = {"base": {"value": 30.0}, "tuned": {"value": 60.0}}
    >>> table = {"tasks": {"snarks": {"answer_match": entry}}, "chance": {"tasks": {"snarks": 50.0}}}
    >>> found = of_tables({"bbh": table}, [{"name": "bbh", "tasks": {"snarks": {"kind": "bbh/snarks"}}}])
    >>> [found[model]["parts"]["bbh"]["normalised"] for model in ("base", "tuned")]
    [-40.0, 20.0]
    """
    asked = {one["name"]: {task: about["kind"] for task, about in one["tasks"].items()} for one in sets if one["name"] in PARTS}
    found = {}
    for model in ("base", "tuned") if asked else ():
        scores = {part: points_of(part, tables[part], kinds, model) for part, kinds in asked.items()}
        chance = {
            part: {
                kinds[task]: _read_level(level) for task, level in tables[part].get("chance", {}).get("tasks", {}).items() if task in kinds
            }
            for part, kinds in asked.items()
        }
        if any(scores.values()):
            found[model] = normalised(scores, chance, absent)
    return found


def _read_level(level: float | Mapping[str, Any]) -> ChanceLevel:
    """Returns a chance level as tables have it: what random answers score, alone or as `plain_level` writes it."""
    if not isinstance(level, Mapping):
        return _level(level)
    fewest, most = level["choices"]
    return ChanceLevel(level["random"], level["majority"], level["num_rows"], level["num_free"], fewest, most)


def lines(table: Mapping[str, Any]) -> list[str]:
    """Returns the normalised average for people: each part with its chance beside it, then the average or why there is none.

    Args:
        table: From `normalised`.

    >>> lines({"parts": {"mgsm": {"score": 10.0, "random": 0.0, "normalised": 10.0, "num_tasks": 2}}, "missing": {"bbh": "not asked"}})
    ['mgsm: 10.0 over 2 tasks, random 0.0: normalised 10.0', 'no normalised average: bbh not asked']
    """
    said = []
    for name, part in table["parts"].items():
        files = part.get("over_files")
        also = (
            f"; over {files['num_tasks']} files {files['score']:.1f}, random {files['random']:.1f}: {files['normalised']:.1f}"
            if files
            else ""
        )
        always = f", always the same {part['majority']:.1f}" if "majority" in part else ""
        said.append(
            f"{name}: {part['score']:.1f} over {part['num_tasks']} tasks, random {part['random']:.1f}{always}: "
            f"normalised {part['normalised']:.1f}{also}"
        )
    if "average" not in table:
        return [*said, "no normalised average: " + "; ".join(f"{name} {why}" for name, why in table["missing"].items())]
    return [*said, f"normalised average: {table['average']:.1f} (BBH over 27 files: {table['average_over_files']:.1f})"]

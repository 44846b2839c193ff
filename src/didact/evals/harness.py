"""Every task of lm-eval, asked through that library: its rows, its wording and its metrics, with our model behind its interface.

    didact eval last --on lm_eval:arc_easy,lm_eval:ifeval@chat,lm_eval:tasks/mine.yaml

Its own scores are kept beside; its rows become ours, so base and tuned are compared row by row, with intervals and paired tests.
Prompts are plain text, as that library's published tables have them; `@chat` asks in the model's chat format.

Source: Gao et al., github.com/EleutherAI/lm-evaluation-harness.
"""

import io
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, DidactError, PrerequisiteError, RecipeError, did_you_mean, missing_extra
from didact.base.types import Prediction
from didact.evals.harness_rows import Sample, prediction, scaled
from didact.evals.protocols import LM_EVAL
from didact.evals.three_levels import NEW_CATEGORY
from didact.models.local import LocalModel

CHAT = "@chat"
"""Behind the name: prompts are turns in the model's chat format."""
_SHOTS_SEED = 1234
"""The seed of its demonstrations, as that library has it: other seeds show other rows."""


@dataclass(frozen=True)
class Asked:
    """What one model answered to one task, or to all tasks of a group."""

    name: str
    """As rows say it: `lm_eval:arc_easy`."""
    own: Mapping[str, Mapping[str, float]]
    """The library's own scores: task or group to metric to value, as it prints them."""
    samples: tuple[Sample, ...]
    """One for each row."""
    shots: Mapping[str, int]
    """Task to its demonstrations."""
    versions: Mapping[str, str]
    """Task to its version in the library."""


@dataclass(frozen=True)
class Judged:
    """What the answers of all models add up to: rows of ours, and what is known of them without the answers."""

    rows: Mapping[str, tuple[Prediction, ...]]
    """Model to its rows; the same ones for each."""
    own: Mapping[str, Mapping[str, Mapping[str, float]]]
    """Model to the library's own scores."""
    sets: tuple[Mapping[str, Any], ...]
    """As `asking.described` has them, for a manifest."""


def evaluate(models: Mapping[str, LocalModel], task: str, *, limit: int | None = None, shots: int | None = None) -> Judged:
    """Returns the answers of several models to a task of lm-eval, the same rows for all.

    Args:
        models: Name, `base` or `tuned` say, to a model.
        task: Name of a task, group or tag of lm-eval, or a YAML file that says one; `@chat` behind it: in the model's chat format.
        limit: The first so many rows of each task.
        shots: Demonstrations; None: as many as the task says.

    Raises:
        DidactError: lm-eval is not installed, it has no such task, or it cannot read the task's rows.
    """
    return judged({name: ask(model, task, limit=limit, shots=shots) for name, model in models.items()})


def ask(
    model: LocalModel,
    task: str,
    *,
    limit: int | None = None,
    shots: int | None = None,
    batch_tokens: int = 16_384,
    done: Callable[[int], None] = lambda _: None,
) -> Asked:
    """Returns one model's answers to a task of lm-eval.

    Args:
        model: What is asked.
        task: As for `evaluate`.
        limit: As for `evaluate`.
        shots: As for `evaluate`.
        batch_tokens: Most tokens of a batch, padding included.
        done: Called with the number of requests that have been answered.

    Raises:
        DidactError: As for `evaluate`.
    """
    try:
        from didact.evals.harness_model import HarnessModel
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "lm_eval":
            raise
        raise missing_extra(f"{LM_EVAL}{task}", "harness") from None
    from lm_eval import evaluator

    name, chat = task.removesuffix(CHAT), task.endswith(CHAT)
    asked = HarnessModel(model, chat=chat, batch_tokens=batch_tokens, done=done)
    with _quiet(), _told(name):
        loaded = _loaded(name)
        for one in loaded["tasks"].values():
            _with_shots(one, shots)
        found = evaluator.evaluate(lm=asked, task_dict=loaded, limit=limit, bootstrap_iters=0, log_samples=True, apply_chat_template=chat)
    title = f"{LM_EVAL}{', '.join(loaded['tasks'])}" if _is_file(name) else f"{LM_EVAL}{task}"
    own = {**found["results"], **found.get("groups", {})}
    return Asked(
        title,
        {task: {metric: value for metric, value in scores.items() if isinstance(value, int | float)} for task, scores in own.items()},
        tuple(
            sample
            for task, rows in found["samples"].items()
            for sample in _samples(task, loaded["tasks"][task], rows, asked.num_cut, asked.written)
        ),
        {task: int(number) for task, number in found["n-shot"].items()},
        {task: str(version) for task, version in found["versions"].items()},
    )


def judged(asked: Mapping[str, Asked]) -> Judged:
    """Returns the answers of models as rows of ours.

    Tasks whose rows have different scores become different sets; rows without any (perplexities of texts) are in none.

    Args:
        asked: Model to its answers to one task.
    """
    first = next(iter(asked.values()))
    scores = scaled([sample for one in asked.values() for sample in one.samples])
    sets: dict[tuple[str, ...], list[str]] = {}
    for task in dict.fromkeys(sample.task for sample in first.samples):
        if scores.get(task):
            sets.setdefault(tuple(scores[task]), []).append(task)
    names = {task: first.name if len(sets) == 1 else f"{first.name} {metrics[0]}" for metrics, tasks in sets.items() for task in tasks}
    rows = {
        model: tuple(prediction(sample, names[sample.task], scores[sample.task]) for sample in one.samples if sample.task in names)
        for model, one in asked.items()
    }
    of_first = next(iter(rows.values()))
    return Judged(
        rows,
        {model: one.own for model, one in asked.items()},
        tuple(_set(names[tasks[0]], tasks, metrics, first, of_first) for metrics, tasks in sets.items()),
    )


def _set(name: str, tasks: Sequence[str], metrics: Sequence[str], asked: Asked, rows: Sequence[Prediction]) -> dict[str, Any]:
    """Returns what is known of a set without its answers."""
    mine = [row for row in rows if row.level == name]
    ways = tuple(dict.fromkeys(row.asked for row in mine))
    versions = ", ".join(f"{task} {asked.versions.get(task, '')}".strip() for task in tasks)
    protocol = {"name": name, "shots": max(asked.shots.get(task, 0) for task in tasks), "cot": False, "asked": ways, "norm": "sum"}
    return {
        "name": name,
        "protocol": {**protocol, "source": f"lm-eval: {versions}"},
        "metrics": list(metrics),
        "ranks_first": ways[:1] == ("rank",),
        "absent": {},
        "num_prompts": len(mine),
        "num_prompts_cut": sum("truncated" in row.faults for row in mine),
        "tasks": {
            f"lm_eval/{task}": {
                "kind": f"lm_eval/{task}",
                "category": "",
                "language": "",
                "metric": metrics[0],
                "metrics": list(metrics),
                "standing": NEW_CATEGORY,
                "num_rows": sum(row.task == f"lm_eval/{task}" for row in mine),
                "template": "lm_eval",
            }
            for task in tasks
        },
    }


def _samples(task: str, of: Any, rows: Sequence[Mapping[str, Any]], cut: Mapping[str, int], written: Mapping[str, Any]) -> list[Sample]:
    """Returns the rows of one task, each with what all filters made of it."""
    by_doc: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_doc.setdefault(row["doc_id"], []).append(row)
    found = []
    for number, several in by_doc.items():
        first = several[0]
        prompts = [str(arguments[0]) for arguments in first["arguments"]]
        behind = [str(arguments[1]) if len(arguments) > 1 else "" for arguments in first["arguments"]]
        choices, right = _choices(of, first) if of.OUTPUT_TYPE == "multiple_choice" else ((), ())
        only = len(several) == 1
        found.append(
            Sample(
                task,
                str(number),
                of.OUTPUT_TYPE,
                tuple(prompts),
                tuple(behind),
                tuple(choices),
                tuple(right),
                tuple(map(str, first["target"])) if isinstance(first["target"], list | tuple) else (str(first["target"]),),
                tuple(resp[0] for resp in first["resps"]),
                {one["filter"]: one["filtered_resps"][0] for one in several},
                {m if only else f"{m},{one['filter']}": one[m] for one in several for m in one["metrics"]},
                sum(cut.get(prompt, 0) for prompt in dict.fromkeys(prompts)),
                written.get(prompts[0]),
            )
        )
    return found


def _choices(of: Any, row: Mapping[str, Any]) -> tuple[list[str], list[int]]:
    """Returns a row's choices by their texts, and the places of the right ones."""
    choices = [str(choice) for choice in of.doc_to_choice(row["doc"])]
    gold = of.doc_to_text(row["doc"]) if of.multiple_input else of.doc_to_target(row["doc"])
    if isinstance(gold, str):
        gold = choices.index(gold) if gold in choices else -1
    return choices, [place for place in (gold if isinstance(gold, list | tuple) else [gold]) if 0 <= int(place) < len(choices)]


def _with_shots(task: Any, shots: int | None) -> None:
    """Settles how many demonstrations a task shows; one that is meant to be asked without any stays so."""
    known = task.get_config("num_fewshot")
    if known is None or (shots is not None and known != 0):
        task.set_config(key="num_fewshot", value=shots or 0)
    task.set_fewshot_seed(seed=_SHOTS_SEED)


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _loaded(name: str) -> Any:
    """Returns a task, or all tasks of a group, as lm-eval has them.

    Raises:
        RecipeError: There is no such task, or no such file.
    """
    if _is_file(name):
        from lm_eval.tasks import TaskManager

        if not Path(name).is_file():
            raise RecipeError(f"no file '{name}'", expected="a task of lm-eval in YAML", remedy="--on lm_eval:FOLDER/TASK.yaml")
        return TaskManager(include_path=str(Path(name).parent), include_defaults=False).load([name])
    known = _library()
    if name not in known.all_tasks:
        raise RecipeError(
            f"lm-eval has no task named '{name}'", expected=did_you_mean(name, known.all_tasks), remedy="lm-eval ls tasks shows them all"
        )
    return known.load([name])


@cache
def _library() -> Any:
    """Returns lm-eval's own tasks by name; it takes seconds to read them."""
    from lm_eval.tasks import TaskManager

    return TaskManager()


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turns what goes wrong inside the library into errors of ours.

    Raises:
        DidactError: It did.
    """
    try:
        yield
    except DidactError:
        raise
    except ImportError as error:
        raise PrerequisiteError(f"the task '{name}' needs more than lm-eval alone: {error}", remedy=f"pip install {error.name}") from error
    except (OSError, KeyError, ValueError, TypeError, AssertionError, RuntimeError) as error:
        offline = bool(os.environ.get("HF_HUB_OFFLINE")) or isinstance(error, OSError)
        remedy = "without a network: name a YAML file that reads your own rows" if offline else "lm-eval validate --tasks " + name
        said = " ".join(str(error).split())[:300]
        raise DataError(f"lm-eval cannot ask '{name}': {type(error).__name__}: {said}", remedy=remedy) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the library's bars and remarks off the screen; its warnings stay in the log of Python's logging."""
    log = logging.getLogger("lm_eval")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        log.setLevel(before)

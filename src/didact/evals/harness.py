"""Every task of lm-eval, asked through that library: its rows, its wording and its metrics, with our model behind its interface.

    didact eval last --on lm_eval:arc_easy,lm_eval:ifeval@chat,lm_eval:tasks/mine.yaml

Its own scores are kept beside; its rows become ours, so base and tuned are compared row by row, with intervals and paired tests.
Prompts are plain text, as that library's published tables have them; `@chat` asks in the model's chat format.

Source: Gao et al., github.com/EleutherAI/lm-evaluation-harness.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from didact.base.types import Prediction
from didact.evals.harness_library import check_installed, is_file, loaded_tasks, quiet, told, with_shots
from didact.evals.harness_rows import Sample, prediction, scaled
from didact.evals.protocols import LM_EVAL
from didact.models.local import LocalModel

CHAT = "@chat"
"""Behind the name: prompts are turns in the model's chat format."""


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
    check_installed(task)
    from lm_eval import evaluator

    from didact.evals.harness_model import HarnessModel

    name, chat = task.removesuffix(CHAT), task.endswith(CHAT)
    asked = HarnessModel(model, chat=chat, batch_tokens=batch_tokens, done=done)
    with quiet(), told(name, ValueError):
        loaded = loaded_tasks(name)
        for one in loaded["tasks"].values():
            with_shots(one, shots)
        found = evaluator.evaluate(lm=asked, task_dict=loaded, limit=limit, bootstrap_iters=0, log_samples=True, apply_chat_template=chat)
    title = f"{LM_EVAL}{_title(loaded) if is_file(name) else name}{CHAT if chat else ''}"
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
        {task: str(number) for task, number in found["versions"].items()},
    )


def check(task: str) -> None:
    """Looks whether a task of lm-eval can be asked: it is there, and its rows can be read. No model is needed.

    Args:
        task: As for `evaluate`.

    Raises:
        DidactError: As for `evaluate`.
    """
    check_installed(task)
    name = task.removesuffix(CHAT)
    with quiet():
        loaded_tasks(name)


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
    names = {
        task: first.name if len(sets) == 1 else f"{first.name} by {', '.join(metrics)}" for metrics, tasks in sets.items() for task in tasks
    }
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


def _title(loaded: Mapping[str, Any]) -> str:
    """Returns what the tasks of a file are called: the group that holds the others, or the task."""
    inner = {child for children in loaded["group_map"].values() for child in children}
    return ", ".join(name for name in loaded["groups"] or loaded["tasks"] if name not in inner)


def _set(name: str, tasks: Sequence[str], metrics: Sequence[str], asked: Asked, rows: Sequence[Prediction]) -> dict[str, Any]:
    """Returns what is known of a set without its answers."""
    mine = [row for row in rows if row.level == name]
    ways = tuple(dict.fromkeys(row.asked for row in mine))
    versions = ", ".join(f"{task} {asked.versions.get(task, '')}".strip() for task in tasks)
    protocol = {"name": name, "shots": max(asked.shots.get(task, 0) for task in tasks), "cot": False, "asked": ways, "norm": "sum"}
    return {
        "name": name,
        "protocol": {**protocol, "source": f"lm-eval {version('lm-eval')}: {versions}"},
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
                "standing": "",  # nobody knows what it is to the training, so it counts at none of the three levels
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

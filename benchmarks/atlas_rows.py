"""A teacher's answers in Atlas, where truth is known, and what filters and a curator make of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from didact.assemble import Assembly
from didact.base.chance import rng
from didact.base.files import write_json
from didact.base.recipe import Recipe
from didact.base.recipe_file import load_recipe
from didact.base.types import Message
from didact.models.bundled import BASES
from didact.synth.ask import Ask, Reply, Sampling
from didact.synth.backtranslate import curate
from didact.synth.direct import answered
from didact.synth.evolve_rules import answer_fault
from didact.synth.filters import USUAL, Chosen, apply_filters
from didact.synth.job import Job
from didact.synth.local import Local
from didact.synth.outcome import Row

FILTERS: tuple[Chosen, ...] = (*USUAL, ("near", {"parts": ["input", "output"]}))
"""The usual ones and near-duplicates; of these only, the instruction left out: it is the same in all rows of a family."""
FITTING = tuple(one for one in FILTERS if one != "refusals")
"""Those that fit: a family of Atlas is about telling no secrets, and its right answers say that they are sorry."""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    teacher_instances: int = 100
    """Of each family; the teacher is asked about the others."""
    teacher_steps: int = 60
    num_prompts: int = 2000
    num_samples: int = 3
    """Answers to each prompt."""
    most_rows: int = 1000
    """Rows that a student is tuned on, at most: not more than were kept."""
    student_steps: int = 50
    examples_per_task: int = 30
    changes: tuple[str, ...] = field(default=())
    """Overrides of every recipe: a test makes it smaller with them."""


def recipe_of(folder: Path, name: str, size: Size, **changes: Any) -> Recipe:
    """Returns the quickstart's recipe with changes, as a file in a folder reads."""
    path = folder / f"{name}.yaml"
    write_json(path, {"extends": str(BASES / "quickstart.yaml"), "name": name, **changes})  # JSON is YAML
    return load_recipe(path, size.changes)


def atlas(num_train: int | None = None) -> dict[str, Any]:
    """Returns the quickstart's source of tasks, with so many training instances of each family."""
    quickstart = load_recipe(BASES / "quickstart.yaml")
    source = next(one for one in quickstart.tasks.sources if one.reader == "atlas")
    settings = {**source.settings, **({"num_train": num_train} if num_train else {})}
    return {"name": source.name, "reader": source.reader, "settings": settings}


def asked_rows(folder: Path, size: Size) -> list[Row]:
    """Returns prompts of the seen families without answers, each once, about instances that the teacher was not tuned on."""
    recipe = recipe_of(folder, "asked", size, tasks={"sources": [atlas()]}, mixture={"parts": [{"tasks": "atlas/*"}]})
    assembly = Assembly(recipe)
    found: dict[str, Row] = {}
    for epoch in range(20):
        for draw in assembly.mixture.draws(epoch):
            if draw.index < size.teacher_instances or len(found) == size.num_prompts:
                continue
            task = next(one for one in assembly.seen if one.name == draw.task)
            example, said = task.examples[draw.index], assembly.render(draw).without_response().messages
            right = [" ".join(text.split()) for text in (*example.targets, *example.accepted)]
            about = {"family": task.category, "instruction": task.definition, "input": said[-1].content, "right": right}
            found.setdefault(said[-1].content, Row(f"{draw.task}#{draw.index}/{epoch}", said, about=about))
    return list(found.values())


def answers(teacher: Local, rows: Sequence[Row], num_samples: int) -> list[Row]:
    """Returns each row with each of its answers, as they came; whether one is right is told beside it."""
    asks = [
        (row, number, Ask("answer", row.messages, sampling=Sampling(1.0, max_tokens=32))) for row in rows for number in range(num_samples)
    ]
    replies = teacher.answers([(teacher.wire(ask), number) for _, number, ask in asks])
    found = list[Row]()
    for (row, number, _), reply in zip(asks, replies, strict=True):
        if not isinstance(reply, Reply):
            raise reply
        text = reply.text.strip()
        about = {**row.about, "output": text, "finish": reply.finish, "is_right": " ".join(text.split()) in row.about["right"]}
        found.append(replace(row, id=f"{row.id}/{number}", messages=(*row.messages, Message("assistant", text)), about=about))
    return found


def kinds_of(rows: Sequence[Row]) -> dict[str, float]:
    """Returns shares of the rows in percent: right, wrong, cut, empty, and copies of an earlier row."""
    said = [tuple(message.content for message in row.messages) for row in rows]
    shares = {
        "right": sum(row.about["is_right"] for row in rows),
        "wrong": sum(not row.about["is_right"] and row.about["finish"] == "stop" and bool(row.about["output"]) for row in rows),
        "cut": sum(row.about["finish"] != "stop" for row in rows),
        "empty": sum(not row.about["output"] and row.about["finish"] == "stop" for row in rows),
        "copies": len(said) - len(set(said)),
    }
    return {name: percent(count, len(rows)) for name, count in shares.items()}


def judged_rows(rows: Sequence[Row], filters: Sequence[Chosen]) -> tuple[list[Row], dict[str, Any]]:
    """Returns the rows that the filters keep, and how good they and every reason to drop some are against the truth.

    `precision`: of what is kept, the right; `recall`: of the right rows, the kept. A copy of a right row is right, so dropping copies
    costs recall: `recall_of_prompts` counts prompts that have a right row.
    """
    whole, cut = [row for row in rows if row.about["finish"] == "stop"], [row for row in rows if row.about["finish"] != "stop"]
    kept, dropped = apply_filters(whole, filters)
    reasons: dict[str, list[bool]] = {"cut off": [row.about["is_right"] for row in cut]} if cut else {}
    for one in dropped:
        reasons.setdefault(one.reason, []).append(one.row.about["is_right"])
    told = [
        {"reason": reason, "num": len(right), "wrong": percent(len(right) - sum(right), len(right))} for reason, right in reasons.items()
    ]
    return kept, {"by_reason": sorted(told, key=lambda one: -int(str(one["num"]))), **against_truth(kept, rows)}


def against_truth(kept: Sequence[Row], rows: Sequence[Row]) -> dict[str, Any]:
    """Returns precision and recall of what is kept of some rows, in percent."""
    right = [row for row in kept if row.about["is_right"]]
    all_right = [row for row in rows if row.about["is_right"]]
    prompts, all_prompts = ({row.about["input"] for row in some} for some in (right, all_right))
    return {
        "num_kept": len(kept),
        "precision": percent(len(right), len(kept)),
        "recall": percent(len(right), len(all_right)),
        "recall_of_prompts": percent(len(prompts), len(all_prompts)),
    }


def percent(part: int, whole: int) -> float:
    """Returns a share in percent with one digit; 0 of nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def eliminated(rows: Sequence[Row], strict: bool) -> dict[str, Any]:
    """Returns how good the eliminator's rules about answers are at finding wrong ones: those of Evol-Instruct, or didact's own."""
    wrong = [not row.about["is_right"] for row in rows]
    faults = [answer_fault(str(row.about["output"]), str(row.about["input"]), str(row.about["finish"]), strict=strict) for row in rows]
    refused = [bad for bad, fault in zip(wrong, faults, strict=True) if fault]
    told = {"strict": strict, "num_refused": len(refused), "by_reason": dict(Counter(fault for fault in faults if fault).most_common())}
    return {**told, "precision": percent(sum(refused), len(refused)), "recall": percent(sum(refused), sum(wrong))}


def curated(rows: Sequence[Row], errs: float, seed: int = 0) -> dict[str, Any]:
    """Returns how good method `curate` is against the truth when a simulated judge errs on such a share of pairs: its bar at 4.5 of 5."""
    told = {str(row.about["output"]) + "\0" + str(row.about["input"]): bool(row.about["is_right"]) for row in rows}

    def judge(ask: Ask) -> Reply:
        request, _, output = ask.messages[0].content.split("Request:\n")[1].partition("\n\nAnswer:\n")
        likes = told[f"{output}\0{request}"] != (rng(seed, "study", "judge", request, output).random() < errs)
        high = 0.9 if likes else 0.1
        return Reply("5" if likes else "1", top_logprobs=({"5": float(np.log(high)), "1": float(np.log(1 - high))},))

    pairs = [replace(row, about={**row.about, "instruction": row.about["input"], "input": ""}) for row in rows if row.about["output"]]
    outcome = answered(curate(Job(num_rows=len(pairs), examples=pairs, settings={"tag": "none"})), judge)
    by_id = {row.id: row for row in rows}
    return {"judge_errs": errs, **against_truth([by_id[row.id] for row in outcome.rows], rows)}

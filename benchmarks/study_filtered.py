"""Does filtering help where truth is known? A teacher's answers in Atlas, filtered and not, and students tuned on as many rows of each.

The teacher is the bundled base after a few steps of the quickstart: it knows much and errs often. It answers prompts of the seen
families about instances that it was not tuned on, several times at temperature 1. Filters see the instruction (what the family asks
for), the input (the prompt) and the output, never the truth; Atlas tells afterwards which rows are right. Then the bundled base is
tuned on equally many rows, for equally many steps, taken from all rows, from those that were kept, and from those that are right (the
most that any filter could do), and judged on unseen Atlas tasks. What is done stays in the folder: the same command goes on from there.

    python benchmarks/study_filtered.py [--folder runs/study_filtered] [--seeds 3] [--arms unfiltered filtered]
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from atlas_rows import (
    FILTERS,
    FITTING,
    Size,
    against_truth,
    answers,
    asked_rows,
    atlas,
    curated,
    eliminated,
    judged_rows,
    kinds_of,
    percent,
    recipe_of,
)

from didact.assemble import Assembly
from didact.base.chance import rng
from didact.base.errors import DataError
from didact.base.files import read_jsonl, write_jsonl
from didact.base.recipe import Recipe
from didact.base.types import Message, Prediction
from didact.evals.asking import level_set
from didact.evals.paired_runs import paired_runs
from didact.evals.stored import prediction
from didact.evals.unseen import answer
from didact.jobs import load_tuned, local_model, train
from didact.models.precision import machine
from didact.run import Run
from didact.synth.local import Local
from didact.synth.outcome import Row
from didact.synth.output import row_json

ARMS = ("unfiltered", "filtered", "fitting", "right")
"""Of all rows, of those that the usual filters keep, of those that the filters keep but for refusals, of the right ones."""
PAIRS = (("unfiltered", "filtered"), ("unfiltered", "fitting"), ("filtered", "fitting"), ("fitting", "right"))
RESULT = Path(__file__).parent / "results" / "filtered.json"


def trained(folder: Path, recipe: Recipe) -> Run:
    """Returns the run of a recipe, which it trains unless that was done before."""
    run = Run(folder / recipe.name)
    if not (run.folder / "summary.json").is_file():
        shutil.rmtree(run.folder, ignore_errors=True)
        run.folder.mkdir()
        run.save_text("recipe.yaml", recipe.to_yaml())
        train(recipe, run)
    return run


def student(folder: Path, arm: str, seed: int, rows: Sequence[Row], size: Size) -> list[Prediction]:
    """Returns the answers of the base tuned on rows, to unseen Atlas tasks; from the folder where they are there."""
    name = f"{arm}-{seed}"
    file = folder / f"{name}-answers.jsonl"
    if file.is_file():
        return [prediction(row) for row in read_jsonl(file)]
    path = folder / f"{name}-rows.jsonl"
    write_jsonl(path, [{"messages": row_json(row)["messages"]} for row in rows])
    sources = [{"name": "made", "reader": "messages", "path": str(path)}, atlas()]
    recipe = recipe_of(
        folder,
        name,
        size,
        seed=seed,
        tasks={"sources": sources, "leaks": {"action": "report"}},
        mixture={"parts": [{"tasks": "made"}], "epoch_size": None},
        train={"max_steps": size.student_steps, "epochs": 1000},
        evaluate={"examples_per_task": size.examples_per_task},
    )
    tuned = load_tuned(trained(folder, recipe))
    model, assembly, found = local_model(tuned, recipe), Assembly(recipe, given=tuned.tokeniser), list[Prediction]()
    for level in recipe.evaluate.on:
        asked = level_set(assembly.judged(level), level, recipe, assembly.formats, assembly.demonstrations, tuned.tokeniser)
        most, batch_tokens = asked.max_new_tokens, recipe.evaluate.batch_tokens
        found += answer(model, asked.written, ["accuracy"], max_new_tokens=most, batch_tokens=batch_tokens)
    write_jsonl(file, found)
    return found


def mean_rows(runs: Sequence[Sequence[Prediction]]) -> list[Prediction]:
    """Returns the rows of several seeds as one: each row's accuracy is the mean over the seeds."""
    return [
        replace(same[0], scores={"accuracy": float(np.mean([row.scores["accuracy"] for row in same]))}) for same in zip(*runs, strict=True)
    ]


def accuracy(rows: Sequence[Prediction]) -> float:
    """Returns the mean over rows."""
    return float(np.mean([row.scores["accuracy"] for row in rows]))


def by_group(runs: Sequence[Sequence[Prediction]], group: str) -> dict[str, list[float]]:
    """Returns the accuracy of each seed by `level` or `category`, the family; `all` are all rows."""
    names = dict.fromkeys(getattr(row, group) for row in runs[0])
    return {
        name: [round(accuracy([row for row in run if name in ("all", getattr(row, group))]), 1) for run in runs] for name in ("all", *names)
    }


def against(first: str, second: str, found: Mapping[str, Sequence[Sequence[Prediction]]]) -> dict[str, Any]:
    """Returns two arms compared on the same rows, seeds averaged: all levels together, each by itself, and each seed's difference."""
    pooled = [mean_rows(found[arm]) for arm in (first, second)]
    levels = paired_runs(pooled[0], pooled[1], (first, second), ["accuracy"])["levels"]
    together = [[replace(row, level="all") for row in rows] for rows in pooled]
    overall = paired_runs(together[0], together[1], (first, second), ["accuracy"])["levels"]
    seeds = [round(accuracy(after) - accuracy(before), 1) for before, after in zip(found[first], found[second], strict=True)]
    return {"first": first, "second": second, "by_seed": seeds, "levels": {name: told(one) for name, one in {**overall, **levels}.items()}}


def told(table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is told of one comparison."""
    entry, test = table["overall"]["accuracy"], table["overall"]["accuracy"]["test"]
    values = {name: round(entry[side]["value"], 1) for name, side in (("first", "base"), ("second", "tuned"))}
    change = {key: round(entry["difference"][key], 1) for key in ("value", "low", "high")}
    ps = {key: round(test[key], 5) for key in ("p", "p_tasks") if key in test}
    return {"num_rows": entry["num_examples"], **values, **change, **ps, "wins": entry["wins"], "losses": entry["losses"]}


def taught(folder: Path, size: Size) -> list[Row]:
    """Returns the teacher's rows; from the folder where they are there."""
    file = folder / "teacher-rows.jsonl"
    if not file.is_file():
        teaching = {"tasks": {"sources": [atlas(size.teacher_instances)]}, "mixture": {"parts": [{"tasks": "atlas/*"}]}}
        recipe = recipe_of(folder, "teacher", size, **teaching, train={"max_steps": size.teacher_steps})
        teacher = Local(local_model(load_tuned(trained(folder, recipe)), recipe), "teacher", length=recipe.sequence.max_length)
        write_jsonl(file, answers(teacher, asked_rows(folder, size), size.num_samples))
    return [
        Row(row["id"], tuple(Message(said["role"], said["content"]) for said in row["messages"]), about=row["about"])
        for row in read_jsonl(file)
    ]


def study(folder: Path, seeds: int, size: Size, arms: Sequence[str] = ARMS) -> dict[str, Any]:
    """Returns everything: the teacher's rows, what filters do to them, and what students learn from them."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    rows = taught(folder, size)
    kept, filtering = judged_rows(rows, FILTERS)
    fitting, _ = judged_rows(rows, FITTING)
    pools = {"unfiltered": [row for row in rows if row.about["output"]], "filtered": kept, "fitting": fitting}
    pools["right"] = [row for row in pools["unfiltered"] if row.about["is_right"]]
    num_rows = min(size.most_rows, *map(len, pools.values()))
    if not num_rows:
        raise DataError(f"nothing to train on: {', '.join(arm for arm in ARMS if not pools[arm])}", remedy="more prompts or teacher_steps")
    tell(
        began, f"{len(rows):,} rows {kinds_of(rows)}; kept {len(kept):,}, {len(fitting):,} without refusals; {num_rows:,} for each student"
    )
    trained_on: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    found: dict[str, list[list[Prediction]]] = {arm: [] for arm in arms}
    for seed in range(seeds):
        for arm in arms:
            taken = rng(seed, "study", "rows", arm).sample(pools[arm], num_rows)
            trained_on[arm].append(described(taken))
            found[arm].append(student(folder, arm, seed, taken, size))
            tell(began, f"seed {seed}, {arm}: {trained_on[arm][-1]['right']} % right, accuracy {accuracy(found[arm][-1]):.1f}")
    return {
        "name": "filtered",
        "machine": machine(),
        "size": asdict(size),
        "num_seeds": seeds,
        "teacher": {"num_rows": len(rows), **described(rows)},
        "filters": filtering,
        "filters_without_refusals": against_truth(fitting, rows),
        "curator_with_simulated_judge": [curated(rows, errs) for errs in (0.0, 0.1, 0.2)],
        "eliminators_rules_for_answers": [eliminated(rows, strict) for strict in (False, True)],
        "num_rows": num_rows,
        "trained_on": trained_on,
        "levels": {arm: by_group(found[arm], "level") for arm in arms},
        "families": {arm: by_group(found[arm], "category") for arm in arms},
        "against": [against(*pair, found) for pair in PAIRS if {*pair} <= {*arms}],
    }


def described(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns what rows are: shares of the kinds, prompts, and for each family how many and how many percent of them are right."""
    families: dict[str, list[bool]] = {}
    for row in rows:
        families.setdefault(row.about["family"], []).append(row.about["is_right"])
    told = {name: [len(right), percent(sum(right), len(right))] for name, right in sorted(families.items())}
    return {**kinds_of(rows), "num_prompts": len({row.about["input"] for row in rows}), "families": told}


def tell(began: float, line: str) -> None:
    """Tells the story on stderr."""
    print(f"{time.monotonic() - began:5.0f} s  {line}", file=sys.stderr, flush=True)


def main() -> None:
    """Runs the study, keeps the result and prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("runs/study_filtered"), help="where everything is kept")
    parser.add_argument("--seeds", type=int, default=3, help="students of each kind")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS, help="kinds of students")
    parser.add_argument("--json", action="store_true", help="as always: the last line is JSON")
    given = parser.parse_args()
    result = study(given.folder, given.seeds, Size(), given.arms)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""Judging a run: base and tuned model are asked the same, the answers are kept, and what they add up to is counted from them."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from didact.assemble import Assembly
from didact.base.errors import RunError
from didact.base.files import write_jsonl
from didact.base.recipe import Recipe
from didact.base.types import Prediction
from didact.choose import Say
from didact.evals import harness, options, posix
from didact.evals.asking import AskedSet, described
from didact.evals.counted import counted, with_metrics
from didact.evals.kept import ANSWERS, Kept, forget, forget_others, keeping
from didact.evals.paired_runs import paired_runs
from didact.evals.protocols import LM_EVAL, check_asked, check_posix
from didact.evals.stored import PREDICTIONS, keep_prompt_sets, prompt_sets, stored
from didact.evals.three_levels import standings
from didact.evals.unseen import Question, answer, without
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.questions import ALL, LEVELS, Questions, Wanted, every, questions, settled
from didact.run import Run, environment
from didact.run_models import load_tuned, load_untuned, local_model
from didact.score_files import clear, told
from didact.train import checkpoint

MANIFEST = "manifest.json"


def evaluate(
    run: Run,
    *,
    on: tuple[str, ...] = (),
    wanted: Wanted | None = None,
    fresh: bool = False,
    say: Say = lambda _: None,
    on_rows: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Asks base and tuned model the same questions and returns what their answers add up to, by level and benchmark.

    Args:
        run: A run with a checkpoint.
        on: Levels and benchmarks, as in a recipe's `evaluate.on`, or `all` for every level that has tasks; empty: what the recipe says.
        wanted: What else is wanted in place of what the recipe says; its `on` wins over the other one.
        fresh: Forget the answers that earlier evaluations have kept; else those to the very same questions are taken.
        say: Hears the story.
        on_rows: Hears (model, rows in all, how many more it has answered).

    Returns:
        `run`, `checkpoint`, what `counted` finds in the rows (`levels`, `benchmarks`, `three_levels` ...), and how many answers were
        `kept` from an earlier evaluation.

    Raises:
        DidactError: There is nothing to ask, or the checkpoint's chat format is not what it was tuned with.
    """
    wanted = wanted or Wanted()
    names = wanted.on or on
    recipe = settled(run.recipe(), wanted)
    check_asked(tuple(name for name in names if name != ALL), LEVELS)
    check_posix(recipe.evaluate)
    tuned = load_tuned(run, say)
    assembly = Assembly(recipe, given=tuned.tokeniser)
    names = every(names or recipe.evaluate.on, assembly)
    through_library = [name.removeprefix(LM_EVAL) for name in names if name.startswith(LM_EVAL)]
    for task in through_library:  # before anything is asked: a slip is not told hours later
        harness.check(task)
    asked = questions([name for name in names if not name.startswith(LM_EVAL)], assembly, tuned, wanted, say)
    answers: dict[str, list[Prediction]] = {}
    steadiness: dict[str, dict[str, list[posix.PromptSet]]] = {one.name: {} for one in asked.sets if recipe.evaluate.posix}
    total = sum(one.rows() + 2 * len(_in_words(one)) * recipe.evaluate.posix for one in asked.sets)
    virtual = tuned.adapter.virtual if tuned.adapter else ()
    elsewhere: dict[str, dict[str, harness.Asked]] = {task: {} for task in through_library}
    folder, kept = run.folder / "scores" / ANSWERS, dict[str, Kept]()
    if fresh:
        forget(folder)
    for name in ("base", "tuned"):
        loaded = tuned if name == "tuned" else load_untuned(run, recipe, tuned.tokeniser)
        model, done = local_model(loaded, recipe), partial(on_rows, name, total)
        mine = [_without(one, virtual if name == "base" else (), tuned) for one in asked.sets]
        with keeping(folder, name, loaded, model, mine, say) as kept[name]:
            answers[name] = [row for one in mine for row in _answers(model, one, recipe, done)]
            for one in mine if recipe.evaluate.posix else ():
                steadiness[one.name][name] = _prompt_sets(model, one, recipe, done)
            for task, found_there in elsewhere.items():
                say(f"{LM_EVAL}{task}: asking {name} through lm-eval")
                limit = recipe.evaluate.examples_per_task
                found_there[name] = harness.ask(model, task, limit=limit, shots=wanted.shots, batch_tokens=recipe.evaluate.batch_tokens)
    through = [harness.judged(found_there) for found_there in elsewhere.values()]
    manifest = _manifest(run, recipe, asked, assembly, tuned)
    manifest["sets"] += [one for judged in through for one in judged.sets]
    manifest["kept"] = {name: {"num_rows": one.num_rows, "num_kept": one.num_kept} for name, one in kept.items()}
    manifest |= {"lm_eval": {task: one.own for task, one in zip(elsewhere, through, strict=True)}} if through else {}
    if gone := clear(run, tuple(one["name"] for one in manifest["sets"])):
        say(gone)
    for name, rows in answers.items():
        rows += [row for one in through for row in one.rows[name]]
        write_jsonl(run.folder / "scores" / PREDICTIONS.format(name), rows)
    if steadiness:
        keep_prompt_sets(run.folder / "scores", steadiness)
    run.save_json(f"scores/{MANIFEST}", manifest)
    forget_others(folder, [one.path for one in kept.values()])
    found = told(run, counted(manifest, answers["base"], answers["tuned"], steadiness), say)
    return {"run": run.name, "checkpoint": manifest["checkpoint"], **found, **_as_asked(manifest)}


def recount(run: Run, say: Say = lambda _: None) -> dict[str, Any]:
    """Returns what `evaluate` did, counted again from the stored rows; no model is loaded.

    Raises:
        RunError: The run was not judged yet.
    """
    rows, file = stored(run.folder / "scores"), run.folder / "scores" / MANIFEST
    if not file.is_file():
        raise RunError(f"run '{run.name}' was judged before manifests were kept", where=str(file), remedy=f"didact eval {run.name}")
    manifest = json.loads(file.read_text(encoding="utf-8"))
    found = told(run, counted(manifest, rows["base"], rows["tuned"], prompt_sets(run.folder / "scores")), say)
    return {"run": run.name, "checkpoint": manifest["checkpoint"], **found, **_as_asked(manifest)}


def compare_runs(first: Run, second: Run) -> dict[str, Any]:
    """Returns the tuned models of two runs compared on the rows that both answered; no model is loaded.

    Args:
        first: Stands where a base would.
        second: Stands where a tuned model would.

    Raises:
        RunError: One of them was not judged yet.
        DataError: They share no rows.
    """
    rows = [stored(run.folder / "scores")["tuned"] for run in (first, second)]
    return paired_runs(rows[0], rows[1], (first.name, second.name))


def _in_words(asked: AskedSet) -> Sequence[Question]:
    """Returns each row of a set once in each of its wordings."""
    return asked.written if len(asked.written) >= len(asked.ranked) else asked.ranked


def _without(asked: AskedSet, virtual: Collection[int], tuned: Loaded) -> AskedSet:
    """Returns a set without some tokens in its prompts: those that this model has never been given."""
    if not virtual:
        return asked
    written, ranked = (tuple(without(part, virtual, tuned.tokeniser)) for part in (asked.written, asked.ranked))
    return replace(asked, written=written, ranked=ranked)


def _prompt_sets(model: LocalModel, asked: AskedSet, recipe: Recipe, done: Callable[[int], None]) -> list[posix.PromptSet]:
    """Returns how likely a model's own answers to a set are in every wording, see evals/posix.py."""
    settings: dict[str, Any] = {"max_new_tokens": asked.max_new_tokens, "batch_tokens": recipe.evaluate.batch_tokens, "stops": asked.stops}
    return posix.ask(model, _in_words(asked), done=done, **settings)


def _answers(model: LocalModel, asked: AskedSet, recipe: Recipe, done: Callable[[int], None]) -> list[Prediction]:
    """Returns a model's answers to one set: those in writing, then its likeliest choices."""
    batch_tokens = recipe.evaluate.batch_tokens
    found: list[Prediction] = []
    if asked.written:
        settings: dict[str, Any] = {"max_new_tokens": asked.max_new_tokens, "batch_tokens": batch_tokens, "stops": asked.stops}
        found += answer(model, asked.written, asked.metrics, done=done, **settings)
    if asked.ranked:
        rows = options.ranked(model, asked.ranked, norm=asked.norm, batch_tokens=batch_tokens, done=done)
        found += [with_metrics(row, asked.metrics) for row in rows]
    return found


def _manifest(run: Run, recipe: Recipe, asked: Questions, assembly: Assembly, tuned: Loaded) -> dict[str, Any]:
    """Returns what the rows do not say: everything that is needed to count them again, and to know where they come from."""
    seen = list(assembly.split.seen)
    section = recipe.evaluate
    tokeniser = tuned.tokeniser
    return {
        **environment({}),
        "run": run.name,
        "checkpoint": checkpoint.newest(run.checkpoints, lambda _: None).name,
        "seed": recipe.seed,
        "resamples": section.resamples,
        "templates": section.templates,
        "orders": section.orders,
        "styles": section.styles,
        "examples_per_task": section.examples_per_task,
        "chat_format": recipe.prompts.chat_format,
        "stop_ids": sorted(tokeniser.stop_ids),
        "bos_id": tokeniser.bos_id,
        "absent": dict(asked.absent),
        "sets": [described(one, standings(one.tasks, one.name, seen)) for one in asked.sets],
    }


def _as_asked(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how many answers were there already, and lm-eval's own scores, where it was asked: task, as typed, to model to metrics."""
    return {name: manifest[name] for name in ("kept", "lm_eval") if name in manifest}

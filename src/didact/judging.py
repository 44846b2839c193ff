"""Judging a run: base and tuned model are asked the same, the answers are kept, and what they add up to is counted from them."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from didact.assemble import HOLD_OUT, JUDGED, VALIDATION, Assembly
from didact.base.errors import DataError, RunError
from didact.base.files import write_jsonl
from didact.base.recipe import AdapterSection, Recipe
from didact.base.types import Prediction
from didact.choose import Say
from didact.data.objective_tokens import objective_controls
from didact.data.tokens import Tokeniser
from didact.evals import harness, normalised, options
from didact.evals.asking import AskedSet, Room, benchmark_set, described, level_set, short_of_shots
from didact.evals.copies import copies
from didact.evals.counted import counted, with_metrics
from didact.evals.detectable import detectable_line
from didact.evals.gather import gather, hub_answers
from didact.evals.paired_runs import paired_runs
from didact.evals.protocols import LM_EVAL, check_asked, protocols
from didact.evals.stored import PREDICTIONS, stored
from didact.evals.suites import remarks
from didact.evals.three_levels import standings
from didact.evals.unseen import answer, without
from didact.models.bundled import resolved
from didact.models.load import Loaded, load_base, load_checkpoint, load_tokeniser
from didact.models.local import LocalModel
from didact.models.precision import pick_device, pick_precision
from didact.run import Run, environment
from didact.train import checkpoint

MANIFEST = "manifest.json"
ALL = "all"
"""Stands for every level that has tasks."""
LEVELS = (*JUDGED, VALIDATION)
"""What can be judged besides benchmarks."""
MOST_LINES = 3
"""So many tasks whose answers could not be read are told one by one."""
MOST_POSITIONS = 4096
"""Benchmarks are asked in at most so many tokens, however many a base could see."""


@dataclass(frozen=True)
class Wanted:
    """What a user asks for in place of what the recipe says; None: what it says."""

    on: tuple[str, ...] = ()
    """Levels, benchmarks, or `all` for every level that has tasks; empty: the recipe's."""
    templates: str | None = None
    limit: int | None = None
    shots: int | None = None
    data: str | None = None
    """A folder with copies of benchmarks; None: that of `DIDACT_DATA`."""


def evaluate(
    run: Run,
    *,
    on: tuple[str, ...] = (),
    wanted: Wanted | None = None,
    say: Say = lambda _: None,
    on_rows: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Asks base and tuned model the same questions and returns what their answers add up to, by level and benchmark.

    Args:
        run: A run with a checkpoint.
        on: Levels and benchmarks, as in a recipe's `evaluate.on`, or `all` for every level that has tasks; empty: what the recipe says.
        wanted: What else is wanted in place of what the recipe says; its `on` wins over the other one.
        say: Hears the story.
        on_rows: Hears (model, rows in all, how many more it has answered).

    Returns:
        `run`, `checkpoint`, and what `counted` finds in the rows: `levels`, `benchmarks`, `three_levels` ...

    Raises:
        DidactError: There is nothing to ask, or the checkpoint's chat format is not what it was tuned with.
    """
    wanted = wanted or Wanted()
    names = wanted.on or on
    recipe = _settled(run.recipe(), wanted)
    check_asked(tuple(name for name in names if name != ALL), LEVELS)
    tuned = load_tuned(run, say)
    assembly = Assembly(recipe, given=tuned.tokeniser)
    names = _every(names or recipe.evaluate.on, assembly)
    if not names:
        raise DataError("the recipe has no tasks to ask about", remedy=f"train again, and {HOLD_OUT['unseen']}")
    through_library = [name.removeprefix(LM_EVAL) for name in names if name.startswith(LM_EVAL)]
    sets = _sets([name for name in names if not name.startswith(LM_EVAL)], assembly, tuned, wanted, say)
    answers: dict[str, list[Prediction]] = {}
    total = sum(one.rows() for one in sets)
    virtual = tuned.adapter.virtual if tuned.adapter else ()
    elsewhere: dict[str, dict[str, harness.Asked]] = {task: {} for task in through_library}
    for name in ("base", "tuned"):
        loaded = tuned if name == "tuned" else load_untuned(run, recipe, tuned.tokeniser)
        model = local_model(loaded, recipe)
        left_out = virtual if name == "base" else ()
        answers[name] = [row for one in sets for row in _answers(model, one, recipe, left_out, partial(on_rows, name, total))]
        for task, asked in elsewhere.items():
            say(f"{LM_EVAL}{task}: asking {name} through lm-eval")
            limit = recipe.evaluate.examples_per_task
            asked[name] = harness.ask(model, task, limit=limit, shots=wanted.shots, batch_tokens=recipe.evaluate.batch_tokens)
    through = [harness.judged(asked) for asked in elsewhere.values()]
    for name, rows in answers.items():
        rows += [row for one in through for row in one.rows[name]]
        write_jsonl(run.folder / "scores" / PREDICTIONS.format(name), rows)
    manifest = _manifest(run, recipe, sets, assembly, tuned)
    manifest["sets"] += [one for judged in through for one in judged.sets]
    manifest |= {"lm_eval": {task: one.own for task, one in zip(elsewhere, through, strict=True)}} if through else {}
    run.save_json(f"scores/{MANIFEST}", manifest)
    found = _told(run, counted(manifest, answers["base"], answers["tuned"]), say)
    return {"run": run.name, "checkpoint": manifest["checkpoint"], **found, **_of_library(manifest)}


def recount(run: Run, say: Say = lambda _: None) -> dict[str, Any]:
    """Returns what `evaluate` did, counted again from the stored rows; no model is loaded.

    Raises:
        RunError: The run was not judged yet.
    """
    rows, file = stored(run.folder / "scores"), run.folder / "scores" / MANIFEST
    if not file.is_file():
        raise RunError(f"run '{run.name}' was judged before manifests were kept", where=str(file), remedy=f"didact eval {run.name}")
    manifest = json.loads(file.read_text(encoding="utf-8"))
    found = _told(run, counted(manifest, rows["base"], rows["tuned"]), say)
    return {"run": run.name, "checkpoint": manifest["checkpoint"], **found, **_of_library(manifest)}


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


def _settled(recipe: Recipe, wanted: Wanted) -> Recipe:
    given = {"templates": wanted.templates, "examples_per_task": wanted.limit, "shots": wanted.shots}
    changes = {key: value for key, value in given.items() if value is not None}
    return recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update=changes)})


def _every(names: Sequence[str], assembly: Assembly) -> tuple[str, ...]:
    """Returns what is judged, each once; `all` is every level that has tasks."""
    found: list[str] = []
    for name in names:
        found += assembly.levels if name == ALL else [name]
    return tuple(dict.fromkeys(found))


def _sets(names: Sequence[str], assembly: Assembly, tuned: Loaded, wanted: Wanted, say: Say) -> list[AskedSet]:
    """Returns the questions of every level and benchmark, and says how many there are."""
    recipe, sets = assembly.recipe, list[AskedSet]()
    for name in (name for name in names if name in LEVELS):
        tasks = assembly.judged(name)
        if not len(tasks):
            known = f"the recipe's levels: {', '.join(assembly.levels) or 'none'}"
            remedy = f"train again, and {HOLD_OUT[name]}"
            raise DataError(f"the recipe has no {name} tasks to ask about", expected=known, remedy=remedy)
        sets.append(level_set(tasks, name, recipe, assembly.formats, assembly.demonstrations, tuned.tokeniser))
    asked = [protocol for name in names if name not in LEVELS for protocol in protocols(name)]
    if asked:
        folder = wanted.data or os.environ.get("DIDACT_DATA")
        found, hub = copies(Path(folder)) if folder else None, hub_answers()
        own = (*assembly.split.unseen, *assembly.split.held_in)
        kinds, room = frozenset(task.kind for task in assembly.split.seen), Room(_positions(tuned, recipe))
        for protocol in dict.fromkeys(asked):
            gathered = gather(protocol, own, found, hub=hub, seed=recipe.seed, shots=wanted.shots)
            say(gathered.line())
            sets.append(benchmark_set(gathered, recipe, tuned.tokeniser, room, kinds, wanted.shots))
    questions = [question for one in sets for question in (*one.written, *one.ranked)]
    num_tasks, num_cut = len({q.unanswered.task for q in questions}), sum(q.num_cut > 0 for q in questions)
    say(f"{len(questions):,} questions on {num_tasks:,} tasks; {num_cut:,} prompts cut to fit")
    for one in sets:
        if short := sum(short_of_shots(question) for question in (*one.written, *one.ranked)):
            say(f"{one.name}: {short:,} of {one.rows():,} prompts have no room for all demonstrations")
        say(_cannot_be_seen(one))
    return sets


def _cannot_be_seen(asked: AskedSet) -> str:
    """Returns the sentence about the smallest difference that a set can show."""
    rows = {(q.unanswered.task, q.unanswered.example) for q in (*asked.written, *asked.ranked)}
    return detectable_line(asked.name, len(rows), len({task for task, _ in rows}))


def _positions(loaded: Loaded, recipe: Recipe) -> int:
    """Returns how many tokens a benchmark's prompt and answer may have: what the base was made for, within reason."""
    config = loaded.model.config
    known = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 0
    return max(recipe.sequence.max_length, min(int(known), MOST_POSITIONS))


def _answers(model: LocalModel, asked: AskedSet, recipe: Recipe, virtual: Sequence[int], done: Callable[[int], None]) -> list[Prediction]:
    """Returns a model's answers to one set: those in writing, then its likeliest choices."""
    batch_tokens = recipe.evaluate.batch_tokens
    written, ranked = ([*without(part, virtual, model.tokeniser)] if virtual else list(part) for part in (asked.written, asked.ranked))
    found: list[Prediction] = []
    if written:
        settings: dict[str, Any] = {"max_new_tokens": asked.max_new_tokens, "batch_tokens": batch_tokens, "stops": asked.stops}
        found += answer(model, written, asked.metrics, done=done, **settings)
    if ranked:
        rows = options.ranked(model, ranked, norm=asked.norm, batch_tokens=batch_tokens, done=done)
        found += [with_metrics(row, asked.metrics) for row in rows]
    return found


def _manifest(run: Run, recipe: Recipe, sets: Sequence[AskedSet], assembly: Assembly, tuned: Loaded) -> dict[str, Any]:
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
        "sets": [described(one, standings(one.tasks, one.name, seen)) for one in sets],
    }


def _told(run: Run, found: dict[str, Any], say: Say) -> dict[str, Any]:
    """Writes the tables beside the rows and says what a person has to know of them."""
    for kind in ("levels", "benchmarks"):
        for name, table in found[kind].items():
            for line in _remarks(table):
                say(line if line.startswith(f"{name}:") else f"{name}: {line}")
            run.save_json(f"scores/{name}.json" if kind == "levels" else f"scores/benchmarks/{name.replace('/', '.')}.json", table)
    for name in ("three_levels", "normalised"):
        if name in found:
            run.save_json(f"scores/{name}.json", found[name])
    for model, average in found.get("normalised", {}).items():
        for line in normalised.lines(average):
            say(f"{model}: {line}")
    return found


def _remarks(table: dict[str, Any]) -> list[str]:
    """Returns what a person has to know of a table; what many tasks have in common is said once."""
    lines = remarks(table)
    unread = [line for line in lines if "give no answer" in line]
    if len(unread) <= MOST_LINES:
        return lines
    said = []
    for model, found in table["extraction"].items():
        every = found["rates"]["all"]
        said.append(f"{every['unparsed']['num'] + every['empty']['num']:,} of {table['num_examples']:,} ({model})")
    together = f"completions of {len(unread)} tasks that give no answer: {', '.join(said)}; they count as wrong"
    return [*(line for line in lines if line not in unread), together]


def _of_library(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns lm-eval's own scores, where it was asked: task, as typed, to model to its metrics."""
    return {"lm_eval": manifest["lm_eval"]} if "lm_eval" in manifest else {}


def load_untuned(run: Run, recipe: Recipe, tokeniser: Tokeniser | None = None) -> Loaded:
    """Returns the model as it was before tuning, asked through the tuned one's tokeniser where there is one."""
    if recipe.model.base == "new":
        return load_checkpoint(run.base)
    section = resolved(recipe.model)
    if section.adapter.kind == "prompt":  # the base knows nothing of the trained prompt's tokens
        section, tokeniser = section.model_copy(update={"adapter": AdapterSection()}), None
    own, new = load_tokeniser(section, recipe.prompts.chat_format, lambda: (), objective_controls(recipe.objective))
    return load_base(section, tokeniser or own, new, positions=recipe.sequence.max_length, seed=recipe.seed)


def local_model(loaded: Loaded, recipe: Recipe) -> LocalModel:
    """Returns a loaded model ready to answer: in its training's precision on a GPU, in float32 on a CPU.

    On a CPU, autocast casts every weight again for every token: measured here, 13 times slower than float32.
    """
    device = pick_device()
    return LocalModel(loaded, device, pick_precision(recipe.train.precision, device) if device.type == "cuda" else "fp32")


def load_tuned(run: Run, say: Say | None = None) -> Loaded:
    """Returns a run's newest model; one whose chat format is not what it was tuned with is refused.

    Args:
        run: A run with a checkpoint.
        say: Hears of torn checkpoints, which are passed over; None: a torn one is an error.
    """
    return load_checkpoint(checkpoint.newest(run.checkpoints, say))

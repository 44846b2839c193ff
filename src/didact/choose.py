"""`objective.prompt_weight: auto`: short runs for each ratio and seed, judged on validation tasks, before the training itself.

Nothing here asks for the tasks that a model is judged by in the end: an assembly's seen and validation tasks are all that is read.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from statistics import fmean

import torch

from didact.assemble import HOLD_OUT, VALIDATION, Assembly
from didact.base.auto_section import AUTO, at_ratio
from didact.base.chance import permutation, seed_of
from didact.base.errors import DataError, RecipeError
from didact.base.recipe import Objective, Recipe
from didact.data.batches import Row, collate, micro_batches, num_targets, steps
from didact.data.stream import TrainingStream, Window
from didact.evals.unseen import Question, answer, questions
from didact.models.bundled import resolved
from didact.models.load import Loaded, adapted, load_base
from didact.models.local import LocalModel
from didact.models.precision import Precision, hold_in_bf16, pick_device, pick_precision
from didact.prompts.render import render
from didact.run import Run
from didact.tasks.set_metrics import over_rows
from didact.tasks.task import TaskSet
from didact.train.choose_weight import Choice, Trial, decide
from didact.train.loop import tune
from didact.train.loss import WeightedLoss, to_device

SCORES = "scores/prompt_weight.json"
"""Where a run keeps what was chosen, and every trial behind it."""
Say = Callable[[str], None]


def chosen_objective(
    recipe: Recipe, assembly: Assembly, num_steps: int, run: Run, say: Say = lambda _: None, *, checkpointing: bool = False
) -> Objective:
    """Returns the recipe's objective; where its prompt weight is `auto`, with the number that is chosen now, or was before in this run.

    Args:
        recipe: The recipe as it was written.
        assembly: Its parts, the forecast made.
        num_steps: Optimiser steps of the training; short runs have no more.
        run: Gets `scores/prompt_weight.json`.
        say: Hears the story.
        checkpointing: Each layer is computed again for the backward pass, as the plan of the training wants it.

    Raises:
        DataError: There are no validation tasks.
        RecipeError: This is one of several processes, and nothing has been chosen before they began.
    """
    if recipe.objective.prompt_weight != AUTO:
        return recipe.objective
    kept = run.folder / SCORES
    if kept.is_file():
        ratio = float(json.loads(kept.read_text(encoding="utf-8"))["ratio"])
        say(f"objective.prompt_weight: λp / λr = {ratio:g}, as chosen before")
        return at_ratio(recipe.objective, ratio)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        what = "objective.prompt_weight auto is chosen in one process, before the others begin"
        raise RecipeError(what, remedy="didact train RECIPE --processes N, or objective.prompt_weight=0.1")
    choice = choose(recipe, assembly, num_steps, run, say, checkpointing=checkpointing)
    for line in choice.lines():
        say(line)
    run.save_json(SCORES, asdict(choice))
    return at_ratio(recipe.objective, choice.ratio)


def check_choice(recipe: Recipe, assembly: Assembly) -> None:
    """Looks whether there is anything to choose by, where the recipe's prompt weight is `auto`.

    Raises:
        DataError: There are no validation tasks.
    """
    if recipe.objective.prompt_weight == AUTO and not len(assembly.judged(VALIDATION)):
        what = "objective.prompt_weight auto chooses on validation tasks, and tasks.hold_out.validation keeps none"
        raise DataError(what, remedy=HOLD_OUT[VALIDATION])


def choose_first(recipe: Recipe, run: Run, say: Say = lambda _: None) -> None:
    """Chooses the prompt weight of a run that several processes will train, where it is `auto`."""
    if recipe.objective.prompt_weight == AUTO:
        assembly = Assembly(recipe, say)
        check_choice(recipe, assembly)
        always = recipe.train.activation_checkpointing == "always"
        chosen_objective(recipe, assembly, assembly.forecast.num_steps, run, say, checkpointing=always)


def choose(
    recipe: Recipe, assembly: Assembly, num_steps: int, run: Run, say: Say = lambda _: None, *, checkpointing: bool = False
) -> Choice:
    """Returns the choice among the recipe's ratios; arguments and errors as of `chosen_objective`."""
    auto = recipe.objective.auto
    check_choice(recipe, assembly)
    tasks = assembly.judged(VALIDATION)
    metric = next(iter(over_rows(recipe.evaluate.metrics)), "rouge_l")
    told, asked = _told(assembly, tasks, auto.examples), _asked(assembly, tasks, auto.examples)
    num_runs = len(auto.ratios) * auto.seeds
    say(f"objective.prompt_weight auto: {num_runs} short runs, judged on {len(tasks)} validation tasks, never on those of the final scores")
    trials = list[Trial]()
    for seed in range(auto.seeds):
        replicate = Replicate(assembly.stream, min(auto.steps, num_steps), recipe.train.batch_tokens, recipe.seed, seed)
        for ratio in sorted(auto.ratios):
            loaded = _short_run(recipe, assembly, replicate, at_ratio(recipe.objective, ratio), run.folder / "choosing", checkpointing)
            trials.append(Trial(ratio, seed, *_judged(loaded, recipe, told, asked, metric)))
            last = trials[-1]
            say(f"  {len(trials)} of {num_runs}: λp / λr {ratio:g}, seed {seed}: {last.nats:.4f} nats, {metric} {last.score:.2f}")
    return decide(trials, recipe.objective.response_weight, metric, [task.name for task in tasks])


class Replicate:
    """The training stream's first rows in an order of a replicate's own, as one window: what the short runs of one seed see.

    Args:
        stream: The recipe's.
        num_steps: Optimiser steps.
        batch_tokens: Tokens of one.
        seed: The recipe's seed.
        number: The replicate.
    """

    def __init__(self, stream: TrainingStream, num_steps: int, batch_tokens: int, seed: int, number: int) -> None:
        rows: list[Row] = []
        made = stream.window(window := 0)
        while made is not None:
            rows += [row for step in made.steps for row in step]
            made = stream.window(window := window + 1) if len(steps(rows, batch_tokens)) < num_steps else None
        order = permutation(len(rows), seed, "replicate", number)
        cut = steps([rows[place] for place in order], batch_tokens)[:num_steps]
        self.max_length, self.num_steps = stream.max_length, len(cut)
        self.seed = seed_of(seed, "replicate", number)
        """First weights and dropout of the replicate."""
        self._window = Window(0, tuple(tuple(step) for step in cut))

    def window(self, number: int) -> Window | None:
        """Returns the one window, or None behind it."""
        return self._window if number == 0 else None


def _short_run(recipe: Recipe, assembly: Assembly, replicate: Replicate, objective: Objective, folder: Path, checkpointing: bool) -> Loaded:
    """Returns the model after a replicate's steps; nothing of it stays on the disk."""
    section = resolved(recipe.model)
    loaded = load_base(section, assembly.tokeniser, assembly.new_controls, positions=recipe.sequence.max_length, seed=replicate.seed)
    loaded = adapted(loaded, section, replicate.seed)
    if recipe.train.precision == "bf16_weights":
        hold_in_bf16(loaded.model)
    never = replicate.num_steps + 1
    settings = recipe.train.model_copy(update={"checkpoint_every": never, "checkpoint_minutes": None, "log_every": never, "trackers": ()})
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tune(
            loaded,
            replicate,  # type: ignore[arg-type]  # of a stream, the loop asks for windows and their longest row
            replicate.num_steps,
            objective=objective,
            settings=settings,
            packed=recipe.sequence.pack,
            seed=replicate.seed,
            folder=folder,
            checkpointing=checkpointing,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return loaded


def _told(assembly: Assembly, tasks: TaskSet, limit: int) -> dict[str, list[Row]]:
    """Returns the first rows of each task with their responses, worded as they are when judged, as tokens.

    Raises:
        DataError: None of them fits.
    """
    recipe, told = assembly.recipe, dict[str, list[Row]]()
    longest = recipe.sequence.max_length
    for task in tasks:
        said = [
            render(
                task,
                example,
                assembly.format_of_record(task, example),
                seed=recipe.seed,
                count_tokens=assembly.tokeniser.count,
                max_prompt_length=min(recipe.prompts.max_prompt_length, longest),
                max_length=longest,
            )
            for example in islice(task.examples, limit)
        ]
        rows: list[Row] = [(example,) for example in assembly.tokeniser.tokenise(said, longest) if example is not None]
        if rows:
            told[task.name] = rows
    if not told:
        raise DataError("no row of the validation tasks fits into a row", remedy="sequence.max_length=... (larger)")
    return told


def _asked(assembly: Assembly, tasks: TaskSet, limit: int) -> list[Question]:
    recipe = assembly.recipe
    room = recipe.sequence.max_length - recipe.evaluate.max_new_tokens
    return questions(
        tasks,
        VALIDATION,
        assembly.format_of_record,
        assembly.tokeniser,
        limit=min(limit, recipe.evaluate.examples_per_task),
        max_length=room,
        max_prompt_length=min(recipe.prompts.max_prompt_length, room),
        seed=recipe.seed,
    )


def _judged(
    loaded: Loaded, recipe: Recipe, told: Mapping[str, Sequence[Row]], asked: Sequence[Question], metric: str
) -> tuple[float, float]:
    """Returns mean nats per response token and mean score, every task counting the same."""
    device = pick_device()
    precision = pick_precision(recipe.train.precision, device)
    nats = response_nats(loaded, told, precision, recipe.train.micro_batch_tokens)
    model = LocalModel(loaded, device, precision if device.type == "cuda" else "fp32")
    section = recipe.evaluate
    answers = answer(model, asked, (metric,), max_new_tokens=section.max_new_tokens, batch_tokens=section.batch_tokens)
    scores: dict[str, list[float]] = {}
    for row in answers:
        scores.setdefault(row.task, []).append(row.scores[metric])
    return fmean(nats.values()), fmean(map(fmean, scores.values()))


@torch.no_grad()
def response_nats(loaded: Loaded, told: Mapping[str, Sequence[Row]], precision: Precision, most_tokens: int) -> dict[str, float]:
    """Returns the mean nats per response token of each task's rows, whatever the weights a model was tuned with.

    Args:
        loaded: The model.
        told: Task to rows.
        precision: In which precision to multiply.
        most_tokens: Most tokens in one forward pass.
    """
    plain = Objective()
    loss_of = WeightedLoss(loaded.model.eval(), precision)
    device, pad_id = loaded.model.device, loaded.tokeniser.tokenizer.pad_token_id

    def sums(rows: Sequence[Row]) -> Iterator[float]:
        for micro in micro_batches(rows, most_tokens)[0]:
            yield float(loss_of(to_device(collate(micro, plain, pad_id, loaded.start_id), device)))

    return {task: sum(sums(rows)) / max(num_targets(rows, plain), 1) for task, rows in told.items()}

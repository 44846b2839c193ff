"""What a recipe and a run are for: check, train, and, in `judging`, evaluate. Nothing here prints; callers hear the story through `say`."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from didact.assemble import Assembly
from didact.base.config import about
from didact.base.errors import UnreachableError
from didact.base.files import write_jsonl
from didact.base.recipe import Recipe
from didact.choose import Say, check_choice, chosen_objective
from didact.data.batches import Row
from didact.data.problem_examples import ProblemExample
from didact.data.stream import Forecast
from didact.judging import evaluate as evaluate
from didact.models.bundled import resolved
from didact.models.load import Loaded, adapted, check_fit, load_base, save
from didact.models.plan import Plan
from didact.models.precision import hold_in_bf16, machine, pick_device, pick_precision
from didact.models.speed import peak_flops
from didact.questions import ALL as ALL
from didact.run import SUMMARY, Run, environment
from didact.run_models import load_tuned as load_tuned
from didact.run_models import load_untuned as load_untuned
from didact.run_models import local_model as local_model
from didact.train.forecast import Pace, elsewhere, foresee, lines_of, trained_on
from didact.train.loop import Step, tune
from didact.train.probe import probe
from didact.unread import say_most


@dataclass(frozen=True)
class Checked:
    """What `check` found: everything that can fail has not."""

    num_steps: int
    """Optimiser steps that training will take."""
    num_tokens: int
    """Tokens that were made and looked at; `train.max_steps` may end training before the last of them."""
    mixture: str
    """What is drawn from each task, as a tree."""
    audit: dict[str, Any]
    """What is trained on, and whether all of it is there."""
    leaks: dict[str, Any]
    """The overlap between seen and unseen."""
    reading: list[dict[str, Any]]
    """What became of the rows of each source."""
    plan: dict[str, Any]
    """Memory by part, FLOPs, and the share of the base's pre-training."""
    machines: list[dict[str, Any]] = field(default_factory=list)
    """Whether it fits on each of the machines that were asked about, and what to change where it does not."""
    tokens_per_second: float | None = None
    """How fast training goes: what a probe found, or what was given."""


def check(
    recipe: Recipe,
    say: Say = lambda _: None,
    *,
    tokens_per_second: float | None = None,
    price_per_hour: float | None = None,
    machines: Sequence[str] = (),
    probes: bool = False,
    show: Callable[[ProblemExample], None] = lambda _: None,
) -> Checked:
    """Does everything that can fail before training costs: reads, splits, looks for leaks, words, tokenises, audits and plans.

    Args:
        recipe: What to do.
        say: Hears the story.
        tokens_per_second: How fast training goes, for an estimate of its hours; None: nothing is said of them.
        price_per_hour: What the machine costs, for one of the money.
        machines: Others to plan for, for example 1x24GB, cpu, 8x80GB; then a plan that does not fit here is no error.
        probes: Train a few steps, of which nothing is kept, and tell the hours from them.
        show: Sees one example of each kind of problem that the audit finds.

    Raises:
        UnreachableError: The rows are elsewhere, and nothing answers there; what the recipe takes at most was said before.
        DidactError: The first thing that is wrong, with where it is and what to type.
    """
    assembly = Assembly(recipe, say, show=show)
    check_choice(recipe, assembly)
    recipe = assembly.recipe
    try:
        forecast = _looked_ahead(assembly)
    except UnreachableError:
        say_most(assembly, say, machines, tokens_per_second, price_per_hour)
        raise
    tokenizer = assembly.tokeniser.tokenizer
    plan = foresee(recipe, tokenizer, trained_on(recipe, forecast), _first_steps(assembly), refuse=not machines or probes)
    fits = elsewhere(recipe, tokenizer, plan, machines)
    if probes:
        probed = probe(_fresh(assembly), _first_steps(assembly), recipe, checkpointing=plan.wanted.checkpointing)
        tokens_per_second = probed.tokens_per_second
        say(f"probe: {probed.num_steps} steps, {tokens_per_second:,.0f} tokens/s")
    for line in lines_of(plan, fits, tokens_per_second, price_per_hour):
        say(line)
    return Checked(
        num_steps=forecast.num_steps,
        num_tokens=forecast.tokens.num_tokens,
        mixture=assembly.mixture.tree(recipe.train.epochs),
        audit=assembly.audit,
        leaks=assembly.leaks.to_dict(),
        reading=_reading(assembly),
        plan=plan.to_dict(),
        machines=[found.to_dict() for found in fits],
        tokens_per_second=tokens_per_second,
    )


def _first_steps(assembly: Assembly) -> Sequence[Sequence[Row]]:
    """Returns the optimiser steps of the first window: what the largest batches look like."""
    window = assembly.stream.window(0)
    return window.steps if window is not None else ()


def _fresh(assembly: Assembly) -> Loaded:
    """Returns the recipe's model as a run begins with it."""
    recipe = assembly.recipe
    section, positions = resolved(recipe.model), recipe.sequence.max_length
    loaded = load_base(section, assembly.tokeniser, assembly.new_controls, positions=positions, seed=recipe.seed)
    return adapted(loaded, section, recipe.seed)


def _looked_ahead(assembly: Assembly) -> Forecast:
    """Returns the forecast, what fails fast first: names, headers and hold-outs, the model's card, then every row."""
    recipe, _ = assembly.recipe, assembly.split
    with about("model.base"):
        check_fit(resolved(recipe.model), recipe.objective.kind, recipe.sequence.max_length)
    forecast = assembly.forecast
    assembly.check_judging()
    return forecast


def train(
    recipe: Recipe, run: Run, *, resume: bool = False, say: Say = lambda _: None, on_step: Callable[[Step], None] = lambda _: None
) -> dict[str, Any]:
    """Trains a recipe into a run and returns its summary.

    Args:
        recipe: What to do.
        run: The run's folder, from `create_run` or `unfinished_run`.
        resume: Continue from the run's newest checkpoint.
        say: Hears the story.
        on_step: Hears every step.

    Raises:
        DidactError: As `check`.
    """
    loaded = load_tuned(run, lambda _: None) if resume else None  # `tune` tells of torn checkpoints
    assembly = Assembly(recipe, say, loaded.tokeniser if loaded else None)
    check_choice(recipe, assembly)
    forecast = _looked_ahead(assembly)
    main = os.environ.get("RANK", "0") == "0"
    held = sum(parameter.nbytes for parameter in loaded.model.parameters()) if loaded and pick_device().type == "cpu" else 0
    trained = trained_on(assembly.recipe, forecast)
    plan = foresee(assembly.recipe, assembly.tokeniser.tokenizer, trained, _first_steps(assembly), held=held)
    if loaded is None:
        loaded = _fresh(assembly)
        if main:
            _describe(run, assembly, loaded, plan)
    if recipe.train.precision == "bf16_weights":
        hold_in_bf16(loaded.model)
    tokens = "" if recipe.train.max_steps else f", {forecast.tokens.num_tokens:,} tokens"
    of_them = f", {loaded.num_trained:,} of them trained" if loaded.adapter else ""
    say(f"model: {loaded.num_parameters / 1e6:.1f} M parameters{of_them}; {forecast.num_steps:,} steps{tokens}")
    for line in plan.lines():
        say(line)
    device = pick_device()
    peak = peak_flops(device, pick_precision(recipe.train.precision, device))
    summary = tune(
        loaded,
        assembly.stream,
        forecast.num_steps,
        objective=chosen_objective(recipe, assembly, forecast.num_steps, run, say, checkpointing=plan.wanted.checkpointing),
        settings=recipe.train,
        packed=recipe.sequence.pack,
        seed=recipe.seed,
        folder=run.folder,
        resume=resume,
        on_step=Pace(plan, peak, say, on_step),
        say=say,
        checkpointing=plan.wanted.checkpointing,
        flops_per_token=plan.flops_per_token.total,
        peak=peak,
    )
    result = {"run": run.name, **asdict(summary), "flops": plan.flops_per_token.total * summary.num_tokens}
    if main:
        run.save_json(SUMMARY, result)
    return result


def _describe(run: Run, assembly: Assembly, loaded: Loaded, plan: Plan) -> None:
    """Writes everything about a run that is known before its first step."""
    recipe = assembly.recipe
    run.save_text("mixture.txt", assembly.mixture.tree(recipe.train.epochs))
    run.save_json("leaks.json", assembly.leaks.to_dict())
    run.save_json("reading.json", _reading(assembly))
    run.save_json("audit.json", assembly.audit)
    extra = {
        "machine": machine(),
        "num_parameters": loaded.num_parameters,
        "num_trained": loaded.num_trained,
        "seed": recipe.seed,
        "mixture_fingerprint": assembly.mixture.fingerprint,
        "plan": plan.to_dict(),
    }
    run.save_json("environment.json", environment(extra))
    write_jsonl(run.folder / "samples" / "trained.jsonl", assembly.stream.conversations(0, most=20))
    if recipe.model.base == "new":
        temporary = run.folder / ".base.tmp"
        save(loaded, temporary)
        shutil.rmtree(run.base, ignore_errors=True)
        temporary.replace(run.base)


def _reading(assembly: Assembly) -> list[dict[str, Any]]:
    return [
        {
            "source": r.source,
            "num_read": r.num_read,
            "num_kept": r.num_kept,
            "dropped": dict(r.dropped),
            "absent": r.absent,
            "refused": [asdict(x) for x in r.refusals[:50]],
        }
        for r in assembly.tasks.reports
    ]

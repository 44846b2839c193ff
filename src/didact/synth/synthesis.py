"""A synthesis from its recipe: method, teacher, log, filters, files; what was answered once is never asked again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from didact.base.config import about
from didact.base.errors import RunError
from didact.base.files import fingerprint, write_json, write_text
from didact.base.strict_yaml import Location
from didact.base.synth_file import RESOLVED
from didact.base.synth_section import Preflight, SynthRecipe
from didact.synth.backend import Backend
from didact.synth.batch_journal import JOURNAL, BatchJournal
from didact.synth.batches import Batches
from didact.synth.card import Card, card
from didact.synth.card_text import account_line, cost_line, write_card
from didact.synth.engine import run_program
from didact.synth.filters import apply_filters, filter_named
from didact.synth.job import Job
from didact.synth.limits import Limits
from didact.synth.methods import METHODS
from didact.synth.outcome import Outcome
from didact.synth.output import DROPPED, MESSAGES, write_outcome
from didact.synth.preflight import forecast, forecast_lines
from didact.synth.progress import Progress
from didact.synth.remote import Remote
from didact.synth.request_log import RequestLog
from didact.synth.seeds import load_seeds
from didact.synth.source import source_rows
from didact.synth.tally import Tally, counted
from didact.synth.teachers import backend_of

LOG, PREFLIGHT = "log.jsonl", "preflight"
DUE = 5
"""A preflight is made when so many times its rows are wanted."""


@dataclass(frozen=True)
class Made:
    """What a synthesis ended in."""

    folder: Path
    """Where its files are."""
    outcome: Outcome
    """What was made."""
    card: Card
    """What kind of data they are."""
    progress: Progress
    """What was sent in this start, and what the log had."""

    def summary(self) -> dict[str, Any]:
        """Returns the account for programs: in = kept + dropped (by reason) + failed (by reason), and what it cost."""
        costs = {key: self.card[key] for key in ("num_requests", "prompt_tokens", "completion_tokens", "cost")}
        sent = {key: getattr(self.progress, key) for key in ("num_sent", "num_replayed", "num_retried")}
        return {"folder": str(self.folder), "messages": str(self.folder / MESSAGES), **self.outcome.counts(), **costs, **sent}


def synthesise(
    recipe: SynthRecipe,
    folder: Path,
    *,
    only_preflight: bool = False,
    lines: Mapping[Location, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Made | dict[str, Any]:
    """Makes what a recipe asks for and writes it; returns what was made.

    The folder's log answers whatever it can: an interrupted run goes on, and one with other filters or a better parser costs nothing.

    Args:
        recipe: What to make.
        folder: For the log, messages.jsonl, dropped.jsonl and the card.
        only_preflight: Stop behind the small beginning, and return its forecast.
        lines: Where the recipe's keys were written, for messages.
        say: Hears the story.
        on_progress: Hears how far it is, a few times a second.

    Raises:
        RecipeError: A name or a setting is wrong; nothing has been asked.
        RunError: Nothing comes of the preflight, a limit is reached, or nothing moves.
    """
    work = _prepared(recipe, lines or {}, on_progress)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / RESOLVED, recipe.to_yaml())
    with RequestLog(folder / LOG, retry_failed=True) as log:
        if log.num_torn:
            say(f"log: {log.num_torn} torn line at its end cut off; what it held is asked again")
        if len(log):
            say(f"log: {len(log):,} requests have been answered before and are not sent again")
        if only_preflight or 0 < recipe.preflight.num_rows * DUE <= recipe.num_rows:
            told = _preflight(work, log, folder, say)
            if only_preflight:
                return told
        made = _whole(work, log, folder, say)
    write_outcome(folder, made.outcome)
    write_card(folder, made.card)
    say(account_line(made.outcome.counts()))
    say(f"{cost_line(made.card)}; {made.progress.num_sent:,} sent now, {made.progress.num_replayed:,} from the log")
    return made


@dataclass
class _Work:
    """What does not change between the preflight and the whole."""

    recipe: SynthRecipe
    job: Job
    backend: Backend
    limits: Limits
    filters: list[str | tuple[str, Mapping[str, Any]]]
    on_progress: Callable[[Progress], None]

    def run(self, log: RequestLog, num_rows: int, folder: Path) -> Made:
        """Returns what comes of so many rows, filtered."""
        recipe, heard = self.recipe, Progress()

        def hear(progress: Progress) -> None:
            nonlocal heard
            heard = progress
            self.on_progress(progress)

        tally = Tally(recipe.limits.price_in, recipe.limits.price_out, recipe.limits.price_batch)
        program = counted(METHODS[recipe.method](replace(self.job, num_rows=num_rows)), tally)
        outcome = run_program(program, self.backend, log, self.limits, on_progress=hear, seed=recipe.seed)
        seeds = [seed.instruction for seed in self.job.seeds]
        kept, dropped = apply_filters(outcome.rows, self.filters, seeds)
        outcome = replace(outcome, rows=tuple(kept), dropped=(*outcome.dropped, *dropped))
        return Made(folder, outcome, card(outcome, tally, seeds, _about(recipe)), heard)


def _prepared(recipe: SynthRecipe, lines: Mapping[Location, str], on_progress: Callable[[Progress], None]) -> _Work:
    """Returns the work, everything that a recipe names looked up and read: nothing has been asked so far."""
    with about("method"):
        METHODS[recipe.method]
    filters = list[str | tuple[str, Mapping[str, Any]]]()
    for number, one in enumerate(recipe.filters):
        name, settings = (one, {}) if isinstance(one, str) else next(iter(one.items()))
        with about(f"filters[{number}]"):
            filter_named(name, settings, ())
        filters.append((name, settings) if settings else name)
    with about("seeds"):
        seeds = load_seeds(Path(recipe.seeds) if recipe.seeds else None)
    with about("source"):
        examples = source_rows(recipe.source) if recipe.source else []
    with about("teacher"):
        backend = backend_of(recipe.teacher, recipe.seed)
    own = {location[1:]: place for location, place in lines.items() if location[:1] == ("settings",)}
    job = Job(recipe.seed, recipe.num_rows, recipe.strict, recipe.settings, seeds, examples, own)
    return _Work(recipe, job, backend, Limits(**recipe.limits.model_dump()), filters, on_progress)


def _whole(work: _Work, log: RequestLog, folder: Path, say: Callable[[str], None]) -> Made:
    """Makes all rows, by batches where the recipe wants that."""
    teacher, num_rows = work.recipe.teacher, work.recipe.num_rows
    if not (teacher.batch and isinstance(work.backend, Remote)):
        return work.run(log, num_rows, folder)
    with BatchJournal(folder / JOURNAL) as journal:
        batches = Batches(work.backend, journal, say=say, poll_s=teacher.poll_s, patience_s=work.limits.stall_s)
        return replace(work, backend=batches, limits=work.limits.for_batches()).run(log, num_rows, folder)


def _preflight(work: _Work, log: RequestLog, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Makes the small beginning, tells what the whole will take, and stops where too little comes of it."""
    recipe, began = work.recipe, monotonic()
    num_rows = min(recipe.preflight.num_rows or Preflight().num_rows, recipe.num_rows)
    batch = recipe.limits.price_batch if recipe.teacher.batch and recipe.teacher.backend == "endpoint" else None
    if batch is not None:
        say("preflight: by ordinary requests, as a batch may take a day")
    made = work.run(log, num_rows, folder / PREFLIGHT)
    fresh = not made.progress.num_replayed
    told = forecast(made.card, num_rows, recipe.num_rows, monotonic() - began, fresh=fresh, price_batch=batch)
    write_outcome(made.folder, made.outcome)
    write_json(made.folder / "preflight.json", told)
    for line in forecast_lines(told):
        say(line)
    if told["yield"] < recipe.preflight.least_yield:
        raise RunError(
            f"of {told['counts']['num_in']:,} rows {told['counts']['num_kept']:,} are kept: too few to go on",
            where=f"preflight of {num_rows:,} rows, {made.folder / DROPPED}",
            expected=f"a yield of at least {recipe.preflight.least_yield:g} (preflight.least_yield)",
            remedy="look at that file; then another teacher, other settings or filters, or preflight.least_yield=0",
        )
    return told


def _about(recipe: SynthRecipe) -> dict[str, Any]:
    """Returns what the card tells of the recipe."""
    teacher = recipe.teacher
    names = [one if isinstance(one, str) else next(iter(one)) for one in recipe.filters]
    is_fake = teacher.backend == "fake"  # it may be named over another teacher's recipe
    return {
        "name": recipe.name,
        "method": recipe.method,
        "strict": recipe.strict,
        "seed": recipe.seed,
        "teacher": f"a fake, script {teacher.script}: no model wrote these rows"
        if is_fake
        else " ".join(part for part in (teacher.backend, teacher.model, teacher.revision or "") if part),
        "url": "" if is_fake else teacher.url,
        "filters": ", ".join(names),
        "recipe": fingerprint(recipe.model_dump(mode="json")),
    }

"""The questions of an evaluation: those of the recipe's levels and of benchmarks, whatever of them is to be had."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.assemble import HOLD_OUT, JUDGED, VALIDATION, Assembly
from didact.base.errors import DataError
from didact.base.recipe import Recipe
from didact.evals.asking import AskedSet, Room, benchmark_set, level_set, short_of_shots
from didact.evals.copies import copies
from didact.evals.detectable import detectable_line
from didact.evals.gather import Gathered, gather, hub_answers, to_be_had
from didact.evals.judged_levels import spelled_out
from didact.evals.protocols import PROTOCOLS, STAND_INS, Protocol, protocols
from didact.models.load import Loaded

Say = Callable[[str], None]
ALL = "all"
"""Stands for every level that has tasks."""
LEVELS = (*JUDGED, VALIDATION)
"""What can be judged besides benchmarks."""
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
    posix: bool | None = None


@dataclass(frozen=True)
class Questions:
    """All that is asked, and what is not."""

    sets: tuple[AskedSet, ...]
    absent: Mapping[str, str]
    """Benchmark of a collection, such as `flan`, to the reason why it is not asked."""


def settled(recipe: Recipe, wanted: Wanted) -> Recipe:
    """Returns the recipe with what a user asks for in place of what it says."""
    given = {"templates": wanted.templates, "examples_per_task": wanted.limit, "shots": wanted.shots, "posix": wanted.posix}
    changes = {key: value for key, value in given.items() if value is not None}
    return recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update=changes)})


def every(names: Sequence[str], assembly: Assembly) -> tuple[str, ...]:
    """Returns what is judged, each once; `all` is every level that has tasks, `unseen` every unseen one.

    Raises:
        DataError: Nothing is.
    """
    found: list[str] = []
    for name in names:
        found += assembly.levels if name == ALL else spelled_out(name, assembly.levels)
    if not found:
        raise DataError("the recipe has no tasks to ask about", remedy=f"train again, and {HOLD_OUT['unseen']}")
    return tuple(dict.fromkeys(found))


def questions(names: Sequence[str], assembly: Assembly, tuned: Loaded, wanted: Wanted, say: Say = lambda _: None) -> Questions:
    """Returns the questions of every level and benchmark, and says how many there are.

    Args:
        names: Levels and benchmarks.
        assembly: The recipe's parts, with what the user wants in it.
        tuned: The tuned model: its tokeniser words the prompts, its length bounds them.
        wanted: Where copies of benchmarks are, and how many demonstrations are shown.
        say: Hears the story.

    Raises:
        DataError: A level has no tasks, or nothing at all of a name is to be had.
    """
    recipe, sets = assembly.recipe, list[AskedSet]()
    for name in (name for name in names if name in LEVELS):
        tasks = assembly.judged(name)
        if not len(tasks):
            known = f"the recipe's levels: {', '.join(assembly.levels) or 'none'}"
            raise DataError(f"the recipe has no {name} tasks to ask about", expected=known, remedy=f"train again, and {HOLD_OUT[name]}")
        sets.append(level_set(tasks, name, recipe, assembly.formats, assembly.demonstrations, tuned.tokeniser))
    gathered, absent = _gathered([name for name in names if name not in LEVELS], assembly, wanted, say)
    kinds, room = frozenset(task.kind for task in assembly.split.seen) if gathered else frozenset(), Room(positions(tuned, recipe))
    sets += [benchmark_set(one, recipe, tuned.tokeniser, room, kinds, wanted.shots) for one in gathered]
    if sets:
        _tell(sets, say)
    return Questions(tuple(sets), absent)


def _gathered(names: Sequence[str], assembly: Assembly, wanted: Wanted, say: Say) -> tuple[list[Gathered], dict[str, str]]:
    """Returns the tasks of every protocol that can be asked, and why the others cannot.

    Raises:
        DataError: Nothing at all of a name is to be had.
    """
    found, absent = dict[Protocol, Gathered](), dict[str, str]()
    if not names:
        return [], {}
    folder = wanted.data or os.environ.get("DIDACT_DATA")
    there, hub = copies(Path(folder)) if folder else None, hub_answers()
    own = (*assembly.split.unseen, *assembly.split.held_in)
    for name in names:
        slip: DataError | None = None
        for protocol in protocols(name):
            if protocol in found or protocol.name in absent:
                continue
            try:
                found[protocol] = gather(protocol, own, there, hub=hub, seed=assembly.recipe.seed, shots=wanted.shots)
                say(found[protocol].line())
            except DataError as error:
                slip, absent[protocol.name] = error, error.what.partition(": ")[2] or error.what
                say(f"{protocol.name}: not to be had: {absent[protocol.name]}")
                other = STAND_INS.get(protocol.name)
                if other and to_be_had(PROTOCOLS[other], there, hub):
                    say(f"{protocol.name}: {other} asks alike and is to be had: --on {other}; it counts in no normalised average")
        if slip is not None and not any(protocol in found for protocol in protocols(name)):
            raise slip
    return list(found.values()), absent


def _tell(sets: Sequence[AskedSet], say: Say) -> None:
    asked = [question for one in sets for question in (*one.written, *one.ranked)]
    num_tasks, num_cut = len({q.unanswered.task for q in asked}), sum(q.num_cut > 0 for q in asked)
    say(f"{len(asked):,} questions on {num_tasks:,} tasks; {num_cut:,} prompts cut to fit")
    for one in sets:
        mine = (*one.written, *one.ranked)
        if short := sum(map(short_of_shots, mine)):
            say(f"{one.name}: {short:,} of {one.rows():,} prompts have no room for all demonstrations")
        rows = {(q.unanswered.task, q.unanswered.example) for q in mine}
        say(detectable_line(one.name, len(rows), len({task for task, _ in rows})))


def positions(loaded: Loaded, recipe: Recipe) -> int:
    """Returns how many tokens a question that is not the recipe's and its answer may have: what the base was made for, within reason."""
    config = loaded.model.config
    known = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 0
    return max(recipe.sequence.max_length, min(int(known), MOST_POSITIONS))

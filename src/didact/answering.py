"""Answering question sets: a run's base and tuned model, or an exported one, answer what has no right answer; others judge it."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.base.files import write_json
from didact.choose import Say
from didact.data.tokens import Tokeniser
from didact.evals.answer_files import ABOUT, counts, write_answers
from didact.evals.asking import Room
from didact.evals.copies import copies
from didact.evals.in_turns import Manner, Steer, answered
from didact.evals.kept import forget, forget_others
from didact.evals.question_sets import QuestionSet, first, question_set
from didact.evals.user_instructions import Item
from didact.models.answer_log import AnswerLog
from didact.models.load import Loaded, load_checkpoint
from didact.models.local import LocalModel, Steering
from didact.models.model_print import model_print
from didact.models.precision import pick_device, pick_precision
from didact.models.pretrained import positions_of
from didact.questions import MOST_POSITIONS, positions
from didact.run import Run
from didact.run_models import load_tuned, load_untuned, local_model
from didact.synth.ask import Sampling
from didact.synth.draws import Draws

FASTCHAT = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}
"""The temperature of each category of MT-Bench; of all others 0.7. Source: lm-sys/FastChat, fastchat/llm_judge/common.py."""
KEPT = "kept"
"""The folder of what was answered, as it came: a file for each model, named after what the model is recognised by."""


@dataclass(frozen=True)
class Wanted:
    """What is asked, and how it is answered."""

    on: tuple[str, ...]
    """Question sets by name, or files of questions."""
    data: str | None = None
    """A folder with copies of the sets; None: that of `DIDACT_DATA`."""
    out: Path | None = None
    """Where answers are written; None: the run's `answers`."""
    only: str = ""
    """base or tuned; empty: both."""
    max_new_tokens: int = 1024
    """An answer is cut after so many tokens, or after half of what the model sees."""
    temperature: float | None = 0.0
    """0: the likeliest token each time; None: as FastChat asks, by category."""
    seed: int = 0
    """What is drawn is drawn from it, from the question and its turn."""
    limit: int | None = None
    """The first so many questions of each set; None: all."""
    fresh: bool = False
    """Forget what was answered before."""


@dataclass(frozen=True)
class Answerer:
    """A model that answers."""

    name: str
    """What its files are called."""
    title: str
    """What it is called in them."""
    model: LocalModel
    state: str
    """What it is recognised by."""
    length: int
    """Tokens that it sees at once."""
    without: tuple[int, ...] = ()
    """Tokens that it has never been given."""


def answer(
    run: Run, wanted: Wanted, *, say: Say = lambda _: None, on_rows: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Asks a run's base and tuned model the questions of sets, writes their answers to files, and returns what became of them.

    Args:
        run: A run with a checkpoint.
        wanted: What is asked, and how.
        say: Hears the story.
        on_rows: Hears (model, turns in all, how many more it has answered).

    Returns:
        `model`, `folder`, and for each set its file of questions, its files of answers, and of each model: `num_asked` turns =
        `num_answered` + `num_empty` + `num_cut`; `num_shortened`: turns whose question was cut to fit; `num_kept`: turns
        that had been answered before; `mean_characters` of an answer.

    Raises:
        DidactError: A set is not to be had, or a model cannot answer.
    """
    sets = _sets(wanted, say)
    return _answers(run.name, _of_run(run, wanted, say), sets, wanted.out or run.folder / "answers", wanted, say, on_rows)


def answer_exported(
    folder: Path, wanted: Wanted, *, say: Say = lambda _: None, on_rows: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Does what `answer` does with one exported model, or a checkpoint."""
    sets, name = _sets(wanted, say), folder.resolve().name
    return _answers(name, _of_folder(folder, name), sets, wanted.out or Path("answers") / name, wanted, say, on_rows)


def _sets(wanted: Wanted, say: Say) -> list[QuestionSet]:
    """Returns the question sets that are asked for; one that is not to be had is an error before a model is loaded."""
    folder = wanted.data or os.environ.get("DIDACT_DATA")
    there = copies(Path(folder)) if folder else None
    sets = [first(question_set(name, there, fetches=True), wanted.limit) for name in dict.fromkeys(wanted.on)]
    for one in sets:
        num_turns = sum(len(item.turns) for item in one.items)
        more = f", {num_turns:,} turns" if num_turns > len(one.items) else ""
        say(f"{one.name}: {len(one.items):,} questions{more} from {one.where}")
    return sets


def _of_run(run: Run, wanted: Wanted, say: Say) -> Iterator[Answerer]:
    recipe = run.recipe()
    tuned = load_tuned(run, say)

    def each() -> Iterator[Answerer]:
        if wanted.only != "tuned":
            base, unknown = load_untuned(run, recipe, tuned.tokeniser), tuple(tuned.adapter.virtual) if tuned.adapter else ()
            yield _answerer("base", f"{run.name} base", base, local_model(base, recipe), positions(base, recipe), unknown)
        if wanted.only != "base":
            yield _answerer("tuned", f"{run.name} tuned", tuned, local_model(tuned, recipe), positions(tuned, recipe))

    return each()


def _of_folder(folder: Path, name: str) -> Iterator[Answerer]:
    loaded, device = load_checkpoint(folder), pick_device()
    model = LocalModel(loaded, device, pick_precision("auto", device) if device.type == "cuda" else "fp32")
    return iter([_answerer(name, name, loaded, model, min(positions_of(loaded.model.config) or MOST_POSITIONS, MOST_POSITIONS))])


def _answerer(name: str, title: str, loaded: Loaded, model: LocalModel, length: int, without: tuple[int, ...] = ()) -> Answerer:
    return Answerer(name, title, model, model_print(loaded, model.precision), length, without)


def _answers(
    name: str,
    answerers: Iterator[Answerer],
    sets: Sequence[QuestionSet],
    folder: Path,
    wanted: Wanted,
    say: Say,
    on_rows: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Has every model answer every set; a set's files are written as soon as the model has answered it."""
    total = sum(len(item.turns) for one in sets for item in one.items)
    told: dict[str, Any] = {
        one.name: {"model": name, "questions": one.where, "num_questions": len(one.items), "files": {}, "models": {}} for one in sets
    }
    for one in sets:
        if (before := _about(folder / one.name)) and before["model"] != name:
            what = f"{folder / one.name} holds answers of {before['model']}"
            raise DataError(what, expected="a folder of its own for each run", remedy=f"--out {folder}_2")
    used = list[Path]()
    if wanted.fresh:
        forget(folder / KEPT)
    for who in answerers:
        room = Room(who.length).answer(wanted.max_new_tokens)
        if room < wanted.max_new_tokens:
            say(f"{who.name}: it sees {who.length:,} tokens at once, so answers are cut after {room:,}")
        steer = drawing(who.model.tokeniser, wanted.temperature, wanted.seed)
        manner = Manner(who.length, room, steer=steer, drawn="" if steer is None else f"{wanted.temperature} {wanted.seed}")
        used.append(folder / KEPT / f"{who.name}_{who.state}.jsonl")
        with AnswerLog(used[-1]) as who.model.answers:
            if who.model.answers.num_torn:
                say(f"{who.name}: a torn line at the end of {used[-1].name} is cut off; what it held is asked again")
            if len(who.model.answers):
                say(f"{who.name}: {len(who.model.answers):,} answers are there already; what is among them is not asked again")
            for asked in sets:
                said, num_known = answered(who.model, asked.items, manner, without=who.without, done=partial(on_rows, who.name, total))
                found = {**counts(said), "num_kept": num_known}
                path = write_answers(folder / asked.name, who.name, who.title, asked, said, used[-1].stat().st_mtime)
                temperature = "fastchat" if wanted.temperature is None else wanted.temperature
                told[asked.name]["files"][who.name] = str(path)
                told[asked.name]["models"][who.name] = {**found, "max_new_tokens": room, "temperature": temperature}
                _write_about(folder / asked.name, told[asked.name])
    if not wanted.only:
        forget_others(folder / KEPT, used)
    return {"model": name, "folder": str(folder), "sets": told}


def _about(folder: Path) -> dict[str, Any]:
    """Returns what is known of the answers in a set's folder; nothing where there are none."""
    path = folder / ABOUT
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _write_about(folder: Path, about: dict[str, Any]) -> None:
    """Writes what is known of the answers in a set's folder; what an earlier command said of the other model stays."""
    before = _about(folder)
    merged = {key: {**before.get(key, {}), **value} if isinstance(value, dict) else value for key, value in about.items()}
    write_json(folder / ABOUT, merged)


def drawing(tokeniser: Tokeniser, temperature: float | None, seed: int) -> Steer | None:
    """Returns what draws tokens at a temperature, each answer from its own chance; None where the likeliest is taken.

    Args:
        tokeniser: The model's.
        temperature: Of all answers; None: by category, as FastChat asks.
        seed: What is drawn from, with the question and its turn.
    """
    if temperature == 0:
        return None

    def steer(items: Sequence[Item], turn: int) -> Callable[[Sequence[int]], Steering]:
        heat = [FASTCHAT.get(item.category, 0.7) if temperature is None else temperature for item in items]

        def of_batch(batch: Sequence[int]) -> Steering:
            chances = [generator(seed, "answer", items[number].id, turn) for number in batch]
            return Draws([Sampling(temperature=heat[number]) for number in batch], chances, tokeniser.decode)

        return of_batch

    return steer

"""Probes: a classification or regression head on an encoder, fine-tuned on GLUE or SuperGLUE, and the ladder of what it stands on.

majority        the most frequent answer; of numbers, their mean
random_frozen   the encoder's shape with random weights, frozen; a head on what comes out of it
words           the mean of word vectors; a head on it
frozen          the pre-trained encoder, frozen; a head on what comes out of it
random          the encoder's shape with random weights, trained as a whole
tuned           the pre-trained encoder, fine-tuned as a whole

Source: Wang et al. 2018, GLUE, arXiv 1804.07461, section 5; Devlin et al. 2019, BERT, arXiv 1810.04805, section 4.1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from didact.base.files import cache_root
from didact.base.types import Prediction
from didact.evals.over_seeds import difference_over_seeds, score_over_seeds
from didact.evals.probe_climb import Climb, ProbeSettings, begin, rate_of
from didact.evals.probe_data import ProbeTask
from didact.evals.probe_encoder import POOL, Encoder
from didact.evals.probe_kept import encoder_print, kept
from didact.evals.probe_rungs import climbed
from didact.evals.probe_work import Training, trainings, work_of
from didact.tasks.suites import suite_scores

RUNGS = ("majority", "random_frozen", "words", "frozen", "random", "tuned")
"""All rungs of the ladder, from the floor up."""
STEPS = (
    ("majority", "words"),
    ("random_frozen", "frozen"),
    ("words", "frozen"),
    ("random", "tuned"),
    ("words", "tuned"),
    ("frozen", "tuned"),
)
"""Pairs of rungs that are compared where both were climbed: what pre-training brings over chance weights and over words alone."""


def probe(
    encoder: Encoder,
    tasks: Sequence[ProbeTask],
    rungs: Sequence[str],
    settings: ProbeSettings,
    *,
    say: Callable[[str], None] = lambda _: None,
    done: Callable[[str, float], None] = lambda *_: None,
) -> tuple[dict[str, Any], list[Prediction]]:
    """Returns the scores of every rung on every task, and what each seed said to every row.

    Args:
        encoder: From `load_encoder`.
        tasks: From `probe_task`.
        rungs: Some of `RUNGS`.
        settings: How.
        say: Hears of each task.
        done: Hears what is being trained, and which share of all that is to be computed was done since.

    Returns:
        `model`, `pool`, `settings`, and under `tasks` for each: `kind`, `num_train`, `num_judged`, where these rows come from, `num_cut`
        (sequences that lost tokens), `rungs` (rung to `metrics`, `num_trained` weights, `epochs`, `seconds`, and `num_kept`: how many of
        its trainings had been done before) and `differences`. `suites`: GLUE's and SuperGLUE's score of each rung, where all their tasks
        are there.
    """
    table, rows = dict[str, Any](), list[Prediction]()
    pool = settings.pool or POOL[encoder.architecture]
    printed = encoder_print(encoder) if settings.keep else ""
    climbs = [begin(encoder, task, settings, pool, printed) for task in tasks]
    for climb in climbs:
        say(_told(climb))
    asked = [rung for rung in RUNGS if rung in rungs]
    every = [training for climb in climbs for rung in asked for training in trainings(climb, rung)]
    for training in every if settings.fresh else ():
        if training.file is not None:
            training.file.unlink(missing_ok=True)
    if num_kept := sum(training.file is not None and kept(training.file) is not None for training in every):
        say(f"{num_kept:,} of {len(every):,} trainings were done before: {cache_root() / 'probes'}")
    total = sum(work_of(climb, rung) for climb in climbs for rung in asked)
    for climb in climbs:
        task = climb.task
        said: dict[str, list[list[Prediction]]] = {}
        entries = dict[str, Any]()

        def hear(training: Training, work: float, name: str = task.name) -> None:
            rung = training.rung.replace("_", " ")
            done(f"{name}, {rung}, seed {training.number + 1} of {settings.num_seeds}", work / total)

        for rung in asked:
            runs, extra = climbed(climb, rung, hear)
            said[rung] = [
                [_prediction(climb, rung, number, place, value) for place, value in enumerate(run)] for number, run in enumerate(runs)
            ]
            chance = {"resamples": settings.resamples, "seed": settings.seed}
            metrics = {metric: score_over_seeds(metric, said[rung], **chance) for metric in task.metrics}
            entries[rung] = {"metrics": metrics, **extra}
            rows += [row for run in said[rung] for row in run]
        cut = sum(row.is_cut for row in (*climb.train, *climb.judged))
        table[task.name] = {
            "kind": task.kind,
            "metrics": list(task.metrics),
            "num_train": len(task.train),
            "num_judged": len(task.judged),
            "train_from": task.train_from,
            "judged_from": task.judged_from,
            "num_leaked": task.num_leaked,
            "num_cut": cut,
            "rungs": entries,
            "differences": _differences(task, said, settings),
        }
    shown = {**asdict(settings), "vectors": str(settings.vectors) if settings.vectors else "the encoder's own table"}
    shown["learning_rate"] = rate_of(encoder, settings)
    head = {"model": encoder.name, "architecture": encoder.architecture, "pool": pool, "settings": shown}
    return {**head, "tasks": table, "suites": suites(table)}, rows


def suites(table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the GLUE and the SuperGLUE score of each rung, where all their tasks are there, and the tasks they go without.

    Args:
        table: Task to its rungs, from `probe`. MNLI counts by its matched rows alone.

    >>> suites({"glue/cola": {"rungs": {"tuned": {"metrics": {"matthews": {"value": 50.0}}}}}})
    {}
    """
    found: dict[str, Any] = {}
    for rung in dict.fromkeys(rung for task in table.values() for rung in task["rungs"]):
        scores = {name: {metric: one["value"] for metric, one in task["rungs"][rung]["metrics"].items()} for name, task in table.items()}
        for suite, (score, without) in suite_scores(scores).items():
            found.setdefault(suite, {"without": list(without)})[rung] = score
    return found


def _told(climb: Climb) -> str:
    task = climb.task
    leaked = f"; {task.num_leaked:,} training rows left out, for a judged row says the same" if task.num_leaked else ""
    cut = sum(row.is_cut for row in (*climb.train, *climb.judged))
    lost = f"; {cut:,} sequences cut to fit" if cut else ""
    times = f"{climb.epochs} epoch{'s' * (climb.epochs != 1)}"
    rows = f"{len(task.train):,} rows to train on, {times} ({task.train_from}), {len(task.judged):,} judged ({task.judged_from})"
    return f"{task.name}: {rows}{leaked}{lost}"


def _prediction(climb: Climb, rung: str, number: int, place: int, value: float) -> Prediction:
    """Returns what one seed of a rung said to one row, as any statistic reads it."""
    row, task = climb.task.judged[place], climb.task
    choices = task.choices or row.example.choices
    said = f"{value:.6f}" if task.kind == "number" else choices[int(value)]
    return Prediction(
        task=task.name,
        example=row.example.id,
        template=f"probe/{rung}",
        prompt=row.texts[0][0] if task.kind == "options" else "\n".join(text for text in row.texts[0] if text),
        completion=said,
        references=row.example.targets,
        stop="stop",
        num_tokens=0,
        choices=choices,
        group=row.group,
        asked="rank",
        wording=f"seed={number}",
    )


def _differences(task: ProbeTask, said: dict[str, list[list[Prediction]]], settings: ProbeSettings) -> list[dict[str, Any]]:
    """Returns what each step of the ladder brings, by the metric of record."""
    found = []
    pairs = [pair for pair in STEPS if pair[0] in said and pair[1] in said]
    if not pairs and len(said) > 1:
        names = list(said)
        pairs = [*pairwise(names)]
    for low, high in pairs:
        change = difference_over_seeds(task.metrics[0], said[low], said[high], resamples=settings.resamples, seed=settings.seed)
        found.append({"from": low, "to": high, "metric": task.metrics[0], **change})
    return found

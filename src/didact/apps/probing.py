"""The verb `probe`: a head on an encoder, fine-tuned on GLUE or SuperGLUE, and what comes on the screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from didact.apps.arguments import Json, examples
from didact.apps.console import put, put_json, say

EPILOG = examples(
    "didact probe last glue/sst2 glue/stsb --samples",
    "didact probe last superglue/rte --samples --ladder --seeds 2 --json",
)
Model = Annotated[str, typer.Argument(help="A run, a bundled base, a folder in transformers' layout, or a hub id: best an encoder.")]
Tasks = Annotated[list[str], typer.Argument(metavar="TASK", help="glue/cola, superglue/cb, glue: benchmarks with choices or scores.")]
Data = Annotated[str | None, typer.Option(help="A folder with copies of benchmarks; else DIDACT_DATA, else the hub.")]
Samples = Annotated[bool, typer.Option("--samples", help="On our own few sample rows: to see that it works, no measure.")]
Ladder = Annotated[bool, typer.Option("--ladder", help="All rungs: majority, random, word vectors, frozen, fine-tuned.")]
Frozen = Annotated[bool, typer.Option("--frozen", help="Train the head alone.")]
Seeds = Annotated[int, typer.Option(help="Trainings of each rung.", min=1)]
Epochs = Annotated[int | None, typer.Option(help="Else 3, of few rows up to 20; a head alone gets ten times as many, else 30.", min=1)]
Rate = Annotated[float | None, typer.Option(help="Learning rate of the whole encoder; else one for its size.", min=0)]
PoolName = Annotated[str, typer.Option(help="What stands for a text: mean, first ([CLS]) or last; else mean, of decoders last.")]
HeadName = Annotated[str, typer.Option(help="linear, or mlp: one hidden layer more.")]
Vectors = Annotated[Path | None, typer.Option(help="Word vectors in text (GloVe, word2vec); else the encoder's own table.")]
Limit = Annotated[int | None, typer.Option(help="So many training rows at most, drawn by chance.", min=2)]
Length = Annotated[int, typer.Option(help="Tokens of a text or a pair, at most.", min=8)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Do all trainings anew; else finished ones are taken as they are kept.")]
Out = Annotated[Path | None, typer.Option(help="Write what every seed said to every row: JSON lines.")]


def probe_model(
    model: Model,
    tasks: Tasks,
    data: Data = None,
    samples: Samples = False,
    ladder: Ladder = False,
    frozen: Frozen = False,
    seeds: Seeds = 3,
    epochs: Epochs = None,
    rate: Rate = None,
    pool: PoolName = "",
    head: HeadName = "linear",
    vectors: Vectors = None,
    limit: Limit = None,
    max_length: Length = 256,
    seed: Annotated[int, typer.Option(help="What everything is drawn from.")] = 0,
    out: Out = None,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Fine-tune a head on an encoder, on GLUE or SuperGLUE, and see what its pre-training is worth."""
    if pool not in ("", "mean", "first", "last"):
        raise typer.BadParameter(f"--pool {pool}; one of: mean, first, last")
    if head not in ("linear", "mlp"):
        raise typer.BadParameter(f"--head {head}; one of: linear, mlp")
    if frozen and ladder:
        raise typer.BadParameter("--frozen and --ladder: the ladder holds the frozen rung; one of them")
    if vectors and not ladder:
        raise typer.BadParameter("--vectors is the rung of word vectors: add --ladder")
    from didact.evals.probe import RUNGS, probe
    from didact.evals.probe_climb import ProbeSettings
    from didact.evals.probe_encoder import load_encoder
    from didact.train.signals import ended_by_sigterm

    names = _named(tasks)
    found = _tasks(names, data, samples, seed, limit)
    encoder = load_encoder(_place_of(model))
    rungs = RUNGS if ladder else ("majority", "frozen" if frozen else "tuned")
    chosen: dict[str, Any] = {"pool": pool or None, "head": head}
    settings = ProbeSettings(seeds, epochs, rate or None, max_length=max_length, vectors=vectors, seed=seed, fresh=fresh, **chosen)
    try:
        with ended_by_sigterm(), _training() as hear:
            result, rows = probe(encoder, found, rungs, settings, say=say, done=hear)
    except KeyboardInterrupt as asked:
        say("stopped; finished trainings are kept: the same command goes on")
        raise typer.Exit(getattr(asked, "exit_code", 130)) from None
    if out:
        from didact.base.files import write_jsonl

        write_jsonl(out, rows)
        say(f"answers: {out}")
    result = {**result, "model": model}
    put_json(result) if as_json else put(probe_table(result))
    if samples:
        say("these are a few sample rows of our own: no measure of anything")
        say("next: the same command with --data FOLDER in place of --samples")


def _named(asked: list[str]) -> tuple[str, ...]:
    from didact.evals.probe_data import names_of

    return names_of(asked)


def _tasks(names: tuple[str, ...], data: str | None, samples: bool, seed: int, limit: int | None) -> list[Any]:
    """Returns the tasks whose rows are to be had; of several, those that are not are told and passed over."""
    import os

    from didact.base.errors import DataError
    from didact.evals.copies import copies
    from didact.evals.gather import hub_answers
    from didact.evals.probe_data import probe_task

    folder = data or os.environ.get("DIDACT_DATA")
    there = copies(Path(folder)) if folder and not samples else None
    hub = not samples and hub_answers()
    found = []
    for name in names:
        try:
            found.append(probe_task(name, there, hub=hub, seed=seed, limit=limit, samples=samples))
        except DataError as error:
            error.remedy = error.remedy.replace("didact eval RUN --data", "didact probe MODEL TASK --data")
            if len(names) == 1:
                raise
            say(f"{name}: left out: {error.what}")
    if not found:
        raise DataError(f"no rows of {', '.join(names)} are to be had", remedy="didact probe MODEL TASK --data FOLDER, or --samples")
    return found


def _place_of(model: str) -> str:
    """Returns the newest checkpoint of a run, or the name as it is: a folder or a hub id."""
    from didact.base.errors import RunError
    from didact.evals.gather import hub_answers
    from didact.models.adapter_card import is_adapter
    from didact.models.bundled import bundled, bundled_names
    from didact.run import find_run
    from didact.train.checkpoint import newest

    if model in bundled_names():
        return bundled(model)
    if (Path(model) / "config.json").is_file() or is_adapter(Path(model)):
        return model
    try:
        return str(newest(find_run(model).checkpoints, say))
    except RunError as error:
        error.expected = "; ".join(part for part in (error.expected, "a folder with config.json, or with the network a hub id") if part)
        if model == "last" or (Path(model) / "recipe.yaml").is_file() or not (Path(model).exists() or hub_answers()):
            raise
        return model


@contextmanager
def _training() -> Iterator[Any]:
    """Gives a hearer of what is done: one bar for the whole ladder on a terminal, a line every half minute elsewhere."""
    import time

    from didact.apps.console import bar
    from didact.models.amounts import duration

    with bar("{task.description}", "per cent") as progress:
        task = progress.add_task("reading", total=100)
        began = told = time.monotonic()

        def hear(title: str, share: float) -> None:
            nonlocal told
            progress.update(task, description=title, advance=100 * share)
            now, done = time.monotonic(), progress.tasks[task].completed
            if progress.disable and now - told > 30:
                told = now
                say(f"{title}: {done:.0f} % of all, about {duration((now - began) * (100 - done) / done)} to go")

        yield hear


def probe_table(result: dict[str, Any]) -> str:
    """Returns the rungs of each task, from the floor up, and what each step brings."""
    from didact.apps.views import interval, table

    rows, steps = [], []
    for name, task in result["tasks"].items():
        for rung, found in task["rungs"].items():
            for metric, score in found["metrics"].items():
                several = len(score["seeds"]) > 1
                rows.append(
                    {
                        "task": name,
                        "rung": rung.replace("_", " "),
                        "metric": metric,
                        "rows": task["num_judged"],
                        "score": interval(score),
                        "over seeds": f"± {score['deviation']:.1f} ({len(score['seeds'])})" if several else "",
                        "trained weights": found["num_trained"],
                        "seconds": round(found["seconds"]),
                    }
                )
        for change in task["differences"]:
            said = f"{change['value']:+.1f} [{change['low']:+.1f}, {change['high']:+.1f}]"
            step = f"{change['from']} to {change['to']}".replace("_", " ")
            steps.append({"task": name, "step": step, "metric": change["metric"], "difference": said, "p": f"{change['p']:.4f}"})
    for suite, scores in result["suites"].items():
        for rung, score in scores.items():
            if rung != "without":
                known = {"metric": "score", "score": f"{score:.1f}", "rows": None, "trained weights": None, "seconds": None}
                rows.append({"task": suite, "rung": rung.replace("_", " "), **known})
    first = table(rows, ("task", "rung", "metric", "rows", "score", "over seeds", "trained weights", "seconds"))
    return f"{first}\n\n{table(steps, ('task', 'step', 'metric', 'difference', 'p'))}" if steps else first

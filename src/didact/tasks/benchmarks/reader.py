"""The reader `benchmark`: public benchmarks as tasks, from the hub, from a folder in any known layout, or as sample rows of ours.

sources: [{name: superglue, reader: benchmark, path: data/superglue, split: validation}]
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.benchmarks.arrow import read_arrow
from didact.tasks.benchmarks.benchmark import Benchmark
from didact.tasks.benchmarks.registry import BENCHMARKS, matching
from didact.tasks.readers import read_examples
from didact.tasks.rows import Row, checked, find_files, open_rows
from didact.tasks.task import LazyExamples, ReadReport, Task

SETTINGS = ("of", "only", "samples")
"""What `settings` may hold: the collection's name where the source has another one, which of its tasks, 1 for our own rows only."""
SPELLINGS = {
    "validation": ("validation", "valid", "val", "dev", "Dev"),
    "test": ("test", "Test"),
    "train": ("train", "Train"),
}
"""Words for a split in the names of files."""

_OWN_FOLDER = tuple(f"{{split}}{ending}" for ending in (".jsonl", ".json", ".tsv", ".csv", ".parquet", "-*.parquet", "/*.arrow"))


def benchmark(source: Source) -> list[Task]:
    """Returns the tasks of a public benchmark named by the source: `superglue` gives all of `superglue/*`, `gsm8k` one task.

    Without a path, or with a hub id, the hub is read, when examples are first asked for. `settings`: `of` (the collection, where
    the source has a name of its own), `only` (some of its tasks: `cb rte`), `samples: 1` (rows of our own writing, offline). A
    folder need not hold every task: the report counts those that it does not.

    Raises:
        RecipeError: There is no such benchmark or setting.
        DataError: The path holds none of them in a known layout.
    """
    chosen, report = _chosen(source), ReadReport(source.name)
    if source.settings.get("samples"):
        return [_sample_task(one, name, source, report) for name, one in chosen.items()]
    if not source.path or not (Path(source.path).exists() or find_files(source.path)):  # The hub, or a copy there.
        return [_task(one, name, source, report, ()) for name, one in _on_hub(chosen, source, report).items()]
    found = {name: local_files(one, source, alone=len(chosen) == 1) for name, one in chosen.items()}
    if not any(found.values()):
        raise _nothing_found(source, list(chosen.values()))
    for name, one in chosen.items():
        if not found[name]:
            report.miss(one.name, f"no file of split {source.split or one.default_split}")
    return [_task(one, name, source, report, found[name]) for name, one in chosen.items() if found[name]]


def sample_tasks(pattern: str) -> list[Task]:
    """Returns tasks made of our own sample rows alone, named as the benchmarks are: to look at, offline.

    Args:
        pattern: A benchmark (`superglue/cb`), a collection (`superglue`) or a glob.
    """
    report = ReadReport("samples")
    return [_sample_task(BENCHMARKS[name], name, Source(name=name, reader="benchmark"), report) for name in matching(pattern)]


def _chosen(source: Source) -> dict[str, Benchmark]:
    """Returns task name to benchmark."""
    unknown = [key for key in source.settings if key not in SETTINGS]
    if unknown:
        expected = f"{did_you_mean(unknown[0], SETTINGS)} (settings of reader benchmark: {', '.join(SETTINGS)})"
        raise RecipeError(f"no setting named '{unknown[0]}'", expected=expected, remedy="put the source's `settings` right")
    of = str(source.settings.get("of") or source.name)
    names = matching(of)
    if not names:
        families = {name.partition("/")[0] for name in BENCHMARKS}
        expected = did_you_mean(of, {*families, *BENCHMARKS} if "/" in of else families)
        raise RecipeError(f"no benchmark named '{of}'", expected=expected, remedy="name the source after it, or add settings: {of: ...}")
    tasks = {source.name if name == of else f"{source.name}/{name.removeprefix(f'{of}/')}": name for name in names}
    only = str(source.settings.get("only", "")).replace(",", " ").split()
    short = {name.removeprefix(f"{of}/"): task for task, name in tasks.items()}
    for word in only:
        if word not in short:
            raise RecipeError(f"no task '{word}' in {of}", expected=did_you_mean(word, short), remedy="put settings: {only: ...} right")
    return {task: BENCHMARKS[tasks[task]] for word, task in short.items() if not only or word in only}


def local_files(benchmark: Benchmark, source: Source, alone: bool = True) -> tuple[Path, ...]:
    """Returns the files of a benchmark's split at the source's path, in the first layout that finds any; a file stands for itself."""
    place = Path(source.path)
    if place.is_file():
        return (place,) if alone else ()
    split = source.split or benchmark.default_split
    for layout in (*(source.files if alone else ()), *_layouts(benchmark, alone)):
        for word in spellings(benchmark, split) if "{split}" in layout else ("",):
            found = sorted((file for file in place.glob(layout.replace("{split}", word)) if file.is_file()), key=Path.as_posix)
            if found:
                return tuple(found)
    return ()


def _layouts(benchmark: Benchmark, alone: bool) -> tuple[str, ...]:
    """Returns the globs to try; where one task was asked for, a copy of the hub's folder or the task's own folder may be given."""
    hub = (f"{benchmark.hub.subset or 'data'}/{{split}}-*.parquet",) if benchmark.hub else ()
    return (*benchmark.files, *hub, *_OWN_FOLDER) if alone else benchmark.files


def spellings(benchmark: Benchmark, split: str) -> tuple[str, ...]:
    """Returns the words that may stand for a split: `validation_matched`, `dev_matched`, `validation`, `dev` ... for MNLI's."""
    words = []
    for word in (benchmark.hub.split(split) if benchmark.hub else split, split):
        first, _, rest = word.partition("_")
        words += [f"{spelt}_{rest}" if rest else spelt for spelt in SPELLINGS.get(first, (first,))]
    return tuple(dict.fromkeys(words))


def _on_hub(chosen: dict[str, Benchmark], source: Source, report: ReadReport) -> dict[str, Benchmark]:
    """Returns those benchmarks that have the split there; the report gets the others."""
    split = source.split
    if split is None:
        return chosen
    there = {name: one for name, one in chosen.items() if one.hub is None or one.hub.has(split)}
    if not there:
        known = ", ".join(dict.fromkeys(word for one in chosen.values() if one.hub for word in one.hub.splits))
        what = f"no split {split} of {', '.join(one.name for one in chosen.values())} on the hub"
        raise DataError(what, where=f"source '{source.name}'", expected=f"one of: {known}", remedy="put the source's `split` right")
    for name, one in chosen.items():
        if name not in there and one.hub:
            report.miss(one.name, f"no split {split} in {one.hub.path}")
    return there


def _task(benchmark: Benchmark, name: str, source: Source, report: ReadReport, files: tuple[Path, ...]) -> Task:
    if not files and benchmark.hub is None:
        raise DataError(
            f"benchmark {benchmark.name} has no copy on the hub that can be read",
            expected="path: a folder with " + ", or ".join(benchmark.files),
            remedy=f"add to source '{source.name}': path: FOLDER",
        )
    split = source.split or benchmark.default_split
    parse = benchmark.parse_train if split.startswith("train") and benchmark.parse_train else benchmark.parse
    expected = f"rows of {benchmark.name} with {', '.join(benchmark.fields)} and an answer"

    def rows(told: ReadReport) -> Iterator[Row]:
        for file, label, row in _rows(benchmark, source, split, files, told):
            try:
                parsed = parse(row)
            except DataError as error:
                told.refuse(file, label, error.what)
                continue
            for number, example in enumerate(parsed if isinstance(parsed, tuple) else (parsed,), start=1):
                place = f"{label}, example {number}" if isinstance(parsed, tuple) else label
                identity = f"{example.id}{place}" if example.id.endswith("/") else example.id or place
                # Two files of a split may number their rows alike; the last `/` of an id parts a group from its row.
                yield file, place, {"id": f"{Path(file).stem}:{identity}" if len(files) > 1 else identity, "example": example}

    def load() -> Sequence[Example]:
        where = (lambda: files) if files else None  # What is on the hub cannot be known again.
        return read_examples(name, source, rows, lambda row, _: _example(row), report, expected, files=where)

    return _named(benchmark, name, source, report, LazyExamples(load))


def _example(row: Any) -> Example:
    example: Example = row["example"]
    return example


def _rows(benchmark: Benchmark, source: Source, split: str, files: tuple[Path, ...], report: ReadReport) -> Iterator[Row]:
    if not files and benchmark.hub:
        subset = source.subset or benchmark.hub.subset
        yield from open_rows(source.path or benchmark.hub.path, split=benchmark.hub.split(split), subset=subset, report=report)
    for file in files:
        opened = read_arrow(file) if file.suffix == ".arrow" else benchmark.read(file) if benchmark.read else None
        if opened is None:
            yield from open_rows(str(file), report=report, header=benchmark.header)
        else:
            yield from checked(str(file), opened, report)


def _sample_task(benchmark: Benchmark, name: str, source: Source, report: ReadReport) -> Task:
    def load() -> list[Example]:
        kept = [replace(example, where=f"didact's own sample rows of {benchmark.name}") for example in benchmark.samples][: source.limit]
        report.num_kept += len(kept)
        return kept

    return _named(benchmark, name, source, report, LazyExamples(load))


def _named(benchmark: Benchmark, name: str, source: Source, report: ReadReport, examples: LazyExamples) -> Task:
    return Task(
        name=name,
        examples=examples,
        kind=benchmark.name,
        definition=source.definition or benchmark.definition,
        categories=(source.category or benchmark.cluster,),
        datasets=(source.dataset,) if source.dataset else benchmark.datasets,
        languages=benchmark.languages,
        licence=benchmark.licence,
        positive=_published(benchmark, source) or benchmark.samples,
        # A metric that a source leaves at its usual one is the benchmark's own.
        metric=benchmark.metrics[0] if source.metric == "rouge_l" else source.metric,
        report=report,
    )


def _published(benchmark: Benchmark, source: Source) -> tuple[Example, ...]:
    place = Path(source.path)
    return benchmark.demonstrations(place) if benchmark.demonstrations and source.path and place.is_dir() else ()


def _nothing_found(source: Source, wanted: list[Benchmark]) -> DataError:
    """Returns the error for a folder without files of the split: it names the splits that are there, or the layouts that are known."""
    split, alone = source.split or wanted[0].default_split, len(wanted) == 1
    of_split = {word: source.model_copy(update={"split": word}) for one in wanted for word in _other_splits(one)}
    others = {word for word, there in of_split.items() if any(local_files(one, there, alone) for one in wanted)}
    if others:
        known = ", ".join(sorted(others))
        what = f"no file of split {split} in {source.path}"
        return DataError(
            what, where=f"source '{source.name}'", expected=f"there are files of: {known}", remedy=f"add: split: {min(others)}"
        )
    one = wanted[0]
    layouts = ", ".join(layout.replace("{split}", split) for layout in _layouts(one, alone))
    return DataError(
        f"no file of {', '.join(known.name for known in wanted[:4])}{' ...' if len(wanted) > 4 else ''} in {source.path}",
        where=f"source '{source.name}', folder {Path(source.path).absolute()}",
        expected=f"for {one.name} one of: {layouts}",
        remedy=f"put the source's `path` right, or leave it out to read the hub; look what is there: ls {source.path}",
    )


def _other_splits(benchmark: Benchmark) -> tuple[str, ...]:
    return tuple(benchmark.hub.splits) if benchmark.hub else tuple(SPELLINGS)

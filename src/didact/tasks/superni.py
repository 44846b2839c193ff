"""Super-NaturalInstructions: a folder of task files, each with its definition, demonstrations and instances.

Source: Wang et al. 2022, Super-NaturalInstructions, arXiv 2204.07705; schema and splits of allenai/natural-instructions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.base.types import Example
from didact.tasks.cells import answers, as_text
from didact.tasks.natural_instructions_v1 import as_superni, is_v1
from didact.tasks.readers import read_examples
from didact.tasks.rows import Row, no_path, no_such_path
from didact.tasks.strict_json import KeyGivenTwice, flaw, load_json
from didact.tasks.task import LazyExamples, ReadReport, Task

READ_KEYS = (
    "Definition",
    "Categories",
    "Source",
    "Input_language",
    "Output_language",
    "Instruction_language",
    "Instance License",
    "Positive Examples",
    "Negative Examples",
    "Instances",
)
"""Keys of a task file that a Task holds."""
LEFT_ASIDE_KEYS = ("Contributors", "URL", "Reasoning", "Domains", "Instruction Source")
"""Keys that neither training nor scoring needs; they stay in the file."""
EXACT_MATCH_CATEGORIES = frozenset(
    (
        "Textual Entailment",
        "Cause Effect Classification",
        "Coreference Resolution",
        "Dialogue Act Recognition",
        "Answerability Classification",
        "Word Analogy",
    )
)
"""The test categories that are scored by exact match; all others by ROUGE-L. Source: arXiv 2204.07705, section 5."""
_SPLITS = ("train", "test", "excluded")


def superni(source: Source) -> list[Task]:
    """Returns one task for every task file: `tasks/*.json` or `*.json` in a folder, or one file.

    Headers are read now, instances when they are first asked for. `splits/default/*_tasks.txt` beside the tasks give `Task.split`.
    All tasks share one report; a file that is not a task is one refused row of it. Files of v1 (2021) are read as well.

    Raises:
        DataError: No file is a SuperNI task, or a task stands in two split files.
    """
    files, report, splits, tasks = _task_files(source.path), ReadReport(source.name), _read_splits(Path(source.path)), list[Task]()
    for file in files:
        try:
            tasks.append(_task(source, file, _read_header(file), splits.get(file.stem, ""), report))
        except DataError as error:
            report.refuse(str(file), "file", f"not a SuperNI task: {error.what}")
    if not tasks:
        raise DataError(
            f"no task in {report.line()}",
            where="; ".join(f"{refusal.file}: {refusal.reason}" for refusal in report.refusals[:3]),
            expected="objects with Definition and Instances, in tasks/*.json or *.json",
            remedy=f"put the files right, or give source '{source.name}' another reader: didact ls readers",
        )
    return tasks


def _task_files(path: str) -> list[Path]:
    if not path:
        raise no_path()
    place = Path(path)
    if not place.exists():
        raise no_such_path(path)
    if place.is_file():
        return [place]
    folder = place / "tasks" if (place / "tasks").is_dir() else place
    files = sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))
    if not files:
        remedy = f"look what is there: ls {folder}"
        raise DataError(f"no task files in {folder}", where=str(folder.absolute()), expected="tasks/*.json or *.json", remedy=remedy)
    return files


def _read_splits(place: Path) -> dict[str, str]:
    """Returns task name to split; a task that is named in two split files would be seen and unseen at once."""
    splits: dict[str, str] = {}
    for split in _SPLITS:
        file = place / "splits" / "default" / f"{split}_tasks.txt"
        names = file.read_text(encoding="utf-8").split() if file.is_file() else []
        for name in names:
            if splits.get(name, split) != split:
                what = f"task '{name}' is in two splits: {splits[name]} and {split}"
                raise DataError(what, where=str(file), remedy=f"take it out of one: grep -n {name} {file.parent}/*")
            splits[name] = split
    return splits


def _read_header(file: Path) -> dict[str, Any]:
    """Returns a task file without what only its instances need.

    Raises:
        DataError: It is not a SuperNI task; the text says why.
    """
    header = {key: value for key, value in _read_file(file).items() if key in READ_KEYS and key != "Instances"}
    if reason := flaw(header):
        raise DataError(reason)
    return header


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        task = load_json(file.read_bytes().decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError:
        raise DataError("not UTF-8") from None
    if not isinstance(task, Mapping) or isinstance(task, KeyGivenTwice):
        raise DataError(flaw(task) or "not an object")
    if not "".join(_texts(task, "Definition")).strip():
        raise DataError("no Definition")
    if not isinstance(task.get("Instances"), list):
        raise DataError("no Instances")
    return as_superni(task) if is_v1(task) else task


def _task(source: Source, file: Path, header: Mapping[str, Any], split: str, report: ReadReport) -> Task:
    name = f"{source.name}/{file.stem}"
    categories = _texts(header, "Categories") or ((source.category,) if source.category else ())
    languages = tuple(text for key in ("Input_language", "Output_language", "Instruction_language") for text in _texts(header, key))
    expected = "instances with input and output"

    def load() -> Sequence[Example]:
        return read_examples(name, source, lambda told: _instances(file, told), _instance, report, expected, files=lambda: [file])

    return Task(
        name=name,
        examples=LazyExamples(load),
        kind="superni",
        definition="\n".join(_texts(header, "Definition")),
        categories=categories,
        # Without a source of its own a task shares none: hold-outs by dataset then leave the others alone.
        datasets=_texts(header, "Source") or (source.dataset or file.stem,),
        languages=tuple(dict.fromkeys(languages)) or (source.language,),
        licence=", ".join(_texts(header, "Instance License")),
        positive=_demonstrations(file, header, "Positive Examples", report),
        negative=_demonstrations(file, header, "Negative Examples", report),
        metric=_metric(categories, source.metric),
        split=split,
        report=report,
    )


def _metric(categories: tuple[str, ...], chosen: str) -> str:
    """Returns the benchmark's metric for the categories, unless the source names one other than the usual."""
    return "exact_match" if chosen == "rouge_l" and EXACT_MATCH_CATEGORIES.intersection(categories) else chosen


def _demonstrations(file: Path, header: Mapping[str, Any], key: str, report: ReadReport) -> tuple[Example, ...]:
    """Returns the usable demonstrations; the report gets the others."""
    rows = header.get(key) or []
    if not isinstance(rows, list):
        raise DataError(f"{key} is not a list")
    kept = []
    for number, row in enumerate(rows, start=1):
        label = f"{key} {number}"
        try:
            if not isinstance(row, Mapping):
                raise DataError("not an object")
            example = _instance(row, None)
            kept.append(replace(example, id=label, rationale=as_text(row.get("explanation")), where=f"{file}, {label}"))
        except DataError as error:
            report.refuse(str(file), label, f"demonstration: {error.what}")
    return tuple(kept)


def _instances(file: Path, report: ReadReport) -> Iterator[Row]:
    try:
        rows = _read_file(file)["Instances"]
    except DataError as error:
        raise DataError(f"not a SuperNI task any more: {error.what}", where=str(file), remedy="load the tasks again") from None
    for number, row in enumerate(rows, start=1):
        reason = flaw(row) or ("" if isinstance(row, Mapping) else "not an object")
        if reason:
            report.refuse(str(file), f"row {number}", reason)
        else:
            yield str(file), f"row {number}", row


def _instance(row: Mapping[str, Any], source: Source | None) -> Example:
    given = row.get("input")
    if given is None or not as_text(given).strip():
        raise DataError("missing input" if given is None else "empty input")
    return Example("", {"input": as_text(given)}, answers(row.get("output"), "output"))


def _texts(header: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Returns a key that holds a text or a list of texts, without the blank ones."""
    value = header.get(key)
    parts = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(part, str) for part in parts):
        raise DataError(f"{key} is not text")
    return tuple(part for part in parts if part.strip())

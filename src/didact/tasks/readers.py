"""One reader per format: each opens a source and returns its tasks, in the same few lines.

Examples are read when they are first asked for. Every row ends as an example or in the report of its task, with a reason.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from didact.base.errors import DataError, did_you_mean
from didact.base.recipe import Source
from didact.base.registry import Registry
from didact.base.types import Example, Message
from didact.tasks.catalogue import licence_of, settled
from didact.tasks.cells import answers, as_text
from didact.tasks.columns import renamed_rows
from didact.tasks.conversations import checked_messages, messages_example, openai_messages, sharegpt_example, tool_definitions
from didact.tasks.downloads import base_address, cache_folder, fetch
from didact.tasks.passages import passages
from didact.tasks.reading import ParseRow, own_id
from didact.tasks.reading import read_examples as read_examples
from didact.tasks.row_names import RowNames, carried, columns_of, with_names
from didact.tasks.rows import DOCUMENT_SUFFIXES, ROW_SUFFIXES, Row, find_files, open_rows
from didact.tasks.task import LazyExamples, ReadReport, Task, TaskSet

NAMED = ("superni", "benchmark", "atlas", "atlas_text", "rewriting", "composing")
"""Readers whose sources say themselves which tasks they are; all others read rows, which may name their task (`tasks_by`)."""
Reader = Callable[[Source], list[Task]]
OpenSource = Callable[[Source, ReadReport], Iterable[Row]]


def load_tasks(sources: Iterable[Source]) -> TaskSet:
    """Returns the tasks of all sources; their examples are read when first asked for.

    Raises:
        RecipeError: No reader has the name that a source gives, or the catalogue no such data set.
        DataError: A data set is closed or gated, a path holds nothing to read, two tasks have one name, or rows name no task.
    """
    known = [(settled(source), licence_of(source)) for source in sources]  # Closed and gated ones are told before anything is read.
    for source, _ in known:
        if source.tasks_by and source.reader in NAMED:
            what = f"source '{source.name}' has tasks_by: {source.tasks_by}, and reader {source.reader} names its tasks itself"
            raise DataError(what, remedy="leave tasks_by, category_by and dataset_by out")
        if source.weight and source.reader in NAMED:
            what = f"source '{source.name}' has weight: {source.weight}, and the rows of reader {source.reader} have no such column"
            raise DataError(what, remedy="objective.task_weights={NAME: factor}")
        if not source.tasks_by and (source.category_by or source.dataset_by):
            what = f"source '{source.name}' has category_by or dataset_by, and its rows are one task"
            raise DataError(what, remedy="add to it: tasks_by: COLUMN; or say category: or dataset: for all")
    return TaskSet(replace(task, licence=task.licence or lic) for source, lic in known for task in READERS[source.reader](source))


def alpaca(source: Source) -> list[Task]:
    """Returns one task of rows with `instruction`, `input` and `output`; with `system` or `history` they are conversations."""
    return row_tasks(source, "alpaca", _alpaca_example, "rows with instruction and output, and perhaps input, system, history")


def sharegpt(source: Source) -> list[Task]:
    """Returns one task of rows with `conversations`: turns of `from` and `value`, with optional `system` and `tools`."""
    return row_tasks(source, "sharegpt", lambda row, _: sharegpt_example(row), "rows with conversations that end with a gpt turn")


def messages(source: Source) -> list[Task]:
    """Returns one task of rows with OpenAI `messages` and optional `tools`."""
    return row_tasks(source, "messages", lambda row, _: messages_example(row), "rows with messages that end with an assistant turn")


def prompt_completion(source: Source) -> list[Task]:
    """Returns one task of rows with `prompt` and `completion` (or `response`): two texts, or two lists of messages."""
    return row_tasks(source, "prompt_completion", _prompt_completion_example, "rows with prompt and completion (or response)")


def rows(source: Source) -> list[Task]:
    """Returns one task of rows of any columns; `source.target` names the answer's, a list column `choices` the options."""
    return row_tasks(source, "rows", _columns_example, f"rows with an answer in column '{source.target}'", _with_target)


def text(source: Source) -> list[Task]:
    """Returns one task of passages of plain text, from `.txt` files or from rows with a column `text`.

    Rows of its report, and what `source.limit` counts, are passages; a refused document counts as one.
    """
    expected = ".txt files, or rows with a column text"
    return row_tasks(source, "text", _text_example, expected, _passages, (*ROW_SUFFIXES, *DOCUMENT_SUFFIXES))


READERS: Registry[Reader] = Registry(
    "reader",
    {
        "superni": "didact.tasks.superni:superni",
        "alpaca": alpaca,
        "sharegpt": sharegpt,
        "messages": messages,
        "prompt_completion": prompt_completion,
        "rows": rows,
        "text": text,
        "turns": "didact.tasks.chat_shapes:turns",
        "tagged": "didact.tasks.chat_shapes:tagged",
        "best_answer": "didact.tasks.chat_shapes:best_answer",
        "oasst": "didact.tasks.oasst:oasst",
        "instances": "didact.tasks.text_shapes:instances",
        "gpt3_tuning": "didact.tasks.text_shapes:gpt3_tuning",
        "unifiedqa": "didact.tasks.text_shapes:unifiedqa",
        "benchmark": "didact.tasks.benchmarks.reader:benchmark",
        "atlas": "didact.tasks.atlas.reader:atlas",
        "atlas_text": "didact.tasks.atlas.reader:atlas_text",
        "rewriting": "didact.tasks.atlas.rewriting:rewriting",
        "composing": "didact.tasks.atlas.composing:composing",
    },
)
"""Formats by name."""


def row_tasks(
    source: Source, kind: str, parse: ParseRow, expected: str, rows: OpenSource | None = None, suffixes: tuple[str, ...] = ROW_SUFFIXES
) -> list[Task]:
    """Returns the one task of a source of rows, which are opened when they are asked for; or the tasks that its rows name.

    Args:
        source: Where they are.
        kind: The kind of its examples, by which templates say what they word.
        parse: Makes an example of a row.
        expected: What usable rows look like.
        rows: Opens the rows, where `open_source` does not: several may come of one, which take along what it has `carried`.
        suffixes: Endings of the files to read.

    Raises:
        DataError: There is nothing at the path.
    """
    if _is_fetched(source):
        folder: Path | None = cache_folder(source.path)
        fetched = [cache_folder(source.path) / name for name in source.files]
    else:
        fetched = []
        find_files(source.path, suffixes, source.files)  # A wrong path is told at the door.
        folder = Path(source.path) if Path(source.path).is_dir() else None
    report, opened = ReadReport(source.name), rows or open_source
    names = RowNames(source) if source.tasks_by else None

    def files() -> Iterable[Path]:
        return fetched or find_files(source.path, suffixes, source.files) or [Path(source.path)]  # A hub id is no file.

    def load() -> Sequence[Example]:
        def found(told: ReadReport) -> Iterable[Row]:
            return with_names(opened(source, told), source) if names else opened(source, told)

        return read_examples(source.name, source, found, parse, report, expected, folder, files, names)

    whole = Task(
        name=source.name,
        examples=LazyExamples(load),
        kind=kind,
        definition=source.definition,
        categories=(source.category,) if source.category else (),
        datasets=(source.dataset or source.name,),
        languages=(source.language,),
        metric=source.metric,
        report=report,
    )
    return names.tasks(whole, load()) if names else [whole]


def open_source(source: Source, report: ReadReport, suffixes: tuple[str, ...] = ROW_SUFFIXES) -> Iterator[Row]:
    """Yields file, label and row of everything a source names, its columns renamed; named files of repositories are fetched first."""
    path = str(fetch(source.path, source.files)) if _is_fetched(source) else source.path
    found = open_rows(
        path, split=source.split, subset=source.subset, report=report, suffixes=suffixes, files=source.files, header=source.header
    )
    return renamed_rows(found, source.columns, (*columns_of(source), *([source.weight] if source.weight else ())))


def _is_fetched(source: Source) -> bool:
    return bool(source.files and base_address(source.path))


def text_of(row: Mapping[str, Any], column: str) -> str:
    """Returns a column that has to be text; nothing where it is absent."""
    value = row.get(column)
    if not isinstance(value, str | None):
        raise DataError(f"{column} is not text")
    return value or ""


def _alpaca_example(row: Mapping[str, Any], source: Source) -> Example:
    instruction, given, output, system = (text_of(row, column) for column in ("instruction", "input", "output", "system"))
    if not instruction.strip():
        raise DataError("missing instruction")
    if not output.strip():
        raise DataError("empty output")
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise DataError("history is not a list of pairs")
    if not all(isinstance(part, str) for pair in history for part in pair):
        raise DataError("history is not text")
    if not history and not system.strip():
        return Example("", {"instruction": instruction, "input": given}, (output,), rationale=as_text(row.get("rationale")))
    asked = f"{instruction}\n{given}" if given.strip() else instruction
    turns = [Message("system", system)] if system.strip() else []
    for question, answer in [*history, (asked, output)]:
        turns += [Message("user", question), Message("assistant", answer)]
    return Example("", messages=checked_messages(turns))


def _prompt_completion_example(row: Mapping[str, Any], source: Source) -> Example:
    completion_column = "completion" if row.get("completion") is not None else "response"
    prompt, completion = row.get("prompt"), row.get(completion_column)
    if prompt is None or completion is None:
        raise DataError("missing prompt" if prompt is None else "missing completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        # What was said before the completion is context, as TRL has it: only the completion is trained on.
        context = [replace(message, train=False) if message.role == "assistant" else message for message in openai_messages(prompt)]
        return Example("", messages=checked_messages([*context, *openai_messages(completion)]), tools=tool_definitions(row.get("tools")))
    if not isinstance(prompt, str) or not isinstance(completion, str):
        raise DataError("prompt and completion are neither two texts nor two lists of messages")
    if not prompt.strip() or not completion.strip():
        raise DataError("empty completion" if prompt.strip() else "empty prompt")
    return Example("", {"prompt": prompt}, (completion,), rationale=as_text(row.get("rationale")))


def _with_target(source: Source, report: ReadReport) -> Iterator[Row]:
    """Yields the rows; the first one shows whether the target column exists at all."""
    for number, (file, label, row) in enumerate(open_source(source, report)):
        if number == 0 and source.target not in row:
            raise _no_target(source, f"{file}, {label}", [str(column)[:40] for column in row])
        yield file, label, row


def _no_target(source: Source, where: str, columns: list[str]) -> DataError:
    what, near = f"source '{source.name}' does not say which column holds the answer", ""
    if source.target:
        what, near = f"no column '{source.target}'", did_you_mean(source.target, columns)
    listed = f"the columns are: {', '.join(columns)}"
    expected = f"{near} {listed}" if near.startswith("did you mean") else listed
    return DataError(what, where=where, expected=expected, remedy=f"add to source '{source.name}': target: COLUMN")


def _columns_example(row: Mapping[str, Any], source: Source) -> Example:
    if source.target is None or source.target not in row:
        raise DataError(f"no column '{source.target}'")
    choices = row.get("choices")
    aside = {source.target, source.weight, *(["choices"] if isinstance(choices, list) else [])}
    fields = {str(column): as_text(value) for column, value in row.items() if column not in aside}
    if not fields:
        raise DataError("no column beside the target")
    options = tuple(as_text(choice) for choice in choices) if isinstance(choices, list) else ()
    return Example("", fields, answers(row[source.target], "target"), options)


def _passages(source: Source, report: ReadReport) -> Iterator[Row]:
    """Yields passages in place of documents; what is wrong with a document is left for `_text_example` to say."""
    for file, label, row in open_source(source, report, (*ROW_SUFFIXES, *DOCUMENT_SUFFIXES)):
        document = row.get("text")
        if not isinstance(document, str) or not document.strip():
            yield file, label, row
            continue
        for number, passage in enumerate(passages(document, source.passage_chars), start=1):
            yield file, f"{label}, passage {number}", {**carried(row, source), "id": f"{own_id(row) or label}/{number}", "text": passage}


def _text_example(row: Mapping[str, Any], source: Source) -> Example:
    if row.get("text") is None:
        raise DataError("no text")
    if not text_of(row, "text").strip():
        raise DataError("empty text")
    return Example("", messages=(Message("text", row["text"]),))

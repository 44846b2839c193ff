"""Files of promptsource, read as data: tags are plain mappings, and nothing in a file is run.

A file holds the wordings of one data set. They word rows (reader `rows`) that have its columns, and the benchmark of the same data.

Source: Bach et al. 2022, arXiv 2202.01279.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from didact.base.errors import TemplateError
from didact.prompts.promptsource import BARS, DIALECT, Wording
from didact.prompts.sandbox import variables_of
from didact.prompts.template_file import Template
from didact.tasks.benchmarks.benchmark import Benchmark
from didact.tasks.benchmarks.registry import BENCHMARKS


def promptsource_templates(path: Path) -> list[Template]:
    """Returns the wordings of a file as templates: `promptsource_super_glue_cb/GPT-3_style`.

    Those that do not ask for what the data set was made for count as turned around.

    Raises:
        TemplateError: As `read_promptsource`.
    """
    dataset, wordings = read_promptsource(path)
    prefix = "promptsource_" + re.sub(r"[^A-Za-z0-9_.-]+", "_", dataset)
    return [
        Template(
            f"{prefix}/{name}",
            ("rows", *(kind for kind in _benchmarks_of(dataset) if _fits(wording, BENCHMARKS[kind]))),
            inverted=not wording.original_task,
            promptsource=wording,
            where=wording.where.partition(",")[0],
        )
        for name, wording in wordings.items()
    ]


def is_promptsource(path: Path) -> bool:
    """Says whether a YAML file is one of promptsource's: its wordings carry the tag `!Template`."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as handle:
        return any(re.match(r"\s+[\w-]+:\s*!Template\s*$", line) for line in handle)


def read_promptsource(path: Path) -> tuple[str, dict[str, Wording]]:
    """Returns the data set (`ag_news`, `super_glue/cb`) and its wordings by name.

    Raises:
        TemplateError: It is no such file, or a wording needs something that templates do not have.
    """
    try:
        contents = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader that also knows two tags
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = str(getattr(error, "problem", None) or error).partition("\n")[0]
        raise TemplateError(f"not a file of promptsource: {reason}", where=str(path), remedy="copy the file again") from None
    rows = contents.get("templates") if isinstance(contents, dict) else None
    if not isinstance(rows, dict) or not isinstance(contents.get("dataset"), str):
        expected = "dataset: and templates: with !Template entries"
        raise TemplateError("not a file of promptsource", where=str(path), expected=expected, remedy="copy the file again")
    wordings: dict[str, Wording] = {}
    lines = {line.strip().partition(":")[0]: number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)}
    for key, row in rows.items():
        name = _name(row, str(key), wordings)
        wordings[name] = _wording(row, f"{path}:{lines.get(str(key), 1)}, template {name}")
    answered = _answer_columns(wordings.values())
    dataset = "/".join(part for part in (contents["dataset"], contents.get("subset")) if part)
    return dataset, {name: replace(wording, answer_columns=answered) for name, wording in wordings.items()}


class _Loader(yaml.SafeLoader):
    """YAML without code: the two tags of promptsource are plain mappings, and every other tag of Python is refused."""


def _plain_mapping(loader: yaml.SafeLoader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.constructor.ConstructorError(None, None, "a template is a mapping", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("!Template", _plain_mapping)
_Loader.add_constructor("!TemplateMetadata", _plain_mapping)


def _name(row: Any, key: str, taken: Mapping[str, Wording]) -> str:
    """Returns a wording's name in letters that template names may have; its key follows where two are called the same."""
    own = row.get("name") if isinstance(row, dict) else None
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", str(own or key)).strip("_") or key
    return f"{name}_{key[:8]}" if name in taken else name


def _wording(row: Any, where: str) -> Wording:
    jinja = row.get("jinja") if isinstance(row, dict) else None
    if not isinstance(jinja, str):
        raise TemplateError("a template without jinja:", where=where, remedy="copy the file again")
    choices, meta = row.get("answer_choices") or "", row.get("metadata") or {}
    if BARS not in jinja:
        raise TemplateError(f"no {BARS} between prompt and answer", where=where, remedy="put it between them, or take the template out")
    for source in (jinja, choices):
        variables_of(source, lambda line: f"{where}, line {line}", DIALECT)
    return Wording(
        jinja,
        choices,
        original_task=bool(meta.get("original_task")),
        choices_in_prompt=bool(meta.get("choices_in_prompt")),
        metrics=tuple(meta.get("metrics") or ()),
        languages=tuple(meta.get("languages") or ()),
        where=where,
    )


def _answer_columns(wordings: Collection[Wording]) -> tuple[str, ...]:
    """Returns the columns that stand behind the bars of the original task, those that most wordings have there first, then others."""
    usual, others = Counter[str](), Counter[str]()
    for wording in wordings:
        answer = wording.jinja.partition(BARS)[2]
        for name in wording.variables:
            if re.search(rf"\b{re.escape(name)}\b", answer):
                (usual if wording.original_task else others)[name] += 1
            elif re.search(rf"\b{re.escape(name)}\b", wording.answer_choices):
                others[name] += 1
    ranked = [name for counts in (usual, others) for name in sorted(counts, key=lambda name: (-usual[name], -others[name], name))]
    return tuple(dict.fromkeys(ranked))


def _benchmarks_of(dataset: str) -> list[str]:
    """Returns the benchmarks that are read from a data set: `super_glue/cb` is on the hub under such a path and subset."""
    path, _, subset = dataset.partition("/")
    return [name for name in BENCHMARKS if (hub := BENCHMARKS[name].hub) and _is_at(hub.path, hub.subset, path, subset)]


def _is_at(hub: str, hub_subset: str | None, path: str, subset: str) -> bool:
    return hub.rpartition("/")[2] == path and (not subset or subset == hub_subset or subset.partition(".")[0] == hub_subset)


def _fits(wording: Wording, benchmark: Benchmark) -> bool:
    """Says whether a benchmark's fields are the columns that a wording asks for, as texts."""
    answer = wording.answer_column(benchmark.fields)
    missing = wording.variables - {*benchmark.fields, answer}
    lists = {"concepts", "entities"}  # Lists in the data set, which the benchmark has as one text.
    return not missing and not lists & wording.variables and not _is_nested(wording, answer)


def _is_nested(wording: Wording, column: str) -> bool:
    """Says whether a wording looks into the answer's column: the benchmark has the answer alone there."""
    return bool(column) and bool(re.search(rf"\b{re.escape(column)}\s*[.\[]", wording.jinja + wording.answer_choices))

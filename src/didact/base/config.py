"""Strict YAML: every problem at once, each with file, line and the nearest known key.

YAML is read as version 1.2 has it: `no` is a word, `1e-5` a number, `12:30` a text. A key given twice, an anchor and a tag are
refused. `extends:` merges one parent; overrides on the command line are `section.key=value`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from didact.base.errors import RecipeError, did_you_mean

Location = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, Any] = {"null": None, "~": None, "": None, "true": True, "false": False}


class Section(BaseModel):
    """A part of a recipe: immutable, unknown keys refused, every field with its meaning under it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


S = TypeVar("S", bound=Section)


@dataclass
class Document:
    """Plain data and, for every place in it, where it was written."""

    data: dict[str, Any]
    lines: dict[Location, str] = field(default_factory=dict)
    """Path of keys to `file:line`."""

    def where(self, location: Location) -> str:
        """Returns where the place, or the nearest thing around it, was written."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, "")


def scalar(text: str) -> Any:
    """Returns a plain YAML 1.2 scalar as Python data.

    >>> [scalar(text) for text in ("no", "1e-5", "12:30", "7", "true", "")]
    ['no', 1e-05, '12:30', 7, True, None]
    """
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def read_yaml(path: Path) -> Document:
    """Reads one YAML mapping strictly.

    Raises:
        RecipeError: The file is missing or not YAML, or holds duplicate keys, anchors or tags; all of the latter at once.
    """
    if not path.is_file():
        raise RecipeError(f"no such file: {path}", expected=_nearby(path), remedy="didact ls recipes")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError("not UTF-8 text", where=f"{path}, byte {error.start}", remedy="save the file as UTF-8") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Document:
    """Reads a YAML mapping from text; `name` stands for the file in messages. Raises as `read_yaml`."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
                place = f"{name}:{token.start_mark.line + 1}"
                raise RecipeError("anchors and aliases are not read", where=place, remedy="write the value out, or use extends:")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error)
        raise RecipeError(f"not YAML: {problem}", where=place, remedy="check the indentation, colons and quotes on that line") from None
    document, problems = Document({}), list[str]()
    if root is None:
        return document
    if not isinstance(root, yaml.MappingNode):
        raise RecipeError("not a mapping of keys to values", where=f"{name}:1", expected="lines such as `seed: 0`")
    document.data = _build(root, (), name, document, problems)
    if problems:
        raise _several(problems)
    return document


def _build(node: yaml.Node, location: Location, name: str, document: Document, problems: list[str]) -> Any:
    place = f"{name}:{node.start_mark.line + 1}"
    document.lines.setdefault(location, place)
    if isinstance(node, yaml.MappingNode):
        table: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, at = str(getattr(key_node, "value", "?")), f"{name}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(f"{at}: a key has to be a word")
                continue
            if key in table:
                problems.append(f"{at}: key '{key}' is given twice; the first is at {document.where((*location, key))}")
                continue
            document.lines[(*location, key)] = at
            table[key] = _build(value_node, (*location, key), name, document, problems)
        return table
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*location, index), name, document, problems) for index, child in enumerate(node.value)]
    style, value = getattr(node, "style", None), str(node.value)
    if node.tag.startswith("!") or (style is not None and node.tag != "tag:yaml.org,2002:str"):
        problems.append(f"{place}: tag {node.tag} is not read")
    return scalar(value) if style is None else value


def merge(parent: Any, child: Any) -> Any:
    """Returns `child` laid over `parent`: mappings merge key by key, everything else (lists too) is replaced.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]})
    {'a': {'x': 1, 'y': 3}, 'b': [2]}
    """
    if isinstance(parent, Mapping) and isinstance(child, Mapping):
        both = {key: merge(parent[key], child[key]) for key in parent if key in child}
        return {**parent, **child, **both}
    return child


def read_with_parents(path: Path, seen: tuple[Path, ...] = ()) -> Document:
    """Reads a YAML file and what it `extends:` (a path relative to it), the child laid over the parent.

    Raises:
        RecipeError: As `read_yaml`, or the files extend one another in a circle.
    """
    if path.resolve() in seen:
        raise RecipeError(f"recipes extend one another in a circle: {' -> '.join(p.name for p in (*seen, path))}", where=str(path))
    document = read_yaml(path)
    parent_name = document.data.pop("extends", None)
    if parent_name is None:
        return document
    if not isinstance(parent_name, str):
        raise RecipeError("extends: takes one file name", where=document.where(("extends",)), expected="extends: base/small_decoder.yaml")
    parent_path = path.parent / parent_name
    if not parent_path.is_file():
        raise RecipeError(f"no such file to extend: {parent_name}", where=document.where(("extends",)), expected=_nearby(parent_path))
    parent = read_with_parents(parent_path, (*seen, path.resolve()))
    replaced = [loc for loc in parent.lines if any(_is_leaf(document.data, loc[:n]) for n in range(1, len(loc) + 1))]
    lines = {loc: place for loc, place in parent.lines.items() if loc not in replaced}
    return Document(merge(parent.data, document.data), {**lines, **document.lines})


def _is_leaf(data: Any, location: Location) -> bool:
    """Says whether `data` holds something that is not a mapping at `location`."""
    for key in location:
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return not isinstance(data, Mapping)


def apply_overrides(document: Document, overrides: Iterable[str]) -> Document:
    """Returns the document with `section.key=value` pairs applied; values are read as YAML.

    Raises:
        RecipeError: An override has no `=` or its value is not YAML.
    """
    data, lines = document.data, dict(document.lines)
    for override in overrides:
        key, equals, text = override.partition("=")
        location: Location = tuple(key.strip().split("."))
        if not equals or not all(location):
            raise RecipeError(f"not an override: {override}", expected="section.key=value, for example train.max_steps=30")
        where = f"command line: {override}"
        parsed = parse_yaml(f"value: {text}" if text.strip() else "value: null", where)
        patch: Any = parsed.data["value"]
        for part in reversed(location):
            patch = {part: patch}
        data = merge(data, patch)
        lines = {loc: place for loc, place in lines.items() if loc[: len(location)] != location}
        lines[location] = where
    return Document(data, lines)


def validate(document: Document, schema: type[S]) -> S:
    """Returns the document as `schema`, or lists all problems with file, line and the nearest known key.

    Raises:
        RecipeError: At least one problem; the text has one line for each.
    """
    try:
        return schema.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(document, schema, part) for part in error.errors(include_url=False)]
    raise _several(problems)


def _several(problems: list[str]) -> RecipeError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = "\n".join(f"  {problem}" for problem in problems)
    return RecipeError(f"{count} in the recipe\n{lines}", remedy="put it right and run: didact check RECIPE")


def _problem(document: Document, schema: type[BaseModel], error: Any) -> str:
    location: Location = tuple(error["loc"])
    key = ".".join(str(part) for part in location)
    where = document.where(location)
    place = f"{where}: " if where else ""
    match error["type"]:
        case "extra_forbidden":
            known = _fields_at(schema, location[:-1])
            return f"{place}unknown key '{key}'; {did_you_mean(str(location[-1]), known)}"
        case "missing":
            return f"{place}'{key}' is missing"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    shown = "" if isinstance(error["input"], dict | list) or error["input"] is None else f" (got {error['input']!r})"
    return f"{place}{key}: {_lower(message)}{shown}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _fields_at(schema: type[BaseModel], location: Location) -> list[str]:
    """Returns the keys that the section at `location` knows."""
    for part in location:
        if isinstance(part, int):
            continue
        known = schema.model_fields.get(part)
        if known is None:
            continue
        schema = next((kind for kind in _sections_in(known.annotation)), schema)
    return list(schema.model_fields)


def _sections_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections_in(part)


def _nearby(path: Path) -> str:
    folder = path.parent if path.parent.is_dir() else Path()
    return did_you_mean(path.name, [p.name for p in folder.glob("*.y*ml")])

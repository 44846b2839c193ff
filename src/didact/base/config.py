"""Sections of a recipe: read strictly, every problem at once, each with file, line and the nearest known key.

`extends:` merges one parent; overrides on the command line are `section.key=value`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from didact.base.errors import DidactError, RecipeError, did_you_mean
from didact.base.strict_yaml import Document, Location, location_of, nearby, parse_yaml, read_yaml, several

__all__ = ["Document", "Section", "about", "apply_overrides", "merge", "parse_yaml", "read_with_parents", "read_yaml", "validate"]

_EXPECTED = {
    "string_type": "should be a text; put quotes around it",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "tuple_type": "should be a list, such as [a, b]",
    "dict_type": "should be a section: keys with values",
    "model_type": "should be a section: keys with values",
    "string_too_short": "must not be empty",
    "finite_number": "should be a finite number",
}
"""Pydantic's kinds of problem in the words of a recipe."""


class Section(BaseModel):
    """A part of a recipe: immutable, unknown keys refused, every field with its meaning under it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)


@contextmanager
def about(key: str) -> Iterator[None]:
    """Puts the recipe's key that is to blame in front of where an error is; the command line adds file and line.

    >>> with about("prompts.chat_format"):
    ...     raise RecipeError("no format named 'x'")
    Traceback (most recent call last):
    didact.base.errors.RecipeError: no format named 'x'
      where: prompts.chat_format
    """
    try:
        yield
    except DidactError as error:
        error.where = f"{key}: {error.where}" if error.where else key
        raise


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
    document = read_yaml(path)
    parent_name = document.data.pop("extends", None)
    where = document.where(("extends",))
    if parent_name is None:
        return document
    if not isinstance(parent_name, str):
        expected = "one file name, such as extends: base/small_decoder.yaml"
        raise RecipeError("extends: takes one file name", where=where, expected=expected, remedy="keep one of them")
    parent_path, seen = path.parent / parent_name, (*seen, path)
    if not parent_path.is_file():
        remedy = "write the parent's path as seen from this file"
        raise RecipeError(f"no such file to extend: {parent_name}", where=where, expected=nearby(parent_path), remedy=remedy)
    if parent_path.resolve() in [file.resolve() for file in seen]:
        circle = " -> ".join(file.name for file in (*seen, parent_path))
        raise RecipeError(f"recipes extend one another in a circle: {circle}", where=where, remedy="remove one of these extends: lines")
    parent = read_with_parents(parent_path, seen)
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
    """Returns the document with `section.key=value` pairs applied; values are read as YAML, `0` in a key counts from 0 in a list.

    Raises:
        RecipeError: An override has no `=`, its value is not YAML, or a list has no such place.
    """
    data, lines = document.data, dict(document.lines)
    for override in overrides:
        key, equals, text = override.partition("=")
        location = location_of(key.strip())
        if not equals or "" in location:
            expected = "section.key=value, for example train.max_steps=30"
            raise RecipeError(f"not an override: {override}", expected=expected, remedy="put quotes around it if it holds blanks")
        where = f"command line: {override}"
        patch = parse_yaml(f"value: {text}" if text.strip() else "value: null", where).data["value"]
        data = laid_in(data, location, patch, where)
        lines = {loc: place for loc, place in lines.items() if loc[: len(location)] != location}
        lines[location] = where
    return Document(data, lines)


def laid_in(data: Any, location: Location, patch: Any, where: str = "") -> Any:
    """Returns `data` with `patch` merged in at a location that may lead through lists.

    >>> laid_in({"parts": [{"rate": 1}, {"rate": 2}]}, ("parts", 1, "rate"), 3)
    {'parts': [{'rate': 1}, {'rate': 3}]}

    Raises:
        RecipeError: A list on the way has no such place.
    """
    if not location:
        return merge(data, patch)
    key, rest = location[0], location[1:]
    if isinstance(data, list) and isinstance(key, int):
        if key >= len(data):
            raise RecipeError(
                f"the list has {len(data)} entries", where=where, expected=f"a number below {len(data)}", remedy="count from 0"
            )
        return [laid_in(entry, rest, patch, where) if number == key else entry for number, entry in enumerate(data)]
    table = data if isinstance(data, Mapping) else {}
    return {**table, str(key): laid_in(table.get(str(key)), rest, patch, where)}


def value_at(data: Any, location: Location) -> Any:
    """Returns what stands at a location, or None.

    >>> value_at({"parts": [{"rate": 1}]}, ("parts", 0, "rate")), value_at({}, ("parts", 0))
    (1, None)
    """
    for key in location:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def validate(document: Document, schema: type[S]) -> S:
    """Returns the document as `schema`, or lists all problems with file, line and the nearest known key.

    Raises:
        RecipeError: At least one problem; the text has one line for each.
    """
    try:
        # As JSON, so that types are strict (`3` is not a text, `true` not a number) and lists may still become tuples.
        return schema.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        problems = _problems(document, schema, error)
    raise several(problems, document.where(()).rpartition(":")[0] or "RECIPE")


def _problems(document: Document, schema: type[BaseModel], error: ValidationError) -> list[str]:
    """Returns one line for each key that is wrong; what a key of several types could be is joined with `or`."""
    errors = [(_blamed(document, part), part) for part in error.errors(include_url=False)]
    lines: dict[tuple[str, str], list[str]] = {}
    for location, part in errors:
        # A list that is one of two types has two complaints: that it is no text, and what is wrong inside; the second one counts.
        if any(len(other) > len(location) and other[: len(location)] == location for other, _ in errors) and location != part["loc"]:
            continue
        start, what, end = _problem(document, schema, location, part)
        heard = lines.setdefault((start, end), [])
        heard += [] if what in heard else [what]
    return [start + ", or ".join(whats) + end for (start, end), whats in lines.items()]


def _blamed(document: Document, error: Any) -> Location:
    location: Location = tuple(error["loc"])
    return location if error["type"] in ("extra_forbidden", "missing") else _existing(document.data, location)


def _problem(document: Document, schema: type[BaseModel], location: Location, error: Any) -> tuple[str, str, str]:
    """Returns a problem as (`file:line: key: `, what is wrong, ` (got value)`)."""
    kind, value, key = error["type"], error["input"], ".".join(str(part) for part in location)
    message = _EXPECTED.get(kind) or error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    where = (kind == "value_error" and _named_in(document, location, message)) or document.where(location)
    place = f"{where}: " if where else ""
    if kind == "extra_forbidden":
        return place, f"unknown key '{key}'; {did_you_mean(str(location[-1]), _fields_at(schema, location[:-1]))}", ""
    if kind == "missing":
        return place, f"'{key}' is missing", ""
    hidden = isinstance(value, dict | list) or (kind == "value_error" and not isinstance(value, str))
    return f"{place}{key}: " if key else place, message, "" if hidden else f" (got {json.dumps(value, ensure_ascii=False)})"


def _existing(data: Any, location: Location) -> Location:
    """Returns a location without the parts that are not in the data: pydantic puts the names of types between the keys."""
    kept: Location = ()
    for key in location:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            continue
        kept = (*kept, key)
    return kept


def _named_in(document: Document, location: Location, message: str) -> str:
    """Returns where the first key that a message names was written."""
    for word in re.findall(r"[a-z_.]+", message):
        if (found := (*location, *word.strip(".").split("."))) in document.lines:
            return document.lines[found]
    return ""


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

"""JSON in replies, and whether it keeps to a schema."""

import json
import re
from collections.abc import Mapping
from typing import Any

from didact.base.errors import RecipeError

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN = frozenset(
    "type properties required additionalProperties items enum const minLength maxLength pattern minimum maximum exclusiveMinimum "
    "exclusiveMaximum minItems maxItems uniqueItems anyOf title description default examples $schema $id format".split()
)
"""Keywords that are understood; the last seven say nothing about what is valid."""


def parse_json(text: str, finish: str = "stop") -> tuple[Any, str]:
    r"""Returns the JSON value in a reply, and why there is none: empty where there is.

    Args:
        text: The reply; a fence and words around the JSON are passed over, anything else that is not JSON is not put right.
        finish: Why it ended.

    >>> parse_json('Here it is:\n```json\n{"a": 1}\n```'), parse_json('{"a": 1', "length")
    (({'a': 1}, ''), (None, 'cut off'))
    """
    for start in (match.start() for match in re.finditer(r"[{\[]", text)):
        try:
            value, end = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant).raw_decode(text, start)
        except (ValueError, RecursionError):
            if re.match(r"[{\[]\s*(?:[\"{\[\]}\d-]|true|false|null)", text[start:]):
                return None, "cut off" if finish == "length" else "malformed JSON"
            continue
        if re.search(r"[{\[]\s*[\"{\[]", text[end:]):
            return None, "more than one JSON value"
        return value, ""
    return None, "cut off" if finish == "length" else "no JSON in the reply"


def schema_fault(value: Any, schema: Mapping[str, Any], where: str = "") -> str:
    """Returns why a value does not keep to a schema, empty where it does.

    Args:
        value: From JSON.
        schema: JSON Schema, of which these keywords are understood: type, properties, required, additionalProperties, items, enum, const,
            bounds of lengths, numbers and items, pattern, uniqueItems and anyOf.
        where: The path to the value, for the message.

    >>> schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
    >>> schema_fault({"age": 3}, schema), schema_fault({"age": -3}, schema), schema_fault({}, schema)
    ('', 'age: less than 0', 'age: missing')
    """
    at = f"{where}: " if where else ""
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type")
    if kinds is not None and not any(_is(value, kind) for kind in kinds):
        return f"{at}no {' or '.join(kinds)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{at}not one of its values"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{at}not {json.dumps(schema['const'])}"
    if "anyOf" in schema and all(schema_fault(value, one) for one in schema["anyOf"]):
        return f"{at}fits none of its schemas"
    if isinstance(value, dict):
        return _object_fault(value, schema, where)
    if isinstance(value, list):
        faults = [schema_fault(one, schema["items"], f"{where}[{n}]") for n, one in enumerate(value)] if "items" in schema else []
        if schema.get("uniqueItems") and any(_same(one, other) for n, one in enumerate(value) for other in value[:n]):
            faults.append(f"{at}an item stands twice")
        return next((fault for fault in [*faults, _bounds(len(value), schema, at, "minItems", "maxItems", " items")] if fault), "")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"{at}does not fit its pattern"
        return _bounds(len(value), schema, at, "minLength", "maxLength", " characters")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value <= schema.get("exclusiveMinimum", value - 1) or value >= schema.get("exclusiveMaximum", value + 1):
            return f"{at}out of its bounds"
        return _bounds(value, schema, at, "minimum", "maximum", "")
    return ""


def check_schema(schema: Mapping[str, Any], where: str = "schema") -> None:
    """Refuses a schema with keywords that would not be looked at.

    Raises:
        RecipeError: It has such a keyword, or an unknown type.

    >>> check_schema({"type": "object", "properties": {"age": {"type": "integer"}}})
    """
    for key in schema:
        if key not in _KNOWN:
            raise RecipeError(
                f"the keyword '{key}' is not understood", where=where, expected=", ".join(sorted(_KNOWN)), remedy="leave it out"
            )
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    for kind in kinds:
        if kind not in _TYPES:
            raise RecipeError(f"no type named '{kind}'", where=where, expected=", ".join(_TYPES), remedy="rename it")
    below = [*schema.get("properties", {}).items(), *((f"anyOf[{n}]", one) for n, one in enumerate(schema.get("anyOf", [])))]
    below += [(key, schema[key]) for key in ("items", "additionalProperties") if isinstance(schema.get(key), Mapping)]
    for key, one in below:
        check_schema(one, f"{where}.{key}")


def _object_fault(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> str:
    known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key in schema.get("required", ()):
        if key not in value:
            return f"{where}.{key}: missing".removeprefix(".")
    for key, one in value.items():
        path = f"{where}.{key}".removeprefix(".")
        if key not in known and more is False:
            return f"{path}: not in the schema"
        below = known.get(key, more if isinstance(more, Mapping) else {})
        if fault := schema_fault(one, below, path):
            return fault
    return ""


def _bounds(size: float, schema: Mapping[str, Any], at: str, least: str, most: str, unit: str) -> str:
    if size < schema.get(least, size):
        return f"{at}less than {schema[least]}{unit}"
    return f"{at}more than {schema[most]}{unit}" if size > schema.get(most, size) else ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _same(first: Any, second: Any) -> bool:
    """Says whether two values are equal as JSON has it: true is not 1."""
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")

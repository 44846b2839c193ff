"""Strict YAML 1.2 in and out: `no` is a word, `1e-5` a number, `12:30` a text; every value knows its file and line.

A key given twice, an anchor, an alias and a tag are refused, all of them at once.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from didact.base.errors import RecipeError, did_you_mean

Location = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEXADECIMAL = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULL, _TRUE, _FALSE = ("null", "Null", "NULL", "~", ""), ("true", "True", "TRUE"), ("false", "False", "FALSE")
_SPECIAL: dict[str, Any] = {**dict.fromkeys(_NULL), **dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
_LONGEST_NUMBER = 400
"""Characters; longer ones are text. Python itself refuses whole numbers of more than 4,300 digits."""
_REFUSED = {yaml.AnchorToken: "anchor &{}", yaml.AliasToken: "alias *{}", yaml.TagToken: "tag {}"}
_OPENING = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
_DEEPEST = 50
"""Levels; a recipe has six."""
_KEY = re.compile(r"[a-z_]+(?:\.(?:[a-z_]+|[0-9]+)|\[[0-9]+\])*")


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

    def placed(self, where: str) -> str:
        """Returns a text that begins with a key (`mixture.parts[0]: ...`) with file and line in front, where it was written at all.

        >>> Document({}, {("mixture",): "a.yaml:3"}).placed("mixture.parts[0]: no such task")
        'a.yaml:3, mixture.parts[0]: no such task'
        """
        found = _KEY.match(where)
        if found and (not (rest := where[found.end() :]) or rest[0] in ":,; ") and (place := self.written(location_of(found[0]))):
            return f"{place}, {where}"
        return where

    def written(self, location: Location) -> str:
        """Returns where a key or one around it was written; nothing when all of it is default."""
        places = (self.lines.get(location[:end], "") for end in range(len(location), 0, -1))
        return next((place for place in places if place), "")


def location_of(key: str) -> Location:
    """Returns a key as people write it as a location.

    >>> location_of("tasks.sources[0].path")
    ('tasks', 'sources', 0, 'path')
    """
    parts = key.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)


def scalar(text: str) -> Any:
    """Returns a plain YAML 1.2 scalar as Python data.

    >>> [scalar(text) for text in ("no", "1e-5", "12:30", "7", "0o7", "true", "")]
    ['no', 1e-05, '12:30', 7, 7, True, None]
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def read_yaml(path: Path) -> Document:
    """Reads one YAML mapping strictly.

    Raises:
        RecipeError: The file is missing or not YAML, or holds duplicate keys, anchors or tags; all of the latter at once.
    """
    if not path.is_file():
        raise RecipeError(f"no such file: {path}", expected=nearby(path), remedy="didact ls recipes")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError("not UTF-8 text", where=f"{path}, byte {error.start}", remedy="save the file as UTF-8") from None
    except OSError as error:
        raise RecipeError(f"cannot be read: {error.strerror}", where=str(path), remedy=f"look at it: ls -l {path}") from None
    return parse_yaml(text, str(path))


def nearby(path: Path) -> str:
    """Returns the nearest name of a YAML file that is there."""
    folder = path.parent if path.parent.is_dir() else Path()
    return did_you_mean(path.name, [found.name for found in folder.glob("*.y*ml")])


def parse_yaml(text: str, name: str) -> Document:
    """Reads a YAML mapping from text; `name` stands for the file in messages. Raises as `read_yaml`."""
    problems, depth = list[str](), 0
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > _DEEPEST:  # Reading on would take minutes and then more stack than there is.
                place = f"{name}:{token.start_mark.line + 1}"
                raise RecipeError(
                    f"nested more than {_DEEPEST} deep", where=place, remedy="write it with fewer brackets or less indentation"
                )
            if (kind := _REFUSED.get(type(token))) is not None:
                value: Any = getattr(token, "value", "")
                what = kind.format("".join(part or "" for part in value) if isinstance(value, tuple) else value)
                problems.append(f"{name}:{token.start_mark.line + 1}: {what} is not read; put quotes around a text that begins so")
        root = None if problems else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        remedy = "put right indentation (spaces, no tabs), colons and quotes on that line"
        raise RecipeError(f"not YAML: {_in_words(error)}", where=place, remedy=remedy) from None
    except RecipeError:
        raise
    except (ValueError, OverflowError) as error:
        raise RecipeError(f"not YAML: {error}", where=name, remedy="look for a backslash in double quotes") from None
    if problems:
        raise several(problems, name)
    document = Document({})
    if root is None:
        return document
    if not isinstance(root, yaml.MappingNode):
        remedy = "write keys with values, such as seed: 0"
        raise RecipeError("not a mapping of keys to values", where=f"{name}:1", expected="lines such as `seed: 0`", remedy=remedy)
    document.data = _build(root, (), name, document, problems)
    if problems:
        raise several(problems, name)
    return document


def _in_words(error: yaml.YAMLError) -> str:
    problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
    if "'\\t'" in problem:
        return "a tab where spaces belong"
    return problem.replace("<block end>", "the end of a block").replace("<block mapping start>", "a line that is indented further")


def several(problems: list[str], file: str = "RECIPE") -> RecipeError:
    """Returns one error for all problems of a recipe, a line for each."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = "\n".join(f"  {problem}" for problem in problems)
    file = "RECIPE" if file.startswith("command line") else file
    return RecipeError(f"{count} in the recipe\n{lines}", remedy=f"put it right and run: didact check {file}")


def _build(node: yaml.Node, location: Location, name: str, document: Document, problems: list[str]) -> Any:
    document.lines.setdefault(location, f"{name}:{node.start_mark.line + 1}")
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
    return scalar(str(node.value)) if getattr(node, "style", None) is None else str(node.value)


class _Writer(yaml.SafeDumper):
    """Writes what `parse_yaml` reads back: no anchors, and quotes around every text that would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(writer: yaml.SafeDumper, text: str) -> yaml.Node:
    # PyYAML folds line breaks of Unicode outside double quotes, and takes `1e5` and `0o7`, numbers in YAML 1.2, for texts.
    style = '"' if set(text) & set("\x85\u2028\u2029") else None if isinstance(scalar(text), str) else "'"
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _represent_text)


def to_yaml(data: Any, *, flow: bool = False) -> str:
    """Returns plain data as YAML that `parse_yaml` reads back to the same data.

    Args:
        data: What to write.
        flow: On one line, as `{a: 1}`.

    >>> print(to_yaml({"language": "no", "text": "1e5", "rate": 1e-05}, flow=True))
    {language: 'no', text: '1e5', rate: 1.0e-05}
    """
    text = yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=10**6 if flow else 120)
    return text.removesuffix("\n").removesuffix("\n...") if flow else text

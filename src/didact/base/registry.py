"""Open choices by name, loaded when first asked."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from didact.base.errors import RecipeError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of named parts; a value may be the part itself or `"module:attribute"`, imported when first asked.

    Args:
        kind: What the parts are, in the singular, for messages: `metric`, `reader`.
        parts: Name to part or to `"module:attribute"`.
        listed: What to type to see them; empty: `didact ls` and the kind.

    >>> letters = Registry("letter", {"a": 1, "root": "math:sqrt"})
    >>> letters["root"](9.0)
    3.0
    >>> sorted(letters)
    ['a', 'root']
    """

    def __init__(self, kind: str, parts: Mapping[str, T | str], listed: str = "") -> None:
        self.kind, self._listed = kind, listed or f"didact ls {kind}s"
        self._parts: dict[str, T | str] = dict(parts)

    def __getitem__(self, name: str) -> T:
        if name not in self._parts:
            raise RecipeError(f"no {self.kind} named '{name}'", expected=did_you_mean(name, self._parts), remedy=self._listed)
        part: Any = self._parts[name]
        if isinstance(part, str) and ":" in part:
            module, attribute = part.split(":")
            part = self._parts[name] = getattr(import_module(module), attribute)
        found: T = part
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

"""The benchmarks by name; a module is loaded when one of its benchmarks is first asked for."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from didact.base.registry import Registry
from didact.tasks.benchmarks.benchmark import Benchmark


class Benchmarks(Registry[Benchmark]):
    """A registry in which `"module:NAME"` may also name a mapping of benchmarks by name: a family that is made in a loop."""

    def __getitem__(self, name: str) -> Benchmark:
        found: Any = super().__getitem__(name)
        if isinstance(found, Mapping):
            found = self._parts[name] = found[name]
        benchmark: Benchmark = found
        return benchmark


BENCHMARKS = Benchmarks(
    "benchmark",
    {},
    listed="didact ls tasks",
)
"""Benchmarks by name."""


def matching(pattern: str) -> tuple[str, ...]:
    """Returns the names of benchmarks that a name, a collection or a glob stands for, in the order of the registry.

    >>> matching("no such collection")
    ()
    """
    return tuple(name for name in BENCHMARKS if name == pattern or fnmatchcase(name, pattern) or name.startswith(f"{pattern}/"))

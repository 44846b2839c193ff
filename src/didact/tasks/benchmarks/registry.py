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
    {
        "glue/cola": "didact.tasks.benchmarks.glue:COLA",
        "glue/sst2": "didact.tasks.benchmarks.glue:SST2",
        "glue/mrpc": "didact.tasks.benchmarks.glue:MRPC",
        "glue/qqp": "didact.tasks.benchmarks.glue:QQP",
        "glue/stsb": "didact.tasks.benchmarks.glue:STSB",
        "glue/mnli": "didact.tasks.benchmarks.glue:MNLI",
        "glue/qnli": "didact.tasks.benchmarks.glue:QNLI",
        "glue/rte": "didact.tasks.benchmarks.glue:RTE",
        "glue/wnli": "didact.tasks.benchmarks.glue:WNLI",
        "glue/ax": "didact.tasks.benchmarks.glue:AX",
        "superglue/boolq": "didact.tasks.benchmarks.superglue:BOOLQ",
        "superglue/cb": "didact.tasks.benchmarks.superglue:CB",
        "superglue/copa": "didact.tasks.benchmarks.superglue:COPA",
        "superglue/multirc": "didact.tasks.benchmarks.superglue:MULTIRC",
        "superglue/record": "didact.tasks.benchmarks.superglue:RECORD",
        "superglue/rte": "didact.tasks.benchmarks.superglue:RTE",
        "superglue/wic": "didact.tasks.benchmarks.superglue:WIC",
        "superglue/wsc": "didact.tasks.benchmarks.superglue:WSC",
        "superglue/axb": "didact.tasks.benchmarks.superglue:AXB",
        "superglue/axg": "didact.tasks.benchmarks.superglue:AXG",
    },
    listed="didact ls tasks",
)
"""Benchmarks by name."""


def matching(pattern: str) -> tuple[str, ...]:
    """Returns the names of benchmarks that a name, a collection or a glob stands for, in the order of the registry.

    >>> matching("no such collection")
    ()
    """
    return tuple(name for name in BENCHMARKS if name == pattern or fnmatchcase(name, pattern) or name.startswith(f"{pattern}/"))

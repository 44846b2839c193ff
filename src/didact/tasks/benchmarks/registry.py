"""The benchmarks by name; a module is loaded when one of its benchmarks is first asked for."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from didact.base.registry import Registry
from didact.tasks.benchmarks.benchmark import Benchmark
from didact.tasks.benchmarks.families import BBH, FLAN_COT, MGSM, MMLU, TYDIQA, WMT, XQUAD


class Benchmarks(Registry[Benchmark]):
    """A registry in which `"module:NAME"` may also name a mapping of benchmarks by name: a family that is made in a loop."""

    def __getitem__(self, name: str) -> Benchmark:
        found: Any = super().__getitem__(name)
        benchmark: Benchmark = found[name] if isinstance(found, Mapping) else found
        return benchmark


def _family(name: str, place: str, members: str) -> dict[str, Benchmark | str]:
    """Returns the members of a family by name: all stand in one mapping."""
    return {f"{name}/{member}": f"didact.tasks.benchmarks.{place}" for member in members.split()}


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
        "arc/easy": "didact.tasks.benchmarks.knowledge:ARC_EASY",
        "arc/challenge": "didact.tasks.benchmarks.knowledge:ARC_CHALLENGE",
        "openbookqa": "didact.tasks.benchmarks.knowledge:OPENBOOKQA",
        "sciq": "didact.tasks.benchmarks.knowledge:SCIQ",
        "truthfulqa": "didact.tasks.benchmarks.knowledge:TRUTHFULQA",
        "commonsense_qa": "didact.tasks.benchmarks.common_sense:COMMONSENSE_QA",
        "piqa": "didact.tasks.benchmarks.common_sense:PIQA",
        "siqa": "didact.tasks.benchmarks.common_sense:SIQA",
        "hellaswag": "didact.tasks.benchmarks.common_sense:HELLASWAG",
        "winogrande": "didact.tasks.benchmarks.common_sense:WINOGRANDE",
        "gsm8k": "didact.tasks.benchmarks.arithmetic:GSM8K",
        "squad": "didact.tasks.benchmarks.question_answering:SQUAD",
        "trivia_qa": "didact.tasks.benchmarks.question_answering:TRIVIA_QA",
        "nq_open": "didact.tasks.benchmarks.question_answering:NQ_OPEN",
        "snli": "didact.tasks.benchmarks.language:SNLI",
        "anli": "didact.tasks.benchmarks.language:ANLI",
        "paws": "didact.tasks.benchmarks.language:PAWS",
        "ag_news": "didact.tasks.benchmarks.topics:AG_NEWS",
        "imdb": "didact.tasks.benchmarks.topics:IMDB",
        "ifeval": "didact.tasks.benchmarks.topics:IFEVAL",
        "xsum": "didact.tasks.benchmarks.generation:XSUM",
        "cnn_dailymail": "didact.tasks.benchmarks.generation:CNN_DAILYMAIL",
        "common_gen": "didact.tasks.benchmarks.generation:COMMON_GEN",
        "e2e_nlg": "didact.tasks.benchmarks.generation:E2E_NLG",
        **_family("mmlu", "mmlu:MMLU", MMLU),
        **_family("bbh", "bbh:BBH", BBH),
        **_family("mgsm", "arithmetic:MGSM", MGSM),
        **_family("flan_cot", "flan_cot:FLAN_COT", FLAN_COT),
        **_family("xquad", "question_answering:XQUAD", XQUAD),
        **_family("tydiqa", "question_answering:TYDIQA", TYDIQA),
        **_family("wmt", "translation:WMT", WMT),
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

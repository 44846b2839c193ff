"""The sample rows of every benchmark have its fields and labels, an answer, and the reasoning behind it."""

import pytest

from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.clusters import CLUSTERS
from didact.tasks.metrics import METRICS
from didact.tasks.set_metrics import SET_METRICS


@pytest.mark.parametrize("name", BENCHMARKS)
def test_samples_look_like_the_benchmarks_rows(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name and len(benchmark.samples) >= 3
    for example in benchmark.samples:
        assert tuple(example.fields) == benchmark.fields
        assert all(text.strip() for text in example.fields.values()) and example.rationale.strip() and example.targets[0].strip()
        assert not benchmark.choices or example.choices == benchmark.choices
        assert not example.choices or set(example.targets) <= set(example.choices)
    assert len({example.id for example in benchmark.samples}) == len(benchmark.samples)
    assert len({tuple(example.fields.values()) for example in benchmark.samples}) == len(benchmark.samples)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_says_what_it_is_and_where_its_rows_are(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark.definition.endswith((".", "?")) and benchmark.licence and benchmark.datasets and (benchmark.hub or benchmark.files)
    # What hold-outs and scores look up by name.
    assert benchmark.cluster in CLUSTERS
    assert benchmark.metrics and all(metric in METRICS or metric in SET_METRICS for metric in benchmark.metrics)


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name.startswith(("glue/", "superglue/"))])
def test_demonstrations_show_more_than_one_answer(name: str) -> None:
    assert len({example.targets[0] for example in BENCHMARKS[name].samples}) >= min(2, len(BENCHMARKS[name].choices) or 2)


def test_marks_of_wsc_samples_are_those_that_rows_get() -> None:
    for example in BENCHMARKS["superglue/wsc"].samples:
        text, span1, span2, said = (example.fields[field] for field in ("text", "span1", "span2", "marked"))
        assert said.count(f"*{span1}*") == said.count(f"#{span2}#") == 1
        assert said.replace("*", "").replace("#", "") == text

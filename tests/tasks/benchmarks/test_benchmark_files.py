"""Real files of GLUE and SuperGLUE, read whole: every row is kept, or counted with a reason."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from didact.base.recipe import Source
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task


def read(shared: Path, name: str, path: str, split: str, **settings: Any) -> tuple[dict[str, int], Counter[str], dict[str, Task]]:
    """Task to number of examples, what was dropped, and the tasks."""
    source = Source(name=name, reader="benchmark", path=str(shared / path), split=split, settings=settings)
    tasks = {task.name.removeprefix(f"{name}/"): task for task in load_tasks([source])}
    sizes = {short: len(task.examples) for short, task in tasks.items()}
    report = next(iter(tasks.values())).report
    assert report is not None and report.num_kept == sum(sizes.values())
    return sizes, Counter({reason: count for reason, count in report.dropped.items() if "no file" not in reason}), tasks


@pytest.mark.parametrize(
    ("name", "path", "split", "sizes", "dropped"),
    [
        ("glue", "hf_eval_sets/jsonl", "validation", {"mrpc": 408, "rte": 277, "sst2": 872}, {}),
        ("glue", "hf_eval_sets/arrow_save_to_disk", "validation", {"mrpc": 408, "rte": 277, "sst2": 872}, {}),
        ("superglue", "hf_eval_sets/jsonl", "validation", {"boolq": 3270, "cb": 56, "copa": 100, "rte": 277}, {}),
        ("superglue", "hf_eval_sets/arrow_save_to_disk", "validation", {"cb": 56, "copa": 100, "rte": 277}, {}),
        ("glue", "olora_cl_benchmark", "train", {"mnli": 300, "qqp": 300, "rte": 300, "sst2": 300}, {}),
        # Two rows of MNLI on whose label nobody agreed: `-`.
        ("glue", "olora_cl_benchmark", "test", {"mnli": 148, "qqp": 150, "rte": 150, "sst2": 150}, {"no label, as in test rows": 2}),
        ("superglue", "olora_cl_benchmark", "train", {"boolq": 300, "cb": 250, "copa": 300, "multirc": 300, "rte": 300, "wic": 300}, {}),
        ("superglue", "olora_cl_benchmark", "test", {"boolq": 150, "cb": 56, "copa": 100, "rte": 150, "wic": 150}, {}),
    ],
)
def test_whole_files_are_read(shared: Path, name: str, path: str, split: str, sizes: dict[str, int], dropped: dict[str, int]) -> None:
    assert read(shared, name, path, split)[:2] == (sizes, dropped)


def test_the_corpus_of_linguistic_acceptability_is_read_from_its_raw_tables(shared: Path) -> None:
    train, dropped, tasks = read(shared, "mine", "cola", "train", of="glue/cola")
    assert (train, dropped) == ({"mine": 8551}, {})
    # Seven in ten sentences are acceptable.
    assert Counter(example.targets[0] for example in tasks["mine"].examples) == {"acceptable": 6023, "unacceptable": 2528}
    # GLUE's validation split is both development files: 527 + 516.
    assert read(shared, "mine", "cola", "validation", of="glue/cola")[:2] == ({"mine": 527 + 516}, {})


def test_jsonl_and_arrow_hold_the_same_examples(shared: Path) -> None:
    for name in ("glue", "superglue"):
        lines, arrow = (read(shared, name, f"hf_eval_sets/{form}", "validation")[2] for form in ("jsonl", "arrow_save_to_disk"))
        for short, task in arrow.items():
            assert [(e.id, e.fields, e.targets) for e in task.examples] == [(e.id, e.fields, e.targets) for e in lines[short].examples]


def test_one_example_says_the_same_by_id_and_by_name(shared: Path) -> None:
    """CB's validation rows are in both collections: label 1 of the hub's order is the other's word "contradiction"."""
    by_id = read(shared, "superglue", "hf_eval_sets/jsonl", "validation")[2]["cb"].examples
    by_name = read(shared, "superglue", "olora_cl_benchmark", "test")[2]["cb"].examples
    said = {example.fields["hypothesis"]: example.targets for example in by_name}
    assert len(said) == 56 and [example.targets for example in by_id] == [said[example.fields["hypothesis"]] for example in by_id]

"""Copies of benchmarks in a folder: found by the names that tell them apart, and by nothing less."""

from pathlib import Path

import pytest

from didact.base.errors import DataError
from didact.evals.copies import copies
from didact.evals.gather import gather
from didact.evals.protocols import Protocol, protocols
from didact.evals.suites import suites
from didact.tasks.benchmarks.registry import BENCHMARKS
from didact.tasks.readers import load_tasks
from didact.tasks.suites import SUITES

HEADLESS = '"2 + {n}?",1,2,3,4,B\n'


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def mmlu(folder: Path, subject: str = "anatomy", num_rows: int = 3) -> Path:
    rows = "".join(HEADLESS.format(n=number) for number in range(num_rows))
    shown = "".join(f'"1 + {number}?",1,2,3,4,A\n' for number in range(6))
    return written(folder, {f"mmlu/data/test/{subject}_test.csv": rows, f"mmlu/data/dev/{subject}_dev.csv": shown})


def test_a_benchmark_is_found_below_a_folder_in_a_layout_that_it_knows(tmp_path: Path) -> None:
    found = copies(mmlu(tmp_path)).source(BENCHMARKS["mmlu/anatomy"], "test")
    assert found is not None
    assert (found.path, found.split) == (str(tmp_path / "mmlu"), "test")
    (task,) = load_tasks([found])
    assert (task.kind, [example.targets for example in task.examples]) == ("mmlu/anatomy", [("2",)] * 3)


def test_a_file_called_test_belongs_only_to_the_folder_that_is_called_like_the_benchmark(tmp_path: Path) -> None:
    row = '{"question": "1 + 1?", "answer": "It is 2.\\n#### 2"}\n'
    there = copies(written(tmp_path, {"gsm8k/test.jsonl": row, "other/train.jsonl": row}))
    found = there.source(BENCHMARKS["gsm8k"], "test")
    assert found is not None
    assert found.path == str(tmp_path / "gsm8k")
    assert there.source(BENCHMARKS["gsm8k"], "train") is None
    assert there.source(BENCHMARKS["piqa"], "test") is None


def test_what_is_not_there_is_told_by_name_and_the_first_dev_rows_are_shown(tmp_path: Path) -> None:
    mmlu(tmp_path)
    (protocol,) = protocols("mmlu")
    found = gather(protocol, (), copies(tmp_path), hub=False, seed=0)
    assert [task.name for task in found.tasks] == ["mmlu/anatomy"]
    assert len(found.absent) == 56
    assert found.line().startswith("mmlu: 1 of 57 tasks; not to be had: abstract_algebra, astronomy")
    # Five are shown, and a sixth stands ready where a row is one of them.
    assert [example.fields["question"] for example in found.shown["mmlu/anatomy"]] == [f"1 + {number}?" for number in range(6)]
    assert found.shown_from["mmlu/anatomy"] == "split dev"


def test_nothing_at_all_is_an_error_that_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows of copa are to be had") as empty:
        gather(Protocol("copa", ("superglue/copa",)), (), copies(tmp_path), hub=False, seed=0)
    assert "--data FOLDER" in str(empty.value)
    with pytest.raises(DataError, match="no such folder"):
        copies(tmp_path / "absent")


def test_a_run_s_own_source_comes_first(tmp_path: Path) -> None:
    there = copies(mmlu(tmp_path))
    source = there.source(BENCHMARKS["mmlu/anatomy"], "test")
    assert source is not None
    (own,) = load_tasks([source.model_copy(update={"name": "mine", "limit": 1})])
    found = gather(Protocol("anatomy", ("mmlu/anatomy",)), (own,), there, hub=False, seed=0)
    assert [(task.name, len(task.examples)) for task in found.tasks] == [("mine", 1)]
    assert found.places == {"mine": "the run's recipe"}


def test_mnli_is_asked_on_both_of_its_sets_and_counts_as_their_mean(tmp_path: Path) -> None:
    row = "sentence1\tsentence2\tgold_label\nIt rains.\tIt is wet.\tentailment\n"
    written(tmp_path, {"MNLI/dev_matched.tsv": row})
    (protocol,) = protocols("glue")
    alone = gather(protocol, (), copies(tmp_path), hub=False, seed=0)
    assert ([task.name for task in alone.tasks], "glue/mnli_mismatched" in alone.absent) == (["glue/mnli"], True)
    written(tmp_path, {"MNLI/dev_mismatched.tsv": row + "It snows.\tIt is hot.\tcontradiction\n"})
    both = gather(protocol, (), copies(tmp_path), hub=False, seed=0)
    assert [(task.name, task.kind, len(task.examples)) for task in both.tasks] == [
        ("glue/mnli", "glue/mnli", 1),
        ("glue/mnli_mismatched", "glue/mnli", 2),
    ]
    # GLUE's other eight tasks have 50 points each, MNLI (90 + 70) / 2 = 80: (8 * 50 + 80) / 9.
    entries = {f"glue/{name}": dict.fromkeys(metrics, 50.0) for name, metrics in SUITES["glue"].items()}
    entries |= {"glue/mnli": {"accuracy": 90.0}, "glue/mnli_mismatched": {"accuracy": 70.0}}
    table = {"tasks": {task: {m: {"tuned": {"value": value}} for m, value in one.items()} for task, one in entries.items()}}
    kinds = {name: name.removesuffix("_mismatched") for name in entries}
    assert suites(table, kinds)["glue"]["tuned"] == pytest.approx(480 / 9)


@pytest.mark.parametrize(
    ("name", "num_found", "num_absent"), [("mmlu", 57, 0), ("bbh", 27, 0), ("mgsm", 11, 0), ("superglue", 4, 6), ("arc", 2, 0)]
)
def test_the_shared_data_are_found(shared: Path, name: str, num_found: int, num_absent: int) -> None:
    (protocol,) = protocols(name)
    there = copies(shared)
    splits = ("test", "validation")
    names = [kind for kind in BENCHMARKS if kind.startswith(f"{name}/")]
    found = [kind for kind in names if any(there.source(BENCHMARKS[kind], split) for split in splits[splits.index(protocol.split) :])]
    assert (len(found), len(names) - len(found)) == (num_found, num_absent)

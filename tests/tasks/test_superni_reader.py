"""Super-NaturalInstructions: a folder of task files with splits becomes one Task each."""

import json
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.recipe import Source
from didact.tasks.readers import load_tasks
from didact.tasks.superni import LEFT_ASIDE_KEYS, READ_KEYS
from didact.tasks.task import Task, TaskSet

SENTIMENT = {
    "Contributors": ["A. Writer"],
    "Source": ["imdb", "sst2"],
    "URL": ["https://example.org"],
    "Categories": ["Sentiment Analysis"],
    "Reasoning": [],
    "Definition": ["Read the review.", "Say whether it is positive."],
    "Input_language": ["English"],
    "Output_language": ["English"],
    "Instruction_language": ["German"],
    "Domains": ["Reviews"],
    "Positive Examples": [
        {"input": "Good.", "output": "positive", "explanation": "It says so."},
        {"input": "Fine.", "output": ["yes", "positive"]},
    ],
    "Negative Examples": [{"input": "Bad.", "output": "good", "explanation": "It is not."}],
    "Instances": [
        {"id": "s-1", "input": "A joy.", "output": ["positive", "good"]},
        {"id": "s-2", "input": "Dull.", "output": ["negative"]},
    ],
    "Instance License": ["CC BY 4.0", "MIT"],
}


def folder_of(folder: Path, tasks: dict[str, Any], splits: dict[str, list[str]] | None = None, inside: str = "tasks") -> Path:
    (folder / inside).mkdir(parents=True, exist_ok=True)
    for name, content in tasks.items():
        text = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content)).encode()
        (folder / inside / f"{name}.json").write_bytes(text)
    for split, names in (splits or {}).items():
        path = folder / "splits" / "default" / f"{split}_tasks.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder


def load(path: Path, **options: Any) -> TaskSet:
    return load_tasks([Source(name="ni", reader="superni", path=str(path), **options)])


def one(folder: Path, **changes: Any) -> Task:
    """Returns the task above with some keys changed; a key set to None is left out."""
    task = {key: value for key, value in {**SENTIMENT, **changes}.items() if value is not None}
    return load(folder_of(folder, {"task1_imdb": task}))[0]


def test_every_key_that_is_read_reaches_its_place(tmp_path: Path) -> None:
    task = one(tmp_path)
    assert (task.name, task.kind, task.category) == ("ni/task1_imdb", "superni", "Sentiment Analysis")
    assert task.definition == "Read the review.\nSay whether it is positive."
    assert (task.datasets, task.languages, task.licence) == (("imdb", "sst2"), ("English", "German"), "CC BY 4.0, MIT")
    assert [(e.fields, e.targets, e.rationale) for e in task.positive] == [
        ({"input": "Good."}, ("positive",), "It says so."),
        ({"input": "Fine."}, ("yes", "positive"), ""),
    ]
    assert [(e.fields, e.targets, e.rationale) for e in task.negative] == [({"input": "Bad."}, ("good",), "It is not.")]
    assert [(e.id, e.fields, e.targets) for e in task.examples] == [
        ("s-1", {"input": "A joy."}, ("positive", "good")),
        ("s-2", {"input": "Dull."}, ("negative",)),
    ]
    assert task.examples[1].where == f"{tmp_path}/tasks/task1_imdb.json, row 2"


def test_old_files_with_texts_in_place_of_lists_read_alike(tmp_path: Path) -> None:
    task = one(tmp_path, Definition="Say it.", Categories="Sentiment Analysis", Source=None, Input_language=None)
    assert (task.definition, task.categories, task.languages) == ("Say it.", ("Sentiment Analysis",), ("English", "German"))
    assert task.datasets == ("task1_imdb",)


def test_instances_without_ids_or_with_plain_outputs_read_alike(tmp_path: Path) -> None:
    outputs = ["yes", 3, [4, 0.5], True]
    task = one(tmp_path, Instances=[{"input": "?", "output": output} for output in outputs])
    assert [(e.id, e.targets) for e in task.examples] == [
        ("row 1", ("yes",)),
        ("row 2", ("3",)),
        ("row 3", ("4", "0.5")),
        ("row 4", ("true",)),
    ]


def test_bad_instances_and_demonstrations_are_refused_by_row(tmp_path: Path) -> None:
    bad = [
        {"output": "a"},
        {"input": " ", "output": "a"},
        {"input": "?"},
        {"input": "?", "output": []},
        {"input": "?", "output": ["a", ""]},
    ]
    half = {"input": "half a smile: \ud83d", "output": "a"}
    repeated = {"id": "s-1", "input": "?", "output": "a"}
    task = one(
        tmp_path,
        Instances=[*SENTIMENT["Instances"], *bad, "text", half, repeated],
        **{"Negative Examples": [{"input": "?", "output": ""}, "text"]},
    )
    assert (len(task.examples), len(task.negative)) == (2, 0)
    assert task.report is not None
    assert [(refusal.row, refusal.reason) for refusal in task.report.refusals] == [
        ("Negative Examples 1", "demonstration: empty output"),
        ("Negative Examples 2", "demonstration: not an object"),
        ("row 3", "missing input"),
        ("row 4", "empty input"),
        ("row 5", "missing output"),
        ("row 6", "empty output"),
        ("row 7", "empty output"),
        ("row 8", "not an object"),
        ("row 9", "not valid Unicode"),
        ("row 10", "repeated id"),
    ]


def test_classification_categories_are_scored_by_exact_match_unless_the_source_says_otherwise(tmp_path: Path) -> None:
    tasks = {"a": {**SENTIMENT, "Categories": ["Word Analogy"]}, "b": {**SENTIMENT, "Categories": ["Title Generation"]}}
    folder = folder_of(tmp_path, tasks)
    assert [task.metric for task in load(folder)] == ["exact_match", "rouge_l"]
    assert [task.metric for task in load(folder, metric="f1")] == ["f1", "f1"]


def test_split_files_say_what_is_train_test_and_excluded(tmp_path: Path) -> None:
    splits = {"train": ["a", "absent"], "test": ["b"], "excluded": ["c"]}
    tasks = load(folder_of(tmp_path, dict.fromkeys("abcd", SENTIMENT), splits))
    assert [task.split for task in tasks] == ["train", "test", "excluded", ""]


def test_a_task_in_two_splits_is_an_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": SENTIMENT}, {"train": ["a"], "test": ["a"]})
    with pytest.raises(DataError, match="task 'a' is in two splits: train and test"):
        load(folder)


def test_a_folder_of_task_files_or_one_file_is_enough(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": SENTIMENT, ".hidden": SENTIMENT}, inside=".")
    assert [task.name for task in load(folder)] == ["ni/a"]
    assert [task.name for task in load(folder / "a.json")] == ["ni/a"]


def test_a_file_that_is_not_a_task_is_one_refused_row_and_the_rest_is_read(tmp_path: Path) -> None:
    files = {
        "a_good": SENTIMENT,
        "b_cut": '{"Definition": ["Say it."], "Inst',
        "c_list": [SENTIMENT],
        "d_no_definition": {**SENTIMENT, "Definition": []},
        "e_no_instances": {"Definition": "Say it."},
        "f_latin": b'{"Definition": "caf\xe9"}',
        "g_twice": '{"Definition": "a", "Definition": "b", "Instances": []}',
        "h_definition": {**SENTIMENT, "Definition": 3},
        "i_demonstrations": {**SENTIMENT, "Positive Examples": "none"},
    }
    tasks = load(folder_of(tmp_path, files))
    assert [task.name for task in tasks] == ["ni/a_good"]
    (report,) = tasks.reports
    assert [(Path(refusal.file).stem, refusal.row, refusal.reason.removeprefix("not a SuperNI task: ")) for refusal in report.refusals] == [
        ("b_cut", "file", "not JSON"),
        ("c_list", "file", "not an object"),
        ("d_no_definition", "file", "no Definition"),
        ("e_no_instances", "file", "no Instances"),
        ("f_latin", "file", "not UTF-8"),
        ("g_twice", "file", "a key given twice in one object"),
        ("h_definition", "file", "Definition is not text"),
        ("i_demonstrations", "file", "Positive Examples is not a list"),
    ]


def test_no_task_at_all_is_an_error_with_reasons(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        load(folder_of(tmp_path, {"a": {}}))
    assert error.value.what == "no task in ni: 1 rows read = 0 kept + 1 dropped (not a SuperNI task: no Definition 1)"
    assert "a.json" in error.value.where
    with pytest.raises(DataError, match="no task files"):
        load(folder_of(tmp_path / "empty", {}))
    with pytest.raises(DataError, match="no such file or folder"):
        load(tmp_path / "absent")


def test_instances_are_read_when_first_asked_for_and_limited_per_task(tmp_path: Path) -> None:
    tasks = load(folder_of(tmp_path, {"a": SENTIMENT, "b": SENTIMENT}), limit=1)
    (report,) = tasks.reports
    assert report.num_read == 0
    assert [len(tasks[0].examples), report.num_read] == [1, 1]
    assert [len(tasks[1].examples), report.num_read] == [1, 2]


def test_a_task_without_instances_is_an_error_when_they_are_asked_for(tmp_path: Path) -> None:
    task = one(tmp_path, Instances=[])
    with pytest.raises(DataError, match="no usable row in ni/task1_imdb"):
        len(task.examples)


def test_a_file_that_was_changed_after_loading_is_told(tmp_path: Path) -> None:
    task = one(tmp_path)
    folder_of(tmp_path, {"task1_imdb": "{"})
    with pytest.raises(DataError, match="not a SuperNI task any more: not JSON"):
        len(task.examples)


def test_the_real_folder_reads_with_its_official_splits(shared: Path) -> None:
    tasks = load(shared / "superni")
    splits = [task.split for task in tasks]
    assert [len(tasks), splits.count("train"), splits.count("test"), splits.count("excluded")] == [241, 182, 23, 36]
    (report,) = tasks.reports
    assert (sum(len(task.examples) for task in tasks), report.num_kept) == (47_279, 47_279)
    # Of 47,281 instances, task388 row 173 and task511 row 80 have an empty output; so have two negative demonstrations.
    assert report.dropped == {"empty output": 2, "demonstration: empty output": 2}
    assert sum(task.metric == "exact_match" for task in tasks) > 0
    assert all(task.definition and task.positive for task in tasks)


def test_irregular_real_files_are_read_or_refused_with_a_reason(shared: Path) -> None:
    tasks = load(shared / "superni" / "irregular")
    (report,) = tasks.reports
    assert [len(tasks), sum(len(task.examples) for task in tasks)] == [7, 3590]  # Two COPA files have an empty Definition.
    assert report.dropped == {"not a SuperNI task: no Definition": 2}


def test_every_key_of_the_real_files_is_read_or_left_aside_on_purpose(shared: Path) -> None:
    keys = {key for path in (shared / "superni").glob("*/*.json") for key in json.loads(path.read_text(encoding="utf-8"))}
    assert keys - {*READ_KEYS, *LEFT_ASIDE_KEYS} == set()

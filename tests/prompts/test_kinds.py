"""Kinds of templates: readers, benchmarks and globs of benchmarks; wrong names are refused, and only what is needed is read."""

from pathlib import Path

import pytest

from didact.base.errors import TemplateError
from didact.prompts.kinds import benchmarks_of, fields_of, known_kind, words_one_of
from didact.prompts.template import TemplateSet
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.task import Task


def write(folder: Path, kinds: str, prompt: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"set: my\nkinds: [{kinds}]\ntemplates:\n  x:\n    prompt: '{prompt}'\n", encoding="utf-8")
    return path


def refusal(path: Path) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load([path], kinds=())
    return caught.value


def test_a_template_for_a_benchmark_words_its_tasks_alone(tmp_path: Path) -> None:
    templates = TemplateSet.load([write(tmp_path, "superglue/cb", "{{ premise }} So: {{ hypothesis }}")], kinds=())
    (cb,), (rte,) = sample_tasks("superglue/cb"), sample_tasks("superglue/rte")
    assert [template.name for template in templates.select("my/*", cb)] == ["my/x"]
    with pytest.raises(TemplateError):
        templates.select("my/*", rte)


def test_a_glob_words_every_benchmark_that_it_matches(tmp_path: Path) -> None:
    templates = TemplateSet.load([write(tmp_path, '"*/rte", superglue/cb', "{{ definition }}")], kinds=())
    for kind in ("glue/rte", "superglue/rte", "superglue/cb"):
        assert [template.name for template in templates.select("my/*", Task("t", (), kind=kind))] == ["my/x"]


def test_a_field_that_only_one_of_two_benchmarks_has_is_refused(tmp_path: Path) -> None:
    # glue/rte says sentence1, superglue/rte premise.
    assert fields_of("glue/rte") == ("sentence1", "sentence2") and fields_of("*/rte") == ()
    error = refusal(write(tmp_path, "superglue/cb, glue/rte", "{{ premise }}"))
    assert error.what == "unknown variable 'premise' in template my/x" and "kind glue/rte has: " in error.expected
    assert refusal(write(tmp_path, '"*/rte"', "{{ premise }}")).what == "unknown variable 'premise' in template my/x"
    near = refusal(write(tmp_path, "superglue/cb", "{{ premiss }}"))
    assert near.expected.startswith("did you mean 'premise'?") and near.where.startswith(f"{tmp_path / 'mine.yaml'}:5")


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        ("superglue/cbb", "no kind named 'superglue/cbb'; did you mean 'superglue/cb'?"),
        ("alpac", "no kind named 'alpac'; did you mean 'alpaca'?"),
        ('"nothing/*"', "no benchmark matches 'nothing/*'; there are: "),
    ],
)
def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path: Path, kinds: str, problem: str) -> None:
    error = refusal(write(tmp_path, kinds, "hi"))
    assert problem in str(error) and f"{tmp_path / 'mine.yaml'}:2" in str(error)


def test_globs_stand_for_benchmarks_and_never_for_readers() -> None:
    assert benchmarks_of("superglue/ax*") == ("superglue/axb", "superglue/axg")
    assert known_kind("glue/*") == "glue/*"
    with pytest.raises(ValueError, match="no benchmark matches"):
        known_kind("alp*")


@pytest.mark.parametrize(
    ("header", "kinds", "wanted"),
    [
        ("kinds: [superglue/cb]", {"superglue/cb"}, True),
        ("kinds: [superglue/cb]", {"superglue/rte", "alpaca"}, False),
        ('kinds: ["mmlu/*"]', {"mmlu/astronomy"}, True),
        ("kinds: [snli, anli]", {"anli"}, True),
        # Written otherwise: read it to be sure.
        ("kinds:\n  - snli", {"alpaca"}, True),
    ],
)
def test_a_bundled_file_is_read_only_for_kinds_that_it_words(tmp_path: Path, header: str, kinds: set[str], wanted: bool) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(f"# About.\nset: some\n{header}\ntemplates: ...\n")
    assert words_one_of(file, kinds) is wanted


def test_the_library_gives_the_same_wordings_whether_read_whole_or_for_some_kinds() -> None:
    whole, some = TemplateSet.load(), TemplateSet.load(kinds={"superglue/cb", "alpaca"})
    for kind in ("superglue/cb", "alpaca"):
        task = Task("t", (), kind=kind)
        assert [t.name for t in whole if kind in t.for_kinds] == [t.name for t in some if kind in t.for_kinds] != []
        assert whole.select("all", task) == some.select("all", task)
    assert len(some) < len(whole) / 2
